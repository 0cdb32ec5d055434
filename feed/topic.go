package feed

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/teahouse-chat/teahouse/eventlog"
	"github.com/teahouse-chat/teahouse/fanout"
)

// A Topic is one log in use: its recent end in memory and who follows it. Its methods may be called concurrently, until Close.
type Topic struct {
	feed  *Feed
	id    string
	title string

	// Guarded by feed.mu.
	users  int
	linger *time.Timer // runs while nobody uses the topic

	loading chan struct{} // one slot, held by the one that loads

	mu     sync.Mutex
	loaded bool
	ended  bool
	head   eventlog.Offset  // the newest event that is here
	floor  eventlog.Offset  // as far as known; the log may be ahead
	known  eventlog.Offset  // the newest that was heard of; past head while reading
	recent []eventlog.Event // the newest events, ending at head
	bytes  int              // of their data
	cut    int              // events before recent that its array still holds
	grown  chan struct{}    // closed when head moves; nil when nobody waits
	reads  bool             // a goroutine reads the log from head on
	out    *fanout.Topic    // nil until loaded

	behind func(ms *fanout.Membership, cursor int64) // supplies a follower; one for all of them, since each has a reference to it
}

func newTopic(f *Feed, id, title string) *Topic {
	t := &Topic{feed: f, id: id, title: title, loading: make(chan struct{}, 1)}
	t.behind = func(ms *fanout.Membership, cursor int64) {
		f.background(func() { t.supply(ms, ms.Encoding(), eventlog.Offset(cursor)) })
	}
	return t
}

// use counts a user. feed.mu must be held.
func (t *Topic) use() {
	t.users++
	if t.linger != nil {
		t.linger.Stop()
		t.linger = nil
	}
}

// Close says that the caller doesn't need the topic any more. Once nobody does, it leaves memory after the linger time.
func (t *Topic) Close() {
	f := t.feed
	f.mu.Lock()
	defer f.mu.Unlock()
	if t.users--; t.users == 0 && f.ctx.Err() == nil {
		t.linger = time.AfterFunc(f.opts.Linger, t.expire)
	}
}

func (t *Topic) expire() {
	f := t.feed
	f.mu.Lock()
	idle := t.users == 0 && f.topics[t.id] == t
	if idle {
		delete(f.topics, t.id)
	}
	f.mu.Unlock()
	if idle {
		t.end()
	}
}

// end stops the topic's background work.
func (t *Topic) end() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.ended = true
}

// load reads the topic's state, once. Commits that are told meanwhile are remembered in known and read afterwards.
func (t *Topic) load(ctx context.Context) error {
	if t.isLoaded() {
		return nil
	}
	select {
	case t.loading <- struct{}{}:
		defer func() { <-t.loading }()
	case <-ctx.Done():
		return ctx.Err()
	}
	if t.isLoaded() {
		return nil
	}
	states, err := t.feed.log.States(ctx, t.id)
	if err != nil {
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.feed.blocks.drop(t.id) // nobody told of events that were amended while the topic wasn't in memory
	t.head, t.floor = states[0].Head, states[0].Floor
	t.out = fanout.NewTopic(int64(t.head), &t.feed.opts.Fanout)
	t.loaded = true
	t.catchUp()
	return nil
}

func (t *Topic) isLoaded() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.loaded
}

// ID is what the log calls the topic.
func (t *Topic) ID() string { return t.id }

// Title is what encoders write for the topic.
func (t *Topic) Title() string { return t.title }

// State returns what of the topic can be read now.
func (t *Topic) State() eventlog.State {
	t.mu.Lock()
	defer t.mu.Unlock()
	return eventlog.State{Head: t.head, Floor: t.floor}
}

// StateFor is State for one who comes with a cursor. A cursor past the head may have been taken elsewhere, from a process that knew more:
// then the log is asked, and what is missing here is read, before the state is told. Errors: those of the log; the context's.
func (t *Topic) StateFor(ctx context.Context, cursor eventlog.Offset) (eventlog.State, error) {
	if s := t.State(); cursor <= s.Head {
		return s, nil
	}
	states, err := t.feed.log.States(ctx, t.id)
	if err != nil {
		return eventlog.State{}, err
	}
	if states[0].Head >= cursor {
		t.heard(states[0].Head)
		if err := t.Wait(ctx, cursor-1); err != nil {
			return eventlog.State{}, err
		}
	}
	return t.State(), nil
}

// Read returns up to limit events past the cursor, oldest first, from memory when it has them; none past the head of State, even if the
// log has more by now. Errors: those of [eventlog.Log].
func (t *Topic) Read(ctx context.Context, after eventlog.Offset, limit int) ([]eventlog.Event, error) {
	if events, ok := t.remembered(after, limit); ok {
		return events, nil
	}
	events, err := t.feed.log.Read(ctx, t.id, after, limit)
	if err != nil {
		return nil, err
	}
	head := t.State().Head
	for len(events) > 0 && events[len(events)-1].Offset > head {
		events = events[:len(events)-1]
	}
	return events, nil
}

// remembered returns events from memory; ok is false when the log has to be asked.
func (t *Topic) remembered(after eventlog.Offset, limit int) (events []eventlog.Event, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if after >= t.head {
		return nil, true
	}
	oldest := t.head + 1 - eventlog.Offset(len(t.recent))
	if after+1 < oldest {
		return nil, false
	}
	events = t.recent[after+1-oldest:]
	return events[:min(limit, len(events)):min(limit, len(events))], true
}

// Wait returns when the topic has grown past the cursor, or with the context's error.
func (t *Topic) Wait(ctx context.Context, after eventlog.Offset) error {
	for {
		t.mu.Lock()
		if t.head > after {
			t.mu.Unlock()
			return nil
		}
		if t.grown == nil {
			t.grown = make(chan struct{})
		}
		grown := t.grown
		t.mu.Unlock()
		select {
		case <-grown:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Follow gives the member every event past the cursor, once and in order, until the follower leaves. The cursor is one that the topic's
// State serves; when it can't be served later, because events were trimmed before the member took them, it is told by AppendReset.
func (t *Topic) Follow(m Member, enc Encoding, cursor eventlog.Offset) *fanout.Membership {
	return t.out.Join(m, enc, int64(cursor), t.behind)
}

// grow adds committed events of this topic, oldest first.
func (t *Topic) grow(events []eventlog.Event) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.add(events)
	t.catchUp()
}

// add takes what follows the head and remembers how far the log goes. t.mu must be held.
func (t *Topic) add(events []eventlog.Event) {
	t.known = max(t.known, events[len(events)-1].Offset)
	if !t.loaded {
		return
	}
	for len(events) > 0 && events[0].Offset <= t.head {
		events = events[1:]
	}
	if len(events) == 0 || events[0].Offset != t.head+1 {
		return
	}
	t.outdate(events)
	t.remember(events)
	t.head = events[len(events)-1].Offset
	t.out.Append(len(events), func(dst []byte, enc Encoding, i int) []byte {
		return t.feed.encoder.AppendEvent(dst, enc, t.title, &events[i])
	})
	if t.grown != nil {
		close(t.grown)
		t.grown = nil
	}
}

// outdate forgets what memory holds of the events that new ones amend; the new ones are as they are now already. t.mu must be held.
func (t *Topic) outdate(events []eventlog.Event) {
	var upto eventlog.Offset
	for i := range events {
		upto = max(upto, events[i].Amends)
	}
	if upto = min(upto, t.head); upto == 0 {
		return
	}
	t.forgetBelow(upto + 1)
	t.out.Forget(int64(upto))
	t.feed.blocks.drop(t.id)
}

// forgetBelow drops the recent events below an offset. t.mu must be held.
func (t *Topic) forgetBelow(below eventlog.Offset) {
	n := 0
	for n < len(t.recent) && t.recent[n].Offset < below {
		t.bytes -= len(t.recent[n].Data)
		n++
	}
	t.forget(n)
}

// remember adds to recent and forgets the oldest that are too many or too large. Readers may hold pieces of the old array, so it is never
// written to but at its end. t.mu must be held.
func (t *Topic) remember(events []eventlog.Event) {
	t.recent = append(t.recent, events...)
	for i := range events {
		t.bytes += len(events[i].Data)
	}
	n := 0
	for len(t.recent)-n > t.feed.opts.Recent || t.bytes > recentBytes && len(t.recent)-n > 1 {
		t.bytes -= len(t.recent[n].Data)
		n++
	}
	t.forget(n)
}

// forget drops the oldest n of recent, whose bytes are taken off already. t.mu must be held.
func (t *Topic) forget(n int) {
	t.recent = t.recent[n:]
	if t.cut += n; t.cut > len(t.recent) {
		t.recent, t.cut = slices.Clone(t.recent), 0
	}
}

// heard is told that the log has grown to head, at least.
func (t *Topic) heard(head eventlog.Offset) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.known = max(t.known, head)
	t.catchUp()
}

// trimmed is told that the events below an offset are gone.
func (t *Topic) trimmed(below eventlog.Offset) {
	t.mu.Lock()
	defer t.mu.Unlock()
	below = min(below, t.head+1)
	t.floor = max(t.floor, below)
	t.forgetBelow(below)
}

// catchUp starts reading the log when it is ahead of the tail. t.mu must be held.
func (t *Topic) catchUp() {
	if t.loaded && !t.reads && t.known > t.head {
		t.reads = true
		t.feed.background(t.readOn)
	}
}

// readOn reads the log from the tail's own end until nothing is missing.
func (t *Topic) readOn() {
	f := t.feed
	for try := 0; ; try++ {
		t.mu.Lock()
		head, known := t.head, t.known
		done := head >= known || t.ended
		t.reads = !done
		t.mu.Unlock()
		if done {
			return
		}
		events, err := f.log.Read(f.ctx, t.id, head, blockEvents)
		if errors.Is(err, eventlog.ErrTrimmed) {
			err = t.skip(f.ctx)
		}
		if err == nil {
			try = -1 // the next failure is the first
			t.mu.Lock()
			switch {
			case len(events) > 0:
				t.add(events)
			case t.known == known && t.head == head: // what was heard isn't so
				t.known = head
			}
			t.mu.Unlock()
		} else if !f.pause(try, t, err) {
			return
		}
	}
}

// skip moves the tail's end up to the log's floor: events that this process never read were trimmed. Followers that lack
// them are told by reset.
func (t *Topic) skip(ctx context.Context) error {
	states, err := t.feed.log.States(ctx, t.id)
	if err != nil {
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.floor = states[0].Floor
	if to := t.floor - 1; to > t.head {
		t.recent, t.bytes, t.cut = nil, 0, 0
		t.head = to
		t.out.Skip(int64(to))
	}
	return nil
}
