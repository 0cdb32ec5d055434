// Package feedlayer rings a feed's doorbells through a channel layer, so that processes which share a log hear of each other's events: in memory, or over
// Redis. A doorbell says only that a topic has grown; one that is lost costs delay, which the feed's sweep bounds.
package feedlayer

import (
	"context"
	"errors"
	"time"

	"github.com/teahouse-chat/teahouse/channels"
	"github.com/teahouse-chat/teahouse/eventlog"
	"github.com/teahouse-chat/teahouse/feed"
)

// Group is the group that doorbells are sent to: all nodes are in it.
const Group = "teahouse.doorbells"

// doorbell is the type of the messages.
const doorbell = "feed.doorbell"

// leaveTimeout bounds how long leaving the group may take.
const leaveTimeout = 2 * time.Second

// A Bell is a [feed.Bell] over a layer. Its methods may be called concurrently. It hears its own doorbells too, which changes nothing.
type Bell struct{ layer channels.Layer }

// New makes a Bell. The layer is closed by who made it, after the feed's Run has returned.
func New(layer channels.Layer) *Bell { return &Bell{layer} }

// Ring implements [feed.Bell].
func (b *Bell) Ring(ctx context.Context, topic string, head eventlog.Offset) error {
	return b.layer.GroupSend(ctx, Group, channels.Message{"type": doorbell, "topic": topic, "head": int64(head)})
}

// Listen implements [feed.Bell].
func (b *Bell) Listen(ctx context.Context, heard func(topic string, head eventlog.Offset)) (err error) {
	channel, err := b.layer.NewChannel(ctx, "")
	if err != nil {
		return err
	}
	if err := b.layer.GroupAdd(ctx, Group, channel); err != nil {
		return err
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), leaveTimeout)
		defer cancel()
		err = errors.Join(err, b.layer.GroupDiscard(ctx, Group, channel))
	}()
	for {
		m, err := b.layer.Receive(ctx, channel)
		if err != nil {
			return err
		}
		if head, ok := m.Int("head"); ok && m.Type() == doorbell {
			heard(m.Str("topic"), eventlog.Offset(head))
		}
	}
}

var _ feed.Bell = (*Bell)(nil)
