package client

import (
	"encoding/json"
	"fmt"
	"time"
)

// The types of events: a message, and what became of an earlier one, the Target. Other types may come; ignore those that you don't know.
const (
	MessagePosted  = "message.posted"
	MessageEdited  = "message.edited"
	MessageDeleted = "message.deleted"
	MessageReacted = "message.reacted"
)

// An Author is who posted. ID tells authors apart; Name, which anybody may choose, doesn't.
type Author struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// An Event is one entry of a room's log. Its strings are as somebody on the network wrote them: clean them before a terminal
// sees them.
type Event struct {
	Offset  int64     `json:"offset"` // dense in a room, from 1
	Type    string    `json:"type"`
	ID      string    `json:"id"` // the id that the author's client gave the post
	Author  Author    `json:"author"`
	Text    string    `json:"text"` // as it is now: empty when Deleted, and of a MessageEdited that was superseded
	Time    time.Time `json:"time"`
	Reply   int64     `json:"reply"`   // the message that a message answers, 0 for none
	Edited  time.Time `json:"edited"`  // when a message was edited last, zero for never
	Deleted bool      `json:"deleted"` // the message was deleted later; its offset stays

	Target int64  `json:"target"` // the message that an event of another type is about
	Emoji  string `json:"emoji"`  // of a MessageReacted,
	On     bool   `json:"on"`     // which makes the reaction or takes it back

	Raw json.RawMessage `json:"-"` // the event as the server wrote it, with fields that this package doesn't know
}

// UnmarshalJSON reads an event and keeps what it was read from in Raw.
func (e *Event) UnmarshalJSON(b []byte) error {
	type plain Event
	var p plain
	if err := json.Unmarshal(b, &p); err != nil {
		return err
	}
	*e = Event(p)
	e.Raw = append(json.RawMessage(nil), b...)
	return nil
}

// A Page is a run of a room's events, oldest first, and the room's state when it was read.
type Page struct {
	Room   string  `json:"room"` // the room's canonical name
	Epoch  string  `json:"epoch"`
	Head   int64   `json:"head"`  // offset of the newest event, 0 when there was none
	Floor  int64   `json:"floor"` // offset of the oldest event that is kept
	Events []Event `json:"events"`
}

// Cursor returns the place right after the page, for After, Follow or the next page to go on from.
func (p Page) Cursor() Cursor {
	if n := len(p.Events); n > 0 {
		return Cursor{Offset: p.Events[n-1].Offset, Epoch: p.Epoch}
	}
	return Cursor{Offset: p.Head, Epoch: p.Epoch}
}

// A ResetError says that a cursor can't be served: it is past the head, before the floor or of another epoch. What the caller
// knows of the room has to be read again; nothing is skipped in silence.
type ResetError struct {
	Epoch string
	Head  int64
	Floor int64
}

// Error says it in words.
func (e *ResetError) Error() string {
	return fmt.Sprintf("the cursor can't be served: the room has %d to %d of epoch %s", e.Floor, e.Head, e.Epoch)
}

// Cursor returns the room's head, from which one can follow on.
func (e *ResetError) Cursor() Cursor { return Cursor{Offset: e.Head, Epoch: e.Epoch} }
