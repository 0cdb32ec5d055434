package markdown

import (
	"bytes"
	"strings"

	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/util"
)

// A node is a tag and what belongs to it: strings, numbers and nodes.
type node []any

// A converter turns the parser's tree into ours.
type converter struct{ source []byte }

// children are the nodes and strings that a node's children become, at a depth. Strings that meet are one.
func (c *converter) children(n ast.Node, depth int) []any {
	var all []any
	var run strings.Builder // strings that meet
	for child := n.FirstChild(); child != nil; child = child.NextSibling() {
		for _, part := range c.node(child, depth) {
			if s, ok := part.(string); ok {
				run.WriteString(s)
				continue
			}
			all = append(addRun(all, &run), part)
		}
	}
	all = addRun(all, &run)
	if n.Kind() == ast.KindLink || n.Kind() == ast.KindImage || insideLink(n) || depth > maxDepth {
		return all
	}
	return linkify(all)
}

// addRun adds what is in the run, and empties it.
func addRun(all []any, run *strings.Builder) []any {
	if run.Len() > 0 {
		all = append(all, run.String())
		run.Reset()
	}
	return all
}

func insideLink(n ast.Node) bool {
	for p := n.Parent(); p != nil && p.Type() == ast.TypeInline; p = p.Parent() {
		if p.Kind() == ast.KindLink || p.Kind() == ast.KindImage {
			return true
		}
	}
	return false
}

// node is what one node of the parser becomes.
func (c *converter) node(n ast.Node, depth int) []any {
	if t, ok := n.(*ast.Text); ok {
		return c.text(t)
	}
	if depth > maxDepth {
		return []any{c.flat(n)}
	}
	with := func(tag ...any) []any { return []any{append(node(tag), c.children(n, depth+1)...)} }
	switch n := n.(type) {
	case *ast.Paragraph:
		return with("p")
	case *ast.TextBlock: // of a list without blank lines
		return c.children(n, depth)
	case *ast.Heading:
		return with("h", n.Level)
	case *ast.Blockquote:
		return with("quote")
	case *ast.List:
		if n.IsOrdered() {
			return with("ol", n.Start)
		}
		return with("ul")
	case *ast.ListItem:
		return with("li")
	case *ast.ThematicBreak:
		return with("hr")
	case *ast.FencedCodeBlock:
		return []any{c.fenced(n)}
	case *ast.CodeSpan:
		return []any{node{"code", c.code(n)}}
	case *ast.Emphasis:
		return with([...]any{"i", "b"}[n.Level-1])
	case *strike:
		return with("s")
	case *mention:
		return []any{node{"@", n.name}}
	case *url:
		return []any{node{"a", n.href, n.href}}
	case *ast.Link:
		return c.link(n, "[", n.Destination, n.Title, depth)
	case *ast.Image:
		return c.link(n, "![", n.Destination, n.Title, depth)
	case *ast.AutoLink:
		return c.autoLink(n)
	}
	return []any{c.flat(n)}
}

// text is a run of text, with the line break that follows it.
func (c *converter) text(t *ast.Text) []any {
	s := unescape(t.Segment.Value(c.source))
	if t.SoftLineBreak() || t.HardLineBreak() {
		return []any{s, node{"br"}}
	}
	return []any{s}
}

// unescape takes the backslash from before punctuation. Entities stay as they were written, as HTML does.
func unescape(b []byte) string { return string(util.UnescapePunctuations(b)) }

// link is a link to where pages may lead, and else what was written.
func (c *converter) link(n ast.Node, open string, destination, title []byte, depth int) []any {
	href := unescape(destination)
	after := ""
	if len(title) > 0 {
		after = ` "` + unescape(title) + `"`
	}
	if !leadsOut(href) {
		return append(append([]any{open}, c.children(n, depth)...), "]("+href+after+")")
	}
	a := append(node{"a", href}, c.children(n, depth+1)...)
	if len(a) == 2 {
		a = append(a, href)
	}
	if after == "" {
		return []any{a}
	}
	return []any{a, after}
}

// autoLink is an address in angle brackets.
func (c *converter) autoLink(n *ast.AutoLink) []any {
	label := string(n.Label(c.source))
	href := label
	if n.AutoLinkType == ast.AutoLinkEmail && !leadsOut(label) {
		href = "mailto:" + label
	}
	if !leadsOut(href) {
		return []any{"<" + label + ">"}
	}
	return []any{node{"a", href, label}}
}

// leadsOut reports whether a link may lead there.
func leadsOut(href string) bool {
	for _, scheme := range []string{"https://", "http://", "mailto:"} {
		if len(href) > len(scheme) && strings.EqualFold(href[:len(scheme)], scheme) {
			return true
		}
	}
	return false
}

// fenced is a block of code. What stands after the fence is its language when it is one word, else code that begins too early.
func (c *converter) fenced(n *ast.FencedCodeBlock) node {
	var b strings.Builder
	lang := ""
	if n.Info != nil {
		lang = string(bytes.TrimSpace(n.Info.Segment.Value(c.source)))
		if strings.ContainsAny(lang, " \t") {
			b.WriteString(lang + "\n")
			lang = ""
		}
	}
	b.Write(n.Lines().Value(c.source))
	return node{"pre", lang, strings.TrimSuffix(b.String(), "\n")}
}

// code is the text of a code span: a line break in it is a space.
func (c *converter) code(n *ast.CodeSpan) string {
	var b strings.Builder
	for child := n.FirstChild(); child != nil; child = child.NextSibling() {
		b.Write(child.(*ast.Text).Segment.Value(c.source))
	}
	return strings.ReplaceAll(b.String(), "\n", " ")
}

// flat is a node as text only.
func (c *converter) flat(n ast.Node) string {
	var b strings.Builder
	c.write(&b, n)
	return b.String()
}

// write writes a node as text only.
func (c *converter) write(b *strings.Builder, n ast.Node) {
	switch n := n.(type) {
	case *ast.Text:
		b.WriteString(unescape(n.Segment.Value(c.source)))
		if n.SoftLineBreak() || n.HardLineBreak() {
			b.WriteByte('\n')
		}
	case *ast.CodeSpan:
		b.WriteString(c.code(n))
	case *ast.FencedCodeBlock:
		pre := c.fenced(n)
		b.WriteString(strings.TrimLeft(pre[1].(string)+"\n"+pre[2].(string), "\n"))
	case *ast.AutoLink:
		b.Write(n.Label(c.source))
	case *mention:
		b.WriteString("@" + n.name)
	case *url:
		b.WriteString(n.href)
	case *ast.Link:
		c.writeAll(b, n)
		b.WriteString(" (" + strings.TrimSpace(unescape(n.Destination)+" "+unescape(n.Title)) + ")")
	case *ast.Image:
		c.writeAll(b, n)
		b.WriteString(" (" + strings.TrimSpace(unescape(n.Destination)+" "+unescape(n.Title)) + ")")
	default:
		c.writeAll(b, n)
	}
}

// writeAll writes a node's children; blocks begin on a line of their own.
func (c *converter) writeAll(b *strings.Builder, n ast.Node) {
	for child := n.FirstChild(); child != nil; child = child.NextSibling() {
		if child.Type() == ast.TypeBlock && child.PreviousSibling() != nil {
			b.WriteByte('\n')
		}
		c.write(b, child)
	}
}
