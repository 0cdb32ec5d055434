//go:build linux

package e2e

import (
	"context"
	"database/sql"
	"flag"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"sync"
	"testing"
	"time"

	_ "modernc.org/sqlite" // to look into the database

	"github.com/teahouse-chat/teahouse/client"
)

var killRounds = flag.Int("e2e.kill.rounds", 8, "how often the kill test kills the server")

// A ledger is what the posting clients were promised.
type ledger struct {
	mu    sync.Mutex
	acked map[string]promise // by id
	heard map[string]bool    // texts that plain sockets got back; all are different
	sent  map[string]bool    // texts of plain sockets, heard or not
}

type promise struct {
	offset int64
	author string
	text   string
}

func (l *ledger) ack(id string, p promise) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if old, ok := l.acked[id]; ok && old != p {
		return fmt.Errorf("%s was acknowledged as %+v and then as %+v", id, old, p)
	}
	l.acked[id] = p
	return nil
}

func (l *ledger) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.acked) + len(l.heard)
}

func TestKillNeverLosesAnAcknowledgedMessage(t *testing.T) {
	s := start(t, "--limits", "off")
	const room = "kill"
	books := &ledger{acked: map[string]promise{}, heard: map[string]bool{}, sent: map[string]bool{}}

	// The posting clients end at quiet, each with all that it sent acknowledged or given up; the followers end with the test.
	quiet := make(chan struct{})
	ctx, cancel := context.WithTimeout(t.Context(), time.Duration(*killRounds)*20*time.Second+60*time.Second)
	defer cancel()
	var posting, following sync.WaitGroup
	for i := range 8 {
		p := &poster{s: s, room: room, name: fmt.Sprintf("client%d", i), books: books, quiet: quiet}
		post := [...]func(context.Context) error{p.http, p.http, p.http, p.v1, p.v1, p.v1, p.plain, p.plain}[i]
		posting.Go(func() {
			if err := post(ctx); err != nil {
				t.Errorf("%s: %v", p.name, err)
				cancel()
			}
		})
	}
	followers := newFollowers(s, room)
	for _, f := range followers {
		following.Go(func() {
			if err := f.run(f, ctx); err != nil && ctx.Err() == nil {
				t.Errorf("%s: %v", f.how, err)
				cancel()
			}
		})
	}
	defer following.Wait()
	defer cancel()

	for range *killRounds {
		before := books.count()
		eventually(t, 20*time.Second, "messages are acknowledged", func() bool { return books.count() > before+50 || ctx.Err() != nil })
		time.Sleep(rand.N(700 * time.Millisecond)) // the moment is to be any moment
		s.kill()
		s.start()
	}
	close(quiet)
	posting.Wait()
	if t.Failed() {
		return
	}
	page, err := s.client(room, "").Last(ctx, 1)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range followers {
		eventually(t, 20*time.Second, fmt.Sprintf("%s is at %d", f.how, page.Head), func() bool { return f.at() >= page.Head || ctx.Err() != nil })
	}
	s.kill() // what is read now is read from the disk
	s.start()
	log := readAll(t, s, room)
	compare(t, log, books)
	for _, f := range followers {
		f.compare(t, log)
	}
	s.stop(20 * time.Second)
	checkDatabase(t, s.data)
	t.Logf("%d rounds: %d messages, %d acknowledged with an offset, %d heard by plain sockets", *killRounds, len(log), len(books.acked), len(books.heard))
}

// readAll reads a room by pages, and checks that its offsets are dense.
func readAll(t *testing.T, s *teahouse, room string) []client.Event {
	t.Helper()
	r := s.client(room, "")
	var all []client.Event
	cursor := client.Cursor{}
	for {
		page, err := r.After(t.Context(), cursor, 1000, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range page.Events {
			if e.Offset != int64(len(all))+1 {
				t.Fatalf("offset %d comes after %d", e.Offset, len(all))
			}
			all = append(all, e)
		}
		if len(page.Events) == 0 {
			if page.Head != int64(len(all)) {
				t.Fatalf("head is %d, but %d events are there", page.Head, len(all))
			}
			return all
		}
		cursor = page.Cursor()
	}
}

// compare checks that what was promised is in the log, once, and nothing that nobody sent.
func compare(t *testing.T, log []client.Event, books *ledger) {
	t.Helper()
	texts := map[string]int{}
	for _, e := range log {
		texts[e.Text]++
		if n := texts[e.Text]; n > 1 {
			t.Errorf("%q is there %d times", e.Text, n)
		}
	}
	for id, p := range books.acked {
		if p.offset < 1 || p.offset > int64(len(log)) {
			t.Errorf("%s was acknowledged at %d, but the log ends at %d", id, p.offset, len(log))
			continue
		}
		if e := log[p.offset-1]; e.ID != id || e.Text != p.text || e.Author.ID != p.author {
			t.Errorf("%s was acknowledged at %d, where there is %s of %s: %q", id, p.offset, e.ID, e.Author.ID, e.Text)
		}
	}
	for text := range books.heard {
		if texts[text] != 1 {
			t.Errorf("%q was heard, and is there %d times", text, texts[text])
		}
	}
	strangers := len(log) - len(books.acked)
	for text := range books.sent {
		strangers -= texts[text]
	}
	if strangers != 0 {
		t.Errorf("%d messages are there that nobody was told of", strangers)
	}
}

// checkDatabase lets SQLite check the file that all the kills have left.
func checkDatabase(t *testing.T, data string) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(data, "teahouse.db")+"?mode=ro")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var verdict string
	if err := db.QueryRow(`PRAGMA integrity_check`).Scan(&verdict); err != nil || verdict != "ok" {
		t.Errorf("integrity check: %q, %v", verdict, err)
	}
}
