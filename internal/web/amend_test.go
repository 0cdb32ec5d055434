package web_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
)

// as posts a text in room 123 with a cookie, and returns its event.
func (s *house) as(cookie, text, id string) event {
	s.t.Helper()
	a := s.do("POST", "/room/123/messages?name=ann", text, "Cookie", cookie, "Idempotency-Key", id)
	if a.StatusCode != 201 {
		s.t.Fatalf("post %q: got %d %s", text, a.StatusCode, a.body)
	}
	return decode[event](s.t, a.body)
}

// message reads a message of room 123 as it is now.
func (s *house) message(offset int64) event {
	s.t.Helper()
	p := decode[page](s.t, s.get(fmt.Sprintf("/room/123/events?after=%d&limit=1", offset-1)).body)
	if len(p.Events) != 1 {
		s.t.Fatalf("read %d: got %+v", offset, p)
	}
	return p.Events[0]
}

func TestMessagesAreChangedOverHTTP(t *testing.T) {
	t.Parallel()
	s := open(t)
	ann := s.guest()
	s.as(ann, "hi", "1")
	reply := s.do("POST", "/room/123/messages?name=bob&hue=0", `{"text":"ho","reply":1}`, "Content-Type", asJSON)
	if e := decode[event](t, reply.body); reply.StatusCode != 201 || e.Reply != 1 || e.Author.Hue == nil || *e.Author.Hue != 0 {
		t.Errorf("reply: got %d %s", reply.StatusCode, reply.body)
	}
	for _, c := range []struct{ method, path, body, id, kind, want string }{
		{"PATCH", "/room/123/messages/1?name=ann", `{"text":"hi **there**","id":"2"}`, "", "message.edited", `"target":1,"text":"hi **there**","body":[["p","hi ",["b","there"]]],"time"`},
		{"PUT", "/room/123/messages/1/reactions/" + url.PathEscape("👍"), "", "3", "message.reacted", `"target":1,"emoji":"👍","on":true,"time"`},
		{"DELETE", "/room/123/messages/1/reactions/" + url.PathEscape("👍"), "", "4", "message.reacted", `"target":1,"emoji":"👍","on":false,"time"`},
		{"DELETE", "/room/123/messages/1", "", "5", "message.deleted", `"target":1,"time"`},
	} {
		contentType := ""
		if c.body != "" {
			contentType = asJSON
		}
		first := s.do(c.method, c.path, c.body, "Cookie", ann, "Idempotency-Key", c.id, "Content-Type", contentType)
		if first.StatusCode != 200 || decode[event](t, first.body).Type != c.kind || !strings.Contains(first.body, c.want) || first.Header.Get("Content-Type") != asJSON || first.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s %s: got %d %s", c.method, c.path, first.StatusCode, first.body)
		}
		again := s.do(c.method, c.path, c.body, "Cookie", ann, "Idempotency-Key", c.id, "Content-Type", contentType)
		if again.StatusCode != 200 || again.body != first.body {
			t.Errorf("%s %s again: got %d %s, want %s", c.method, c.path, again.StatusCode, again.body, first.body)
		}
	}
	if e := s.message(1); !e.Deleted || e.Text != "" || e.Body != nil || e.Reactions != nil || e.Edited != "" {
		t.Errorf("got %+v", e)
	}
	if e := s.message(3); e.Text != "" || e.Target != 1 {
		t.Errorf("the superseded edit: got %+v", e)
	}
	if a := s.do("POST", "/room/123/messages?name=ann", "hi", "Cookie", ann, "Idempotency-Key", "1"); a.StatusCode != 200 || !decode[event](t, a.body).Deleted {
		t.Errorf("the first post again: got %d %s", a.StatusCode, a.body)
	}
	plain := s.as(ann, "raw", "6")
	if a := s.do("PATCH", fmt.Sprintf("/room/123/messages/%d", plain.Offset), "raw & *new*", "Cookie", ann); a.StatusCode != 200 || decode[event](t, a.body).Text != "raw & *new*" {
		t.Errorf("a plain body: got %d %s", a.StatusCode, a.body)
	}
	if e := s.message(plain.Offset); e.Text != "raw & *new*" || e.Edited == "" || e.Body == nil {
		t.Errorf("got %+v", e)
	}
}

func TestWhatCannotBeChangedIsSaidWhy(t *testing.T) {
	t.Parallel()
	s := open(t)
	ann, eve := s.guest(), s.guest()
	s.as(ann, "hi", "1")
	s.as(ann, "gone", "2")
	s.say("123", "bob", "named")
	s.do("DELETE", "/room/123/messages/2", "", "Cookie", ann) // event 4
	thumb := url.PathEscape("👍")
	for _, c := range []struct {
		what, cookie, method, path, body string
		status                           int
		code                             string
	}{
		{"another's", eve, "PATCH", "1", "x", 403, "not_yours"},
		{"another's", eve, "DELETE", "1", "", 403, "not_yours"},
		{"without a cookie", "", "PATCH", "1", "x", 403, "not_yours"},
		{"without a cookie", "", "DELETE", "3?name=bob", "", 403, "not_yours"},
		{"a forged cookie", ann + "x", "DELETE", "1", "", 403, "not_yours"},
		{"deleted", ann, "PATCH", "2", "x", 409, "message_deleted"},
		{"deleted", ann, "DELETE", "2", "", 409, "message_deleted"},
		{"deleted", eve, "PUT", "2/reactions/" + thumb, "", 409, "message_deleted"},
		{"no message", ann, "PATCH", "4", "x", 404, "no_message"},
		{"none", ann, "DELETE", "99", "", 404, "no_message"},
		{"none", ann, "DELETE", "0", "", 404, "no_message"},
		{"no number", ann, "DELETE", "x", "", 404, "no_message"},
		{"far out", ann, "PUT", "99999999999999999999/reactions/" + thumb, "", 404, "no_message"},
		{"no emoji", ann, "PUT", "1/reactions/x", "", 422, "emoji_invalid"},
		{"no emoji", ann, "DELETE", "1/reactions/%20", "", 422, "emoji_invalid"},
		{"no text", ann, "PATCH", "1", "", 422, "text_empty"},
		{"long", ann, "PATCH", "1", strings.Repeat("x", 4001), 413, "text_too_long"},
		{"a method", ann, "POST", "1", "x", 405, "method_not_allowed"},
		{"a method", ann, "GET", "1/reactions/" + thumb, "", 405, "method_not_allowed"},
	} {
		headers := []string{"Idempotency-Key", "id of " + c.what + c.path}
		if c.cookie != "" {
			headers = append(headers, "Cookie", c.cookie)
		}
		what := fmt.Sprintf("%s: %s %s", c.what, c.method, c.path)
		wantProblem(t, what, s.do(c.method, "/room/123/messages/"+c.path, c.body, headers...), c.status, c.code)
	}
	for reply, code := range map[string]string{"2": "message_deleted", "4": "no_message", "9": "no_message", "-1": "no_message"} {
		a := s.do("POST", "/room/123/messages", `{"text":"x","reply":`+reply+`}`, "Content-Type", asJSON)
		if p := decode[problem](t, a.body); p.Code != code {
			t.Errorf("a reply to %s: got %s, want %s", reply, a.body, code)
		}
	}
	wantProblem(t, "a reply to a word", s.do("POST", "/room/123/messages", `{"text":"x","reply":"1"}`, "Content-Type", asJSON), 400, "bad_json")
	wantProblem(t, "an id of another kind", s.do("DELETE", "/room/123/messages/1", "", "Cookie", ann, "Idempotency-Key", "1"), 409, "id_conflict")
	if p := decode[page](t, s.get("/room/123/events?after=4").body); len(p.Events) != 0 {
		t.Errorf("something was appended: %+v", p.Events)
	}
}

func TestForeignPagesAreToldTheMethods(t *testing.T) {
	t.Parallel()
	s := open(t, allowing("https://tea.example"))
	for path, methods := range map[string]string{
		"/room/123/messages/1":             "PATCH, DELETE, OPTIONS",
		"/room/123/messages/1/reactions/x": "PUT, DELETE, OPTIONS",
		"/me/rooms/123":                    "PUT, DELETE, OPTIONS",
		"/me":                              "GET, HEAD, OPTIONS",
	} {
		a := s.do("OPTIONS", path, "", "Origin", "https://tea.example")
		if a.StatusCode != 204 || a.Header.Get("Access-Control-Allow-Methods") != methods || a.Header.Get("Allow") != methods {
			t.Errorf("%s: got %d %v", path, a.StatusCode, a.Header)
		}
		if a := s.do("OPTIONS", path, "", "Origin", "https://evil.example"); a.StatusCode != 403 {
			t.Errorf("%s from elsewhere: got %d", path, a.StatusCode)
		}
	}
	ann := s.guest()
	s.as(ann, "hi", "1")
	wantProblem(t, "from elsewhere", s.do("DELETE", "/room/123/messages/1", "", "Cookie", ann, "Origin", "https://evil.example"), 403, "origin_not_allowed")
}

func TestMessagesAreChangedBySocketInOrder(t *testing.T) {
	t.Parallel()
	s := open(t)
	ann := s.guest()
	c := s.dial("/room/123/?name=ann", "teahouse.v1", "Cookie", ann)
	c.next()
	let := s.log.hold()
	defer let()
	thumb := `"target":1,"emoji":"👍"`
	for _, frame := range []string{
		`{"type":"post","ref":1,"id":"1","text":"hi"}`,
		`{"type":"post","ref":2,"id":"2","text":"ho","reply":1}`,
		`{"type":"edit","ref":3,"id":"3","target":1,"text":"hi there"}`,
		`{"type":"react","ref":4,"id":"4",` + thumb + `,"on":true}`,
		`{"type":"edit","ref":5,"id":"3","target":1,"text":"hi there"}`,
		`{"type":"edit","ref":6,"id":"3","target":1,"text":"otherwise"}`,
		`{"type":"react","ref":7,"id":"5",` + thumb + `,"on":false}`,
		`{"type":"delete","ref":8,"id":"6","target":1}`,
		`{"type":"delete","ref":9,"id":"6","target":1}`,
		`{"type":"delete","ref":10,"id":"7","target":1}`,
		`{"type":"edit","ref":11,"id":"8","target":9,"text":"x"}`,
		`{"type":"react","ref":12,"id":"9","target":2,"emoji":"x","on":true}`,
		`{"type":"react","ref":13,"id":"10","target":2,"emoji":"👍"}`,
		`{"type":"edit","ref":14,"id":"11","target":-1,"text":"x"}`,
		`{"type":"edit","ref":15,"id":"12","text":"x"}`,
		`{"type":"post","ref":16,"id":"13","text":"x","reply":1}`,
		`{"type":"wave","ref":17}`,
	} {
		c.write(frame)
	}
	let()
	want := []string{
		"1", "2", "3", "4", "3", "id_conflict", "5", "6", "6", "message_deleted", "no_message", "emoji_invalid", "bad_frame", "bad_frame", "no_message", "message_deleted", "unknown_type",
	}
	for i := 0; i < len(want); {
		f := c.next()
		if f.Type == "events" {
			continue
		}
		got := f.Code
		if f.Type == "ok" {
			if got = fmt.Sprint(f.Offset); f.Room != "123" {
				t.Errorf("got %+v", f)
			}
		}
		if f.Ref != float64(i+1) || got != want[i] {
			t.Errorf("answer %d: got %+v, want %s", i+1, f, want[i])
		}
		i++
	}
	other := s.dial("/ws", "teahouse.v1", "Cookie", s.guest())
	other.next()
	other.write(`{"type":"delete","ref":"d","room":"123","id":"1","target":2}`)
	if f := other.next(); f.Code != "not_yours" || f.Ref != "d" {
		t.Errorf("got %+v", f)
	}
	other.write(`{"type":"react","ref":"r","room":"123","id":"2","target":2,"emoji":"👍","on":true}`)
	if f := other.next(); f.Type != "ok" || f.Offset != 7 {
		t.Errorf("got %+v", f)
	}
}

// Every way to follow shows what becomes of messages, but the plain one, which shows texts only.
func TestChangesReachEveryTransportButThePlainOne(t *testing.T) {
	t.Parallel()
	s := open(t)
	ann := s.guest()
	s.as(ann, "one", "1")
	plain, v1 := s.dial("/room/123/?after=0", ""), s.dial("/room/123/?after=1", "teahouse.v1")
	v1.next()
	plain.want("one")
	s.do("PATCH", "/room/123/messages/1", "two", "Cookie", ann)
	s.do("PUT", "/room/123/messages/1/reactions/"+url.PathEscape("🍵"), "", "Cookie", ann)
	s.as(ann, "three", "2")
	plain.want("three")
	s.do("DELETE", "/room/123/messages/4", "", "Cookie", ann)
	s.as(ann, "four", "3")
	plain.want("four")
	var kinds []string
	for len(kinds) < 5 {
		for _, e := range v1.next().Events {
			kinds = append(kinds, e.Type)
		}
	}
	const all = "message.edited message.reacted message.posted message.deleted message.posted"
	if got := strings.Join(kinds, " "); got != all {
		t.Errorf("got %s", got)
	}
	late := s.dial("/room/123/?after=0", "")
	late.want("two", "four") // as they are now

	kinds = nil
	for _, e := range decode[page](t, s.get("/room/123/events?after=1&wait=1").body).Events {
		kinds = append(kinds, e.Type)
	}
	if got := strings.Join(kinds, " "); got != all {
		t.Errorf("long-poll: got %s", got)
	}
	var stream string
	for st, n := s.stream("/room/123/events?after=0"), 0; n < 6; n++ {
		stream += st.next()
	}
	for _, part := range []string{`"text":"two","edited":"`, `"reactions":[{"emoji":"🍵"`, `"type":"message.deleted"`, `"deleted":true`} {
		if !strings.Contains(stream, part) {
			t.Errorf("the stream lacks %s: %s", part, stream)
		}
	}
	for what, got := range map[string]string{"a stream": stream, "a page": s.get("/room/123/events?last=50").body, "the room's page": s.get("/room/123/").body} {
		if strings.Contains(got, "one") && what != "the room's page" || strings.Contains(got, "three") {
			t.Errorf("%s holds a text that is gone: %s", what, got)
		}
	}
}
