package chat

import (
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// MaxRoomName is the longest room name, in characters.
const MaxRoomName = 64

// ErrRoomName says that a name can't be a room's.
var ErrRoomName = errors.New("not a room name")

// A Room is a place to talk. Its name is canonical: two spellings of one name are one room.
type Room struct {
	Name  string // as in its URL: NFC, lower case
	Topic string // what its log and its groups are called: ASCII and short, whatever the name
}

// ParseRoom makes a room of the name as somebody wrote it. Errors: ErrRoomName.
func ParseRoom(name string) (Room, error) {
	if !utf8.ValidString(name) {
		return Room{}, ErrRoomName
	}
	name = canonical(name)
	if n := utf8.RuneCountInString(name); n == 0 || n > MaxRoomName || name[0] == '.' {
		return Room{}, ErrRoomName
	}
	for _, r := range name {
		if !roomRune(r) {
			return Room{}, ErrRoomName
		}
	}
	return Room{Name: name, Topic: topicOf(name)}, nil
}

// NearestRoom returns the room whose name is most like what somebody wrote, for an error page to offer.
func NearestRoom(name string) Room {
	if room, err := ParseRoom(name); err == nil {
		return room
	}
	var b strings.Builder
	n := 0
	for _, r := range canonical(strings.ToValidUTF8(name, "")) {
		if unicode.IsSpace(r) {
			r = '-'
		}
		if !roomRune(r) || (n == 0 && (r == '.' || r == '-')) {
			continue
		}
		if n++; n > MaxRoomName {
			break
		}
		b.WriteRune(r)
	}
	room, err := ParseRoom(strings.TrimRight(b.String(), "-"))
	if err != nil {
		room, _ = ParseRoom("lobby")
	}
	return room
}

func canonical(name string) string {
	return norm.NFC.String(strings.ToLower(norm.NFC.String(name)))
}

func roomRune(r rune) bool {
	return unicode.IsLetter(r) || unicode.IsMark(r) || unicode.IsDigit(r) || r == '-' || r == '_' || r == '.'
}

func topicOf(name string) string {
	sum := sha256.Sum256([]byte(name))
	return "room." + base32.StdEncoding.EncodeToString(sum[:])[:26]
}
