package chat

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/teahouse-chat/teahouse/eventlog"
)

// A Level is how much of a room somebody wants to be told.
type Level string

// The levels. A mark without one has LevelAll.
const (
	LevelAll      Level = "all"
	LevelMentions Level = "mentions"
	LevelNone     Level = "none"
)

// ErrLevel says that a level isn't one.
var ErrLevel = errors.New("level is not all, mentions or none")

// ParseLevel reads a level. Errors: ErrLevel.
func ParseLevel(s string) (Level, error) {
	switch l := Level(s); l {
	case LevelAll, LevelMentions, LevelNone:
		return l, nil
	}
	return "", ErrLevel
}

// A Mark is how far an author has read a room, and how much of it they want to be told.
type Mark struct {
	Author string
	Room   Room
	Read   eventlog.Offset
	Level  Level
}

// MaxMarks is how many rooms an author has marks in.
const MaxMarks = 500

// MaxUnread is the most unread messages that are counted; so many or more look alike.
const MaxUnread = 100

// A MarkedRoom is a mark with what the room holds past it.
type MarkedRoom struct {
	Mark
	Head   eventlog.Offset
	Last   time.Time // of the newest event; zero when there is none
	Unread int       // messages of others past Read that aren't deleted; at most MaxUnread
}

const flushTimeout = 10 * time.Second

// Marks keeps who has read what. Marks that move are gathered in memory and written together by Run; a crash loses those of its last interval, and then
// somebody has some messages once more as unread. Its methods may be called concurrently.
type Marks struct {
	store  Store
	logger *slog.Logger

	writing sync.Mutex // held while gathered marks are written; before mu

	mu       sync.Mutex
	gathered map[markKey]Mark // that moved since the last write
	flushing map[markKey]Mark // that are being written
}

type markKey struct{ author, topic string }

func (m *Mark) key() markKey { return markKey{m.Author, m.Room.Topic} }

// NewMarks makes Marks over a store.
func NewMarks(store Store, logger *slog.Logger) *Marks {
	return &Marks{store: store, logger: logger, gathered: map[markKey]Mark{}}
}

// Run writes what was gathered every 2 s until ctx ends, and then what is left.
func (m *Marks) Run(ctx context.Context) {
	const every = 2 * time.Second
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			m.flush()
		case <-ctx.Done():
			m.flush()
			return
		}
	}
}

// flush writes what was gathered. What can't be written now is gathered still.
func (m *Marks) flush() {
	m.writing.Lock()
	defer m.writing.Unlock()
	m.mu.Lock()
	taken := m.gathered
	m.gathered, m.flushing = map[markKey]Mark{}, taken
	m.mu.Unlock()
	defer m.flushed()
	if len(taken) == 0 {
		return
	}
	marks := make([]Mark, 0, len(taken))
	for _, mark := range taken {
		mark.Level = "" // it may have been set since, or the mark dropped
		marks = append(marks, mark)
	}
	ctx, cancel := context.WithTimeout(context.Background(), flushTimeout)
	defer cancel()
	err := m.store.PutMarks(ctx, marks...)
	if err == nil {
		return
	}
	m.logger.Warn("read marks not written, trying again", "marks", len(marks), "err", err)
	for _, mark := range taken {
		m.gather(mark)
	}
}

func (m *Marks) flushed() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.flushing = nil
}

// gather remembers a mark until the next flush.
func (m *Marks) gather(mark Mark) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if had, ok := m.gathered[mark.key()]; ok {
		mark.Read = max(mark.Read, had.Read)
	}
	m.gathered[mark.key()] = mark
}

// Open returns an author's mark in a room, which is made at the offset given when there is none. Errors: those of the store.
func (m *Marks) Open(ctx context.Context, author string, room Room, at eventlog.Offset) (Mark, error) {
	mark, ok, err := m.Find(ctx, author, room)
	if ok || err != nil {
		return mark, err
	}
	mark = Mark{Author: author, Room: room, Read: at, Level: LevelAll}
	return mark, m.store.PutMarks(ctx, mark)
}

// Find returns a mark as it is now; ok is false when there is none. Errors: those of the store.
func (m *Marks) Find(ctx context.Context, author string, room Room) (mark Mark, ok bool, err error) {
	found, err := m.store.Marks(ctx, author, room.Topic, 1)
	if len(found) == 0 || err != nil {
		return Mark{}, false, err
	}
	mark = found[0].Mark
	mark.Read = max(mark.Read, m.ahead(&mark))
	return mark, true, nil
}

// ahead is where a mark stands that isn't written yet, 0 for one that is.
func (m *Marks) ahead(mark *Mark) eventlog.Offset {
	m.mu.Lock()
	defer m.mu.Unlock()
	return max(m.gathered[mark.key()].Read, m.flushing[mark.key()].Read)
}

// Move moves a mark forward; moved is false when it stands there or further. Errors: those of the store.
func (m *Marks) Move(ctx context.Context, author string, room Room, to eventlog.Offset) (mark Mark, moved bool, err error) {
	mark, ok, err := m.Find(ctx, author, room)
	switch {
	case err != nil:
		return mark, false, err
	case !ok:
		mark, err = m.Open(ctx, author, room, to)
		return mark, err == nil, err
	case to <= mark.Read:
		return mark, false, nil
	}
	mark.Read = to
	m.gather(mark)
	return mark, true, nil
}

// SetLevel sets the level of a mark, which is made when there is none. Errors: those of the store.
func (m *Marks) SetLevel(ctx context.Context, author string, room Room, level Level) (Mark, error) {
	mark, _, err := m.Find(ctx, author, room)
	if err != nil {
		return mark, err
	}
	mark.Author, mark.Room, mark.Level = author, room, level
	return mark, m.store.PutMarks(ctx, mark)
}

// Forget removes a mark. Errors: those of the store.
func (m *Marks) Forget(ctx context.Context, author string, room Room) error {
	m.writing.Lock() // else it could be written again after it was removed
	defer m.writing.Unlock()
	m.mu.Lock()
	delete(m.gathered, markKey{author, room.Topic})
	m.mu.Unlock()
	return m.store.DropMark(ctx, author, room.Topic)
}

// Rooms returns the rooms that an author has marks in, the one with the newest message first, at most limit. Errors: those of the store.
func (m *Marks) Rooms(ctx context.Context, author string, limit int) ([]MarkedRoom, error) {
	return m.rooms(ctx, author, "", limit)
}

// Room returns one of them; ok is false when the author has no mark in it. Errors: those of the store.
func (m *Marks) Room(ctx context.Context, author string, room Room) (r MarkedRoom, ok bool, err error) {
	rooms, err := m.rooms(ctx, author, room.Topic, 1)
	if len(rooms) == 0 || err != nil {
		return MarkedRoom{}, false, err
	}
	return rooms[0], true, nil
}

func (m *Marks) rooms(ctx context.Context, author, topic string, limit int) ([]MarkedRoom, error) {
	rooms, err := m.store.Marks(ctx, author, topic, limit)
	if err != nil {
		return nil, err
	}
	for i := range rooms {
		r := &rooms[i]
		r.Read = max(r.Read, m.ahead(&r.Mark))
		if r.Read >= r.Head {
			continue
		}
		if r.Unread, err = m.store.Unread(ctx, author, r.Room.Topic, r.Read); err != nil {
			return nil, err
		}
	}
	return rooms, nil
}
