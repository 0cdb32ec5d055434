package chat_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/teahouse-chat/teahouse/eventlog"
	"github.com/teahouse-chat/teahouse/eventlog/memlog"
	"github.com/teahouse-chat/teahouse/internal/chat"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A store remembers which rooms it was told of, and fails while it is told to.
type store struct {
	mu      sync.Mutex
	put     []string
	failing bool
}

func (s *store) PutRoom(_ context.Context, room chat.Room) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.put = append(s.put, room.Name)
	if s.failing {
		return eventlog.ErrUnavailable
	}
	return nil
}

func (s *store) RecentRooms(context.Context, int) ([]chat.RoomActivity, error) { return nil, nil }

func (s *store) PutMarks(context.Context, ...chat.Mark) error { return nil }

func (s *store) Marks(context.Context, string, string, int) ([]chat.MarkedRoom, error) {
	return nil, nil
}

func (s *store) Unread(context.Context, string, string, eventlog.Offset) (int, error) { return 0, nil }

func (s *store) DropMark(context.Context, string, string) error { return nil }

func (s *store) Secret(_ context.Context, name string) ([]byte, error) {
	if s.failing {
		return nil, eventlog.ErrUnavailable
	}
	return []byte("secret of " + name), nil
}

func room(t testing.TB, name string) chat.Room {
	t.Helper()
	r, err := chat.ParseRoom(name)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func post(r chat.Room, author, id, text string) chat.Post {
	return chat.Post{Room: r, Author: chat.NamedAuthor(author), ID: id, Text: text}
}

func TestPostIsAnsweredWithItsEventOrTheFirstOne(t *testing.T) {
	st := &store{}
	s := chat.NewService(memlog.New(), st, false)
	r := room(t, "123")
	answers, err := s.Post(t.Context(), post(r, "ann", "1", "hi"), post(r, "ann", "2", "ho"), post(r, "ann", "1", "hi"), post(r, "ann", "1", "other"), post(r, "bob", "1", "other"))
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []struct {
		offset  eventlog.Offset
		existed bool
		err     error
		text    string
	}{{1, false, nil, "hi"}, {2, false, nil, "ho"}, {1, true, nil, "hi"}, {1, true, chat.ErrIDConflict, "hi"}, {3, false, nil, "other"}} {
		a := answers[i]
		_, text, ok := chat.Said(&a.Event)
		if a.Event.Offset != want.offset || a.Existed != want.existed || a.Err != want.err || text != want.text || !ok {
			t.Errorf("post %d: got %+v, want %+v", i, a, want)
		}
	}
	if got, _, _ := chat.Said(&answers[0].Event); got != (chat.Author{ID: "n-ann", Name: "ann"}) {
		t.Errorf("got the author %v", got)
	}
	if len(st.put) != 1 {
		t.Errorf("the store was told of %v, want once", st.put)
	}
}

func TestRetryAfterTheNameChangedIsTheSamePost(t *testing.T) {
	s := chat.NewService(memlog.New(), &store{}, false)
	p := chat.Post{Room: room(t, "123"), Author: chat.Author{ID: "g-1", Name: "ann"}, ID: "1", Text: "hi"}
	if _, err := s.Post(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	p.Author.Name = "anna"
	answers, err := s.Post(t.Context(), p)
	if err != nil || !answers[0].Existed || answers[0].Err != nil {
		t.Fatalf("got %+v, %v", answers, err)
	}
	if a, _, _ := chat.Said(&answers[0].Event); a.Name != "ann" {
		t.Errorf("the author is %+v, want the name of the first post", a)
	}
}

func TestRoomThatTheStoreDidNotTakeIsToldAgain(t *testing.T) {
	st := &store{failing: true}
	log := memlog.New()
	s := chat.NewService(log, st, false)
	r := room(t, "123")
	if _, err := s.Post(t.Context(), post(r, "ann", "1", "hi")); !errors.Is(err, eventlog.ErrUnavailable) {
		t.Errorf("got %v", err)
	}
	if states, _ := log.States(t.Context(), r.Topic); states[0].Head != 0 {
		t.Error("a message was committed whose room isn't known")
	}
	st.failing = false
	for range 2 {
		if _, err := s.Post(t.Context(), post(r, "ann", "1", "hi")); err != nil {
			t.Error(err)
		}
	}
	if len(st.put) != 2 {
		t.Errorf("told %d times, want twice", len(st.put))
	}
}

func TestPostsOfAnAuthorAreLimitedInARoomAndOverall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := chat.NewService(memlog.New(), &store{}, true)
		check := func(r chat.Room, author string) error {
			p := post(r, author, "1", "hi")
			return s.Check(&p)
		}
		a := room(t, "a")
		for range 20 {
			if err := check(a, "ann"); err != nil {
				t.Fatal(err)
			}
		}
		var limited *chat.RateError
		if err := check(a, "ann"); !errors.As(err, &limited) || limited.RetryAfter != 200*time.Millisecond {
			t.Errorf("the 21st: got %v, want to wait 0.2 s", err)
		}
		if check(a, "bob") != nil || check(room(t, "b"), "ann") != nil {
			t.Error("another author, or another room, is limited too")
		}
		time.Sleep(200 * time.Millisecond)
		if check(a, "ann") != nil || check(a, "ann") == nil {
			t.Error("after 0.2 s there is one more")
		}

		time.Sleep(time.Minute)
		n := 0
		for ; n < 200 && check(room(t, fmt.Sprint(n)), "ann") == nil; n++ {
		}
		if n != 120 {
			t.Errorf("%d posts in as many rooms, want 120", n)
		}
	})
}

func TestWhatIsWrongWithAPostIsSaidBeforeItIsCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := chat.NewService(memlog.New(), &store{}, true)
		r := room(t, "a")
		for range 100 {
			p := post(r, "ann", "1", "")
			if err := s.Check(&p); err != chat.ErrTextEmpty {
				t.Fatalf("got %v", err)
			}
		}
		p := post(r, "ann", "1", "hi")
		if err := s.Check(&p); err != nil {
			t.Errorf("got %v", err)
		}
	})
}

func TestGuestsTokenProvesItsIDOnly(t *testing.T) {
	g, err := chat.NewGuests(t.Context(), &store{})
	if err != nil {
		t.Fatal(err)
	}
	id, token := g.New()
	other, otherToken := g.New()
	if id == other || !strings.HasPrefix(id, "g-") {
		t.Errorf("got %s and %s", id, other)
	}
	if got, ok := g.Verify(token); !ok || got != id {
		t.Errorf("got %s, %v, want %s", got, ok, id)
	}
	again, err := chat.NewGuests(t.Context(), &store{}) // a restart
	if err != nil {
		t.Fatal(err)
	}
	if got, ok := again.Verify(token); !ok || got != id {
		t.Errorf("after a restart: got %s, %v", got, ok)
	}
	_, signature, _ := strings.Cut(otherToken, ".")
	for _, forged := range []string{
		"", ".", id, id + ".", id + "." + signature, other + token[len(id):], token + "A", token[:len(token)-1], strings.ToUpper(token),
		"n-ann" + token[len(id):], token + "." + token, "g-" + strings.Repeat("a", 300) + "." + signature,
	} {
		if got, ok := g.Verify(forged); ok {
			t.Errorf("%s is %s", forged, got)
		}
	}
	if _, err := chat.NewGuests(t.Context(), &store{failing: true}); !errors.Is(err, eventlog.ErrUnavailable) {
		t.Errorf("got %v", err)
	}
}
