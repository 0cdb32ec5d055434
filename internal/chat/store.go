package chat

import (
	"context"
	"time"

	"github.com/teahouse-chat/teahouse/eventlog"
)

// A Store keeps what the chat knows besides the log: which rooms there are, who has read what, and the server's secrets. Implementations
// prove themselves with storetest. All methods may be called concurrently; errors wrap [eventlog.ErrUnavailable] when the same
// call may succeed later.
type Store interface {
	// PutRoom remembers a room's name, so that a topic can be shown to people. Remembering it again changes nothing.
	PutRoom(ctx context.Context, room Room) error

	// RecentRooms returns the rooms that hold messages, the one with the newest message first, at most limit.
	RecentRooms(ctx context.Context, limit int) ([]RoomActivity, error)

	// Secret returns the 32 random bytes kept under a name, made on the first call and the same for ever after.
	Secret(ctx context.Context, name string) ([]byte, error)

	// PutMarks remembers marks, and their rooms, one after the other. Read moves forward only. A mark without a Level moves the one that is there, and makes none. An
	// author has at most MaxMarks; further ones aren't made.
	PutMarks(ctx context.Context, marks ...Mark) error

	// Marks returns an author's marks, in all rooms or (topic not empty) in one, the room with the newest message first, at most limit. Unread is left at 0.
	Marks(ctx context.Context, author, topic string, limit int) ([]MarkedRoom, error)

	// Unread counts a topic's messages past an offset, to MaxUnread, but for the author's own and deleted ones. Only the newest 1,000 events are
	// looked at.
	Unread(ctx context.Context, author, topic string, after eventlog.Offset) (int, error)

	// DropMark forgets a mark; one that there isn't is fine.
	DropMark(ctx context.Context, author, topic string) error
}

// RoomActivity is a room with its newest message's place and time.
type RoomActivity struct {
	Room Room
	Head eventlog.Offset
	Last time.Time
}
