package chat

import (
	"errors"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"golang.org/x/text/unicode/norm"

	"github.com/teahouse-chat/teahouse/eventlog"
)

// Limits of a message.
const (
	MaxTextRunes = 4000
	MaxTextBytes = 16 << 10
	MaxIDBytes   = 64
	MaxNameRunes = 32
)

// TypePosted is the type of the event that a posted message is.
const TypePosted = "message.posted"

// What may be wrong with a post.
var (
	ErrTextMalformed = errors.New("text is not valid UTF-8")
	ErrTextEmpty     = errors.New("text is empty")
	ErrTextNUL       = errors.New("text holds U+0000")
	ErrTextTooLong   = errors.New("text is too long")
	ErrID            = errors.New("id is not 1 to 64 printable ASCII characters")
	ErrIDConflict    = errors.New("id was used for another text")
)

// An Author is who says something: an opaque id, and the name that others see, which may change.
type Author struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// NamedAuthor is the author of a program that brings no cookie: whoever uses the name.
func NamedAuthor(name string) Author {
	name = DisplayName(name)
	return Author{ID: "n-" + name, Name: name}
}

// DisplayName makes of what somebody wrote a name to show: at most 32 characters, without controls, line breaks, invisible or
// direction-changing characters; "guest" when nothing is left.
func DisplayName(s string) string {
	name := norm.NFC.String(strings.Map(nameRune, strings.ToValidUTF8(s, "")))
	name = strings.TrimLeft(name, " ")
	n := 0
	for i := range name {
		if n++; n > MaxNameRunes {
			name = name[:i]
			break
		}
	}
	if !strings.ContainsFunc(name, visible) {
		return "guest"
	}
	return strings.TrimRight(name, " ")
}

// nameRune is what a name has in place of r; -1 is nothing.
func nameRune(r rune) rune {
	switch {
	case unicode.IsControl(r) || invisible(r):
		return -1
	case unicode.IsSpace(r):
		return ' '
	}
	return r
}

// visible reports characters that are seen by themselves, as marks, joiners and spaces are not.
func visible(r rune) bool {
	return unicode.In(r, unicode.L, unicode.N, unicode.P, unicode.S)
}

// invisible reports characters that are in no name but to deceive: format characters other than the joiners that scripts and emoji
// need, variation of direction, and characters that are not assigned to text.
func invisible(r rune) bool {
	const zwnj, zwj = '\u200c', '\u200d'
	return r != zwnj && r != zwj && unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp, unicode.Co, unicode.Cs)
}

// A Post is what somebody asks to say.
type Post struct {
	Room   Room
	Author Author
	ID     string // the author's own id for it; a retry has the same
	Text   string
}

// Validate says whether the post can be accepted by anyone at all.
func (p *Post) Validate() error {
	switch {
	case !utf8.ValidString(p.Text):
		return ErrTextMalformed
	case len(p.Text) > MaxTextBytes || utf8.RuneCountInString(p.Text) > MaxTextRunes:
		return ErrTextTooLong
	case p.Text == "":
		return ErrTextEmpty
	case strings.ContainsRune(p.Text, 0):
		return ErrTextNUL
	case !validID(p.ID):
		return ErrID
	}
	return nil
}

func validID(id string) bool {
	for i := range len(id) {
		if id[i] < 0x20 || id[i] > 0x7e {
			return false
		}
	}
	return len(id) >= 1 && len(id) <= MaxIDBytes
}

// posted is the Data of a TypePosted event.
type posted struct {
	Name string `json:"name"`
	Text string `json:"text"`
}

func (p *Post) entry() (eventlog.Entry, error) {
	data, err := json.Marshal(posted{Name: p.Author.Name, Text: p.Text})
	return eventlog.Entry{Topic: p.Room.Topic, Type: TypePosted, Author: p.Author.ID, ID: p.ID, Data: data}, err
}

// Said returns what was said and by whom; ok is false for an event that isn't a posted message.
func Said(e *eventlog.Event) (a Author, text string, ok bool) {
	var p posted
	if e.Type != TypePosted || json.Unmarshal(e.Data, &p) != nil {
		return Author{}, "", false
	}
	return Author{ID: e.Author, Name: p.Name}, p.Text, true
}

// timeLayout is RFC 3339 in UTC with milliseconds.
const timeLayout = "2006-01-02T15:04:05.000Z"

// AppendEvent appends an event as the protocol's EVENT: one JSON object.
func AppendEvent(dst []byte, e *eventlog.Event) []byte {
	var p posted
	_ = json.Unmarshal(e.Data, &p) // what isn't there stays empty
	dst = append(dst, `{"offset":`...)
	dst = strconv.AppendInt(dst, int64(e.Offset), 10)
	dst = append(dst, `,"type":`...)
	dst = appendString(dst, e.Type)
	dst = append(dst, `,"id":`...)
	dst = appendString(dst, e.ID)
	dst = append(dst, `,"author":`...)
	dst = AppendAuthor(dst, Author{ID: e.Author, Name: p.Name})
	if e.Type == TypePosted {
		dst = append(dst, `,"text":`...)
		dst = appendString(dst, p.Text)
	}
	dst = append(dst, `,"time":"`...)
	dst = e.Time.UTC().AppendFormat(dst, timeLayout)
	return append(dst, `"}`...)
}

// AppendAuthor appends an author as a JSON object.
func AppendAuthor(dst []byte, a Author) []byte {
	dst = append(dst, `{"id":`...)
	dst = appendString(dst, a.ID)
	dst = append(dst, `,"name":`...)
	dst = appendString(dst, a.Name)
	return append(dst, '}')
}

func appendString(dst []byte, s string) []byte {
	dst, _ = jsontext.AppendQuote(dst, s) // invalid UTF-8 is replaced
	return dst
}
