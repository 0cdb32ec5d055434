package chat

import (
	"strings"
	"unicode"
)

const maxEmojiBytes = 32

const (
	keycap    = '\u20e3' // after a digit, # or *
	otherwise = "‼⁉〰〽ℹ"  // emoji that Unicode doesn't count among the symbols
)

// isEmoji reports whether a reaction can be made of s: symbols, with what joins and varies them. Which of them a font draws as one picture isn't ours
// to say.
func isEmoji(s string) bool {
	if s == "" || len(s) > maxEmojiBytes {
		return false
	}
	symbols := 0
	for _, r := range s {
		switch {
		case r == unicode.ReplacementChar: // what isn't UTF-8 reads as this one too
			return false
		case unicode.Is(unicode.So, r), unicode.Is(unicode.Sm, r) && r > unicode.MaxLatin1, strings.ContainsRune(otherwise, r):
			symbols++
		case r == keycap:
			symbols++
		case r >= '0' && r <= '9' || r == '#' || r == '*':
			if !strings.ContainsRune(s, keycap) {
				return false
			}
		case r == '\u200d', r == '\ufe0e', r == '\ufe0f': // joined; as text, as a picture
		case r >= 0x1f3fb && r <= 0x1f3ff, r >= 0xe0020 && r <= 0xe007f: // skin; the letters of a region's flag
		default:
			return false
		}
	}
	return symbols > 0
}
