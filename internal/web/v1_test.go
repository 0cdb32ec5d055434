package web_test

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/teahouse-chat/teahouse/eventlog"
	"github.com/teahouse-chat/teahouse/internal/chat"
)

// A frame is any frame from the server.
type frame struct {
	Type, Room, Epoch, Code, Detail, Kind string
	Author                                author
	Ping, Count                           int
	Ref                                   any
	Head, Floor, Offset                   int64
	Events                                []event
	Joined, Left                          []author
	RetryAfter                            float64 `json:"retry_after"`
}

// next returns the next frame that isn't presence.
func (c *socket) next() frame {
	c.t.Helper()
	for {
		got := c.read()
		if strings.HasPrefix(got, "closed") {
			return frame{Type: got}
		}
		if f := decode[frame](c.t, got); f.Type != "presence" {
			return f
		}
	}
}

// wantNext checks a frame that isn't presence, byte for byte.
func (c *socket) wantNext(want string) {
	c.t.Helper()
	for {
		got := c.read()
		if strings.HasPrefix(got, `{"type":"presence"`) {
			continue
		}
		if got != want {
			c.t.Fatalf("got %s, want %s", got, want)
		}
		return
	}
}

// wantEvents checks that the next frames are events of the room with these texts, in a row from after+1.
func (c *socket) wantEvents(room string, after int64, texts ...string) {
	c.t.Helper()
	for len(texts) > 0 {
		f := c.next()
		if f.Type != "events" || f.Room != room || len(f.Events) == 0 {
			c.t.Fatalf("got %+v, want events with %s", f, texts[0])
		}
		for _, e := range f.Events {
			if after++; len(texts) == 0 || e.Offset != after || e.Text != texts[0] {
				c.t.Fatalf("got %v, want %d %v", e, after, texts)
			}
			texts = texts[1:]
		}
	}
}

func TestRoomSocketSaysHelloAndSendsWhatIsPastTheCursor(t *testing.T) {
	t.Parallel()
	s := open(t)
	epoch := s.feed.Epoch()
	s.fill("茶", 5)
	for _, c := range []struct {
		query string
		after int64
		kept  string
		reset bool
	}{
		{"", 5, "", false},
		{"?after=5", 5, "", false},
		{"?after=0", 0, "m1 m2 m3 m4 m5", false},
		{"?after=3&epoch=" + epoch, 3, "m4 m5", false},
		{"?epoch=" + epoch, 5, "", false},
		{"?after=6", 5, "", true},
		{"?after=3&epoch=other", 5, "", true},
		{"?epoch=other", 5, "", true},
		{"?after=99999999999999999999", 5, "", true},
	} {
		sock := s.dial("/room/茶/"+c.query+strings.Replace("&name=ann", "&", map[bool]string{true: "&", false: "?"}[c.query != ""], 1), "teahouse.v1")
		sock.wantNext(fmt.Sprintf(`{"type":"hello","author":{"id":"n-ann","name":"ann"},"ping":25,"room":"茶","epoch":%q,"head":5,"floor":1}`, epoch))
		if c.reset {
			sock.wantNext(fmt.Sprintf(`{"type":"reset","room":"茶","epoch":%q,"head":5,"floor":1}`, epoch))
		}
		sock.wantEvents("茶", c.after, strings.Fields(c.kept)...)
		sock.write(`{"type":"ping"}`)
		sock.wantNext(`{"type":"pong"}`)
		_ = sock.CloseNow()
	}
	sock := s.dial("/room/茶/?after=9", "teahouse.v1")
	sock.next()
	sock.next()
	s.say("茶", "ann", "on it goes")
	sock.wantEvents("茶", 5, "on it goes")
}

func TestOneSocketIsInManyRooms(t *testing.T) {
	t.Parallel()
	s := open(t)
	epoch := s.feed.Epoch()
	s.fill("a", 3)
	c := s.dial("/ws?name=ann", "teahouse.v1")
	c.wantNext(`{"type":"hello","author":{"id":"n-ann","name":"ann"},"ping":25}`)
	c.write(`{"type":"join","ref":1,"room":"A","after":1,"epoch":"` + epoch + `"}`)
	c.wantNext(fmt.Sprintf(`{"type":"ok","ref":1,"room":"a","epoch":%q,"head":3,"floor":1}`, epoch))
	c.wantEvents("a", 1, "m2", "m3")
	c.write(`{"type":"join","room":"b"}`)
	c.wantNext(fmt.Sprintf(`{"type":"ok","room":"b","epoch":%q,"head":0,"floor":1}`, epoch))
	s.say("b", "bob", "in b")
	c.wantEvents("b", 0, "in b")
	s.say("a", "bob", "in a")
	c.wantEvents("a", 3, "in a")
	c.write(`{"type":"join","ref":"r","room":"c","after":7}`)
	c.wantNext(fmt.Sprintf(`{"type":"ok","ref":"r","room":"c","epoch":%q,"head":0,"floor":1}`, epoch))
	c.wantNext(fmt.Sprintf(`{"type":"reset","room":"c","epoch":%q,"head":0,"floor":1}`, epoch))

	c.write(`{"type":"join","ref":2,"room":"a","after":3}`) // again, from another cursor
	c.wantNext(fmt.Sprintf(`{"type":"ok","ref":2,"room":"a","epoch":%q,"head":4,"floor":1}`, epoch))
	c.wantEvents("a", 3, "in a")
	s.say("a", "bob", "once")
	c.wantEvents("a", 4, "once")

	c.write(`{"type":"leave","ref":3,"room":"B"}`)
	c.wantNext(`{"type":"ok","ref":3}`)
	s.say("b", "bob", "unheard")
	c.write(`{"type":"leave","ref":4,"room":"b"}`)
	if f := c.next(); f.Type != "error" || f.Code != "not_joined" {
		t.Errorf("got %+v", f)
	}
	c.write(`{"type":"post","ref":5,"room":"b","text":"said from outside","id":"x"}`)
	c.wantNext(`{"type":"ok","ref":5,"room":"b","offset":3}`)
}

func TestPostsAreAnsweredInOrder(t *testing.T) {
	t.Parallel()
	s := open(t)
	c := s.dial("/room/123/?name=ann", "teahouse.v1")
	c.next()
	let := s.log.hold()
	defer let()
	const n = 200 // more than may wait at once
	go func() {
		for i := range n {
			text := fmt.Sprint(i)
			if i%10 == 3 {
				text = ""
			}
			_ = c.Write(t.Context(), websocket.MessageText, fmt.Appendf(nil, `{"type":"post","ref":%d,"id":"c%d","text":%q}`, i, i, text))
			if i == 20 {
				let()
			}
		}
	}()
	answers, offset, seen := 0, int64(0), int64(0)
	for answers < n || seen < n*9/10 {
		f := c.next()
		switch f.Type {
		case "ok":
			if offset++; f.Ref != float64(answers) || f.Offset != offset || f.Room != "123" {
				t.Fatalf("answer %d: got %+v, want offset %d", answers, f, offset)
			}
			answers++
		case "error":
			if f.Ref != float64(answers) || answers%10 != 3 || f.Code != "text_empty" || f.Detail == "" {
				t.Fatalf("answer %d: got %+v", answers, f)
			}
			answers++
		case "events":
			for _, e := range f.Events {
				if seen++; e.Offset != seen {
					t.Fatalf("got the event %d after %d", e.Offset, seen-1)
				}
			}
		default:
			t.Fatalf("got %+v", f)
		}
	}
}

func TestPostOverASocketIsIdempotentToo(t *testing.T) {
	t.Parallel()
	s := open(t)
	cookie := s.guest()
	c := s.dial("/ws?name=ann", "teahouse.v1", "Cookie", cookie)
	if f := c.next(); !strings.HasPrefix(f.Author.ID, "g-") || f.Author.Name != "ann" {
		t.Errorf("got %+v", f)
	}
	for _, want := range []string{
		`{"type":"ok","ref":1,"room":"123","offset":1}`, `{"type":"ok","ref":1,"room":"123","offset":1}`,
	} {
		c.write(`{"type":"post","ref":1,"room":"123","id":"c-7f3","text":"hi"}`)
		c.wantNext(want)
	}
	if a := s.do("POST", "/room/123/messages?name=other", `{"id":"c-7f3","text":"hi"}`, "Content-Type", asJSON, "Cookie", cookie); a.StatusCode != 200 {
		t.Errorf("over HTTP: got %d %s", a.StatusCode, a.body)
	}
	c.write(`{"type":"post","ref":2,"room":"123","id":"c-7f3","text":"ho"}`)
	if f := c.next(); f.Type != "error" || f.Code != "id_conflict" || f.Ref != float64(2) {
		t.Errorf("got %+v", f)
	}
}

func TestBadFramesGetAnErrorWithTheirRef(t *testing.T) {
	t.Parallel()
	s := open(t)
	c := s.dial("/ws", "teahouse.v1")
	c.next()
	for _, x := range []struct {
		send, code string
		ref        any
	}{
		{`hi`, "bad_json", nil},
		{``, "bad_json", nil},
		{`null`, "bad_json", nil},
		{`[]`, "bad_json", nil},
		{`"ping"`, "bad_json", nil},
		{`{"type":"ping"`, "bad_json", nil},
		{`{"type":"ping"}{}`, "bad_json", nil},
		{`{"type":"ping","type":"ping"}`, "bad_json", nil},
		{`{"type":"post","ref":1,"text":"\ud800"}`, "bad_json", nil},
		{strings.Repeat(`{"x":`, 17) + "1" + strings.Repeat("}", 17), "bad_json", nil},
		{`{}`, "unknown_type", nil},
		{`{"type":"brew","ref":"tea"}`, "unknown_type", "tea"},
		{`{"Type":"ping","ref":7}`, "unknown_type", float64(7)},
		{`{"type":"post","text":5,"ref":3}`, "bad_frame", float64(3)},
		{`{"ref":3,"type":5}`, "bad_frame", float64(3)},
		{`{"type":"join","room":"a","after":-1,"ref":3}`, "bad_frame", float64(3)},
		{`{"type":"join","room":"a","after":1.5,"ref":3}`, "bad_frame", float64(3)},
		{`{"type":"join","room":"a","after":"1","ref":true}`, "bad_frame", true},
		{`{"type":"ping","ref":{"a":1}}`, "bad_frame", nil},
		{`{"type":"ping","ref":[1]}`, "bad_frame", nil},
		{`{"type":5,"ref":[1]}`, "bad_frame", nil},
		{`{"type":"ping","ref":"` + strings.Repeat("r", 64) + `"}`, "bad_frame", nil},
		{`{"type":"join","room":"a!b","ref":3}`, "room_invalid", float64(3)},
		{`{"type":"join","ref":3}`, "bad_frame", float64(3)},
		{`{"type":"post","room":".x","text":"hi","ref":3}`, "room_invalid", float64(3)},
		{`{"type":"leave","room":"a","ref":3}`, "not_joined", float64(3)},
		{`{"type":"post","room":"a","ref":3}`, "text_empty", float64(3)},
		{`{"type":"post","room":"a","ref":3,"text":"a\u0000"}`, "text_nul", float64(3)},
		{`{"type":"post","room":"a","ref":3,"text":"` + strings.Repeat("a", 4001) + `"}`, "text_too_long", float64(3)},
		{`{"type":"post","room":"a","ref":3,"text":"a","id":"é"}`, "id_invalid", float64(3)},
	} {
		c.write(x.send)
		if f := c.next(); f.Type != "error" || f.Code != x.code || f.Ref != x.ref || f.Detail == "" {
			t.Errorf("%.80s: got %+v, want %s %v", x.send, f, x.code, x.ref)
		}
	}
	c.write(`{"type":"signal","room":"a","kind":"typing"}`)
	c.write(`{"type":"post","ref":null,"room":"a","text":"ok","color":[{"x":1}]}`)
	if f := c.next(); f.Type != "ok" || f.Offset != 1 {
		t.Errorf("got %+v", f)
	}
	if err := c.Write(t.Context(), websocket.MessageBinary, []byte(`{"type":"ping"}`)); err != nil {
		t.Fatal(err)
	}
	if f := c.next(); !strings.HasPrefix(f.Type, "closed 1003") {
		t.Errorf("binary: got %+v", f)
	}
}

func TestSocketForManyRoomsNeedsTheSubprotocol(t *testing.T) {
	t.Parallel()
	s := open(t)
	upgrade := []string{"Connection", "Upgrade", "Upgrade", "websocket", "Sec-WebSocket-Version", "13", "Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="}
	wantProblem(t, "none", s.get("/ws", upgrade...), 400, "subprotocol_required")
	wantProblem(t, "another", s.get("/ws", append(upgrade, "Sec-WebSocket-Protocol", "teahouse.v2")...), 400, "subprotocol_required")
	a := s.get("/ws")
	wantProblem(t, "no upgrade", a, 426, "handshake")
	if a.Header.Get("Upgrade") != "websocket" || a.Header.Get("Sec-WebSocket-Version") != "13" {
		t.Errorf("got %v", a.Header)
	}
	wantProblem(t, "another version", s.get("/room/123/", "Connection", "Upgrade", "Upgrade", "websocket", "Sec-WebSocket-Version", "8", "Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="), 426, "handshake")
	wantProblem(t, "a bad key", s.get("/room/123/", "Connection", "Upgrade", "Upgrade", "websocket", "Sec-WebSocket-Version", "13", "Sec-WebSocket-Key", "x"), 400, "handshake")
	s.held(0)
}

func TestRoomsOnOneSocketAreBounded(t *testing.T) {
	t.Parallel()
	s := open(t)
	c := s.dial("/ws", "teahouse.v1")
	c.next()
	for i := range 101 {
		c.write(fmt.Sprintf(`{"type":"join","ref":%d,"room":"r%d"}`, i, i))
		f := c.next()
		if i < 100 && f.Type != "ok" || i == 100 && f.Code != "too_many_rooms" {
			t.Fatalf("room %d: got %+v", i, f)
		}
	}
	c.write(`{"type":"join","ref":1,"room":"r5"}`)
	if f := c.next(); f.Type != "ok" {
		t.Errorf("joining again: got %+v", f)
	}
}

func TestPostsOverTheRateAreRefusedWithATime(t *testing.T) {
	s := open(t, withLimits)
	c := s.dial("/room/123/?name=ann", "teahouse.v1")
	c.next()
	began := time.Now()
	for i := range 60 { // on a slow machine some more than the burst pass
		c.write(fmt.Sprintf(`{"type":"post","ref":%d,"text":"hi"}`, i))
	}
	for refs := 0; ; {
		f := c.next()
		switch {
		case f.Type == "events":
			continue
		case f.Type == "ok":
			refs++
			continue
		case refs < 20 || refs > mayPost(began) || f.Code != "rate_limited" || f.RetryAfter <= 0 || f.RetryAfter > 0.2 || f.Ref != float64(refs):
			t.Errorf("after %d posts: got %+v", refs, f)
		}
		return
	}
}

func TestPresenceTellsWhoCameAndWent(t *testing.T) {
	t.Parallel()
	s := open(t)
	a := s.dial("/room/123/?name=ann", "teahouse.v1")
	a.next()
	for range 2 { // at once, and as everybody is told
		if f := decode[frame](t, a.read()); f.Type != "presence" || f.Room != "123" || f.Count != 1 || fmt.Sprint(f.Joined) != "[{n-ann ann <nil>}]" {
			t.Errorf("got %+v", f)
		}
	}
	b, plain := s.dial("/ws?name=bob", "teahouse.v1"), s.dial("/room/123/?name=cid", "")
	b.next()
	b.write(`{"type":"join","room":"123"}`)
	if f := decode[frame](t, a.read()); f.Count != 3 || len(f.Joined) != 2 || len(f.Left) != 0 {
		t.Errorf("got %+v", f)
	}
	b.write(`{"type":"leave","room":"123"}`)
	_ = plain.Close(websocket.StatusNormalClosure, "")
	if f := decode[frame](t, a.read()); f.Count != 1 || len(f.Left) != 2 || len(f.Joined) != 0 {
		t.Errorf("got %+v", f)
	}
}

// A client may leave and join while it hasn't read what came of the room before: the answers have their place among the events.
func TestJoiningAgainKeepsTheOrderOfASlowReader(t *testing.T) {
	t.Parallel()
	s := open(t)
	room, err := chat.ParseRoom("fat")
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Repeat("茶", 4000)
	for i := range 250 {
		entry := eventlog.Entry{Topic: room.Topic, Type: chat.TypePosted, Author: "a", ID: strconv.Itoa(i), Data: []byte(`{"name":"a","text":"` + text + `"}`)}
		if _, err := s.log.Append(t.Context(), entry); err != nil {
			t.Fatal(err)
		}
	}
	c := s.dial("/ws", "teahouse.v1")
	c.SetReadLimit(1 << 20)
	for _, frame := range []string{
		`{"type":"join","ref":1,"room":"fat","after":0}`, `{"type":"join","ref":2,"room":"fat","after":245}`,
		`{"type":"leave","ref":3,"room":"fat"}`, `{"type":"join","ref":4,"room":"fat","after":248}`, `{"type":"ping"}`,
	} {
		c.write(frame)
	}
	ref, last := 0.0, int64(0)
	starts := map[float64]int64{1: 0, 2: 245, 4: 248}
	for ref < 4 || last < 250 {
		switch f := c.next(); f.Type {
		case "ok":
			ref = f.Ref.(float64)
			last = starts[ref]
		case "events":
			if offset := int64(f.Events[0].Offset); ref == 3 || offset != last+1 {
				t.Fatalf("after ok %v: got %d, want %d", ref, offset, last+1)
			}
			last++
		}
	}
}

func TestSubprotocolIsMatchedToTheLetter(t *testing.T) {
	t.Parallel()
	s := open(t)
	_, in := s.upgrade("/ws", "", "Sec-WebSocket-Protocol: TEAHOUSE.V1")
	res, err := http.ReadResponse(in, nil)
	if err != nil || res.StatusCode != 400 {
		t.Errorf("got %v, %v, want 400", res, err)
	}
}
