package memlayer

import (
	"cmp"
	"container/list"
	"context"
	"errors"
	"fmt"

	"github.com/teahouse-chat/teahouse/channels"
)

// Send sends a message to a channel; see [channels.Layer].
func (l *Layer) Send(ctx context.Context, channel string, m channels.Message) error {
	if err := cmp.Or(ctx.Err(), channels.CheckChannel(channel)); err != nil {
		return fmt.Errorf("send: %w", err)
	}
	m, err := m.Clone()
	if err != nil {
		return fmt.Errorf("send to %s: %w", channel, err)
	}
	sub, err := l.send(channel, m)
	if err != nil {
		return fmt.Errorf("send to %s: %w", channel, err)
	}
	if sub != nil {
		sub.call(m)
	}
	return nil
}

// send queues a message, unless somebody has subscribed and is to be called.
func (l *Layer) send(channel string, m channels.Message) (*subscription, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil, channels.ErrLayerClosed
	}
	q := l.queue(channel)
	if q.sub != nil {
		return q.sub, nil
	}
	if !l.put(item{queue: q, message: m}) {
		return nil, channels.ErrChannelFull
	}
	l.forgetIdle(q) // its only receiver may have got the message
	return nil, nil
}

// queue is the queue of a channel, perhaps a new one. mu must be held.
func (l *Layer) queue(channel string) *queue {
	q := l.queues[channel]
	if q == nil {
		q = &queue{channel: channel, capacity: l.capacities.Of(channel), memberships: map[string]*list.Element{}}
		l.queues[channel] = q
	}
	return q
}

// forgetIdle forgets a queue that has become idle. That may have been noticed before, and its channel have another queue by now. mu must be held.
func (l *Layer) forgetIdle(q *queue) {
	if q.idle() && l.queues[q.channel] == q {
		delete(l.queues, q.channel)
	}
}

// put gives an item to the Receive that has waited longest, or lets it wait; it returns false when there is no room. mu must be held.
func (l *Layer) put(i item) bool {
	q := i.queue
	if first := q.receivers.Front(); first != nil {
		q.receivers.Remove(first).(chan item) <- i
		return true
	}
	if len(q.items) >= q.capacity {
		return false
	}
	q.items = append(q.items, l.waiting.add(i))
	return true
}

// take takes the first item out of its queue. mu must be held.
func (l *Layer) take(q *queue) item {
	first := q.items[0]
	q.items[0] = nil
	q.items = q.items[1:]
	return l.waiting.remove(first)
}

// Receive waits for a channel's next message; see [channels.Layer]. Several may wait on one channel: they are served in the order they came. A channel that
// is subscribed to can't be received from.
func (l *Layer) Receive(ctx context.Context, channel string) (channels.Message, error) {
	if err := cmp.Or(ctx.Err(), channels.CheckChannel(channel)); err != nil {
		return nil, fmt.Errorf("receive: %w", err)
	}
	i, err := l.receive(ctx, channel)
	if err != nil {
		return nil, fmt.Errorf("receive from %s: %w", channel, err)
	}
	return i.own(), nil
}

func (l *Layer) receive(ctx context.Context, channel string) (item, error) {
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return item{}, channels.ErrLayerClosed
	}
	q := l.queue(channel)
	if q.sub != nil {
		l.mu.Unlock()
		return item{}, errors.New("it is subscribed to")
	}
	if len(q.items) > 0 {
		i := l.take(q)
		l.forgetIdle(q)
		l.mu.Unlock()
		return i, nil
	}
	got := make(chan item, 1) // closed with the layer
	place := q.receivers.PushBack(got)
	l.mu.Unlock()

	var i item
	open := true
	select {
	case i, open = <-got:
	case <-ctx.Done():
		if l.giveUp(q, place) {
			return item{}, ctx.Err()
		}
		i, open = <-got
	}
	if !open {
		return item{}, channels.ErrLayerClosed
	}
	return i, nil
}

// giveUp takes a Receive out of those that wait. It returns false when that has got something already.
func (l *Layer) giveUp(q *queue, place *list.Element) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	before := q.receivers.Len()
	q.receivers.Remove(place)
	l.forgetIdle(q)
	return q.receivers.Len() < before
}
