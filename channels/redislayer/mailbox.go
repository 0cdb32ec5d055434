package redislayer

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/teahouse-chat/teahouse/channels"
)

// A mailbox is a channel of this process: its messages wait there for Receive, or are delivered at once to who subscribed.
type mailbox struct {
	// Static.
	capacity int
	expiry   time.Duration
	losses   *channels.Losses
	ready    chan struct{} // one slot: there may be a message

	// mu guards what follows, and serializes deliver: it is held while that is called, which is quick and doesn't call the layer.
	mu       sync.Mutex
	deliver  func(channels.Message) // nil: Receive is used
	queue    []letter
	waiting  int       // calls of Receive
	received time.Time // when Receive was used last
}

// A letter is a message that waits.
type letter struct {
	m     channels.Message
	until time.Time
}

var errSubscribed = errors.New("the channel is subscribed to")

func newMailbox(capacity int, expiry time.Duration, losses *channels.Losses) *mailbox {
	return &mailbox{capacity: capacity, expiry: expiry, losses: losses, ready: make(chan struct{}, 1)}
}

// put delivers a message that came to a group ("" if that isn't known), or has it wait. When too many wait already it is lost, and counted.
func (b *mailbox) put(m channels.Message, group string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.deliver != nil {
		b.deliver(m)
		return
	}
	now := time.Now()
	b.dropExpired(now)
	if len(b.queue) >= b.capacity {
		b.losses.Add(group, channels.LossFull, 1)
		return
	}
	b.queue = append(b.queue, letter{m, now.Add(b.expiry)})
	wakeUp(b.ready)
}

// deliver puts a message that was read into mailboxes. Each gets one of its own.
func deliver(m channels.Message, group string, to []*mailbox) {
	for i, b := range to {
		own := m
		if i < len(to)-1 {
			own, _ = m.Clone() // what was read can be cloned
		}
		b.put(own, group)
	}
}

// dropExpired drops messages that waited too long. mu must be held.
func (b *mailbox) dropExpired(now time.Time) {
	n := 0
	for n < len(b.queue) && now.After(b.queue[n].until) {
		n++
	}
	clear(b.queue[:n])
	b.queue = b.queue[n:]
	b.losses.Add("", channels.LossExpired, n)
}

// receive waits for the next message, or for the end of ctx or of the layer.
func (b *mailbox) receive(ctx, layer context.Context) (channels.Message, error) {
	b.wait(1)
	defer b.wait(-1)
	for {
		if m, ok, err := b.take(); ok || err != nil {
			return m, err
		}
		select {
		case <-b.ready:
		case <-ctx.Done():
			return nil, ending(ctx, layer)
		case <-layer.Done():
			return nil, channels.ErrLayerClosed
		}
	}
}

// wait notes that a call of Receive begins or ends.
func (b *mailbox) wait(n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.waiting += n
	b.received = time.Now()
}

// take takes the first message, if there is one.
func (b *mailbox) take() (m channels.Message, ok bool, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.deliver != nil {
		return nil, false, errSubscribed
	}
	b.dropExpired(time.Now())
	if len(b.queue) == 0 {
		return nil, false, nil
	}
	m = b.queue[0].m
	b.queue[0] = letter{}
	if b.queue = b.queue[1:]; len(b.queue) > 0 {
		wakeUp(b.ready)
	}
	return m, true, nil
}

// subscribe has deliver called from now on, for what waits already at once.
func (b *mailbox) subscribe(deliver func(channels.Message)) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.deliver != nil {
		return errSubscribed
	}
	b.dropExpired(time.Now())
	for _, l := range b.queue {
		deliver(l.m)
	}
	b.queue, b.deliver = nil, deliver
	return nil
}

// unsubscribe has messages dropped. When it returns deliver isn't called any more.
func (b *mailbox) unsubscribe() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.deliver = func(channels.Message) {}
}

// empty forgets what waits.
func (b *mailbox) empty() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.queue = nil
}

// used reports whether somebody has listened since a time.
func (b *mailbox) used(since time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.deliver != nil || b.waiting > 0 || b.received.After(since)
}
