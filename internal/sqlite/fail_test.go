package sqlite_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/teahouse-chat/teahouse/eventlog"
	"github.com/teahouse-chat/teahouse/internal/sqlite"
)

func entry(topic string, n, size int) eventlog.Entry {
	return eventlog.Entry{Topic: topic, Type: "message.posted", Author: "a", ID: strconv.Itoa(n), Data: make([]byte, size)}
}

// appendUntilRefused appends entries n, n+1 … and returns the number of the first that was refused.
func appendUntilRefused(t *testing.T, db *sqlite.DB, topic string, n, size int) int {
	t.Helper()
	for end := n + 10000; n < end; n++ {
		got, err := db.Append(t.Context(), entry(topic, n, size))
		if errors.Is(err, eventlog.ErrUnavailable) {
			return n
		}
		if err != nil {
			t.Fatalf("append %d: got %v, want ErrUnavailable", n, err)
		}
		if got[0].Offset != eventlog.Offset(n) {
			t.Fatalf("append %d: got offset %d", n, got[0].Offset)
		}
	}
	t.Fatal("nothing was refused")
	return 0
}

// wantDense reads a topic whose events are numbered by their ids.
func wantDense(t *testing.T, db *sqlite.DB, topic string, head int) {
	t.Helper()
	events, err := db.Read(t.Context(), topic, 0, head+10)
	if err != nil {
		t.Fatalf("read %s: %v", topic, err)
	}
	if len(events) != head {
		t.Fatalf("%s: got %d events, want %d", topic, len(events), head)
	}
	for i, e := range events {
		if e.Offset != eventlog.Offset(i+1) || e.ID != strconv.Itoa(i+1) {
			t.Fatalf("%s: event %d has offset %d and id %s", topic, i+1, e.Offset, e.ID)
		}
	}
}

func TestFullDatabaseRefusesPostsServesReadsAndHeals(t *testing.T) {
	db := open(t, t.TempDir())
	var told atomic.Int64
	db.OnCommit(func(events []eventlog.Event) { told.Add(int64(len(events))) })
	if err := db.LimitPages(100); err != nil {
		t.Fatal(err)
	}
	refused := appendUntilRefused(t, db, "room", 1, 4000)
	for range 3 {
		if _, err := db.Append(t.Context(), entry("room", refused, 4000)); !errors.Is(err, eventlog.ErrUnavailable) {
			t.Errorf("append to a full database: got %v, want ErrUnavailable", err)
		}
		wantDense(t, db, "room", refused-1)
	}
	if err := db.LimitPages(100000); err != nil {
		t.Fatal(err)
	}
	for n := refused; n < refused+20; n++ {
		if got, err := db.Append(t.Context(), entry("room", n, 4000)); err != nil || int(got[0].Offset) != n || got[0].Existed {
			t.Fatalf("append %d after space came back: got %v, %v", n, got, err)
		}
	}
	wantDense(t, db, "room", refused+19)
	if got := int(told.Load()); got != refused+19 {
		t.Errorf("the listener was told of %d events, want %d", got, refused+19)
	}
}

func TestCommitThatFailsIsNeverAcknowledged(t *testing.T) {
	dir := t.TempDir()
	db := open(t, dir)
	var n atomic.Int64
	if err := db.FailCommits(func() bool { return n.Add(1)%3 == 0 }); err != nil {
		t.Fatal(err)
	}
	told := map[string]eventlog.Offset{} // written by the listener, read when all is over
	db.OnCommit(func(events []eventlog.Event) {
		for _, e := range events {
			if told[e.Topic]++; told[e.Topic] != e.Offset {
				t.Errorf("listener: got %s %d, want %d", e.Topic, e.Offset, told[e.Topic])
			}
		}
	})
	var refused atomic.Int64
	var all sync.WaitGroup
	for author := range 16 {
		all.Go(func() {
			for id := range 20 {
				e := entry("room."+strconv.Itoa(id%3), id, 10)
				e.Author = strconv.Itoa(author)
				for {
					got, err := db.Append(context.Background(), e)
					if err == nil {
						if got[0].Existed {
							t.Errorf("%s of %s existed, though it was never acknowledged", e.ID, e.Author)
						}
						break
					}
					if !errors.Is(err, eventlog.ErrUnavailable) {
						t.Errorf("append: got %v, want ErrUnavailable", err)
						break
					}
					refused.Add(1)
				}
			}
		})
	}
	all.Wait()
	if refused.Load() == 0 {
		t.Error("nothing was refused")
	}
	total := 0
	for topic, head := range told {
		events, err := db.Read(t.Context(), topic, 0, 1000)
		if err != nil || len(events) != int(head) || events[head-1].Offset != head {
			t.Errorf("%s: got %d events, %v, want %d", topic, len(events), err, head)
		}
		total += len(events)
	}
	if total != 16*20 {
		t.Errorf("got %d events, want %d", total, 16*20)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "teahouse.db-wal")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the -wal file is left, %v: a connection that failed is still open", err)
	}
}

func TestHeadsAreForgottenWhenACommitFails(t *testing.T) {
	db := open(t, t.TempDir())
	var fail atomic.Bool
	if err := db.FailCommits(fail.Load); err != nil {
		t.Fatal(err)
	}
	if _, err := db.Append(t.Context(), entry("room", 1, 1)); err != nil {
		t.Fatal(err)
	}
	if n := db.RememberedTopics(); n != 1 {
		t.Errorf("after a commit: got %d topics, want 1", n)
	}
	fail.Store(true)
	if _, err := db.Append(t.Context(), entry("room", 2, 1)); !errors.Is(err, eventlog.ErrUnavailable) {
		t.Errorf("got %v, want ErrUnavailable", err)
	}
	fail.Store(false)
	if n := db.RememberedTopics(); n != 0 {
		t.Errorf("after a commit that failed: got %d topics, want 0", n)
	}
}

func TestFailuresAreTraced(t *testing.T) {
	var failed, committed, queued int // by the writer, read when it has ended
	opts := *quiet
	opts.Trace = sqlite.Trace{
		Failed:    func(error) { failed++ },
		Committed: func(events, bytes int, took time.Duration) { committed += events },
		Queued:    func(int) { queued++ },
	}
	db, err := sqlite.Open(t.Context(), t.TempDir(), &opts)
	if err != nil {
		t.Fatal(err)
	}
	if err := db.LimitPages(60); err != nil {
		t.Fatal(err)
	}
	refused := appendUntilRefused(t, db, "room", 1, 4000)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if failed != 1 || committed != refused-1 || queued < refused {
		t.Errorf("got %d failed, %d committed, %d queued, want 1, %d, over %d", failed, committed, queued, refused-1, refused)
	}
}

func TestAppendToAClosedStoreIsRefused(t *testing.T) {
	db := open(t, t.TempDir())
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := db.Append(t.Context(), entry("room", 1, 1)); !errors.Is(err, eventlog.ErrUnavailable) {
		t.Errorf("append: got %v, want ErrUnavailable", err)
	}
	if _, err := db.Read(t.Context(), "room", 0, 1); !errors.Is(err, eventlog.ErrUnavailable) {
		t.Errorf("read: got %v, want ErrUnavailable", err)
	}
	if err := db.Close(); err != nil {
		t.Errorf("close again: %v", err)
	}
}

func TestCloseFinishesWhatWaits(t *testing.T) {
	dir := t.TempDir()
	db := open(t, dir)
	acknowledged := make([]int, 16)
	var all sync.WaitGroup
	for author := range acknowledged {
		all.Go(func() {
			for n := 1; ; n++ {
				if _, err := db.Append(context.Background(), entry("room."+strconv.Itoa(author), n, 100)); err != nil {
					if !errors.Is(err, eventlog.ErrUnavailable) {
						t.Errorf("append: got %v, want ErrUnavailable", err)
					}
					return
				}
				acknowledged[author]++
			}
		})
	}
	for len(mustRead(t, db, "room.3")) < 5 {
		time.Sleep(time.Millisecond) // until they are at it
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	all.Wait()
	again := open(t, dir)
	for author, n := range acknowledged {
		wantDense(t, again, "room."+strconv.Itoa(author), n)
	}
}

func TestWALStaysBoundedWhileWritersNeverRest(t *testing.T) {
	dir := t.TempDir()
	db := open(t, dir)
	db.CheckpointAt(64<<10, 1<<20)
	var all sync.WaitGroup
	for author := range 8 {
		all.Go(func() {
			for n := range 120 {
				if _, err := db.Append(context.Background(), entry("room."+strconv.Itoa(author), n+1, 16<<10)); err != nil {
					t.Errorf("append: %v", err)
				}
			}
		})
	}
	all.Wait()
	info, err := os.Stat(filepath.Join(dir, "teahouse.db-wal"))
	if err != nil || info.Size() > 8<<20 {
		t.Errorf("after 15 MiB of data: got a -wal file of %d bytes, %v, want a few MiB", info.Size(), err)
	}
}

func mustRead(t *testing.T, db *sqlite.DB, topic string) []eventlog.Event {
	t.Helper()
	events, err := db.Read(t.Context(), topic, 0, 1000)
	if err != nil {
		t.Fatal(err)
	}
	return events
}
