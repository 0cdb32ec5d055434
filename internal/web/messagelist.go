package web

import (
	"html"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/teahouse-chat/teahouse/eventlog"
	"github.com/teahouse-chat/teahouse/internal/chat"
	"github.com/teahouse-chat/teahouse/internal/markdown"
)

// runTime is how long a message of the same author stands under one name, as in the page's script.
const runTime = 5 * time.Minute

// messageList draws messages as the page's script does, but for what only a browser knows: whose they are, and the hour there.
func messageList(events []eventlog.Event) markup {
	var b strings.Builder
	var before chat.Author
	var at time.Time
	for i := range events {
		e := &events[i]
		author, text, body, ok := chat.SaidWithBody(e)
		if !ok {
			continue
		}
		run := author == before && e.Time.Sub(at) < runTime
		before, at = author, e.Time
		drawMessage(&b, e.Offset, author, run)
		if body != nil {
			b.WriteString(`<div class="text blocks" dir="auto">` + markdown.HTML(body))
		} else {
			b.WriteString(`<div class="text" dir="auto">` + html.EscapeString(text))
		}
		b.WriteString("</div></div></article></li>")
	}
	return markup(b.String())
}

// drawMessage draws a message as far as its text.
func drawMessage(b *strings.Builder, offset eventlog.Offset, author chat.Author, run bool) {
	b.WriteString(`<li class="message`)
	if run {
		b.WriteString(" run")
	}
	b.WriteString(`" data-offset="` + strconv.FormatInt(int64(offset), 10) + `"><article><span class="seal" aria-hidden="true">`)
	first, _ := utf8.DecodeRuneInString(author.Name)
	b.WriteString(html.EscapeString(string(unicode.ToUpper(first))))
	b.WriteString(`</span><bdi class="author">` + html.EscapeString(author.Name) + `</bdi><div class="said">`)
}
