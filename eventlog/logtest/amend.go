package logtest

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"testing"

	"github.com/teahouse-chat/teahouse/eventlog"
)

var errNo = errors.New("no")

// amending is an entry that replaces an earlier event's data by what fn makes of it.
func amending(topic, id string, at eventlog.Offset, fn func(data string) (string, error)) eventlog.Entry {
	e := entry(topic, "amender", id)
	e.Amend = func(tx eventlog.Amending) error {
		was, err := tx.Event(at)
		if err != nil {
			return err
		}
		data, err := fn(string(was.Data))
		if err != nil {
			return err
		}
		tx.Replace(at, []byte(data))
		return nil
	}
	return e
}

func plus(s string) func(string) (string, error) {
	return func(data string) (string, error) { return data + s, nil }
}

// wantData checks the data of a topic's events, from the first that is kept.
func wantData(t *testing.T, log eventlog.Log, topic string, want ...string) {
	t.Helper()
	events := read(t, log, topic, state(t, log, topic).Floor-1, 1000)
	if len(events) != len(want) {
		t.Fatalf("%s: got %d events, want %d", topic, len(events), len(want))
	}
	for i, e := range events {
		if string(e.Data) != want[i] {
			t.Errorf("%s %d: got %q, want %q", topic, e.Offset, e.Data, want[i])
		}
	}
}

func testAmend(t *testing.T, log eventlog.Log) {
	e := listen(log)
	fill(t, log, "room", 3)
	before := read(t, log, "room", 0, 10)
	amend := entry("room", "b", "x")
	amend.Amend = func(tx eventlog.Amending) error {
		if self := tx.Self(); self.Offset != 4 || self.ID != "x" || self.Topic != "room" || self.Time.IsZero() {
			t.Errorf("self: got %+v", self)
		}
		for offset := eventlog.Offset(1); offset <= 2; offset++ {
			was, err := tx.Event(offset)
			if err != nil || !same(was, before[offset-1]) {
				t.Errorf("event %d: got %+v, %v", offset, was, err)
			}
			tx.Replace(offset, nil)
		}
		tx.Replace(1, []byte("other"))
		return nil
	}
	got := appendAll(t, log, amend)[0]
	if got.Offset != 4 || got.Amends != 2 || got.Err != nil || got.Existed || got.Amend != nil {
		t.Errorf("got %+v, want event 4 that amends 2", got)
	}
	if heard := e.heard["room"][3]; heard.Amends != 2 || heard.Amend != nil {
		t.Errorf("the listener was told %+v", heard)
	}
	wantData(t, log, "room", "other", "", "room/a/3", "room/b/x")
	after := read(t, log, "room", 0, 10)
	for i, want := range before[:3] {
		if want.Data = after[i].Data; !same(after[i], want) || after[i].Amends != 0 {
			t.Errorf("got %+v, want %+v", after[i], want)
		}
	}
	if after[3].Amends != 2 {
		t.Errorf("read: got %+v, want one that amends 2", after[3])
	}
	if again := appendAll(t, log, entry("room", "a", "1"))[0]; string(again.Data) != "other" {
		t.Errorf("a retry of what was amended: got %q", again.Data)
	}
}

func testAmendRefused(t *testing.T, log eventlog.Log) {
	e := listen(log)
	fill(t, log, "room", 1)
	no := amending("room", "no", 1, func(string) (string, error) { return "", errNo })
	late := entry("room", "amender", "late")
	late.Amend = func(tx eventlog.Amending) error { // after it has asked for a change
		tx.Replace(1, []byte("lost"))
		return errNo
	}
	answers := appendAll(t, log, entry("room", "a", "2"), no, late, entry("room", "a", "3"), entry("other", "a", "1"))
	for i, want := range []eventlog.Offset{2, 0, 0, 3, 1} {
		if got := answers[i]; got.Offset != want || errors.Is(got.Err, errNo) != (want == 0) || got.Existed {
			t.Errorf("answer %d: got %+v, want offset %d", i, got, want)
		}
	}
	e.check(t, log, "room", 3)
	wantData(t, log, "room", "room/a/1", "room/a/2", "room/a/3")
	if got := appendAll(t, log, amending("room", "no", 1, plus("!")))[0]; got.Offset != 4 || got.Err != nil {
		t.Errorf("the same id after it was refused: got %+v, want event 4", got)
	}
	wantData(t, log, "room", "room/a/1!", "room/a/2", "room/a/3", "room/amender/no")
}

func testAmendNothing(t *testing.T, log eventlog.Log) {
	fill(t, log, "room", 2)
	look := entry("room", "b", "1")
	look.Amend = func(tx eventlog.Amending) error {
		for _, offset := range []eventlog.Offset{-1, 0, 3, 4, 1 << 40} {
			if e, err := tx.Event(offset); !errors.Is(err, eventlog.ErrNoEvent) {
				t.Errorf("event %d: got %+v, %v", offset, e, err)
			}
		}
		return nil
	}
	if got := appendAll(t, log, look)[0]; got.Offset != 3 || got.Amends != 0 {
		t.Errorf("got %+v, want event 3 that amends nothing", got)
	}
	look.Topic = "empty"
	look.Amend = func(tx eventlog.Amending) error { _, err := tx.Event(1); return err }
	if got := appendAll(t, log, look)[0]; !errors.Is(got.Err, eventlog.ErrNoEvent) {
		t.Errorf("in an empty topic: got %+v", got)
	}
}

func testAmendRetry(t *testing.T, log eventlog.Log) {
	fill(t, log, "room", 1)
	first := appendAll(t, log, amending("room", "1", 1, plus("!")))[0]
	again := appendAll(t, log, amending("room", "1", 1, plus("!")), amending("room", "1", 1, func(string) (string, error) { return "", errNo }))
	for _, got := range again {
		if !got.Existed || got.Err != nil || !same(got.Event, first.Event) || got.Amends != 1 {
			t.Errorf("got %+v, want the first event", got)
		}
	}
	wantData(t, log, "room", "room/a/1!", "room/amender/1")
}

// Entries of one Append see each other's events and changes.
func testAmendTogether(t *testing.T, log eventlog.Log) {
	e := listen(log)
	answers := appendAll(t, log, entry("room", "a", "1"), amending("room", "1", 1, plus("!")), amending("room", "2", 1, plus("?")), amending("room", "3", 2, plus("+")))
	for i, amends := range []eventlog.Offset{0, 1, 1, 2} {
		if got := answers[i]; got.Offset != eventlog.Offset(i+1) || got.Amends != amends {
			t.Errorf("answer %d: got %+v, want one that amends %d", i, got, amends)
		}
	}
	wantData(t, log, "room", "room/a/1!?", "room/amender/1+", "room/amender/2", "room/amender/3")
	e.check(t, log, "room", 4) // as the commit left them
}

func testAmendConcurrently(t *testing.T, log eventlog.Log) {
	const callers, each = 8, 20
	fill(t, log, "room", 1)
	var all sync.WaitGroup
	for c := range callers {
		all.Go(func() {
			for n := range each {
				got, err := log.Append(context.Background(), amending("room", strconv.Itoa(c*each+n), 1, plus(".")))
				if err != nil || got[0].Err != nil || got[0].Amends != 1 {
					t.Errorf("got %+v, %v", got, err)
				}
			}
		})
	}
	all.Wait()
	if got := read(t, log, "room", 0, 1)[0]; len(got.Data) != len("room/a/1")+callers*each {
		t.Errorf("got %q, want %d dots", got.Data, callers*each)
	}
}

func testAmendTrimmed(t *testing.T, log eventlog.Log) {
	fill(t, log, "room", 3)
	trim(t, log, "room", 3)
	answers := appendAll(t, log, amending("room", "1", 2, plus("!")), amending("room", "2", 3, plus("!")))
	if got := answers[0]; !errors.Is(got.Err, eventlog.ErrTrimmed) || errors.Is(got.Err, eventlog.ErrUnavailable) {
		t.Errorf("got %+v, want ErrTrimmed", got)
	}
	if got := answers[1]; got.Err != nil || got.Offset != 4 {
		t.Errorf("got %+v, want event 4", got)
	}
	wantData(t, log, "room", "room/a/3!", "room/amender/2")
}
