// Package logtest is the suite that every [eventlog.Log] passes: each line of the contract, tried.
package logtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/teahouse-chat/teahouse/eventlog"
)

// Run tries the logs that open returns. Each is to be empty and its own; open registers its closing with t.Cleanup.
func Run(t *testing.T, open func(t *testing.T) eventlog.Log) {
	for _, c := range []struct {
		name string
		test func(*testing.T, eventlog.Log)
	}{
		{"OffsetsOfATopicStartAtOneAndHaveNoHoles", testOffsets},
		{"AnEventIsReadAsItWasAppended", testRoundTrip},
		{"SeveralTopicsInOneAppend", testSeveralTopics},
		{"AppendOfNothingIsNothing", testAppendNothing},
		{"ARetryGetsTheFirstEvent", testRetry},
		{"ARetryWithinOneAppendGetsTheFirstEvent", testRetryWithin},
		{"AnIDIsUniqueToItsTopicAndAuthor", testIDScope},
		{"AnIDIsUniqueAfterItsEventWasTrimmed", testRetryTrimmed},
		{"ReadReturnsUpToTheLimitPastTheCursor", testReadLimits},
		{"ReadBelowTheFloorIsErrTrimmed", testReadTrimmed},
		{"TrimMovesTheFloorOnlyUpAndAtMostPastTheHead", testTrim},
		{"AppendsGoOnAfterATrimOfEverything", testAppendAfterTrim},
		{"StatesAnswersInOrderAndForUnknownTopics", testStates},
		{"TheEpochIsShortAndStays", testEpoch},
		{"AContextThatHasEndedAppendsNothing", testEndedContext},
		{"ListenersHearATopicInOrderBeforeAppendReturns", testOnCommit},
		{"ListenersDoNotHearOfRetries", testOnCommitRetry},
		{"ConcurrentAppendsAreDenseAndHeardOnce", testConcurrent},
		{"ConcurrentRetriesAppendOnce", testConcurrentRetries},
		{"AppendsOfSeveralEntriesAreNotTornApart", testConcurrentTogether},
		{"AnAmendmentChangesEarlierEventsWithItsOwn", testAmend},
		{"AnAmendmentThatRefusesItsEntryAppendsNothing", testAmendRefused},
		{"AnAmendmentThatOnlyLooksAmendsNothing", testAmendNothing},
		{"ARetryAmendsNothingAgain", testAmendRetry},
		{"AmendmentsOfOneAppendSeeEachOther", testAmendTogether},
		{"ConcurrentAmendmentsLoseNone", testAmendConcurrently},
		{"WhatWasTrimmedIsNotAmended", testAmendTrimmed},
		{"ALogIsWhatItsModelIs", func(t *testing.T, _ eventlog.Log) { testModel(t, open) }},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(t, open(t)) })
	}
}

// entry returns a small entry whose data says what it is.
func entry(topic, author, id string) eventlog.Entry {
	return eventlog.Entry{Topic: topic, Type: "message.posted", Author: author, ID: id, Data: []byte(topic + "/" + author + "/" + id)}
}

func appendAll(t *testing.T, log eventlog.Log, entries ...eventlog.Entry) []eventlog.Appended {
	t.Helper()
	answers, err := log.Append(t.Context(), entries...)
	if err != nil {
		t.Fatalf("append: %v", err)
	}
	if len(answers) != len(entries) {
		t.Fatalf("append of %d entries: got %d answers", len(entries), len(answers))
	}
	return answers
}

// fill appends events 1 to n to a topic that is empty.
func fill(t *testing.T, log eventlog.Log, topic string, n int) {
	t.Helper()
	entries := make([]eventlog.Entry, n)
	for i := range entries {
		entries[i] = entry(topic, "a", strconv.Itoa(i+1))
	}
	appendAll(t, log, entries...)
}

func read(t *testing.T, log eventlog.Log, topic string, after eventlog.Offset, limit int) []eventlog.Event {
	t.Helper()
	events, err := log.Read(t.Context(), topic, after, limit)
	if err != nil {
		t.Fatalf("read %s after %d: %v", topic, after, err)
	}
	return events
}

func state(t *testing.T, log eventlog.Log, topic string) eventlog.State {
	t.Helper()
	states, err := log.States(t.Context(), topic)
	if err != nil || len(states) != 1 {
		t.Fatalf("states of %s: got %v, %v", topic, states, err)
	}
	return states[0]
}

func trim(t *testing.T, log eventlog.Log, topic string, below eventlog.Offset) {
	t.Helper()
	if err := log.Trim(t.Context(), topic, below); err != nil {
		t.Fatalf("trim %s below %d: %v", topic, below, err)
	}
}

func same(a, b eventlog.Event) bool {
	return a.Topic == b.Topic && a.Type == b.Type && a.Author == b.Author && a.ID == b.ID && a.Offset == b.Offset &&
		a.Amends == b.Amends && a.Time.Equal(b.Time) && bytes.Equal(a.Data, b.Data)
}

func testOffsets(t *testing.T, log eventlog.Log) {
	for want := eventlog.Offset(1); want <= 10; want++ {
		for _, topic := range []string{"one", "two"} {
			got := appendAll(t, log, entry(topic, "a", strconv.Itoa(int(want))))[0]
			if got.Offset != want || got.Existed {
				t.Fatalf("append %d to %s: got offset %d, existed %v", want, topic, got.Offset, got.Existed)
			}
		}
	}
	if got := state(t, log, "one"); got != (eventlog.State{Head: 10, Floor: 1}) {
		t.Errorf("state: got %+v", got)
	}
}

func testRoundTrip(t *testing.T, log eventlog.Log) {
	large := bytes.Repeat([]byte("0123456789abcdef"), 64<<10/16)
	for i, e := range []eventlog.Entry{
		{Topic: "room.x", Type: "message.posted", Author: "u1", ID: "1", Data: []byte(`{"text":"来了呀客官 🍵"}`)},
		{Topic: "room.x", Type: "消息", Author: "作者", ID: "é́ ☕", Data: []byte("x")},
		{Topic: "room.x", Type: "", Author: "", ID: "empty", Data: []byte{}},
		{Topic: "room.x", Type: "t", Author: "u1", ID: "nil"},
		{Topic: "room.x", Type: "t", Author: "u1", ID: "bytes", Data: []byte{0, 0xff, 0xfe, '\'', '"', 0}},
		{Topic: "room.x", Type: "t", Author: "u1", ID: "large", Data: large},
		{Topic: "room.x", Type: "t", Author: "u1", ID: strings.Repeat("i", 128), Data: []byte("long id")},
		{Topic: strings.Repeat("t", 99), Type: "t", Author: "u1", ID: "1", Data: []byte("long topic")},
	} {
		before := time.Now().Add(-time.Millisecond)
		got := appendAll(t, log, e)[0]
		if got.Time.Before(before) || got.Time.After(time.Now()) || got.Time.Location() != time.UTC || got.Time.Nanosecond()%1e6 != 0 {
			t.Errorf("entry %d: got time %v, want now in UTC and whole milliseconds", i, got.Time)
		}
		if want := (eventlog.Event{Entry: e, Offset: got.Offset, Time: got.Time}); !same(got.Event, want) {
			t.Errorf("entry %d: append returned %.200v, want %.200v", i, got.Event, want)
		}
		events := read(t, log, e.Topic, got.Offset-1, 1)
		if len(events) != 1 || !same(events[0], got.Event) || events[0].Time.Location() != time.UTC {
			t.Errorf("entry %d: read returned %.200v, want %.200v", i, events, got.Event)
		}
	}
}

func testSeveralTopics(t *testing.T, log eventlog.Log) {
	answers := appendAll(t, log, entry("b", "u", "1"), entry("a", "u", "1"), entry("b", "u", "2"), entry("a", "u", "2"), entry("b", "u", "3"))
	want := []string{"b1", "a1", "b2", "a2", "b3"}
	for i, got := range answers {
		if s := fmt.Sprint(got.Topic, got.Offset); s != want[i] {
			t.Errorf("answer %d: got %s, want %s", i, s, want[i])
		}
	}
	if n := len(read(t, log, "b", 0, 10)); n != 3 {
		t.Errorf("topic b: got %d events, want 3", n)
	}
}

func testAppendNothing(t *testing.T, log eventlog.Log) {
	if answers, err := log.Append(t.Context()); err != nil || len(answers) != 0 {
		t.Errorf("append of nothing: got %v, %v", answers, err)
	}
}

func testReadLimits(t *testing.T, log eventlog.Log) {
	fill(t, log, "room", 10)
	for _, c := range []struct {
		after       eventlog.Offset
		limit       int
		first, last eventlog.Offset // 0 for none
	}{
		{0, 3, 1, 3},
		{0, 10, 1, 10},
		{0, 1000, 1, 10},
		{3, 3, 4, 6},
		{8, 5, 9, 10},
		{9, 1, 10, 10},
		{10, 5, 0, 0},
		{11, 5, 0, 0},
		{1 << 40, 5, 0, 0},
		{0, 0, 0, 0},
		{3, -1, 0, 0},
	} {
		events := read(t, log, "room", c.after, c.limit)
		want := int(c.last - c.first + 1)
		if c.first == 0 {
			want = 0
		}
		if len(events) != want {
			t.Errorf("read %d after %d: got %d events, want %d", c.limit, c.after, len(events), want)
			continue
		}
		for i, e := range events {
			if e.Offset != c.first+eventlog.Offset(i) || e.ID != strconv.Itoa(int(e.Offset)) {
				t.Errorf("read %d after %d: event %d is %d, id %s", c.limit, c.after, i, e.Offset, e.ID)
			}
		}
	}
	if events := read(t, log, "nobody was here", 0, 10); len(events) != 0 {
		t.Errorf("read of an unknown topic: got %v", events)
	}
}

func testStates(t *testing.T, log eventlog.Log) {
	fill(t, log, "two", 2)
	fill(t, log, "three", 3)
	trim(t, log, "three", 2)
	topics := []string{"none", "three", "two", "no\"ne", "three"}
	want := []eventlog.State{{Head: 0, Floor: 1}, {Head: 3, Floor: 2}, {Head: 2, Floor: 1}, {Head: 0, Floor: 1}, {Head: 3, Floor: 2}}
	got, err := log.States(t.Context(), topics...)
	if err != nil || len(got) != len(want) {
		t.Fatalf("states: got %v, %v", got, err)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("state of %s: got %+v, want %+v", topics[i], got[i], want[i])
		}
	}
	if got, err := log.States(t.Context()); err != nil || len(got) != 0 {
		t.Errorf("states of nothing: got %v, %v", got, err)
	}
}

func testEpoch(t *testing.T, log eventlog.Log) {
	epoch := log.Epoch()
	if len(epoch) < 1 || len(epoch) > 32 {
		t.Errorf("epoch %q: got %d characters, want 1 to 32", epoch, len(epoch))
	}
	for _, c := range epoch {
		if (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') {
			t.Errorf("epoch %q: %q is no letter or digit", epoch, c)
		}
	}
	fill(t, log, "room", 3)
	trim(t, log, "room", 3)
	if now := log.Epoch(); now != epoch {
		t.Errorf("epoch: got %q, was %q", now, epoch)
	}
}

func testEndedContext(t *testing.T, log eventlog.Log) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := log.Append(ctx, entry("room", "a", "1")); !errors.Is(err, context.Canceled) {
		t.Errorf("append: got %v, want context.Canceled", err)
	}
	if got := appendAll(t, log, entry("room", "a", "1"))[0]; got.Existed || got.Offset != 1 {
		t.Errorf("append after it: got %+v, want the first event", got)
	}
	if _, err := log.Read(ctx, "room", 0, 1); err != nil && !errors.Is(err, context.Canceled) {
		t.Errorf("read: got %v, want context.Canceled", err)
	}
}
