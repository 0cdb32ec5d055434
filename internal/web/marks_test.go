package web_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/teahouse-chat/teahouse/internal/chat"
)

// An entry is a room in the list of a guest's own.
type entry struct {
	Room, Epoch, Level, Last string
	Head, Read, Unread       int64
}

func (e entry) String() string {
	return fmt.Sprintf("%s %d/%d %d %s", e.Room, e.Read, e.Head, e.Unread, e.Level)
}

// rooms lists a guest's rooms.
func (s *house) rooms(cookie string) string {
	s.t.Helper()
	a := s.get("/me/rooms", "Cookie", cookie)
	if a.StatusCode != 200 || a.Header.Get("Content-Type") != asJSON || a.Header.Get("Cache-Control") != "no-store" {
		s.t.Fatalf("rooms: got %d %v %s", a.StatusCode, a.Header, a.body)
	}
	var all []string
	for _, e := range decode[struct{ Rooms []entry }](s.t, a.body).Rooms {
		if e.Epoch != s.feed.Epoch() || (e.Last == "") != (e.Head == 0) {
			s.t.Errorf("got %+v", e)
		}
		all = append(all, e.String())
	}
	return strings.Join(all, ", ")
}

func TestMeIsWhoAsks(t *testing.T) {
	t.Parallel()
	s := open(t)
	if a := s.get("/me"); a.body != `{"author":{"id":"n-guest","name":"guest"}}`+"\n" || a.Header.Get("Set-Cookie") != "" {
		t.Errorf("got %s %v", a.body, a.Header)
	}
	if a := s.get("/me?name=ann&hue=359"); a.body != `{"author":{"id":"n-ann","name":"ann","hue":359}}`+"\n" {
		t.Errorf("got %s", a.body)
	}
	if a := s.get("/me?name=ann&hue=360", "Cookie", s.guest()); !strings.HasPrefix(a.body, `{"author":{"id":"g-`) || !strings.HasSuffix(a.body, `","name":"ann"}}`+"\n") {
		t.Errorf("got %s", a.body)
	}
}

func TestVisitedRoomsAreMine(t *testing.T) {
	t.Parallel()
	s := open(t)
	if got := s.rooms(""); got != "" {
		t.Errorf("without a cookie: got %s", got)
	}
	ann := s.guest() // that page had no cookie yet, and so makes no mark
	if got := s.rooms(ann); got != "" {
		t.Errorf("at first: got %s", got)
	}
	s.fill("a", 3)
	s.get("/room/a/", "Cookie", ann)
	s.get("/room/empty/", "Cookie", ann)
	s.get("/room/b/")
	if got := s.rooms(ann); got != "a 3/3 0 all, empty 0/0 0 all" {
		t.Errorf("got %s", got)
	}
	s.say("a", "bob", "new")
	s.do("POST", "/room/a/messages", "mine", "Cookie", ann)
	s.do("DELETE", "/room/a/messages/"+fmt.Sprint(s.say("a", "bob", "named").Offset), "", "Cookie", ann) // refused
	s.get("/room/a/", "Cookie", ann)                                                                     // again
	if got := s.rooms(ann); got != "a 3/6 2 all, empty 0/0 0 all" {
		t.Errorf("got %s", got)
	}
	if a := s.do("DELETE", "/me/rooms/A", "", "Cookie", ann); a.StatusCode != 204 {
		t.Errorf("forget: got %d %s", a.StatusCode, a.body)
	}
	if got := s.rooms(ann); got != "empty 0/0 0 all" {
		t.Errorf("got %s", got)
	}
}

// A browser's first page comes before its cookie; the socket that the page opens has it.
func TestRoomsThatOneJoinsAreMine(t *testing.T) {
	t.Parallel()
	s := open(t)
	s.fill("123", 2)
	ann := s.guest()
	c := s.dial("/ws", "teahouse.v1", "Cookie", ann)
	c.next()
	for _, join := range []string{`{"type":"join","room":"empty"}`, `{"type":"join","room":"123"}`, `{"type":"join","room":"124","quiet":true}`} {
		c.write(join)
	}
	c.write(`{"type":"ping"}`)
	for c.next().Type != "pong" {
	}
	if got := s.rooms(ann); got != "123 2/2 0 all, empty 0/0 0 all" {
		t.Errorf("got %s", got)
	}
}

func TestMarksAreSetOverHTTP(t *testing.T) {
	t.Parallel()
	s := open(t)
	s.fill("123", 5)
	ann := s.guest()
	for _, c := range []struct{ body, want string }{
		{`{"level":"mentions"}`, "123 5/5 0 mentions"}, // made at the head
		{`{"read":3}`, "123 5/5 0 mentions"},
		{`{"level":"none","read":99}`, "123 5/5 0 none"},
		{`{"level":"all"}`, "123 5/5 0 all"},
		{`{}`, "123 5/5 0 all"},
	} {
		a := s.do("PUT", "/me/rooms/123", c.body, "Cookie", ann)
		if got := decode[entry](t, a.body).String(); a.StatusCode != 200 || got != c.want {
			t.Errorf("%s: got %d %s, want %s", c.body, a.StatusCode, a.body, c.want)
		}
	}
	eve := s.guest()
	if a := s.do("PUT", "/me/rooms/123", `{"read":2}`, "Cookie", eve); decode[entry](t, a.body).String() != "123 2/5 3 all" {
		t.Errorf("a new one: got %s", a.body)
	}
	wantProblem(t, "a level", s.do("PUT", "/me/rooms/123", `{"level":"loud"}`, "Cookie", ann), 422, "level_invalid")
	wantProblem(t, "no object", s.do("PUT", "/me/rooms/123", `[]`, "Cookie", ann), 400, "bad_json")
	wantProblem(t, "no JSON", s.do("PUT", "/me/rooms/123", `read=3`, "Cookie", ann), 400, "bad_json")
	wantProblem(t, "no room", s.do("PUT", "/me/rooms/.x", `{"read":3}`, "Cookie", ann), 404, "room_invalid")
	wantProblem(t, "without a cookie", s.do("PUT", "/me/rooms/123?name=ann", `{"read":3}`), 403, "guest_unknown")
	wantProblem(t, "without a cookie", s.do("DELETE", "/me/rooms/123", ""), 403, "guest_unknown")
	s.log.failing.Store(true)
	wantProblem(t, "store down", s.do("PUT", "/me/rooms/123", `{"read":3}`, "Cookie", ann), 503, "unavailable")
	wantProblem(t, "store down", s.get("/me/rooms", "Cookie", ann), 503, "unavailable")
	wantProblem(t, "store down", s.do("DELETE", "/me/rooms/123", "", "Cookie", ann), 503, "unavailable")
}

func TestReadMarksAreToldToTheGuestsOtherSockets(t *testing.T) {
	t.Parallel()
	s := open(t)
	s.fill("123", 5)
	ann := s.guest()
	dial := func(cookie string) *socket {
		c := s.dial("/ws", "teahouse.v1", "Cookie", cookie)
		c.next()
		c.write(`{"type":"join","ref":1,"room":"123","quiet":true}`)
		c.next()
		return c
	}
	desk, phone, eve := dial(ann), dial(ann), dial(s.guest())
	desk.write(`{"type":"read","room":"123","offset":3}`)
	phone.wantNext(`{"type":"read","room":"123","offset":3,"level":"all"}`)
	phone.write(`{"type":"read","room":"123","offset":99}`)
	desk.wantNext(`{"type":"read","room":"123","offset":5,"level":"all"}`)
	for _, nothing := range []string{
		`{"type":"read","room":"123","offset":5}`, `{"type":"read","room":"123","offset":2}`, `{"type":"read","room":"124","offset":2}`, `{"type":"read","room":".","offset":2}`,
	} {
		desk.write(nothing)
	}
	if got := s.rooms(ann); got != "123 5/5 0 all" {
		t.Errorf("got %s", got)
	}
	s.do("PUT", "/me/rooms/123", `{"level":"none"}`, "Cookie", ann)
	for _, c := range []*socket{desk, phone} {
		c.wantNext(`{"type":"read","room":"123","offset":5,"level":"none"}`)
	}
	roomSocket := s.dial("/room/123/", "teahouse.v1", "Cookie", ann)
	roomSocket.next()
	s.say("123", "bob", "new")
	roomSocket.write(`{"type":"read","offset":6}`)
	for _, c := range []*socket{desk, phone} {
		c.wantEvents("123", 5, "new")
		c.wantNext(`{"type":"read","room":"123","offset":6,"level":"none"}`)
		c.write(`{"type":"ping"}`)
		c.wantNext(`{"type":"pong"}`)
	}
	roomSocket.wantEvents("123", 5, "new") // only sockets at /ws are told
	for _, c := range []*socket{roomSocket, eve} {
		c.write(`{"type":"ping"}`)
	}
	roomSocket.wantNext(`{"type":"pong"}`)
	eve.wantEvents("123", 5, "new")
	eve.wantNext(`{"type":"pong"}`)

	named := s.dial("/ws?name=ann", "teahouse.v1")
	named.next()
	named.write(`{"type":"join","room":"123","quiet":true}`)
	named.next()
	named.write(`{"type":"read","room":"123","offset":3}`)
	named.write(`{"type":"read","room":"123","offset":-3}`)
	if f := named.next(); f.Code != "bad_frame" {
		t.Errorf("got %+v", f)
	}
}

// A mark that moved is written when the server goes.
func TestMarksAreWrittenAtTheEnd(t *testing.T) {
	t.Parallel()
	s := open(t)
	s.fill("123", 5)
	ann := s.guest()
	s.do("PUT", "/me/rooms/123", `{"read":1}`, "Cookie", ann)
	c := s.dial("/room/123/", "teahouse.v1", "Cookie", ann)
	for i := 2; i <= 5; i++ {
		c.write(fmt.Sprintf(`{"type":"read","offset":%d}`, i))
	}
	until(t, "the mark moves", func() bool { return s.rooms(ann) == "123 5/5 0 all" })
	if err := s.handler.Close(); err != nil {
		t.Error(err)
	}
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	if s.store.marks[0].Read != 5 || s.store.marks[0].Level != chat.LevelAll || s.store.puts > 4 {
		t.Errorf("got %+v after %d writes", s.store.marks, s.store.puts)
	}
}
