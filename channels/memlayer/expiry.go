package memlayer

import (
	"container/list"
	"time"

	"github.com/teahouse-chat/teahouse/channels"
)

// A line is where things are in the order of their age, so that those whose time is over are found without a look at the others, and by one timer. The layer's mu
// must be held for its methods.
type line[T any] struct {
	// Static.
	ttl time.Duration // how long a thing's time is
	due func()        // is called, without mu, when the first one's time may be over; it is to call over until there is nothing

	list  list.List   // of *aged[T], the oldest first
	timer *time.Timer // calls due; nil when the line is empty and no call is to come
}

type aged[T any] struct {
	thing T
	since time.Time
}

// add puts a thing at the end of the line.
func (l *line[T]) add(thing T) *list.Element {
	if l.timer == nil {
		l.timer = time.AfterFunc(l.ttl, l.due)
	}
	return l.list.PushBack(&aged[T]{thing, time.Now()})
}

// renew gives a thing its time again.
func (l *line[T]) renew(e *list.Element) {
	e.Value.(*aged[T]).since = time.Now()
	l.list.MoveToBack(e)
}

// remove takes a thing out.
func (l *line[T]) remove(e *list.Element) T { return l.list.Remove(e).(*aged[T]).thing }

// over returns the first thing if its time is over, and leaves it where it is. Else it sees that due is called then.
func (l *line[T]) over() (e *list.Element, thing T) {
	e = l.list.Front()
	if e == nil {
		l.timer = nil
		return nil, thing
	}
	first := e.Value.(*aged[T])
	if left := l.ttl - time.Since(first.since); left > 0 {
		l.timer.Reset(left)
		return nil, thing
	}
	return e, first.thing
}

// clear takes everything out, for good.
func (l *line[T]) clear() {
	l.list.Init()
	if l.timer != nil {
		l.timer.Stop()
	}
}

// expireMessages drops the messages that have waited too long.
func (l *Layer) expireMessages() {
	l.mu.Lock()
	lost := map[string]int{} // by group
	for e, i := l.waiting.over(); e != nil; e, i = l.waiting.over() {
		l.take(i.queue) // is i: both are first in first out
		l.forgetIdle(i.queue)
		lost[i.group]++
	}
	l.mu.Unlock()
	for group, n := range lost {
		l.losses.Add(group, channels.LossExpired, n)
	}
}

// expireMemberships ends the memberships that weren't renewed and whose channels aren't in use.
func (l *Layer) expireMemberships() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for e, m := l.memberships.over(); e != nil; e, m = l.memberships.over() {
		if m.queue.inUse() {
			l.memberships.renew(e)
		} else {
			l.discard(m.queue, m.group)
		}
	}
}
