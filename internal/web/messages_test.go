package web_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/teahouse-chat/teahouse/internal/chat"
)

const (
	asJSON = "application/json"
	asForm = "application/x-www-form-urlencoded" // what curl -d says
)

func TestPostIsAnsweredWithItsEvent(t *testing.T) {
	t.Parallel()
	s := open(t)
	a := s.do("POST", "/room/123/messages?name=ann", `{"text":"hi","id":"c-7f3"}`, "Content-Type", asJSON)
	if a.StatusCode != 201 || a.Header.Get("Content-Type") != asJSON || a.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("got %d %v", a.StatusCode, a.Header)
	}
	want := `^\{"offset":1,"type":"message.posted","id":"c-7f3","author":\{"id":"n-ann","name":"ann"\},"text":"hi","time":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"\}\n$`
	if !regexp.MustCompile(want).MatchString(a.body) {
		t.Errorf("got %s", a.body)
	}
}

func TestPostTakesAnyBody(t *testing.T) {
	t.Parallel()
	s := open(t)
	room := 0
	for _, c := range []struct{ what, contentType, body, text string }{
		{"curl -d", asForm, "hi there & more=%20", "hi there & more=%20"},
		{"no type", "", "hi", "hi"},
		{"text", "text/plain; charset=utf-8", "a\nb", "a\nb"},
		{"an unreadable type", "///", `{"text":"x"}`, `{"text":"x"}`},
		{"JSON", asJSON, `{"text":"hi"}`, "hi"},
		{"JSON with a charset", "Application/JSON; charset=utf-8", ` {"text":"hi"} `, "hi"},
		{"JSON with a broken parameter", "application/json; charset", `{"text":"hi"}`, "hi"},
		{"unknown fields", asJSON, `{"color":{"deep":[1]},"text":"hi","TEXT":"other"}`, "hi"},
		{"escapes", asJSON, `{"text":"\u8336 \ud83c\udf75"}`, "茶 🍵"},
		{"4,000 characters of CJK", asForm, strings.Repeat("茶", 4000), strings.Repeat("茶", 4000)},
		{"4,000 characters of four bytes in JSON", asJSON, `{"text":"` + strings.Repeat("🍵", 4000) + `"}`, strings.Repeat("🍵", 4000)},
		{"4,000 escaped characters", asJSON, `{"text":"` + strings.Repeat(`\u8336`, 4000) + `"}`, strings.Repeat("茶", 4000)},
	} {
		room++
		a := s.do("POST", fmt.Sprintf("/room/r%d/messages", room), c.body, "Content-Type", c.contentType)
		if a.StatusCode != 201 {
			t.Errorf("%s: got %d %s", c.what, a.StatusCode, a.body)
		} else if e := decode[event](t, a.body); e.Text != c.text || e.ID == "" || e.Author != (author{ID: "n-guest", Name: "guest"}) {
			t.Errorf("%s: got %.100v", c.what, e)
		}
	}
}

func TestBadPostsAreRefusedWithAStatusAndACode(t *testing.T) {
	t.Parallel()
	s := open(t)
	deep := strings.Repeat("[", 17) + strings.Repeat("]", 17)
	for _, c := range []struct {
		what, contentType, id, body string
		status                      int
		code                        string
	}{
		{"an empty body", asForm, "", "", 422, "text_empty"},
		{"no text", asJSON, "", `{}`, 422, "text_empty"},
		{"an empty text", asJSON, "", `{"text":""}`, 422, "text_empty"},
		{"U+0000", asForm, "", "a\x00b", 422, "text_nul"},
		{"U+0000 in JSON", asJSON, "", `{"text":"a\u0000b"}`, 422, "text_nul"},
		{"malformed UTF-8", asForm, "", "a\xff", 400, "text_malformed"},
		{"malformed UTF-8 in JSON", asJSON, "", "{\"text\":\"a\xff\"}", 400, "bad_json"},
		{"half a surrogate pair", asJSON, "", `{"text":"\ud800"}`, 400, "bad_json"},
		{"4,001 characters", asForm, "", strings.Repeat("a", 4001), 413, "text_too_long"},
		{"4,001 characters of CJK", asJSON, "", `{"text":"` + strings.Repeat("茶", 4001) + `"}`, 413, "text_too_long"},
		{"over 16 KiB", asForm, "", strings.Repeat("a", 16<<10+1), 413, "text_too_long"},
		{"a huge body", asForm, "", strings.Repeat("a", 1<<20), 413, "text_too_long"},
		{"huge JSON", asJSON, "", `{"text":"` + strings.Repeat("a", 1<<20) + `"}`, 413, "text_too_long"},
		{"no JSON", asJSON, "", `hi`, 400, "bad_json"},
		{"nothing", asJSON, "", ``, 400, "bad_json"},
		{"null", asJSON, "", `null`, 400, "bad_json"},
		{"an array", asJSON, "", `[]`, 400, "bad_json"},
		{"a text of another type", asJSON, "", `{"text":5}`, 400, "bad_json"},
		{"two values", asJSON, "", `{"text":"a"}{"text":"b"}`, 400, "bad_json"},
		{"a key twice", asJSON, "", `{"text":"a","text":"b"}`, 400, "bad_json"},
		{"an unknown key twice", asJSON, "", `{"text":"a","x":1,"x":2}`, 400, "bad_json"},
		{"too deep", asJSON, "", `{"text":"a","x":` + deep + `}`, 400, "bad_json"},
		{"a long id", asJSON, "", `{"text":"a","id":"` + strings.Repeat("i", 65) + `"}`, 422, "id_invalid"},
		{"an id of other characters", asJSON, "", `{"text":"a","id":"é"}`, 422, "id_invalid"},
		{"a control character in the id", asJSON, "", `{"text":"a","id":"a\n"}`, 422, "id_invalid"},
		{"a long Idempotency-Key", asForm, strings.Repeat("i", 65), "a", 422, "id_invalid"},
	} {
		headers := []string{"Content-Type", c.contentType}
		if c.id != "" {
			headers = append(headers, "Idempotency-Key", c.id)
		}
		wantProblem(t, c.what, s.do("POST", "/room/123/messages", c.body, headers...), c.status, c.code)
	}
	if p := decode[page](t, s.get("/room/123/events").body); p.Head != 0 {
		t.Errorf("something was posted: %v", p)
	}
}

func TestRetryIsHarmlessAndAnIDIsForOneText(t *testing.T) {
	t.Parallel()
	s := open(t)
	post := func(query, id, text string) answer {
		return s.do("POST", "/room/123/messages"+query, text, "Idempotency-Key", id)
	}
	first := post("?name=ann", "k1", "hi")
	if again := post("?name=ann", "k1", "hi"); first.StatusCode != 201 || again.StatusCode != 200 || again.body != first.body {
		t.Errorf("got %d %s, then %d %s", first.StatusCode, first.body, again.StatusCode, again.body)
	}
	a := s.do("POST", "/room/123/messages?name=ann", `{"text":"hi","id":"k1"}`, "Content-Type", asJSON, "Idempotency-Key", "other")
	if a.StatusCode != 200 || a.body != first.body {
		t.Errorf("JSON's own id wins: got %d %s", a.StatusCode, a.body)
	}
	wantProblem(t, "another text", post("?name=ann", "k1", "ho"), 409, "id_conflict")
	if a := post("?name=bob", "k1", "ho"); a.StatusCode != 201 {
		t.Errorf("another author: got %d %s", a.StatusCode, a.body)
	}
	if a := s.do("POST", "/room/124/messages?name=ann", "ho", "Idempotency-Key", "k1"); a.StatusCode != 201 {
		t.Errorf("another room: got %d %s", a.StatusCode, a.body)
	}
	if a, b := post("", "", "same"), post("", "", "same"); a.StatusCode != 201 || b.StatusCode != 201 {
		t.Errorf("without ids they are two: got %d, %d", a.StatusCode, b.StatusCode)
	}
}

func TestAuthorIsTheGuestWhomTheCookieProvesElseTheName(t *testing.T) {
	t.Parallel()
	s := open(t)
	cookie := s.guest()
	id, signature, _ := strings.Cut(strings.TrimPrefix(cookie, "teahouse_guest="), ".")
	if !strings.HasPrefix(id, "g-") {
		t.Errorf("got the guest %s", id)
	}
	other := open(t).guest() // another server's, so with another key
	for _, c := range []struct{ what, cookie, query, id, name string }{
		{"cookie", cookie, "?name=ann", id, "ann"},
		{"cookie without a name", cookie, "", id, "guest"},
		{"no cookie", "", "?name=ann", "n-ann", "ann"},
		{"nothing", "", "", "n-guest", "guest"},
		{"another's id under one's own signature", "teahouse_guest=g-admin." + signature, "?name=ann", "n-ann", "ann"},
		{"no signature", "teahouse_guest=" + id, "", "n-guest", "guest"},
		{"an empty signature", "teahouse_guest=" + id + ".", "", "n-guest", "guest"},
		{"another server's cookie", other, "", "n-guest", "guest"},
		{"not a guest's id", "teahouse_guest=n-ann." + signature, "", "n-guest", "guest"},
		{"a direction override", "", "?name=a%E2%80%AEnn%0A%00", "n-ann", "ann"},
		{"32 characters", "", "?name=" + strings.Repeat("%E8%8C%B6", 40), "n-" + strings.Repeat("茶", 32), strings.Repeat("茶", 32)},
		{"only controls", "", "?name=%07%E2%80%8B", "n-guest", "guest"},
		{"malformed UTF-8", "", "?name=a%ffnn", "n-ann", "ann"},
	} {
		headers := []string{"Content-Type", asForm}
		if c.cookie != "" {
			headers = append(headers, "Cookie", c.cookie)
		}
		a := s.do("POST", "/room/123/messages"+c.query, "hi", headers...)
		if a.StatusCode != 201 {
			t.Errorf("%s: got %d %s", c.what, a.StatusCode, a.body)
		} else if e := decode[event](t, a.body); e.Author != (author{ID: c.id, Name: c.name}) {
			t.Errorf("%s: got %v, want %s %s", c.what, e.Author, c.id, c.name)
		}
	}
}

func TestOneAuthorPostsInARoomAsOftenAsTheBurstAllows(t *testing.T) {
	s := open(t, withLimits)
	began := time.Now()
	for i := range 20 {
		s.say("123", "ann", fmt.Sprint(i))
	}
	a := s.do("POST", "/room/123/messages?name=ann", "once more")
	passed := 20
	for a.StatusCode == http.StatusCreated && passed < 60 { // on a slow machine
		passed++
		a = s.do("POST", "/room/123/messages?name=ann", "once more")
	}
	if most := mayPost(began); passed > most {
		t.Errorf("%d posts passed, want at most %d", passed, most)
	}
	wantProblem(t, "after the burst", a, http.StatusTooManyRequests, "rate_limited")
	if a.Header.Get("Retry-After") != "1" {
		t.Errorf("Retry-After: got %q, want 1", a.Header.Get("Retry-After"))
	}
	s.say("123", "bob", "another author")
	s.say("124", "ann", "another room")
}

func TestFormWithoutScriptPostsAndShowsThePageAgain(t *testing.T) {
	t.Parallel()
	s := open(t, withBase("/chat"))
	a := s.do("POST", "/chat/room/ABC/", "text=hi+there%0D%0Ayou&name=ann+lee", "Content-Type", asForm)
	if a.StatusCode != 303 || a.Header.Get("Location") != "/chat/room/abc/?name=ann+lee" {
		t.Errorf("got %d to %s", a.StatusCode, a.Header.Get("Location"))
	}
	p := decode[page](t, s.get("/chat/room/abc/events").body)
	if len(p.Events) != 1 || p.Events[0].Text != "hi there\nyou" || p.Events[0].Author != (author{ID: "n-ann lee", Name: "ann lee"}) {
		t.Errorf("got %v", p)
	}
	if shown := s.get(a.Header.Get("Location")).body; !strings.Contains(shown, "hi there\nyou") || !strings.Contains(shown, `value="ann lee"`) {
		t.Errorf("the page doesn't show the message and the name: %s", shown)
	}
	wantProblem(t, "an empty form", s.do("POST", "/chat/room/abc/", "text=", "Content-Type", asForm), 422, "text_empty")
	wantProblem(t, "a huge form", s.do("POST", "/chat/room/abc/", "text="+strings.Repeat("a", 200<<10), "Content-Type", asForm), 413, "text_too_long")
	wantProblem(t, "a broken form", s.do("POST", "/chat/room/abc/", "text=%zz", "Content-Type", asForm), 400, "body_unreadable")
	wantProblem(t, "no room", s.do("POST", "/chat/room/a!b/", "text=hi", "Content-Type", asForm), 404, "room_invalid")
}

func TestBodyThatIsCutShortIsNotPosted(t *testing.T) {
	t.Parallel()
	s := open(t)
	conn, err := net.Dial("tcp", s.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "POST /room/123/messages HTTP/1.1\r\nHost: %s\r\nContent-Length: 100\r\n\r\nonly this", s.Listener.Addr())
	_ = conn.(*net.TCPConn).CloseWrite()
	b, _ := io.ReadAll(conn)
	if !strings.Contains(string(b), "400 Bad Request") || !strings.Contains(string(b), "body_unreadable") {
		t.Errorf("got %s", b)
	}
	if p := decode[page](t, s.get("/room/123/events").body); p.Head != 0 {
		t.Errorf("it was posted: %v", p)
	}
}

func TestTextComesBackAsItWasWritten(t *testing.T) {
	t.Parallel()
	s := open(t)
	for _, text := range []string{"<b>&amp;", "\u2028\u2029", "a\r\nb\t", "\x7f\x1b[31m", "e\u0301", "\ufeff", "👩‍👩‍👧", strings.Repeat("a", chat.MaxTextRunes)} {
		e := s.say("123", "ann", text)
		p := decode[page](t, s.get(fmt.Sprintf("/room/123/events?after=%d", e.Offset-1)).body)
		if e.Text != text || p.texts() != text {
			t.Errorf("got %q and %q, want %q", e.Text, p.texts(), text)
		}
	}
	if shown := s.get("/room/123/").body; strings.Contains(shown, "<b>") || !strings.Contains(shown, "&lt;b&gt;&amp;amp;") {
		t.Errorf("the page doesn't escape: %s", shown)
	}
}
