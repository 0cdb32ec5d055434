package channels

import (
	"context"
	"errors"
)

// A Layer carries messages between consumers, workers and processes. It is the contract of Django's channel layers: what is sent to a channel is received
// there first in, first out, at most once; nobody who sends ever waits for a receiver.
//
// A channel is a name. A name with a "!" belongs to the process that got it from NewChannel: only there it can be received from. Any other
// name is open to all processes, and each message on it goes to one receiver. A group is a name for many channels. Names are those of
// [CheckChannel] and [CheckGroup]; any other is refused with an error that wraps ErrName. Messages are those of [Message.Clone]; any other is
// refused with an error that wraps ErrMessage. Receivers get copies of their own.
//
// A channel holds so many messages, its capacity (100, unless [CapacityRule] says otherwise), each for at most the expiry (60 s). A member is in a group until
// GroupDiscard, or for the group expiry (86,400 s) after its last GroupAdd, which a layer renews for the channels of its own process that are in use.
//
// A context that has ended sends nothing and takes nothing. What a layer drops it counts, see [Losses]. The methods may be called concurrently, and after Close return ErrLayerClosed. channelstest/layertest
// is what every Layer must do, as tests.
type Layer interface {
	// NewChannel makes a name for a channel of this process. It begins with prefix; "" means "specific".
	NewChannel(ctx context.Context, prefix string) (string, error)

	// Send sends a message to one channel. Errors: ErrChannelFull when the channel is at its capacity, and the message isn't sent. A layer that can't know
	// that (Redis pub/sub) drops and counts instead.
	Send(ctx context.Context, channel string, m Message) error

	// Receive waits for the next message of a channel. A message is never taken and lost because ctx ends.
	Receive(ctx context.Context, channel string) (Message, error)

	// GroupAdd puts a channel into a group. Again changes nothing, but renews the membership.
	GroupAdd(ctx context.Context, group, channel string) error

	// GroupDiscard takes a channel out of a group. One that isn't there changes nothing.
	GroupDiscard(ctx context.Context, group, channel string) error

	// GroupSend sends a message to every channel of a group; to none when the group has none. It is never ErrChannelFull: a channel that is
	// full loses the message, and the loss is counted.
	GroupSend(ctx context.Context, group string, m Message) error

	// Close takes this process's channels out of their groups and ends what the layer does in the background.
	Close() error
}

// A Flusher is a Layer that can forget everything: messages, groups, members of all processes. It is for tests and for operators. The
// channels that this process has in use are put back into their groups soon.
type Flusher interface {
	Flush(ctx context.Context) error
}

// A Subscriber is a Layer that calls for each message, so that nobody has to wait in Receive: a connection, or a group, costs no goroutine. A [Server] uses it
// when a layer has it.
type Subscriber interface {
	// Subscribe has deliver called for each message of a channel of this process (one that NewChannel made), in order and never two at a time, until
	// unsubscribe is called; then the channel is forgotten, and nothing is delivered after unsubscribe has returned. deliver must be quick and not call the layer; the
	// message is its own. Receive must not be used on that channel.
	Subscribe(channel string, deliver func(Message)) (unsubscribe func(), err error)
}

var (
	// ErrChannelFull says that a channel is at its capacity and a message for it wasn't sent.
	ErrChannelFull = errors.New("channel is full")

	// ErrLayerClosed says that the layer was closed.
	ErrLayerClosed = errors.New("layer is closed")
)
