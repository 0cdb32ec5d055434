package chat

import (
	"context"
	"time"

	"github.com/teahouse-chat/teahouse/eventlog"
)

// A Store keeps what the chat knows besides the log: which rooms there are and the server's secrets. Implementations
// prove themselves with storetest. All methods may be called concurrently; errors wrap [eventlog.ErrUnavailable] when the same
// call may succeed later.
type Store interface {
	// PutRoom remembers a room's name, so that a topic can be shown to people. Remembering it again changes nothing.
	PutRoom(ctx context.Context, room Room) error

	// RecentRooms returns the rooms that hold messages, the one with the newest message first, at most limit.
	RecentRooms(ctx context.Context, limit int) ([]RoomActivity, error)

	// Secret returns the 32 random bytes kept under a name, made on the first call and the same for ever after.
	Secret(ctx context.Context, name string) ([]byte, error)
}

// RoomActivity is a room with its newest message's place and time.
type RoomActivity struct {
	Room Room
	Head eventlog.Offset
	Last time.Time
}
