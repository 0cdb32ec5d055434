package markdown

import (
	"html"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
)

// elements are the HTML elements of the tags that are nothing but one.
var elements = map[string]string{
	"p": "p", "b": "strong", "i": "em", "s": "s", "code": "code", "quote": "blockquote", "ul": "ul", "li": "li",
}

// HTML is a tree that Parse made as HTML, for pages that no script draws. What isn't such a tree is nothing.
func HTML(tree []byte) string {
	var nodes []any
	if json.Unmarshal(tree, &nodes) != nil {
		return ""
	}
	var b strings.Builder
	writeAll(&b, nodes)
	return b.String()
}

func writeAll(b *strings.Builder, nodes []any) {
	for _, n := range nodes {
		switch n := n.(type) {
		case string:
			b.WriteString(html.EscapeString(n))
		case []any:
			if tag, ok := first(n).(string); ok {
				writeNode(b, tag, n[1:])
			}
		}
	}
}

// writeNode writes a node: its tag, and what it has.
func writeNode(b *strings.Builder, tag string, has []any) {
	if element := elements[tag]; element != "" {
		b.WriteString("<" + element + ">")
		writeAll(b, has)
		b.WriteString("</" + element + ">")
		return
	}
	switch tag {
	case "br", "hr":
		b.WriteString("<" + tag + ">")
	case "ol":
		start, _ := first(has).(float64)
		b.WriteString(`<ol start="` + strconv.Itoa(int(start)) + `">`)
		writeAll(b, has[min(1, len(has)):])
		b.WriteString("</ol>")
	case "h":
		b.WriteString(`<p class="heading">`)
		writeAll(b, has[min(1, len(has)):])
		b.WriteString("</p>")
	case "pre":
		b.WriteString(`<div class="code"><pre>`)
		writeAll(b, has[min(1, len(has)):])
		b.WriteString("</pre></div>")
	case "a":
		url, _ := first(has).(string)
		b.WriteString(`<a href="` + html.EscapeString(url) + `" rel="noopener noreferrer nofollow ugc">`)
		writeAll(b, has[min(1, len(has)):])
		b.WriteString("</a>")
	case "@":
		b.WriteString(`<bdi class="mention">@`)
		writeAll(b, has)
		b.WriteString("</bdi>")
	}
}

// first is the first of what a node has, nil when it has nothing.
func first(has []any) any {
	if len(has) == 0 {
		return nil
	}
	return has[0]
}
