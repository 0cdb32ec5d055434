package chat

import (
	"errors"
	"strconv"
	"strings"
	"unicode"

	"github.com/go-json-experiment/json/jsontext"
	"golang.org/x/text/unicode/norm"
)

// An Author is who says something: an opaque id, and the name and colour that others see, which may change.
type Author struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	Hue  Hue    `json:"hue,omitzero"`
}

// guestPrefix begins the ids that [Guests] make; those of named authors begin otherwise.
const guestPrefix = "g-"

// Proved reports whether the author has proved the id to be theirs.
func (a Author) Proved() bool { return strings.HasPrefix(a.ID, guestPrefix) }

// A Hue is a person's own colour: an angle of 0 to 359 degrees, plus 1; 0 says that none was chosen. In JSON it is the angle.
type Hue uint16

var errHue = errors.New("a hue is a whole number from 0 to 359")

// ParseHue reads an angle in decimal; what isn't one of 0 to 359 is no hue.
func ParseHue(s string) Hue {
	n, err := strconv.ParseUint(s, 10, 16)
	if err != nil || n > 359 {
		return 0
	}
	return Hue(n + 1)
}

// MarshalJSON writes the angle.
func (h Hue) MarshalJSON() ([]byte, error) { return strconv.AppendUint(nil, uint64(h)-1, 10), nil }

// UnmarshalJSON reads an angle; null is no hue. Errors: what isn't a whole number from 0 to 359.
func (h *Hue) UnmarshalJSON(b []byte) error {
	if string(b) == "null" {
		*h = 0
		return nil
	}
	if *h = ParseHue(string(b)); *h == 0 {
		return errHue
	}
	return nil
}

// AppendAuthor appends an author as a JSON object.
func AppendAuthor(dst []byte, a Author) []byte {
	dst = append(dst, `{"id":`...)
	dst = appendString(dst, a.ID)
	dst = append(dst, `,"name":`...)
	dst = appendString(dst, a.Name)
	if a.Hue != 0 {
		dst = append(dst, `,"hue":`...)
		dst = strconv.AppendUint(dst, uint64(a.Hue)-1, 10)
	}
	return append(dst, '}')
}

func appendString(dst []byte, s string) []byte {
	dst, _ = jsontext.AppendQuote(dst, s) // invalid UTF-8 is replaced
	return dst
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
