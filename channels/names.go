package channels

import (
	"errors"
	"fmt"
	"strings"
)

// MaxName is the length that a name of a channel or group may have, in bytes.
const MaxName = 99

// ErrName says that a name can't be one of a channel or of a group; the error that wraps it says which and why.
var ErrName = errors.New("bad name")

// CheckGroup reports what is wrong with a group's name: it has 1 to 99 ASCII letters, digits, hyphens, underscores and full stops.
func CheckGroup(name string) error { return checkName("group", name, name) }

// CheckChannel reports what is wrong with a channel's name: it is like a group's, and may have one "!" after its first character, with a local part
// of such characters, or nothing, behind it.
func CheckChannel(name string) error {
	before, local, has := strings.Cut(name, "!")
	if has && before == "" {
		return fmt.Errorf("%w: the channel %.100q has nothing before the exclamation mark", ErrName, name)
	}
	return checkName("channel", name, before+local)
}

// checkName checks a name's length, and its characters in plain.
func checkName(kind, name, plain string) error {
	if name == "" {
		return fmt.Errorf("%w: the %s has none", ErrName, kind)
	}
	if len(name) > MaxName {
		return fmt.Errorf("%w: the %s %.20q… has %d bytes, at most %d are allowed", ErrName, kind, name, len(name), MaxName)
	}
	for i := range len(plain) {
		if !nameByte(plain[i]) {
			return fmt.Errorf("%w: the %s %q may have ASCII letters, digits, - _ and . only", ErrName, kind, name)
		}
	}
	return nil
}

func nameByte(b byte) bool {
	return b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b >= '0' && b <= '9' || b == '-' || b == '_' || b == '.'
}

// IsLocal reports whether a channel's name belongs to one process: whether it has a "!".
func IsLocal(channel string) bool { return strings.Contains(channel, "!") }
