package chat_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/teahouse-chat/teahouse/eventlog"
	"github.com/teahouse-chat/teahouse/internal/chat"
)

// A markStore keeps marks, counts what is written, and fails while it is told to.
type markStore struct {
	store
	mu      sync.Mutex
	marks   []chat.Mark
	writes  []string // the marks of each
	failing bool
}

func (s *markStore) PutMarks(_ context.Context, marks ...chat.Mark) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failing {
		return eventlog.ErrUnavailable
	}
	var said []string
	for _, m := range marks {
		i := slices.IndexFunc(s.marks, func(had chat.Mark) bool { return had.Author == m.Author && had.Room == m.Room })
		if i < 0 && m.Level == "" {
			continue
		}
		if i < 0 {
			s.marks = append(s.marks, chat.Mark{Author: m.Author, Room: m.Room, Level: chat.LevelAll})
			i = len(s.marks) - 1
		}
		s.marks[i].Read = max(s.marks[i].Read, m.Read)
		if m.Level != "" {
			s.marks[i].Level = m.Level
		}
		said = append(said, fmt.Sprintf("%s in %s %d", m.Author, m.Room.Name, m.Read))
	}
	slices.Sort(said)
	s.writes = append(s.writes, fmt.Sprint(said))
	return nil
}

func (s *markStore) Marks(_ context.Context, author, topic string, _ int) (all []chat.MarkedRoom, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, m := range s.marks {
		if m.Author == author && (topic == "" || m.Room.Topic == topic) {
			all = append(all, chat.MarkedRoom{Mark: m, Head: 10})
		}
	}
	return all, nil
}

func (s *markStore) Unread(_ context.Context, _, _ string, after eventlog.Offset) (int, error) {
	return 10 - int(after), nil
}

func (s *markStore) DropMark(_ context.Context, author, topic string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.marks = slices.DeleteFunc(s.marks, func(m chat.Mark) bool { return m.Author == author && m.Room.Topic == topic })
	return nil
}

func (s *markStore) fail(failing bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failing = failing
}

func (s *markStore) wrote(t *testing.T, want ...string) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if !slices.Equal(s.writes, want) {
		t.Errorf("wrote %q, want %q", s.writes, want)
	}
	s.writes = nil
}

// keeping runs a story with marks that are kept; stop has them write what is left.
func keeping(t *testing.T, story func(m *chat.Marks, s *markStore, stop func())) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := &markStore{}
		m := chat.NewMarks(s, slog.New(slog.DiscardHandler))
		ctx, cancel := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { m.Run(ctx) })
		stop := func() { cancel(); running.Wait() }
		defer stop()
		story(m, s, stop)
	})
}

func move(t *testing.T, m *chat.Marks, author string, room chat.Room, to eventlog.Offset, moved bool) {
	t.Helper()
	if mark, got, err := m.Move(t.Context(), author, room, to); err != nil || got != moved || mark.Read < to || mark.Level == "" {
		t.Errorf("move to %d: got %+v, %v, %v, want moved %v", to, mark, got, err, moved)
	}
}

func TestMarksAreWrittenTogetherAndSeenAtOnce(t *testing.T) {
	keeping(t, func(m *chat.Marks, s *markStore, stop func()) {
		move(t, m, "ann", roomA, 1, true)
		move(t, m, "bob", roomA, 2, true)
		s.wrote(t, "[ann in a 1]", "[bob in a 2]") // new ones
		for to := eventlog.Offset(2); to <= 5; to++ {
			move(t, m, "ann", roomA, to, true)
		}
		move(t, m, "ann", roomA, 5, false)
		move(t, m, "ann", roomA, 3, false)
		move(t, m, "bob", roomA, 7, true)
		s.wrote(t)
		if r, ok, err := m.Room(t.Context(), "ann", roomA); err != nil || !ok || r.Read != 5 || r.Unread != 5 {
			t.Errorf("got %+v, %v, %v, want read 5", r, ok, err)
		}
		if all, err := m.Rooms(t.Context(), "bob", 10); err != nil || len(all) != 1 || all[0].Read != 7 || all[0].Unread != 3 {
			t.Errorf("got %+v, %v, want read 7", all, err)
		}
		if mark, err := m.Open(t.Context(), "ann", roomA, 0); err != nil || mark.Read != 5 {
			t.Errorf("got %+v, %v, want read 5", mark, err)
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		s.wrote(t, "[ann in a 5 bob in a 7]")
		time.Sleep(10 * time.Second)
		s.wrote(t)
		move(t, m, "ann", roomA, 6, true)
		stop()
		s.wrote(t, "[ann in a 6]")
	})
}

func TestMarksThatCannotBeWrittenAreWrittenLater(t *testing.T) {
	keeping(t, func(m *chat.Marks, s *markStore, _ func()) {
		move(t, m, "ann", roomA, 1, true)
		s.wrote(t, "[ann in a 1]")
		move(t, m, "ann", roomA, 2, true)
		s.fail(true)
		if _, _, err := m.Move(t.Context(), "ann", roomB, 1); !errors.Is(err, eventlog.ErrUnavailable) {
			t.Errorf("a new one: got %v", err)
		}
		time.Sleep(5 * time.Second)
		move(t, m, "ann", roomA, 3, true)
		s.fail(false)
		time.Sleep(2 * time.Second)
		synctest.Wait()
		s.wrote(t, "[ann in a 3]")
	})
}

func TestLevelIsKeptApartFromWhatIsRead(t *testing.T) {
	keeping(t, func(m *chat.Marks, s *markStore, _ func()) {
		if mark, err := m.Open(t.Context(), "ann", roomA, 4); err != nil || mark.Read != 4 || mark.Level != chat.LevelAll {
			t.Errorf("got %+v, %v", mark, err)
		}
		move(t, m, "ann", roomA, 5, true)
		if mark, err := m.SetLevel(t.Context(), "ann", roomA, chat.LevelNone); err != nil || mark.Read != 5 || mark.Level != chat.LevelNone {
			t.Errorf("got %+v, %v", mark, err)
		}
		move(t, m, "ann", roomA, 6, true)
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if r, _, err := m.Room(t.Context(), "ann", roomA); err != nil || r.Level != chat.LevelNone || r.Read != 6 {
			t.Errorf("got %+v, %v", r, err)
		}
		if _, err := chat.ParseLevel("loud"); err != chat.ErrLevel {
			t.Errorf("got %v", err)
		}
	})
}

func TestForgottenMarkStaysForgotten(t *testing.T) {
	keeping(t, func(m *chat.Marks, s *markStore, _ func()) {
		move(t, m, "ann", roomA, 1, true)
		move(t, m, "ann", roomA, 2, true)
		if err := m.Forget(t.Context(), "ann", roomA); err != nil {
			t.Error(err)
		}
		time.Sleep(5 * time.Second)
		if _, ok, err := m.Room(t.Context(), "ann", roomA); ok || err != nil {
			t.Errorf("got %v, %v", ok, err)
		}
		s.wrote(t, "[ann in a 1]")
	})
}
