package memlayer

import (
	"cmp"
	"context"
	"fmt"

	"github.com/teahouse-chat/teahouse/channels"
)

// GroupAdd puts a channel into a group; see [channels.Layer].
func (l *Layer) GroupAdd(ctx context.Context, group, channel string) error {
	if err := cmp.Or(ctx.Err(), channels.CheckGroup(group), channels.CheckChannel(channel)); err != nil {
		return fmt.Errorf("group add: %w", err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return fmt.Errorf("add %s to group %s: %w", channel, group, channels.ErrLayerClosed)
	}
	q := l.queue(channel)
	if e := q.memberships[group]; e != nil {
		l.memberships.renew(e)
		return nil
	}
	q.memberships[group] = l.memberships.add(membership{q, group})
	if l.groups[group] == nil {
		l.groups[group] = map[*queue]struct{}{}
	}
	l.groups[group][q] = struct{}{}
	return nil
}

// GroupDiscard takes a channel out of a group; see [channels.Layer].
func (l *Layer) GroupDiscard(ctx context.Context, group, channel string) error {
	if err := cmp.Or(ctx.Err(), channels.CheckGroup(group), channels.CheckChannel(channel)); err != nil {
		return fmt.Errorf("group discard: %w", err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return fmt.Errorf("discard %s from group %s: %w", channel, group, channels.ErrLayerClosed)
	}
	if q := l.queues[channel]; q != nil {
		l.discard(q, group)
	}
	return nil
}

// discard ends a membership, if there is one, and forgets what has become idle. mu must be held.
func (l *Layer) discard(q *queue, group string) {
	e := q.memberships[group]
	if e == nil {
		return
	}
	l.memberships.remove(e)
	delete(q.memberships, group)
	delete(l.groups[group], q)
	if len(l.groups[group]) == 0 {
		delete(l.groups, group)
	}
	l.forgetIdle(q)
}

// discardAll ends all memberships of a channel. mu must be held.
func (l *Layer) discardAll(q *queue) {
	for group := range q.memberships {
		l.discard(q, group)
	}
}

// GroupSend sends a message to the members of a group; see [channels.Layer]. What it loses is counted before it returns.
func (l *Layer) GroupSend(ctx context.Context, group string, m channels.Message) error {
	if err := cmp.Or(ctx.Err(), channels.CheckGroup(group)); err != nil {
		return fmt.Errorf("group send: %w", err)
	}
	m, err := m.Clone()
	if err != nil {
		return fmt.Errorf("send to group %s: %w", group, err)
	}
	subs, queued, lost, err := l.groupSend(group, m)
	if err != nil {
		return fmt.Errorf("send to group %s: %w", group, err)
	}
	l.losses.Add(group, channels.LossFull, lost)
	for n, sub := range subs {
		own := m
		if queued > 0 || n < len(subs)-1 { // the last one needs no copy, if nobody else has the message
			own = clone(m)
		}
		sub.call(own)
	}
	return nil
}

// groupSend queues a message for the members of a group, and returns the subscriptions of those that are to be called.
func (l *Layer) groupSend(group string, m channels.Message) (subs []*subscription, queued, lost int, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil, 0, 0, channels.ErrLayerClosed
	}
	for q := range l.groups[group] {
		switch {
		case q.sub != nil:
			subs = append(subs, q.sub)
		case l.put(item{q, m, group}):
			queued++
		default:
			lost++
		}
	}
	return subs, queued, lost, nil
}
