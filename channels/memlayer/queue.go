package memlayer

import (
	"container/list"
	"sync"

	"github.com/teahouse-chat/teahouse/channels"
)

// A queue is what a layer has of one channel. The layer's mu must be held.
type queue struct {
	channel     string
	capacity    int
	items       []*list.Element          // in the layer's line of waiting messages: those of this channel, first in first out
	receivers   list.List                // of chan item, which has room for one: the Receives that wait, in the order they came; none while there are items
	memberships map[string]*list.Element // in the layer's line of memberships: those of this channel, by group
	sub         *subscription            // nil when nobody has subscribed
}

// An item is a message on its way. It is the receiver's own unless it went to a group, whose members share it.
type item struct {
	queue   *queue
	message channels.Message
	group   string // "" when it was sent to the channel
}

// own is the item's message, for its receiver to keep.
func (i item) own() channels.Message {
	if i.group == "" {
		return i.message
	}
	return clone(i.message)
}

// clone copies a message that was normalised, in which there can't be an error.
func clone(m channels.Message) channels.Message {
	c, _ := m.Clone()
	return c
}

// A membership is a channel's in a group.
type membership struct {
	queue *queue
	group string
}

// inUse reports whether somebody waits for the channel's messages.
func (q *queue) inUse() bool { return q.sub != nil || q.receivers.Len() > 0 }

// idle reports whether there is nothing to remember of the channel.
func (q *queue) idle() bool { return !q.inUse() && len(q.items) == 0 && len(q.memberships) == 0 }

// A subscription is who is called for a channel's messages.
type subscription struct {
	// mu is held while deliver is called. That gives the messages their order, and is how unsubscribe waits for a call under way. The layer's mu may
	// be taken while it is held, and isn't held while it is taken.
	mu      sync.Mutex
	deliver func(channels.Message) // nil when the subscription is over
}

func (s *subscription) call(m channels.Message) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.deliver != nil {
		s.deliver(m)
	}
}

// end returns when no call is under way, and lets none begin.
func (s *subscription) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.deliver = nil
}
