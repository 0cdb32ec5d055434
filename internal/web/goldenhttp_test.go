package web

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/teahouse-chat/teahouse/channels/memlayer"
	"github.com/teahouse-chat/teahouse/eventlog"
	"github.com/teahouse-chat/teahouse/feed"
	"github.com/teahouse-chat/teahouse/internal/chat"
)

// A goldenLog holds the golden event where the examples have it, and appends those that are about it.
type goldenLog struct{ eventlog.Log }

func (goldenLog) Epoch() string                   { return "k3v9" }
func (goldenLog) OnCommit(func([]eventlog.Event)) {}
func (goldenLog) States(_ context.Context, topics ...string) ([]eventlog.State, error) {
	return []eventlog.State{goldenState}, nil
}

func (goldenLog) Read(_ context.Context, _ string, after eventlog.Offset, _ int) ([]eventlog.Event, error) {
	if after != 16 && after != 0 {
		return nil, eventlog.ErrTrimmed
	}
	return []eventlog.Event{goldenEvent}, nil
}

func (goldenLog) Append(_ context.Context, entries ...eventlog.Entry) ([]eventlog.Appended, error) {
	e := entries[0]
	n := map[string]int{chat.TypeEdited: 1, chat.TypeDeleted: 2, chat.TypeReacted: 3}[e.Type]
	if n == 0 {
		return []eventlog.Appended{{Err: chat.ErrNoMessage}}, nil
	}
	return []eventlog.Appended{{Event: *goldenThat(e.Type, e.ID, n, string(e.Data))}}, nil
}

// A goldenStore holds the marks of the examples.
type goldenStore struct {
	chat.Store
	level chat.Level
}

func (*goldenStore) Secret(context.Context, string) ([]byte, error) { return make([]byte, 32), nil }
func (*goldenStore) PutRoom(context.Context, chat.Room) error       { return nil }

func (s *goldenStore) PutMarks(_ context.Context, marks ...chat.Mark) error {
	if level := marks[0].Level; level != "" {
		s.level = level
	}
	return nil
}

func (s *goldenStore) Marks(_ context.Context, author, topic string, _ int) ([]chat.MarkedRoom, error) {
	room, _ := chat.ParseRoom("123")
	quiet, _ := chat.ParseRoom("茶馆")
	level := chat.LevelAll
	if s.level != "" {
		level = s.level
	}
	marks := []chat.MarkedRoom{
		{Mark: chat.Mark{Author: author, Room: room, Read: 40, Level: level}, Head: 42, Last: goldenEvent.Time},
		{Mark: chat.Mark{Author: author, Room: quiet, Level: chat.LevelMentions}},
	}
	if topic != "" {
		return marks[:1], nil
	}
	return marks, nil
}

func (*goldenStore) Unread(context.Context, string, string, eventlog.Offset) (int, error) {
	return 2, nil
}

// goldenToken is the cookie of the guest of the examples.
func goldenToken() string {
	mac := hmac.New(sha256.New, make([]byte, 32))
	mac.Write([]byte("teahouse guest\x00" + ann.ID))
	return guestCookie + "=" + ann.ID + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// goldenRequest is the request that an example of http.json answers, nil for an unknown one.
func goldenRequest(name string) *http.Request {
	asGuest := func(method, path, body, id string) *http.Request {
		r := httptest.NewRequest(method, path, strings.NewReader(body))
		r.Header.Set("Cookie", goldenToken())
		r.Header.Set("Idempotency-Key", id)
		return r
	}
	switch name {
	case "events":
		return httptest.NewRequest("GET", "/room/123/events?after=16&limit=1", nil)
	case "no_events":
		return httptest.NewRequest("GET", "/room/123/events?after=42", nil)
	case "reset":
		return httptest.NewRequest("GET", "/room/123/events?after=43", nil)
	case "error":
		return httptest.NewRequest("POST", "/room/123/messages", nil)
	case "no_message":
		r := httptest.NewRequest("POST", "/room/123/messages", strings.NewReader(`{"text":"hi","reply":43}`))
		r.Header.Set("Content-Type", "application/json")
		return r
	case "guest_unknown":
		return httptest.NewRequest("PUT", "/me/rooms/123", strings.NewReader(`{"read":43}`))
	case "edited":
		return asGuest("PATCH", "/room/123/messages/17?name=ann", "hi **there** @bob", "c-8a1")
	case "deleted":
		return asGuest("DELETE", "/room/123/messages/17?name=ann", "", "c-8a2")
	case "reacted":
		return asGuest("PUT", "/room/123/messages/17/reactions/%F0%9F%91%8D?name=ann", "", "c-8a3")
	case "me":
		return httptest.NewRequest("GET", "/me?name=ann", nil)
	case "my_rooms":
		return asGuest("GET", "/me/rooms", "", "")
	case "no_rooms":
		return httptest.NewRequest("GET", "/me/rooms", nil)
	case "my_room":
		return asGuest("PUT", "/me/rooms/123", `{"read":43,"level":"none"}`, "")
	}
	return nil
}

var goldenMark = chat.Mark{Read: 40, Level: chat.LevelAll}

func TestAnswersOverHTTPAreTheGoldenOnes(t *testing.T) {
	for name, want := range golden(t, "http.json") {
		h := goldenHandler(t)
		if name == "boot" { // stands in a page
			withPages(t, h, map[string]string{"room.html": "{{boot}}"})
			if got := visit(h, "/room/123/?name=ann", goldenToken()).Body.String(); got != inScript.Replace(want) || strings.ContainsAny(got, "<>&") {
				t.Errorf("%s: got\n%s, want\n%s", name, got, want)
			}
			continue
		}
		r := goldenRequest(name)
		if r == nil {
			t.Errorf("%s isn't tested", name)
			continue
		}
		r.Host = "localhost:8000"
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if got := w.Body.String(); got != want+"\n" {
			t.Errorf("%s: got\n%s, want\n%s", name, got, want)
		}
	}
}

func goldenHandler(t *testing.T) *Handler {
	store := &goldenStore{}
	guests, err := chat.NewGuests(t.Context(), store)
	if err != nil {
		t.Fatal(err)
	}
	f := feed.New(goldenLog{}, NewEncoder("k3v9"), &feed.Options{Linger: time.Hour})
	layer := memlayer.New(nil)
	h, err := New(Options{
		Chat: chat.NewService(goldenLog{}, store, true), Store: store, Guests: guests, Feed: f, Layer: layer, MaxConns: 1, Metrics: prometheus.NewRegistry(),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = h.Close()
		f.Close()
		_ = layer.Close()
	})
	return h
}
