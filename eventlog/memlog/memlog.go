// Package memlog is an [eventlog.Log] in memory: for tests, examples and rooms that need not outlive their process. It
// keeps every promise of the contract but the one of stable storage.
package memlog

import (
	"context"
	"crypto/rand"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/teahouse-chat/teahouse/eventlog"
)

// A Log keeps events in memory. Make one with [New].
type Log struct {
	epoch string // static

	mu       sync.Mutex // also held while onCommit is called, which gives that its order
	topics   map[string]*topic
	onCommit func([]eventlog.Event)
}

var _ eventlog.Log = (*Log)(nil)

type topic struct {
	events []eventlog.Event // event n is events[n-1]; trimmed ones have lost their Data
	floor  eventlog.Offset
	once   map[key]eventlog.Offset
}

type key struct{ author, id string }

// An amending is the [eventlog.Amending] of one entry.
type amending struct {
	topic    *topic
	self     eventlog.Event
	replaced map[eventlog.Offset][]byte
}

func (a *amending) Self() eventlog.Event { return a.self }

func (a *amending) Event(offset eventlog.Offset) (eventlog.Event, error) {
	switch {
	case offset < 1 || offset > a.topic.head():
		return eventlog.Event{}, fmt.Errorf("event %d: %w", offset, eventlog.ErrNoEvent)
	case offset < a.topic.floor:
		return eventlog.Event{}, fmt.Errorf("event %d: %w", offset, eventlog.ErrTrimmed)
	}
	return a.topic.events[offset-1], nil
}

func (a *amending) Replace(offset eventlog.Offset, data []byte) { a.replaced[offset] = data }

// apply replaces what was asked for, and returns the newest event that it changed.
func (a *amending) apply() (newest eventlog.Offset) {
	for offset, data := range a.replaced {
		a.topic.events[offset-1].Data = data
		newest = max(newest, offset)
	}
	return newest
}

// New returns an empty log with an epoch of its own.
func New() *Log {
	return &Log{epoch: strings.ToLower(rand.Text()[:10]), topics: map[string]*topic{}}
}

// Append adds entries; see [eventlog.Log].
func (l *Log) Append(ctx context.Context, entries ...eventlog.Entry) ([]eventlog.Appended, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("append: %w", err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()

	now := time.Now().UTC().Truncate(time.Millisecond)
	answers := make([]eventlog.Appended, len(entries))
	before := map[*topic]eventlog.Offset{} // heads of the topics that grow
	var grown []*topic                     // in the order they got their first
	for i, e := range entries {
		t := l.topic(e.Topic)
		answers[i] = t.append(e, now)
		if answers[i].Existed || answers[i].Err != nil {
			continue
		}
		if _, ok := before[t]; !ok {
			before[t] = answers[i].Offset - 1
			grown = append(grown, t)
		}
	}
	if l.onCommit != nil && len(grown) > 0 {
		var committed []eventlog.Event
		for _, t := range grown {
			committed = append(committed, t.events[before[t]:]...)
		}
		l.onCommit(committed)
	}
	return answers, nil
}

// topic returns a topic, which it makes if need be. mu must be held.
func (l *Log) topic(name string) *topic {
	t := l.topics[name]
	if t == nil {
		t = &topic{floor: 1, once: map[key]eventlog.Offset{}}
		l.topics[name] = t
	}
	return t
}

// append adds one entry. The log's mu must be held.
func (t *topic) append(e eventlog.Entry, now time.Time) eventlog.Appended {
	k := key{e.Author, e.ID}
	if first, ok := t.once[k]; ok {
		return eventlog.Appended{Event: t.events[first-1], Existed: true}
	}
	amend := e.Amend
	e.Amend = nil
	event := eventlog.Event{Entry: e, Offset: t.head() + 1, Time: now}
	if amend != nil {
		tx := &amending{topic: t, self: event, replaced: map[eventlog.Offset][]byte{}}
		if err := amend(tx); err != nil {
			return eventlog.Appended{Err: err}
		}
		event.Amends = tx.apply()
	}
	t.events = append(t.events, event)
	t.once[k] = event.Offset
	return eventlog.Appended{Event: event}
}

func (t *topic) head() eventlog.Offset { return eventlog.Offset(len(t.events)) }

// Read returns events past a cursor; see [eventlog.Log].
func (l *Log) Read(ctx context.Context, name string, after eventlog.Offset, limit int) ([]eventlog.Event, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("read %s after %d: %w", name, after, err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if after < l.state(name).Floor-1 {
		return nil, fmt.Errorf("read %s after %d: %w", name, after, eventlog.ErrTrimmed)
	}
	t := l.topics[name]
	if t == nil || after >= t.head() || limit <= 0 {
		return nil, nil
	}
	end := min(t.head(), after+eventlog.Offset(limit))
	return append([]eventlog.Event(nil), t.events[after:end]...), nil
}

// States returns the state of each topic; see [eventlog.Log].
func (l *Log) States(ctx context.Context, topics ...string) ([]eventlog.State, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("states: %w", err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	states := make([]eventlog.State, len(topics))
	for i, name := range topics {
		states[i] = l.state(name)
	}
	return states, nil
}

// state returns the state of a topic. mu must be held.
func (l *Log) state(name string) eventlog.State {
	if t := l.topics[name]; t != nil {
		return eventlog.State{Head: t.head(), Floor: t.floor}
	}
	return eventlog.State{Head: 0, Floor: 1}
}

// Trim drops the events below an offset; see [eventlog.Log].
func (l *Log) Trim(ctx context.Context, name string, below eventlog.Offset) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("trim %s below %d: %w", name, below, err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	t := l.topics[name]
	if t == nil {
		return nil
	}
	for below = min(below, t.head()+1); t.floor < below; t.floor++ {
		t.events[t.floor-1].Data = nil
	}
	return nil
}

// Epoch names this log's lineage: every New makes another.
func (l *Log) Epoch() string { return l.epoch }

// OnCommit sets fn to be told of what is appended; see [eventlog.Log].
func (l *Log) OnCommit(fn func(committed []eventlog.Event)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.onCommit = fn
}
