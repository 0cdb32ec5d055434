// Package storetest is the suite that every [chat.Store] passes.
package storetest

import (
	"bytes"
	"context"
	"errors"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/teahouse-chat/teahouse/eventlog"
	"github.com/teahouse-chat/teahouse/internal/chat"
)

// Run tries the stores that open returns, each with the log beside it. Each is to be empty and its own; open registers
// its closing with t.Cleanup.
func Run(t *testing.T, open func(t *testing.T) (chat.Store, eventlog.Log)) {
	for _, c := range []struct {
		name string
		test func(*testing.T, chat.Store, eventlog.Log)
	}{
		{"AnEmptyStoreHasNoRooms", testEmpty},
		{"ARoomWithoutMessagesIsNotRecent", testSilentRoom},
		{"TheRoomWithTheNewestMessageComesFirst", testNewestFirst},
		{"RecentRoomsKeepsToItsLimit", testLimit},
		{"ATopicThatIsNoRoomIsNotRecent", testNoRoom},
		{"ARoomThatWasTrimmedEmptyIsNotRecent", testTrimmedRoom},
		{"PuttingARoomAgainChangesNothing", testPutAgain},
		{"ManyPutTheSameRoomsAtOnce", testPutConcurrently},
		{"ASecretIsMadeOnceAndStays", testSecret},
		{"ManyAskForASecretAtOnce", testSecretConcurrently},
		{"MarksAreAnAuthorsRoomsTheNewestFirst", testMarks},
		{"AMarkMovesForwardOnlyAndKeepsItsLevel", testMarkMoves},
		{"AMarkThatWasDroppedIsGone", testDropMark},
		{"UnreadAreTheMessagesOfOthersThatAreThere", testUnread},
		{"UnreadIsBounded", testUnreadIsBounded},
		{"ManyMoveAMarkAtOnce", testMarksConcurrently},
		{"MarksAreBounded", testMarksAreBounded},
		{"AContextThatHasEndedPutsNothing", testEndedContext},
	} {
		t.Run(c.name, func(t *testing.T) {
			store, log := open(t)
			c.test(t, store, log)
		})
	}
}

func room(t *testing.T, name string) chat.Room {
	t.Helper()
	r, err := chat.ParseRoom(name)
	if err != nil {
		t.Fatalf("room %s: %v", name, err)
	}
	return r
}

func put(t *testing.T, store chat.Store, r chat.Room) {
	t.Helper()
	if err := store.PutRoom(t.Context(), r); err != nil {
		t.Fatalf("put room %s: %v", r.Name, err)
	}
}

// post appends a message to a room and returns when it was, after which time has passed.
func post(t *testing.T, log eventlog.Log, topic, id string) eventlog.Event {
	t.Helper()
	got, err := log.Append(t.Context(), eventlog.Entry{Topic: topic, Type: "message.posted", Author: "a", ID: id})
	if err != nil {
		t.Fatalf("append to %s: %v", topic, err)
	}
	for !time.Now().Truncate(time.Millisecond).After(got[0].Time) {
		time.Sleep(time.Millisecond) // the log's times are real ones
	}
	return got[0].Event
}

func recent(t *testing.T, store chat.Store, limit int) []chat.RoomActivity {
	t.Helper()
	rooms, err := store.RecentRooms(t.Context(), limit)
	if err != nil {
		t.Fatalf("recent rooms: %v", err)
	}
	return rooms
}

func names(rooms []chat.RoomActivity) string {
	var all []string
	for _, r := range rooms {
		all = append(all, r.Room.Name)
	}
	return strings.Join(all, " ")
}

func testEmpty(t *testing.T, store chat.Store, _ eventlog.Log) {
	if got := recent(t, store, 10); len(got) != 0 {
		t.Errorf("got %v", got)
	}
}

func testSilentRoom(t *testing.T, store chat.Store, _ eventlog.Log) {
	put(t, store, room(t, "silent"))
	if got := recent(t, store, 10); len(got) != 0 {
		t.Errorf("got %v", got)
	}
}

func testNewestFirst(t *testing.T, store chat.Store, log eventlog.Log) {
	tea, lobby, third := room(t, "茶馆"), room(t, "lobby"), room(t, "3")
	put(t, store, tea)
	put(t, store, lobby)
	put(t, store, third)
	post(t, log, tea.Topic, "1")
	post(t, log, lobby.Topic, "1")
	post(t, log, third.Topic, "1")
	last := post(t, log, tea.Topic, "2")
	post(t, log, lobby.Topic, "1") // a retry is no message

	got := recent(t, store, 10)
	if names(got) != "茶馆 3 lobby" {
		t.Fatalf("got %s", names(got))
	}
	if got[0].Room != tea || got[0].Head != 2 || !got[0].Last.Equal(last.Time) || got[0].Last.Location() != time.UTC {
		t.Errorf("got %+v, want head 2 at %v", got[0], last.Time)
	}
}

func testLimit(t *testing.T, store chat.Store, log eventlog.Log) {
	for n := range 5 {
		r := room(t, strconv.Itoa(n))
		put(t, store, r)
		post(t, log, r.Topic, "1")
	}
	for limit, want := range map[int]string{-1: "", 0: "", 1: "4", 3: "4 3 2", 5: "4 3 2 1 0", 6: "4 3 2 1 0"} {
		if got := names(recent(t, store, limit)); got != want {
			t.Errorf("limit %d: got %s, want %s", limit, got, want)
		}
	}
}

func testNoRoom(t *testing.T, store chat.Store, log eventlog.Log) {
	post(t, log, "canary", "1")
	if got := recent(t, store, 10); len(got) != 0 {
		t.Errorf("got %v", got)
	}
	late := room(t, "late")
	post(t, log, late.Topic, "1")
	put(t, store, late)
	if got := names(recent(t, store, 10)); got != "late" {
		t.Errorf("got %s, want late, which was put after its message", got)
	}
}

func testTrimmedRoom(t *testing.T, store chat.Store, log eventlog.Log) {
	r := room(t, "old")
	put(t, store, r)
	post(t, log, r.Topic, "1")
	if err := log.Trim(t.Context(), r.Topic, 2); err != nil {
		t.Fatal(err)
	}
	if got := recent(t, store, 10); len(got) != 0 {
		t.Errorf("got %v", got)
	}
	post(t, log, r.Topic, "2")
	if got := recent(t, store, 10); len(got) != 1 || got[0].Head != 2 {
		t.Errorf("got %v, want the room with head 2", got)
	}
}

func testPutAgain(t *testing.T, store chat.Store, log eventlog.Log) {
	r := room(t, "again")
	put(t, store, r)
	post(t, log, r.Topic, "1")
	put(t, store, r)
	put(t, store, chat.Room{Name: "otherwise", Topic: r.Topic})
	if got := recent(t, store, 10); len(got) != 1 || got[0].Room != r {
		t.Errorf("got %v, want %v", got, r)
	}
}

func testPutConcurrently(t *testing.T, store chat.Store, log eventlog.Log) {
	var all sync.WaitGroup
	for n := range 40 {
		r := room(t, strconv.Itoa(n%10))
		all.Go(func() {
			if err := store.PutRoom(context.Background(), r); err != nil {
				t.Errorf("put room: %v", err)
			}
			_, err := log.Append(context.Background(), eventlog.Entry{Topic: r.Topic, Author: "a", ID: strconv.Itoa(n)})
			if err != nil {
				t.Errorf("append: %v", err)
			}
		})
	}
	all.Wait()
	got := recent(t, store, 100)
	if len(got) != 10 {
		t.Errorf("got %d rooms, want 10", len(got))
	}
	for _, r := range got {
		if r.Head != 4 {
			t.Errorf("%s: got head %d, want 4", r.Room.Name, r.Head)
		}
	}
}

func secret(t *testing.T, store chat.Store, name string) []byte {
	t.Helper()
	got, err := store.Secret(t.Context(), name)
	if err != nil {
		t.Fatalf("secret %s: %v", name, err)
	}
	if len(got) != 32 || bytes.Equal(got, make([]byte, 32)) {
		t.Fatalf("secret %s: got %x, want 32 random bytes", name, got)
	}
	return got
}

func testSecret(t *testing.T, store chat.Store, _ eventlog.Log) {
	first, other := secret(t, store, "cookie"), secret(t, store, "other")
	if bytes.Equal(first, other) {
		t.Error("two names have one secret")
	}
	if again := secret(t, store, "cookie"); !bytes.Equal(again, first) {
		t.Errorf("got %x, was %x", again, first)
	}
}

func testSecretConcurrently(t *testing.T, store chat.Store, _ eventlog.Log) {
	got := make([][]byte, 16)
	var all sync.WaitGroup
	for i := range got {
		all.Go(func() {
			var err error
			if got[i], err = store.Secret(context.Background(), "cookie"); err != nil {
				t.Errorf("secret: %v", err)
			}
		})
	}
	all.Wait()
	for i := range got {
		if !bytes.Equal(got[i], got[0]) {
			t.Errorf("caller %d got %x, caller 0 %x", i, got[i], got[0])
		}
	}
}

func testEndedContext(t *testing.T, store chat.Store, log eventlog.Log) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r := room(t, "never")
	if err := store.PutRoom(ctx, r); !errors.Is(err, context.Canceled) {
		t.Errorf("put room: got %v, want context.Canceled", err)
	}
	post(t, log, r.Topic, "1")
	if got := recent(t, store, 10); len(got) != 0 {
		t.Errorf("got %v", got)
	}
}
