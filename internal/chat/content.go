package chat

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strconv"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/teahouse-chat/teahouse/eventlog"
	"github.com/teahouse-chat/teahouse/internal/markdown"
)

// A content is the Data of an event, of whichever type.
type content struct {
	Deleted bool `json:"deleted,omitzero"` // first, where DeletedData is

	Name   string          `json:"name"`
	Hue    Hue             `json:"hue,omitzero"`
	Target eventlog.Offset `json:"target,omitzero"`
	Text   string          `json:"text,omitzero"`
	Body   jsontext.Value  `json:"body,omitzero"` // the text's Markdown; none for a plain one
	Reply  eventlog.Offset `json:"reply,omitzero"`
	Emoji  string          `json:"emoji,omitzero"`
	On     bool            `json:"on,omitzero"`

	// What later events made of it.
	Edit      eventlog.Offset `json:"edit,omitzero"`   // the event that the text is from
	Edited    int64           `json:"edited,omitzero"` // its time: Unix milliseconds
	Reactions []reaction      `json:"reactions,omitzero"`
	First     string          `json:"first,omitzero"` // the fingerprint of what was asked for at first, once the text is another
}

type reaction struct {
	Emoji   string   `json:"emoji"`
	Authors []string `json:"authors"` // ids, the first who reacted first
}

// DeletedData is what the data of a posted message that was deleted begins with, and no other's.
const DeletedData = `{"deleted":true`

// content is what a post's event holds.
func (p *Post) content() content {
	c := content{Name: p.Author.Name, Hue: p.Author.Hue, Target: p.Target, Reply: p.Reply, Emoji: p.Emoji, On: p.On, Text: p.Text}
	if body := markdown.Parse(p.Text); body != nil {
		c.Body = body
	}
	return c
}

// contentOf is what an event holds; what isn't there stays empty.
func contentOf(e *eventlog.Event) (c content, ok bool) {
	err := json.Unmarshal(e.Data, &c)
	return c, err == nil
}

// data writes a content. Its fields are all encodable.
func (c *content) data() []byte {
	b, err := json.Marshal(c)
	if err != nil {
		panic(fmt.Sprintf("encode a message: %v", err))
	}
	return b
}

// asked is the fingerprint of what the author asked for, by which a retry is known when the text is gone.
func (c *content) asked() string {
	if c.First != "" {
		return c.First
	}
	b := fmt.Appendf(nil, "%d %d %t %s\x00%s", c.Target, c.Reply, c.On, c.Emoji, c.Text)
	sum := sha256.Sum256(b)
	return base64.RawURLEncoding.EncodeToString(sum[:9])
}

// blank takes the text out, and remembers what it was asked for.
func (c *content) blank() {
	c.First = c.asked()
	c.Text, c.Body = "", nil
}

// Said returns what was said and by whom, as it is now; ok is false for an event that isn't a posted message, or a deleted one.
func Said(e *eventlog.Event) (a Author, text string, ok bool) {
	a, text, _, ok = SaidWithBody(e)
	return a, text, ok
}

// SaidWithBody is Said with the tree that the text makes by its Markdown, nil for a plain text.
func SaidWithBody(e *eventlog.Event) (a Author, text string, body []byte, ok bool) {
	if e.Type != TypePosted {
		return Author{}, "", nil, false
	}
	c, ok := contentOf(e)
	if !ok || c.Deleted {
		return Author{}, "", nil, false
	}
	return Author{ID: e.Author, Name: c.Name, Hue: c.Hue}, c.Text, c.Body, true
}

// timeLayout is RFC 3339 in UTC with milliseconds.
const timeLayout = "2006-01-02T15:04:05.000Z"

// FormatTime writes a time as the protocol does.
func FormatTime(t time.Time) string { return t.UTC().Format(timeLayout) }

// AppendEvent appends an event as the protocol's EVENT: one JSON object.
func AppendEvent(dst []byte, e *eventlog.Event) []byte {
	c, _ := contentOf(e)
	dst = append(dst, `{"offset":`...)
	dst = strconv.AppendInt(dst, int64(e.Offset), 10)
	dst = append(dst, `,"type":`...)
	dst = appendString(dst, e.Type)
	dst = append(dst, `,"id":`...)
	dst = appendString(dst, e.ID)
	dst = append(dst, `,"author":`...)
	dst = AppendAuthor(dst, Author{ID: e.Author, Name: c.Name, Hue: c.Hue})
	switch e.Type {
	case TypePosted:
		dst = c.appendMessage(dst)
	case TypeEdited, TypeDeleted, TypeReacted:
		dst = c.appendChange(dst, e.Type)
	}
	dst = append(dst, `,"time":"`...)
	dst = e.Time.UTC().AppendFormat(dst, timeLayout)
	return append(dst, `"}`...)
}

// appendMessage appends the members that a message has, each after a comma.
func (c *content) appendMessage(dst []byte) []byte {
	if c.Deleted {
		return append(dst, `,"deleted":true`...)
	}
	dst = c.appendText(dst)
	if c.Reply > 0 {
		dst = append(dst, `,"reply":`...)
		dst = strconv.AppendInt(dst, int64(c.Reply), 10)
	}
	if c.Edited > 0 {
		dst = append(dst, `,"edited":"`...)
		dst = time.UnixMilli(c.Edited).UTC().AppendFormat(dst, timeLayout)
		dst = append(dst, '"')
	}
	if len(c.Reactions) > 0 {
		dst = append(dst, `,"reactions":[`...)
		for i, r := range c.Reactions {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = r.append(dst)
		}
		dst = append(dst, ']')
	}
	return dst
}

func (r *reaction) append(dst []byte) []byte {
	dst = append(dst, `{"emoji":`...)
	dst = appendString(dst, r.Emoji)
	dst = append(dst, `,"authors":[`...)
	for i, id := range r.Authors {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendString(dst, id)
	}
	return append(dst, ']', '}')
}

// appendChange appends the members of an event that is about a message.
func (c *content) appendChange(dst []byte, kind string) []byte {
	dst = append(dst, `,"target":`...)
	dst = strconv.AppendInt(dst, int64(c.Target), 10)
	switch {
	case kind == TypeEdited && c.Text != "": // else superseded
		return c.appendText(dst)
	case kind == TypeReacted:
		dst = append(dst, `,"emoji":`...)
		dst = appendString(dst, c.Emoji)
		dst = append(dst, `,"on":`...)
		return strconv.AppendBool(dst, c.On)
	}
	return dst
}

func (c *content) appendText(dst []byte) []byte {
	dst = append(dst, `,"text":`...)
	dst = appendString(dst, c.Text)
	if len(c.Body) > 0 {
		dst = append(dst, `,"body":`...)
		dst = append(dst, c.Body...)
	}
	return dst
}
