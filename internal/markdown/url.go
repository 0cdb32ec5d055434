package markdown

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/text"
)

// A urlParser finds the addresses at the beginning of a word, before anything else takes their characters for its own. Those after a letter of a script without
// spaces are found later, by linkify.
type urlParser struct{}

type url struct {
	ast.BaseInline
	href string
}

var kindURL = ast.NewNodeKind("URL")

func (*url) Kind() ast.NodeKind              { return kindURL }
func (n *url) Dump(source []byte, level int) { ast.DumpHelper(n, source, level, nil, nil) }

func (urlParser) Trigger() []byte { return []byte{' ', '('} } // a space stands for the beginning of a line too

func (urlParser) Parse(parent ast.Node, block text.Reader, pc parser.Context) ast.Node {
	if pc.IsInLinkLabel() {
		return nil
	}
	line, segment := block.PeekLine()
	skip := 0
	if line[0] == ' ' || line[0] == '\t' || line[0] == '(' {
		skip = 1
	}
	if len(line) == skip || line[skip]|0x20 != 'h' { // most words aren't one
		return nil
	}
	n := urlLength(string(line[skip:]))
	if n == 0 {
		return nil
	}
	if skip > 0 {
		ast.MergeOrAppendTextSegment(parent, segment.WithStop(segment.Start+skip))
	}
	block.Advance(skip + n)
	return &url{href: string(line[skip : skip+n])}
}

// linkify makes links of the addresses in strings.
func linkify(parts []any) []any {
	var all []any
	for i, part := range parts {
		s, ok := part.(string)
		if !ok || !strings.Contains(s, "://") {
			if all != nil {
				all = append(all, part)
			}
			continue
		}
		if all == nil {
			all = append(all, parts[:i]...)
		}
		for s != "" {
			at, n := findURL(s)
			if n == 0 {
				all = append(all, s)
				break
			}
			if at > 0 {
				all = append(all, s[:at])
			}
			all = append(all, node{"a", s[at : at+n], s[at : at+n]})
			s = s[at+n:]
		}
	}
	if all == nil {
		return parts
	}
	return all
}

// findURL returns where the first address in a string is; n is 0 when there is none.
func findURL(s string) (at, n int) {
	for from := 0; ; {
		i := strings.Index(s[from:], "://")
		if i < 0 {
			return 0, 0
		}
		colon := from + i
		for _, scheme := range []string{"https", "http"} {
			at := colon - len(scheme)
			if at < from || !strings.EqualFold(s[at:colon], scheme) {
				continue
			}
			if r, _ := utf8.DecodeLastRuneInString(s[:at]); at > 0 && r < utf8.RuneSelf && (unicode.IsLetter(r) || unicode.IsDigit(r)) {
				continue
			}
			if n := urlLength(s[at:]); n > 0 {
				return at, n
			}
		}
		from = colon + len("://")
	}
}

// urlLength returns how long the address is that s begins with, 0 for none.
func urlLength(s string) int {
	start := 0
	for _, scheme := range []string{"https://", "http://"} {
		if len(s) > len(scheme) && strings.EqualFold(s[:len(scheme)], scheme) {
			start = len(scheme)
			break
		}
	}
	if start == 0 {
		return 0
	}
	if r, _ := utf8.DecodeRuneInString(s[start:]); !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '[' {
		return 0
	}
	end := start
	var before rune = '/'
	for i, r := range s[start:] {
		if !inURL(before, r) {
			break
		}
		before = r
		end = start + i + utf8.RuneLen(r)
	}
	return trimURL(s[:end], start)
}

// inURL reports whether r may follow in an address. Letters beyond ASCII may at the beginning of a part, as in /wiki/茶; after ASCII ones they are the
// sentence that goes on.
func inURL(before, r rune) bool {
	switch {
	case r <= ' ' || r == 0x7f || strings.ContainsRune("<>\"`\\^{}|", r):
		return false
	case r < utf8.RuneSelf:
		return true
	case unicode.In(r, unicode.L, unicode.M, unicode.Nd):
		return before >= utf8.RuneSelf || strings.ContainsRune("/=-_.", before)
	}
	return false
}

// trimURL takes off what ends the sentence rather than the address. It leaves at least one character past start.
func trimURL(s string, start int) int {
	for len(s) > start+1 {
		last := s[len(s)-1]
		closes := last == ')' && strings.Count(s, ")") > strings.Count(s, "(") || last == ']' && strings.Count(s, "]") > strings.Count(s, "[")
		if !closes && !strings.ContainsRune(".,:;!?'*_~", rune(last)) {
			break
		}
		s = s[:len(s)-1]
	}
	return len(s)
}
