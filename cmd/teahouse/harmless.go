package main

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// harmless makes a text that anybody may have written fit for a terminal: escape sequences and other controls are shown as signs,
// and what turns the direction of writing around is left out. Line breaks stay.
func harmless(s string) string {
	s = strings.ToValidUTF8(s, string(utf8.RuneError))
	s = strings.ReplaceAll(s, "\r\n", "\n")
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n', r == '\u2028', r == '\u2029':
			return '\n'
		case r == '\t':
			return ' '
		case r < 0x20:
			return '\u2400' + r // Unicode has a picture for each: ␛ for escape
		case r == 0x7f:
			return '\u2421'
		case r >= 0x80 && r < 0xa0: // C1, where a terminal may see CSI and OSC in one character
			return utf8.RuneError
		case turnsDirection(r):
			return -1
		}
		return r
	}, s)
}

// harmlessName is harmless for a name, which has one line.
func harmlessName(s string) string {
	return strings.ReplaceAll(harmless(s), "\n", " ")
}

func turnsDirection(r rune) bool {
	return r == '\u061c' || r == '\u200e' || r == '\u200f' || r >= '\u202a' && r <= '\u202e' || r >= '\u2066' && r <= '\u2069'
}

// harmlessJSON spells those characters in JSON's own way, so that its value is the same. JSON has no raw ones below U+0020.
func harmlessJSON(b []byte) []byte {
	var out []byte
	for len(b) > 0 {
		r, n := utf8.DecodeRune(b)
		if r >= 0x7f && r < 0xa0 || turnsDirection(r) {
			out = fmt.Appendf(out, `\u%04x`, r)
		} else {
			out = append(out, b[:n]...)
		}
		b = b[n:]
	}
	return out
}
