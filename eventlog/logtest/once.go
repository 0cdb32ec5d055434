package logtest

import (
	"errors"
	"strconv"
	"testing"

	"github.com/teahouse-chat/teahouse/eventlog"
)

func testRetry(t *testing.T, log eventlog.Log) {
	first := appendAll(t, log, entry("room", "a", "1"))[0]
	fill := appendAll(t, log, entry("room", "b", "2"))[0]
	again := entry("room", "a", "1")
	again.Type, again.Data = "other", []byte("other")
	got := appendAll(t, log, again)[0]
	if !got.Existed || !same(got.Event, first.Event) {
		t.Errorf("retry: got %+v, want the first event %+v", got, first.Event)
	}
	if next := appendAll(t, log, entry("room", "a", "3"))[0]; next.Offset != fill.Offset+1 {
		t.Errorf("append after a retry: got offset %d, want %d", next.Offset, fill.Offset+1)
	}
}

func testRetryWithin(t *testing.T, log eventlog.Log) {
	second := entry("room", "a", "1")
	second.Data = []byte("other")
	answers := appendAll(t, log, entry("room", "a", "1"), second, entry("room", "a", "2"))
	if answers[0].Existed || !answers[1].Existed || answers[2].Existed {
		t.Errorf("existed: got %v %v %v, want false true false", answers[0].Existed, answers[1].Existed, answers[2].Existed)
	}
	if !same(answers[0].Event, answers[1].Event) || answers[2].Offset != 2 {
		t.Errorf("got %+v", answers)
	}
	if n := len(read(t, log, "room", 0, 10)); n != 2 {
		t.Errorf("got %d events, want 2", n)
	}
}

func testIDScope(t *testing.T, log eventlog.Log) {
	appendAll(t, log, entry("room", "a", "1"))
	for _, e := range []eventlog.Entry{
		entry("room", "b", "1"), entry("other", "a", "1"), entry("room", "a", "01"), entry("room", "A", "1"),
		entry("room", "a1", "x"), entry("room", "a", "1x"),
	} {
		if got := appendAll(t, log, e)[0]; got.Existed {
			t.Errorf("%s by %s in %s: existed, want a new event", e.ID, e.Author, e.Topic)
		}
	}
}

func testRetryTrimmed(t *testing.T, log eventlog.Log) {
	fill(t, log, "room", 3)
	trim(t, log, "room", 3)
	for _, id := range []int{1, 2, 3} {
		got := appendAll(t, log, entry("room", "a", strconv.Itoa(id)))[0]
		if !got.Existed || got.Offset != eventlog.Offset(id) || got.ID != strconv.Itoa(id) || got.Author != "a" || got.Topic != "room" {
			t.Errorf("retry of %d: got %+v, want the first event", id, got)
		}
		if id < 3 && len(got.Data) != 0 {
			t.Errorf("retry of %d, which is trimmed: got data %q, want none", id, got.Data)
		}
	}
	if got := state(t, log, "room"); got != (eventlog.State{Head: 3, Floor: 3}) {
		t.Errorf("state: got %+v", got)
	}
}

func testReadTrimmed(t *testing.T, log eventlog.Log) {
	fill(t, log, "room", 10)
	trim(t, log, "room", 6)
	for after := eventlog.Offset(0); after < 5; after++ {
		for _, limit := range []int{0, 1, 100} {
			if events, err := log.Read(t.Context(), "room", after, limit); !errors.Is(err, eventlog.ErrTrimmed) || errors.Is(err, eventlog.ErrUnavailable) {
				t.Errorf("read %d after %d: got %v, %v, want ErrTrimmed", limit, after, events, err)
			}
		}
	}
	events := read(t, log, "room", 5, 100)
	if len(events) != 5 || events[0].Offset != 6 || string(events[0].Data) != "room/a/6" {
		t.Errorf("read after 5: got %v", events)
	}
	if _, err := log.Read(t.Context(), "never", -1, 1); !errors.Is(err, eventlog.ErrTrimmed) {
		t.Errorf("read after -1: got %v, want ErrTrimmed", err)
	}
}

func testTrim(t *testing.T, log eventlog.Log) {
	fill(t, log, "room", 10)
	for _, c := range []struct{ below, floor eventlog.Offset }{
		{-5, 1}, {0, 1}, {1, 1}, {4, 4}, {4, 4}, {2, 4}, {10, 10}, {11, 11}, {11, 11}, {1 << 40, 11},
	} {
		trim(t, log, "room", c.below)
		if got, want := state(t, log, "room"), (eventlog.State{Head: 10, Floor: c.floor}); got != want {
			t.Errorf("trimmed below %d: got %+v, want %+v", c.below, got, want)
		}
	}
	fill(t, log, "far", 3)
	trim(t, log, "far", 1<<40)
	if got := state(t, log, "far"); got != (eventlog.State{Head: 3, Floor: 4}) {
		t.Errorf("trimmed far past the head: got %+v", got)
	}
	trim(t, log, "none", 5)
	if got := state(t, log, "none"); got != (eventlog.State{Head: 0, Floor: 1}) {
		t.Errorf("trimmed a topic without events: got %+v", got)
	}
}

func testAppendAfterTrim(t *testing.T, log eventlog.Log) {
	fill(t, log, "room", 3)
	trim(t, log, "room", 4)
	if events := read(t, log, "room", 3, 10); len(events) != 0 {
		t.Errorf("read at the head: got %v", events)
	}
	if got := appendAll(t, log, entry("room", "a", "4"))[0]; got.Offset != 4 {
		t.Errorf("append: got offset %d, want 4", got.Offset)
	}
	if events := read(t, log, "room", 3, 10); len(events) != 1 || events[0].Offset != 4 {
		t.Errorf("read: got %v, want event 4", events)
	}
	if got := state(t, log, "room"); got != (eventlog.State{Head: 4, Floor: 4}) {
		t.Errorf("state: got %+v", got)
	}
}
