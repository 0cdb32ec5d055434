// Package markdown reads the Markdown that people write in messages, and gives it as a small tree for a page to draw. docs/protocol.md says
// which nodes there are.
package markdown

import (
	"bytes"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"
)

// maxDepth is how deeply nodes are nested; what is deeper is text.
const maxDepth = 8

// parsing is CommonMark without what a chat doesn't want: HTML, reference definitions (their text would vanish), headings by underline and code by
// indent (both are mostly written by accident).
var parsing = parser.NewParser(
	parser.WithBlockParsers(
		util.Prioritized(parser.NewThematicBreakParser(), 200),
		util.Prioritized(parser.NewListParser(), 300),
		util.Prioritized(parser.NewListItemParser(), 400),
		util.Prioritized(parser.NewATXHeadingParser(), 600),
		util.Prioritized(parser.NewFencedCodeBlockParser(), 700),
		util.Prioritized(parser.NewBlockquoteParser(), 800),
		util.Prioritized(paragraphParser{parser.NewParagraphParser()}, 1000),
	),
	parser.WithInlineParsers(
		util.Prioritized(parser.NewCodeSpanParser(), 100),
		util.Prioritized(parser.NewLinkParser(), 200),
		util.Prioritized(parser.NewAutoLinkParser(), 300),
		util.Prioritized(urlParser{}, 400),
		util.Prioritized(mentionParser{}, 400),
		util.Prioritized(emphasisParser{}, 500),
	),
)

// A paragraphParser takes lines that begin with spaces too: without code by indent nothing else does.
type paragraphParser struct{ parser.BlockParser }

func (paragraphParser) CanAcceptIndentedLine() bool { return true }

// hasHint reports whether a text has what one with any Markdown, link or mention has. Most have nothing of it, and every message is asked.
func hasHint(source string) bool {
	if strings.ContainsAny(source, "*_`~[\\#>@<") || strings.Contains(source, "://") {
		return true
	}
	for line := range strings.SplitSeq(source, "\n") {
		if beginsItem(line) {
			return true
		}
	}
	return false
}

// beginsItem reports whether a line may begin an item of a list, or be a rule.
func beginsItem(line string) bool {
	line = strings.TrimLeft(line, " \t\f\r")
	marker, marks := strings.TrimLeft(line, "0123456789"), "+-"
	if len(marker) < len(line) {
		marks = ".)"
	}
	if marker == "" || strings.IndexByte(marks, marker[0]) < 0 {
		return false
	}
	return len(marker) == 1 || strings.IndexByte(" \t\f\r-", marker[1]) >= 0
}

// Parse returns a message's text as a JSON array of blocks, nil for a plain one. The text is valid UTF-8.
func Parse(source string) []byte {
	if !hasHint(source) {
		return nil
	}
	src := bytes.ReplaceAll([]byte(source+"\n"), []byte("\r\n"), []byte("\n")) // the parser overlooks some of a last line without its end
	c := converter{src}
	blocks := c.children(parsing.Parse(text.NewReader(src)), 1)
	if len(blocks) == 0 || len(blocks) == 1 && isPlain(blocks[0], source) {
		return nil
	}
	b, err := json.Marshal(blocks)
	if err != nil {
		panic("markdown: encode a tree of strings: " + err.Error())
	}
	return b
}

// isPlain reports whether a block says no more than the text itself.
func isPlain(block any, source string) bool {
	p, ok := block.(node)
	if !ok || p[0] != "p" {
		return false
	}
	var said []byte
	for _, child := range p[1:] {
		switch child := child.(type) {
		case string:
			said = append(said, child...)
		case node:
			if child[0] != "br" {
				return false
			}
			said = append(said, '\n')
		}
	}
	return string(said) == source
}
