package markdown

import (
	"bytes"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/text"
)

// An emphasisParser reads *, _ and ~~ as CommonMark and GFM do, but for their neighbours: where Chinese, Japanese and Korean are written, which have no
// spaces between words, emphasis begins and ends next to punctuation too, as in "**注意：**后面".
type emphasisParser struct{}

// A strike is struck out text.
type strike struct{ ast.BaseInline }

var kindStrike = ast.NewNodeKind("Strike")

func (*strike) Kind() ast.NodeKind              { return kindStrike }
func (n *strike) Dump(source []byte, level int) { ast.DumpHelper(n, source, level, nil, nil) }

func (emphasisParser) Trigger() []byte { return []byte{'*', '_', '~'} }

func (emphasisParser) Parse(_ ast.Node, block text.Reader, pc parser.Context) ast.Node {
	before := block.PrecendingCharacter()
	line, segment := block.PeekLine()
	var processor parser.DelimiterProcessor = emphasis{}
	if line[0] == '~' {
		processor = striking{}
	}
	d := parser.ScanDelimiter(line, before, 1, processor)
	if d == nil || d.Char == '~' && (d.OriginalLength != 2 || before == '~') {
		return nil
	}
	after := ' '
	if rest := line[d.OriginalLength:]; len(rest) > 0 {
		after, _ = utf8.DecodeRune(rest)
	}
	if d.Char != '_' && isCJK(before) && !unicode.IsSpace(after) {
		d.CanOpen = true
	}
	if d.Char != '_' && isCJK(after) && !unicode.IsSpace(before) {
		d.CanClose = true
	}
	d.Segment = segment.WithStop(segment.Start + d.OriginalLength)
	block.Advance(d.OriginalLength)
	pc.PushDelimiter(d)
	return d
}

// isCJK reports characters of scripts that are written without spaces.
func isCJK(r rune) bool {
	return unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul, unicode.Bopomofo)
}

// emphasis and striking say which delimiters belong together, and what they make.
type (
	emphasis struct{}
	striking struct{}
)

func (emphasis) IsDelimiter(b byte) bool { return b == '*' || b == '_' }
func (emphasis) CanOpenCloser(opener, closer *parser.Delimiter) bool {
	return opener.Char == closer.Char
}

func (emphasis) OnMatch(consumes int) ast.Node { return ast.NewEmphasis(consumes) }

func (striking) IsDelimiter(b byte) bool { return b == '~' }
func (striking) CanOpenCloser(opener, closer *parser.Delimiter) bool {
	return opener.Char == closer.Char
}
func (striking) OnMatch(int) ast.Node { return &strike{} }

// A mentionParser reads "@" and a name.
type mentionParser struct{}

type mention struct {
	ast.BaseInline
	name string
}

var kindMention = ast.NewNodeKind("Mention")

func (*mention) Kind() ast.NodeKind              { return kindMention }
func (n *mention) Dump(source []byte, level int) { ast.DumpHelper(n, source, level, nil, nil) }

func (mentionParser) Trigger() []byte { return []byte{'@'} }

func (mentionParser) Parse(_ ast.Node, block text.Reader, _ parser.Context) ast.Node {
	if before := block.PrecendingCharacter(); (unicode.IsLetter(before) || unicode.IsDigit(before)) && !isCJK(before) {
		return nil // an address; where words have no spaces between them, a name may follow any
	}
	line, _ := block.PeekLine()
	end := bytes.IndexFunc(line[1:], func(r rune) bool {
		return !unicode.In(r, unicode.L, unicode.M, unicode.Nd) && r != '-' && r != '_' && r != '.'
	})
	if end < 0 {
		end = len(line) - 1
	}
	name := strings.TrimRight(string(line[1:1+end]), ".") // of the sentence
	if !strings.ContainsFunc(name, func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }) {
		return nil
	}
	block.Advance(1 + len(name))
	return &mention{name: name}
}
