package ws

import "unicode/utf8"

// A utf8Checker checks text that comes in pieces, and fails at the first byte that cannot be part of UTF-8, even when a character
// is cut between pieces. The zero value is ready.
type utf8Checker struct {
	missing uint8 // how many bytes the character under way lacks
	lo, hi  byte  // the bounds of its next byte
}

// feed checks the next piece; after false the text is lost.
func (u *utf8Checker) feed(p []byte) bool {
	for u.missing > 0 && len(p) > 0 {
		if !u.step(p[0]) {
			return false
		}
		p = p[1:]
	}
	whole := len(p)
	for i := 1; i <= min(3, len(p)); i++ { // a character that the piece's end cuts
		if b := p[len(p)-i]; b >= 0xc0 {
			if !utf8.FullRune(p[len(p)-i:]) {
				whole = len(p) - i
			}
			break
		}
	}
	if !utf8.Valid(p[:whole]) {
		return false
	}
	for _, b := range p[whole:] {
		if !u.step(b) {
			return false
		}
	}
	return true
}

// whole reports whether the text may end here.
func (u *utf8Checker) whole() bool { return u.missing == 0 }

// step takes one byte, by the table of well-formed sequences (Unicode 3.9, table 3-7).
func (u *utf8Checker) step(b byte) bool {
	if u.missing > 0 {
		ok := u.lo <= b && b <= u.hi
		u.missing, u.lo, u.hi = u.missing-1, 0x80, 0xbf
		return ok
	}
	u.lo, u.hi = 0x80, 0xbf
	switch {
	case b < 0x80:
		return true
	case b >= 0xc2 && b <= 0xdf:
		u.missing = 1
	case b >= 0xe0 && b <= 0xef:
		u.missing = 2
		switch b {
		case 0xe0:
			u.lo = 0xa0 // not longer than needed
		case 0xed:
			u.hi = 0x9f // no surrogates
		}
	case b >= 0xf0 && b <= 0xf4:
		u.missing = 3
		switch b {
		case 0xf0:
			u.lo = 0x90
		case 0xf4:
			u.hi = 0x8f // nothing past U+10FFFF
		}
	default:
		return false
	}
	return true
}

// cutString is s made valid and cut to at most n bytes, between characters.
func cutString(s string, n int) string {
	out := 0
	for i, r := range s {
		size := utf8.RuneLen(r)
		if r == utf8.RuneError {
			if _, size = utf8.DecodeRuneInString(s[i:]); size == 1 {
				return s[:i] // not UTF-8 from here on
			}
		}
		if out+size > n {
			break
		}
		out += size
	}
	return s[:out]
}
