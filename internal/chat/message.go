package chat

import (
	"errors"
	"strings"
	"unicode/utf8"

	"github.com/teahouse-chat/teahouse/eventlog"
)

// Limits of a message.
const (
	MaxTextRunes = 4000
	MaxTextBytes = 16 << 10
	MaxIDBytes   = 64
	MaxNameRunes = 32
)

// The types of the events of a room. Those but the first are about an earlier message, their target.
const (
	TypePosted  = "message.posted"
	TypeEdited  = "message.edited"
	TypeDeleted = "message.deleted"
	TypeReacted = "message.reacted"
)

// What may be wrong with a post.
var (
	ErrTextMalformed = errors.New("text is not valid UTF-8")
	ErrTextEmpty     = errors.New("text is empty")
	ErrTextNUL       = errors.New("text holds U+0000")
	ErrTextTooLong   = errors.New("text is too long")
	ErrID            = errors.New("id is not 1 to 64 printable ASCII characters")
	ErrIDConflict    = errors.New("id was used for something else")
	ErrEmoji         = errors.New("not an emoji")
	ErrNoMessage     = errors.New("no such message in the room")
	ErrDeleted       = errors.New("message is deleted")
	ErrNotYours      = errors.New("message is another author's, or its author isn't proved")
	ErrReactions     = errors.New("message has as many reactions as it may")
)

// A Post is what somebody asks to say: a message, or what is to become of an earlier one.
type Post struct {
	Type   string // of the event that it becomes; "" means TypePosted
	Room   Room
	Author Author
	ID     string // the author's own id for it; a retry has the same

	Text  string          // of a message, or the one that an edit gives it
	Reply eventlog.Offset // the message that a message answers; 0 for none

	Target eventlog.Offset // the message that is edited, deleted or reacted to
	Emoji  string          // of a reaction
	On     bool            // whether the reaction is made or taken back
}

// Validate says whether the post can be accepted at all.
func (p *Post) Validate() error {
	switch p.Type {
	case "", TypePosted, TypeEdited:
		if err := validateText(p.Text); err != nil {
			return err
		}
	case TypeReacted:
		if !isEmoji(p.Emoji) {
			return ErrEmoji
		}
	}
	about := p.Type != "" && p.Type != TypePosted
	switch {
	case !validID(p.ID):
		return ErrID
	case p.Reply < 0 || about && p.Target < 1:
		return ErrNoMessage
	case p.byAuthorOnly() && !p.Author.Proved():
		return ErrNotYours
	}
	return nil
}

// byAuthorOnly reports whether the message's own author alone may do it.
func (p *Post) byAuthorOnly() bool { return p.Type == TypeEdited || p.Type == TypeDeleted }

func validateText(text string) error {
	switch {
	case !utf8.ValidString(text):
		return ErrTextMalformed
	case len(text) > MaxTextBytes || utf8.RuneCountInString(text) > MaxTextRunes:
		return ErrTextTooLong
	case text == "":
		return ErrTextEmpty
	case strings.ContainsRune(text, 0):
		return ErrTextNUL
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
