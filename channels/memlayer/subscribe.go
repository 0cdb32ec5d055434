package memlayer

import (
	"errors"
	"fmt"

	"github.com/teahouse-chat/teahouse/channels"
)

// Subscribe has deliver called for the messages of a channel; see [channels.Subscriber]. Those who send call it, before Send or GroupSend returns. Meanwhile a lock is
// held that only other senders to this channel, unsubscribe and Close wait for; so deliver may take locks under which the layer is used otherwise.
//
// A channel has one subscriber at a time, and none while a Receive waits; a name without a "!" has none ever.
func (l *Layer) Subscribe(channel string, deliver func(channels.Message)) (unsubscribe func(), err error) {
	if err := channels.CheckChannel(channel); err != nil {
		return nil, fmt.Errorf("subscribe: %w", err)
	}
	s := &subscription{deliver: deliver}
	s.mu.Lock() // nobody else calls until those that wait are delivered
	defer s.mu.Unlock()
	q, waiting, err := l.subscribe(channel, s)
	if err != nil {
		return nil, fmt.Errorf("subscribe to %s: %w", channel, err)
	}
	for _, i := range waiting {
		deliver(i.own())
	}
	return func() { l.unsubscribe(q, s) }, nil
}

// subscribe makes s a channel's subscription, and returns the messages that it is to get first.
func (l *Layer) subscribe(channel string, s *subscription) (*queue, []item, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil, nil, channels.ErrLayerClosed
	}
	if !channels.IsLocal(channel) {
		return nil, nil, errors.New("it isn't a channel that NewChannel made")
	}
	q := l.queue(channel)
	if q.inUse() {
		return nil, nil, errors.New("somebody receives from it already")
	}
	q.sub = s
	var waiting []item
	for len(q.items) > 0 {
		waiting = append(waiting, l.take(q))
	}
	return q, waiting, nil
}

// unsubscribe ends a subscription and forgets its channel. After Close, or again, it only waits for a call under way.
func (l *Layer) unsubscribe(q *queue, s *subscription) {
	l.mu.Lock()
	if q.sub == s {
		q.sub = nil
		l.discardAll(q)
		l.forgetIdle(q)
	}
	l.mu.Unlock()
	s.end()
}
