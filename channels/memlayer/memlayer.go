// Package memlayer is a [channels.Layer] inside one process: for a server that is alone, for development and for tests.
//
// Every channel has a queue of its own, bounded by its capacity. Unlike in Django's layer of this kind a message that has expired takes no room, doesn't take
// its channel out of groups, and is counted; capacities of single channels work; and what no other layer could carry is refused.
package memlayer

import (
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/teahouse-chat/teahouse/channels"
)

// Options of a layer; nil and zero values mean the defaults, which are those of Django.
type Options struct {
	// Capacity is how many messages a channel holds. Default 100.
	Capacity int

	// ChannelCapacity gives channels that match a capacity of their own; the first rule that matches counts.
	ChannelCapacity []channels.CapacityRule

	// Expiry is how long a message waits to be received. Default 60 s.
	Expiry time.Duration

	// GroupExpiry is how long a channel stays in a group after its last GroupAdd. A channel that is in use when the time is over, because it is subscribed to or
	// a Receive waits, stays for as long again. Default 86,400 s.
	GroupExpiry time.Duration

	// Losses counts what is lost. Default: one of the layer's own.
	Losses *channels.Losses
}

// A Layer carries messages inside its process; see [channels.Layer]. Make one with [New].
type Layer struct {
	// Static.
	capacities *channels.Capacities
	losses     *channels.Losses

	mu          sync.Mutex // guards what follows, queues too; nobody is called while it is held
	closed      bool
	queues      map[string]*queue              // of the channels that aren't idle, by name
	groups      map[string]map[*queue]struct{} // the members, by group
	waiting     line[item]                     // the messages of all queues
	memberships line[membership]
}

var (
	_ channels.Layer      = (*Layer)(nil)
	_ channels.Flusher    = (*Layer)(nil)
	_ channels.Subscriber = (*Layer)(nil)
)

// New makes a layer. It panics when a capacity or a time is negative or a capacity rule is bad: such options are a mistake in the program.
func New(o *Options) *Layer {
	d := Options{}
	if o != nil {
		d = *o
	}
	capacities, err := channels.NewCapacities(d.Capacity, d.ChannelCapacity)
	if err == nil && min(d.Expiry, d.GroupExpiry) < 0 {
		err = fmt.Errorf("expiry %v and group expiry %v: neither may be negative", d.Expiry, d.GroupExpiry)
	}
	if err != nil {
		panic(fmt.Sprintf("memlayer: %v", err))
	}
	l := &Layer{capacities: capacities, losses: d.Losses, queues: map[string]*queue{}, groups: map[string]map[*queue]struct{}{}}
	if l.losses == nil {
		l.losses = &channels.Losses{}
	}
	l.waiting.ttl, l.waiting.due = cmp.Or(d.Expiry, time.Minute), l.expireMessages
	l.memberships.ttl, l.memberships.due = cmp.Or(d.GroupExpiry, 24*time.Hour), l.expireMemberships
	return l
}

// Losses counts what the layer lost.
func (l *Layer) Losses() *channels.Losses { return l.losses }

// NewChannel makes a name like "specific.inmemory!" and 26 letters and digits.
func (l *Layer) NewChannel(ctx context.Context, prefix string) (string, error) {
	name := cmp.Or(prefix, "specific") + ".inmemory!" + strings.ToLower(rand.Text())
	if err := cmp.Or(ctx.Err(), channels.CheckChannel(name)); err != nil {
		return "", fmt.Errorf("new channel: %w", err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return "", fmt.Errorf("new channel: %w", channels.ErrLayerClosed)
	}
	return name, nil
}

// Flush forgets all messages, and the memberships of all channels but those in use: subscriptions and Receives that wait go on as members of their groups.
func (l *Layer) Flush(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("flush: %w", err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return fmt.Errorf("flush: %w", channels.ErrLayerClosed)
	}
	for _, q := range l.queues {
		for len(q.items) > 0 {
			l.take(q)
		}
		if !q.inUse() {
			l.discardAll(q)
		}
		l.forgetIdle(q)
	}
	return nil
}

// Close forgets everything. Receives that wait get ErrLayerClosed, and when it has returned no subscriber is called any more.
func (l *Layer) Close() error {
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return fmt.Errorf("close: %w", channels.ErrLayerClosed)
	}
	l.closed = true
	var subs []*subscription
	for _, q := range l.queues {
		if q.sub != nil {
			subs = append(subs, q.sub)
			q.sub = nil
		}
		for e := q.receivers.Front(); e != nil; e = q.receivers.Front() {
			close(q.receivers.Remove(e).(chan item))
		}
	}
	l.queues, l.groups = nil, nil
	l.waiting.clear()
	l.memberships.clear()
	l.mu.Unlock()
	for _, s := range subs {
		s.end()
	}
	return nil
}
