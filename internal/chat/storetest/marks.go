package storetest

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/teahouse-chat/teahouse/eventlog"
	"github.com/teahouse-chat/teahouse/internal/chat"
)

func putMarks(t *testing.T, store chat.Store, marks ...chat.Mark) {
	t.Helper()
	if err := store.PutMarks(t.Context(), marks...); err != nil {
		t.Fatalf("put marks: %v", err)
	}
}

// marks returns an author's marks, each as "room read/head level".
func marks(t *testing.T, store chat.Store, author, topic string, limit int) string {
	t.Helper()
	all, err := store.Marks(t.Context(), author, topic, limit)
	if err != nil {
		t.Fatalf("marks: %v", err)
	}
	var said []string
	for _, m := range all {
		if m.Author != author || m.Unread != 0 || m.Last.IsZero() != (m.Head == 0) || !m.Last.IsZero() && m.Last.Location() != time.UTC {
			t.Errorf("got %+v", m)
		}
		if r, err := chat.ParseRoom(m.Room.Name); err != nil || r != m.Room {
			t.Errorf("got the room %+v", m.Room)
		}
		said = append(said, fmt.Sprintf("%s %d/%d %s", m.Room.Name, m.Read, m.Head, m.Level))
	}
	return strings.Join(said, ", ")
}

func testMarks(t *testing.T, store chat.Store, log eventlog.Log) {
	a, b, empty := room(t, "a"), room(t, "茶"), room(t, "empty")
	if got := marks(t, store, "ann", "", 10); got != "" {
		t.Errorf("before any: got %s", got)
	}
	putMarks(t, store)
	putMarks(t, store, chat.Mark{Author: "ann", Room: a, Read: 1, Level: chat.LevelAll}, chat.Mark{Author: "ann", Room: b, Read: 2, Level: chat.LevelMentions}, chat.Mark{Author: "bob", Room: a, Read: 3, Level: chat.LevelAll})
	putMarks(t, store, chat.Mark{Author: "bob", Room: b, Read: 1}) // moves one that there isn't
	putMarks(t, store, chat.Mark{Author: "ann", Room: empty, Level: chat.LevelNone})
	post(t, log, b.Topic, "1")
	post(t, log, a.Topic, "1")
	post(t, log, a.Topic, "2")
	for _, c := range []struct {
		author, topic string
		limit         int
		want          string
	}{
		{"ann", "", 10, "a 1/2 all, 茶 2/1 mentions, empty 0/0 none"},
		{"ann", "", 2, "a 1/2 all, 茶 2/1 mentions"},
		{"ann", "", 0, ""},
		{"ann", "", -1, ""},
		{"ann", b.Topic, 1, "茶 2/1 mentions"},
		{"bob", "", 10, "a 3/2 all"},
		{"bob", b.Topic, 1, ""},
		{"nobody", "", 10, ""},
	} {
		if got := marks(t, store, c.author, c.topic, c.limit); got != c.want {
			t.Errorf("%+v: got %s", c, got)
		}
	}
}

func testMarkMoves(t *testing.T, store chat.Store, _ eventlog.Log) {
	r := room(t, "a")
	for _, c := range []struct {
		read  eventlog.Offset
		level chat.Level
		want  string
	}{
		{5, chat.LevelAll, "a 5/0 all"},
		{3, "", "a 5/0 all"},
		{7, chat.LevelNone, "a 7/0 none"},
		{8, "", "a 8/0 none"},
		{0, chat.LevelAll, "a 8/0 all"},
	} {
		putMarks(t, store, chat.Mark{Author: "ann", Room: r, Read: c.read, Level: c.level})
		if got := marks(t, store, "ann", "", 10); got != c.want {
			t.Errorf("put %d %s: got %s, want %s", c.read, c.level, got, c.want)
		}
	}
	putMarks(t, store, chat.Mark{Author: "ann", Room: r, Read: 9}, chat.Mark{Author: "ann", Room: r, Read: 8, Level: chat.LevelMentions})
	if got := marks(t, store, "ann", "", 10); got != "a 9/0 mentions" {
		t.Errorf("twice in one call: got %s", got)
	}
}

func testDropMark(t *testing.T, store chat.Store, _ eventlog.Log) {
	r := room(t, "a")
	putMarks(t, store, chat.Mark{Author: "ann", Room: r, Read: 5, Level: chat.LevelNone}, chat.Mark{Author: "bob", Room: r, Read: 5, Level: chat.LevelAll})
	for range 2 {
		if err := store.DropMark(t.Context(), "ann", r.Topic); err != nil {
			t.Errorf("drop: %v", err)
		}
	}
	if ann, bob := marks(t, store, "ann", "", 10), marks(t, store, "bob", "", 10); ann != "" || bob != "a 5/0 all" {
		t.Errorf("got %q and %q", ann, bob)
	}
	putMarks(t, store, chat.Mark{Author: "ann", Room: r, Read: 1}) // a mark that is dropped doesn't come back by moving
	if got := marks(t, store, "ann", "", 10); got != "" {
		t.Errorf("moved after it was dropped: got %s", got)
	}
	putMarks(t, store, chat.Mark{Author: "ann", Room: r, Read: 1, Level: chat.LevelAll})
	if got := marks(t, store, "ann", "", 10); got != "a 1/0 all" {
		t.Errorf("again: got %s", got)
	}
}

// speak appends an event of a type to a room, by an author.
func speak(t *testing.T, log eventlog.Log, topic, author, kind, data string) {
	t.Helper()
	states, err := log.States(t.Context(), topic)
	if err != nil {
		t.Fatal(err)
	}
	e := eventlog.Entry{Topic: topic, Type: kind, Author: author, ID: strconv.Itoa(int(states[0].Head)), Data: []byte(data)}
	if _, err := log.Append(t.Context(), e); err != nil {
		t.Fatal(err)
	}
}

func unread(t *testing.T, store chat.Store, author, topic string, after eventlog.Offset) int {
	t.Helper()
	n, err := store.Unread(t.Context(), author, topic, after)
	if err != nil {
		t.Fatalf("unread: %v", err)
	}
	return n
}

func testUnread(t *testing.T, store chat.Store, log eventlog.Log) {
	topic := room(t, "a").Topic
	if got := unread(t, store, "ann", topic, 0); got != 0 {
		t.Errorf("of a room without messages: got %d", got)
	}
	speak(t, log, topic, "bob", chat.TypePosted, `{"name":"bob","text":"1"}`)
	speak(t, log, topic, "bob", chat.TypePosted, `{"name":"bob","text":"{\"deleted\":true"}`)
	speak(t, log, topic, "ann", chat.TypePosted, `{"name":"ann","text":"3"}`)
	speak(t, log, topic, "bob", chat.TypePosted, chat.DeletedData+`,"name":"bob"}`)
	speak(t, log, topic, "bob", chat.TypeReacted, `{"name":"bob","target":1}`)
	speak(t, log, topic, "cid", chat.TypePosted, `{"name":"cid","text":"6"}`)
	for _, c := range []struct {
		author string
		after  eventlog.Offset
		want   int
	}{{"ann", 0, 3}, {"ann", 1, 2}, {"ann", 2, 1}, {"ann", 5, 1}, {"ann", 6, 0}, {"ann", 99, 0}, {"bob", 0, 2}, {"nobody", 0, 4}} {
		if got := unread(t, store, c.author, topic, c.after); got != c.want {
			t.Errorf("%s past %d: got %d, want %d", c.author, c.after, got, c.want)
		}
	}
	if err := log.Trim(t.Context(), topic, 3); err != nil {
		t.Fatal(err)
	}
	if got := unread(t, store, "ann", topic, 0); got != 1 {
		t.Errorf("when some are trimmed: got %d, want 1", got)
	}
}

func testUnreadIsBounded(t *testing.T, store chat.Store, log eventlog.Log) {
	topic := room(t, "a").Topic
	fill := func(kind string, n int) {
		entries := make([]eventlog.Entry, n)
		for i := range entries {
			entries[i] = eventlog.Entry{Topic: topic, Type: kind, Author: "bob", ID: kind + strconv.Itoa(i), Data: []byte(`{"name":"bob"}`)}
		}
		if _, err := log.Append(t.Context(), entries...); err != nil {
			t.Fatal(err)
		}
	}
	fill(chat.TypePosted, chat.MaxUnread+5)
	if got := unread(t, store, "ann", topic, 0); got != chat.MaxUnread {
		t.Errorf("got %d, want %d", got, chat.MaxUnread)
	}
	if got := unread(t, store, "ann", topic, 6); got != chat.MaxUnread-1 {
		t.Errorf("got %d, want %d", got, chat.MaxUnread-1)
	}
	fill(chat.TypeReacted, 990)
	if got := unread(t, store, "ann", topic, 0); got != 10 {
		t.Errorf("behind 990 reactions: got %d, want those among the newest 1,000 events", got)
	}
}

func testMarksAreBounded(t *testing.T, store chat.Store, _ eventlog.Log) {
	var many []chat.Mark
	for n := range chat.MaxMarks + 1 {
		many = append(many, chat.Mark{Author: "ann", Room: room(t, fmt.Sprintf("r%d", n)), Level: chat.LevelAll})
	}
	putMarks(t, store, many...)
	all, err := store.Marks(t.Context(), "ann", "", 2*chat.MaxMarks)
	if err != nil || len(all) != chat.MaxMarks {
		t.Errorf("got %d marks, %v; want %d", len(all), err, chat.MaxMarks)
	}
	putMarks(t, store, chat.Mark{Author: "ann", Room: many[0].Room, Read: 7, Level: chat.LevelNone}, chat.Mark{Author: "bob", Room: many[0].Room, Level: chat.LevelAll})
	if got := marks(t, store, "ann", many[0].Room.Topic, 1) + ", " + marks(t, store, "bob", many[0].Room.Topic, 1); got != "r0 7/0 none, r0 0/0 all" {
		t.Errorf("one that is there, and somebody else's: got %s", got)
	}
}

func testMarksConcurrently(t *testing.T, store chat.Store, _ eventlog.Log) {
	r := room(t, "a")
	var all sync.WaitGroup
	for n := range 40 {
		all.Go(func() {
			if err := store.PutMarks(context.Background(), chat.Mark{Author: "ann", Room: r, Read: eventlog.Offset(n), Level: chat.LevelAll}); err != nil {
				t.Errorf("put marks: %v", err)
			}
		})
	}
	all.Wait()
	if got := marks(t, store, "ann", "", 10); got != "a 39/0 all" {
		t.Errorf("got %s", got)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := store.PutMarks(ctx, chat.Mark{Author: "ann", Room: r, Read: 99}); !errors.Is(err, context.Canceled) {
		t.Errorf("put marks: got %v, want context.Canceled", err)
	}
}
