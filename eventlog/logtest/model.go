package logtest

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"github.com/teahouse-chat/teahouse/eventlog"
)

// A model is a log as the contract describes it, too simple to be wrong.
type model struct {
	log    eventlog.Log
	prefix string                      // of this run's topics: runs share a log
	topics map[string][]eventlog.Event // all events ever, with their data
	floors map[string]eventlog.Offset
	heard  map[string]int // how many events of a topic the listener was told
}

// testModel does what comes to rapid's mind to a log and to its model, and compares them.
func testModel(t *testing.T, open func(*testing.T) eventlog.Log) {
	log := open(t)
	heard := map[string]int{}
	log.OnCommit(func(committed []eventlog.Event) { // within Append, whose caller is the only one
		for _, e := range committed {
			if heard[e.Topic]++; heard[e.Topic] != int(e.Offset) {
				t.Errorf("listener: got %s %d, want %d", e.Topic, e.Offset, heard[e.Topic])
			}
		}
	})
	run := 0
	rapid.Check(t, func(rt *rapid.T) {
		run++
		m := &model{
			log: log, prefix: fmt.Sprintf("run%d.", run), heard: heard,
			topics: map[string][]eventlog.Event{}, floors: map[string]eventlog.Offset{},
		}
		rt.Repeat(map[string]func(*rapid.T){"append": m.append, "read": m.read, "trim": m.trim, "": m.check})
	})
}

func (m *model) topic(rt *rapid.T) string {
	return m.prefix + rapid.SampledFrom([]string{"x", "y", "茶"}).Draw(rt, "topic")
}

func (m *model) offset(rt *rapid.T) eventlog.Offset {
	return eventlog.Offset(rapid.IntRange(0, 15).Draw(rt, "offset"))
}

func (m *model) state(topic string) eventlog.State {
	return eventlog.State{Head: eventlog.Offset(len(m.topics[topic])), Floor: max(1, m.floors[topic])}
}

func (m *model) append(rt *rapid.T) {
	entries := make([]eventlog.Entry, rapid.IntRange(0, 5).Draw(rt, "entries"))
	for i := range entries {
		entries[i] = eventlog.Entry{
			Topic:  m.topic(rt),
			Type:   rapid.SampledFrom([]string{"a", "b"}).Draw(rt, "type"),
			Author: rapid.SampledFrom([]string{"甲", "乙"}).Draw(rt, "author"),
			ID:     rapid.StringMatching(`[ab]{1,3}`).Draw(rt, "id"),
			Data:   rapid.SliceOfN(rapid.Byte(), 0, 20).Draw(rt, "data"),
		}
	}
	answers, err := m.log.Append(context.Background(), entries...)
	if err != nil || len(answers) != len(entries) {
		rt.Fatalf("append: got %v, %v", answers, err)
	}
	for i, e := range entries {
		want, existed := m.find(e)
		if !existed {
			want = eventlog.Event{Entry: e, Offset: m.state(e.Topic).Head + 1, Time: answers[i].Time}
			m.topics[e.Topic] = append(m.topics[e.Topic], want)
		} else if want.Offset < m.state(e.Topic).Floor {
			want.Data = nil
		}
		if answers[i].Existed != existed || !same(answers[i].Event, want) {
			rt.Fatalf("append %+v: got %+v, want %+v, existed %v", e, answers[i], want, existed)
		}
	}
}

func (m *model) find(e eventlog.Entry) (eventlog.Event, bool) {
	for _, had := range m.topics[e.Topic] {
		if had.Author == e.Author && had.ID == e.ID {
			return had, true
		}
	}
	return eventlog.Event{}, false
}

func (m *model) read(rt *rapid.T) {
	topic, after, limit := m.topic(rt), m.offset(rt), rapid.IntRange(0, 20).Draw(rt, "limit")
	got, err := m.log.Read(context.Background(), topic, after, limit)
	state := m.state(topic)
	if trimmed := after < state.Floor-1; trimmed != errors.Is(err, eventlog.ErrTrimmed) || !trimmed && err != nil {
		rt.Fatalf("read after %d of %+v: got %v", after, state, err)
	} else if trimmed {
		return
	}
	var want []eventlog.Event
	if after < state.Head {
		want = m.topics[topic][after:]
		want = want[:min(limit, len(want))]
	}
	if len(got) != len(want) {
		rt.Fatalf("read %d after %d of %+v: got %d events, want %d", limit, after, state, len(got), len(want))
	}
	for i := range got {
		if !same(got[i], want[i]) {
			rt.Fatalf("read after %d: got %+v, want %+v", after, got[i], want[i])
		}
	}
}

func (m *model) trim(rt *rapid.T) {
	topic, below := m.topic(rt), m.offset(rt)
	if err := m.log.Trim(context.Background(), topic, below); err != nil {
		rt.Fatalf("trim: %v", err)
	}
	state := m.state(topic)
	m.floors[topic] = max(state.Floor, min(below, state.Head+1))
}

// check is done after every step.
func (m *model) check(rt *rapid.T) {
	var topics []string
	for topic := range m.topics {
		topics = append(topics, topic)
	}
	states, err := m.log.States(context.Background(), topics...)
	if err != nil || len(states) != len(topics) {
		rt.Fatalf("states: got %v, %v", states, err)
	}
	for i, topic := range topics {
		if states[i] != m.state(topic) || m.heard[topic] != len(m.topics[topic]) {
			rt.Fatalf("%s: got %+v and %d heard, want %+v", topic, states[i], m.heard[topic], m.state(topic))
		}
	}
}
