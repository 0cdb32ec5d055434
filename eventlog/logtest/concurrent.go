package logtest

import (
	"context"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/teahouse-chat/teahouse/eventlog"
)

// An ear keeps what OnCommit tells.
type ear struct {
	busy atomic.Bool // a call is under way

	mu     sync.Mutex // Protects following.
	calls  int
	heard  map[string][]eventlog.Event // by topic
	faults []string
}

func listen(log eventlog.Log) *ear {
	e := &ear{heard: map[string][]eventlog.Event{}}
	log.OnCommit(e.hear)
	return e
}

func (e *ear) hear(committed []eventlog.Event) {
	alone := e.busy.CompareAndSwap(false, true)
	defer e.busy.Store(false)
	e.mu.Lock()
	defer e.mu.Unlock()
	if !alone {
		e.faults = append(e.faults, "called by two at a time")
	}
	if len(committed) == 0 {
		e.faults = append(e.faults, "called with nothing")
	}
	e.calls++
	left := map[string]bool{} // topics that another one has followed in this call
	for i, event := range committed {
		if i > 0 && committed[i-1].Topic != event.Topic {
			left[committed[i-1].Topic] = true
		}
		if left[event.Topic] {
			e.faults = append(e.faults, "a topic in two places of a call: "+event.Topic)
		}
		e.heard[event.Topic] = append(e.heard[event.Topic], event)
	}
}

// has reports whether an event was heard.
func (e *ear) has(event eventlog.Event) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	events := e.heard[event.Topic]
	return len(events) >= int(event.Offset) && same(events[event.Offset-1], event)
}

// check compares what was heard of a topic with what the log holds.
func (e *ear) check(t *testing.T, log eventlog.Log, topic string, n int) {
	t.Helper()
	e.mu.Lock()
	defer e.mu.Unlock()
	events := read(t, log, topic, 0, n+1000)
	if len(events) != n || len(e.heard[topic]) != n {
		t.Fatalf("%s: %d events, %d heard, want %d", topic, len(events), len(e.heard[topic]), n)
	}
	for i, event := range events {
		if event.Offset != eventlog.Offset(i+1) {
			t.Fatalf("%s: event %d has offset %d", topic, i+1, event.Offset)
		}
		if !same(event, e.heard[topic][i]) {
			t.Fatalf("%s: heard %v, read %v", topic, e.heard[topic][i], event)
		}
	}
	for _, fault := range e.faults {
		t.Error("listener: " + fault)
	}
}

func testOnCommit(t *testing.T, log eventlog.Log) {
	e := listen(log)
	answers := appendAll(t, log, entry("b", "u", "1"), entry("a", "u", "1"), entry("b", "u", "2"), entry("a", "u", "2"))
	for _, a := range answers {
		if !e.has(a.Event) {
			t.Errorf("append returned before %s %d was told", a.Topic, a.Offset)
		}
	}
	if e.calls != 1 {
		t.Errorf("one commit was told in %d calls", e.calls)
	}
	e.check(t, log, "a", 2)
	e.check(t, log, "b", 2)
}

func testOnCommitRetry(t *testing.T, log eventlog.Log) {
	e := listen(log)
	appendAll(t, log, entry("a", "u", "1"), entry("a", "u", "1"))
	appendAll(t, log, entry("a", "u", "1"))
	appendAll(t, log, entry("a", "u", "1"), entry("a", "u", "2"))
	trim(t, log, "none", 2)
	e.check(t, log, "a", 2)
}

func testConcurrent(t *testing.T, log eventlog.Log) {
	const authors, each, topics = 32, 40, 7
	e := listen(log)
	var all sync.WaitGroup
	for a := range authors {
		all.Go(func() {
			last := map[string]eventlog.Offset{}
			for n := range each {
				want := entry("room."+strconv.Itoa((a+n)%topics), "author"+strconv.Itoa(a), strconv.Itoa(n))
				got, err := log.Append(context.Background(), want)
				if err != nil {
					t.Errorf("append: %v", err)
					return
				}
				if got[0].Existed || string(got[0].Data) != string(want.Data) || got[0].Offset <= last[want.Topic] {
					t.Errorf("append: got %+v after %d", got[0], last[want.Topic])
				}
				last[want.Topic] = got[0].Offset
				if !e.has(got[0].Event) {
					t.Errorf("append returned before %s %d was told", want.Topic, got[0].Offset)
				}
			}
		})
	}
	all.Wait()
	counts := map[string]int{}
	for a := range authors {
		for n := range each {
			counts["room."+strconv.Itoa((a+n)%topics)]++
		}
	}
	for topic, n := range counts {
		e.check(t, log, topic, n)
	}
}

func testConcurrentRetries(t *testing.T, log eventlog.Log) {
	const callers, ids = 16, 20
	e := listen(log)
	offsets := make([][ids]eventlog.Offset, callers)
	fresh := make([]int, callers)
	var all sync.WaitGroup
	for c := range callers {
		all.Go(func() {
			for id := range ids {
				got, err := log.Append(context.Background(), entry("room", "a", strconv.Itoa(id)))
				if err != nil {
					t.Errorf("append: %v", err)
					return
				}
				offsets[c][id] = got[0].Offset
				if !got[0].Existed {
					fresh[c]++
				}
			}
		})
	}
	all.Wait()
	sum := 0
	for c := range callers {
		sum += fresh[c]
		if offsets[c] != offsets[0] {
			t.Errorf("caller %d got offsets %v, caller 0 %v", c, offsets[c], offsets[0])
		}
	}
	if sum != ids {
		t.Errorf("%d appends were the first of their id, want %d", sum, ids)
	}
	e.check(t, log, "room", ids)
}

func testConcurrentTogether(t *testing.T, log eventlog.Log) {
	const callers, each, together = 8, 20, 3
	e := listen(log)
	var all sync.WaitGroup
	for c := range callers {
		all.Go(func() {
			for n := range each {
				var entries []eventlog.Entry
				for i := range together {
					entries = append(entries, entry("room", "a"+strconv.Itoa(c), strconv.Itoa(n*together+i)))
				}
				got, err := log.Append(context.Background(), entries...)
				if err != nil {
					t.Errorf("append: %v", err)
					return
				}
				for i := range got {
					if got[i].Offset != got[0].Offset+eventlog.Offset(i) {
						t.Errorf("entries of one append got offsets %d and %d", got[0].Offset, got[i].Offset)
					}
				}
			}
		})
	}
	all.Wait()
	e.check(t, log, "room", callers*each*together)
}
