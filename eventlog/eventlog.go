// Package eventlog defines the log that is the truth of every room: events of a topic, numbered 1, 2, 3 …
// without holes, in the order in which they were committed.
//
// The package holds the contract only. [Log] is implemented by memlog (in memory, for tests and examples) and by the
// server's stores; logtest is the suite that each of them passes.
package eventlog

import (
	"context"
	"errors"
	"time"
)

// An Offset numbers an event within its topic, from 1. As a cursor it is the last offset that a reader has; 0 is
// the cursor of one who has nothing.
type Offset int64

// An Entry is what somebody asks to append. (Topic, Author, ID) is unique for ever: appending it again adds nothing and
// gives the first event back, so a retry is harmless.
type Entry struct {
	Topic  string // what the log is about, e.g. "room.KF2S6…"; under 100 bytes
	Type   string // the kind of event, e.g. "message.posted"
	Author string // who says so: an opaque id
	ID     string // the author's own id for this entry; never empty
	Data   []byte // the payload, opaque to the log; not to be modified after the call

	// Amend, when it isn't nil, is called within the commit, once: it may give earlier events of the topic other data, and sees them as no other commit can
	// change them meanwhile. Its error refuses this entry alone, see Appended. It isn't called for an entry that exists already. It must be quick, and not
	// call the log; it runs in any goroutine, and maybe after the Append whose context has ended. Events have none.
	Amend func(tx Amending) error
}

// An Event is an entry that is committed. Events are values to read: nobody modifies Data.
type Event struct {
	Entry
	Offset Offset
	Time   time.Time // when it was appended: UTC, whole milliseconds

	// Amends is the newest of the earlier events whose data changed with this one, 0 for none: nothing that anybody holds of the topic's events up to and
	// including it is current any more.
	Amends Offset
}

// Amending is a topic within a commit, for Amend. It must not be used after Amend has returned.
type Amending interface {
	// Self is the event that the entry becomes.
	Self() Event

	// Event returns an earlier event, as the commit has it so far. Errors: ErrNoEvent; ErrTrimmed; ErrUnavailable, and then nothing of the commit holds.
	Event(Offset) (Event, error)

	// Replace gives an event that Event returned other data, once Amend has returned nil. Whoever reads the event from then on sees that, and never what
	// was there before.
	Replace(offset Offset, data []byte)
}

// Appended is the answer for one entry.
type Appended struct {
	Event
	Existed bool  // the entry had been appended before; Event is the first one, whose Type and Data may differ; Data is gone when that was trimmed
	Err     error // why the entry's own Amend refused it; then nothing was appended for it, and Event is the zero Event
}

// A State says what of a topic can be read. A topic that nobody appended to has Head 0 and Floor 1.
type State struct {
	Head  Offset // the newest offset, 0 for none
	Floor Offset // the oldest offset that is kept; Head+1 when nothing is
}

// Serves reports whether a reader with cursor after can be given everything past it: the cursor is neither past the
// head nor so old that events between it and the floor are gone.
func (s State) Serves(after Offset) bool { return after >= s.Floor-1 && after <= s.Head }

var (
	// ErrTrimmed says that events right after the cursor are no longer kept.
	ErrTrimmed = errors.New("trimmed")

	// ErrNoEvent says that a topic has no event of that offset.
	ErrNoEvent = errors.New("no such event")

	// ErrUnavailable says that the log could not do it now (disk full, store down) and that the same call may succeed
	// later. An Append that fails so has not been acknowledged; whether it was committed is unknown, and a retry with
	// the same ID is safe.
	ErrUnavailable = errors.New("log unavailable")
)

// A Log keeps events. All methods may be called concurrently.
type Log interface {
	// Append adds entries, to one topic or several, in the order given, all or none but for those that their own Amend refuses, and returns when they are
	// on stable storage: one answer an entry. Errors: ErrUnavailable; the context's, when it ended before the answer came
	// (the entries may be committed all the same).
	Append(ctx context.Context, entries ...Entry) ([]Appended, error)

	// Read returns up to limit events of the topic past the cursor, oldest first; none when the cursor is at
	// or past the head, or limit is under 1. Errors: ErrTrimmed when the cursor is below the floor; ErrUnavailable.
	Read(ctx context.Context, topic string, after Offset, limit int) ([]Event, error)

	// States returns the state of each topic, in the order given. Errors: ErrUnavailable.
	States(ctx context.Context, topics ...string) ([]State, error)

	// Trim drops the events below an offset, which becomes the floor; an offset past Head+1 means Head+1, one at or
	// under the floor changes nothing. Offsets and the uniqueness of ids outlive the events. Errors: ErrUnavailable.
	Trim(ctx context.Context, topic string, below Offset) error

	// Epoch names the lineage of this log's offsets: 1 to 32 letters and digits. A log that was copied or restored from a backup
	// has another epoch, so a cursor taken elsewhere is noticed.
	Epoch() string

	// OnCommit sets fn to be told of the events that this process commits. It is called from one goroutine at a time, in commit
	// order, after the commit is on stable storage and before the Appends that caused it return; the events of one commit come in one
	// call, grouped by topic, oldest first, as the commit left them. fn must be quick and must not call the log. OnCommit is called at most once,
	// before the first Append.
	OnCommit(fn func(committed []Event))
}
