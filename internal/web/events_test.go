package web_test

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/teahouse-chat/teahouse/eventlog"
	"github.com/teahouse-chat/teahouse/internal/chat"
)

// trim drops a room's events below an offset.
func (s *house) trim(room string, below int) {
	s.t.Helper()
	r, err := chat.ParseRoom(room)
	if err != nil {
		s.t.Fatal(err)
	}
	if err := s.feed.Trim(s.t.Context(), r.Topic, eventlog.Offset(below)); err != nil {
		s.t.Fatal(err)
	}
}

func (p page) span() string {
	if len(p.Events) == 0 {
		return "none"
	}
	for i, e := range p.Events {
		if e.Offset != p.Events[0].Offset+int64(i) {
			return fmt.Sprintf("a hole before %d", e.Offset)
		}
	}
	return fmt.Sprintf("%d-%d", p.Events[0].Offset, p.Events[len(p.Events)-1].Offset)
}

func TestPollAnswersFromAnyCursor(t *testing.T) {
	t.Parallel()
	s := open(t)
	s.fill("123", 1200)
	for _, c := range []struct{ query, want string }{
		{"", "1151-1200"},
		{"?limit=100", "1151-1200"},
		{"?limit=10", "1191-1200"},
		{"?after=0", "1-100"},
		{"?after=0&limit=3", "1-3"},
		{"?after=0&limit=1000", "1-1000"},
		{"?after=0&limit=5000", "1-1000"},
		{"?after=0&limit=99999999999999999999999", "1-1000"},
		{"?after=0&limit=0", "1-1"},
		{"?after=0&limit=-7", "1-1"},
		{"?after=1198", "1199-1200"},
		{"?after=1200", "none"},
		{"?after=1200&wait=0", "none"},
		{"?after=1200&wait=-3", "none"},
		{"?after=1199&wait=20", "1200-1200"},
		{"?after=", "1151-1200"},
		{"?last=1", "1200-1200"},
		{"?last=60", "1141-1200"},
		{"?last=5000", "201-1200"},
		{"?before=101", "51-100"},
		{"?before=101&limit=7", "94-100"},
		{"?before=101&wait=20", "51-100"},
		{"?before=3", "1-2"},
		{"?before=1", "none"},
		{"?before=1&wait=20", "none"},
		{"?before=1201", "1151-1200"},
		{"?before=2000&limit=2", "1199-1200"},
		{"?after=7&limit=1&epoch=" + s.feed.Epoch(), "8-8"},
		{"?last=1&epoch=" + s.feed.Epoch(), "1200-1200"},
		{"?unknown=x", "1151-1200"},
	} {
		a := s.get("/room/123/events" + c.query)
		if a.StatusCode != 200 || a.Header.Get("Content-Type") != asJSON || a.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: got %d %v %s", c.query, a.StatusCode, a.Header, a.body)
			continue
		}
		p := decode[page](t, a.body)
		if p.span() != c.want || p.Head != 1200 || p.Floor != 1 || p.Room != "123" || p.Epoch != s.feed.Epoch() {
			t.Errorf("%s: got %s of %s %s, %d to %d; want %s", c.query, p.span(), p.Room, p.Epoch, p.Floor, p.Head, c.want)
		}
	}
}

func TestEmptyRoomIsRead(t *testing.T) {
	t.Parallel()
	s := open(t)
	for _, query := range []string{"", "?after=0", "?last=50", "?before=5", "?after=0&epoch=" + s.feed.Epoch()} {
		want := fmt.Sprintf(`{"room":"茶","epoch":%q,"head":0,"floor":1,"events":[]}`+"\n", s.feed.Epoch())
		if a := s.get("/room/茶/events" + query); a.StatusCode != 200 || a.body != want {
			t.Errorf("%s: got %d %s, want %s", query, a.StatusCode, a.body, want)
		}
	}
}

func TestQueryThatMakesNoSenseIsRefused(t *testing.T) {
	t.Parallel()
	s := open(t)
	for _, query := range []string{
		"after=x", "after=-1", "after=1.5", "after=0x10", "after=1&after=2", "before=0", "before=x", "last=0", "last=-1", "limit=x", "limit=1e3",
		"wait=soon", "after=1&before=2", "after=1&last=2", "after=1;before=2", "after=%zz",
	} {
		wantProblem(t, query, s.get("/room/123/events?"+query), 400, "bad_query")
	}
}

func TestCursorThatCannotBeServedIsReset(t *testing.T) {
	t.Parallel()
	s := open(t)
	s.fill("123", 20)
	s.trim("123", 11)
	for _, query := range []string{
		"after=21", "after=9", "after=0", "after=99999999999999999999999", "after=15&epoch=other", "last=5&epoch=other", "before=15&epoch=other",
		"after=21&wait=20", "epoch=other", "wait=20&epoch=other",
	} {
		p := wantProblem(t, query, s.get("/room/123/events?"+query), 410, "reset")
		if p.Epoch != s.feed.Epoch() || p.Head == nil || *p.Head != 20 || p.Floor == nil || *p.Floor != 11 {
			t.Errorf("%s: got %+v, want the epoch, 20 and 11", query, p)
		}
	}
	for query, want := range map[string]string{"after=10": "11-20", "last=50": "11-20", "before=14": "11-13", "before=11": "none", "": "11-20"} {
		if p := decode[page](t, s.get("/room/123/events?"+query).body); p.span() != want || p.Floor != 11 {
			t.Errorf("%s: got %s, want %s", query, p.span(), want)
		}
	}
	s.trim("123", 21)
	if p := decode[page](t, s.get("/room/123/events?after=20").body); p.span() != "none" || p.Floor != 21 || p.Head != 20 {
		t.Errorf("all trimmed: got %+v", p)
	}
	wantProblem(t, "an empty room", s.get("/room/other/events?after=1"), 410, "reset")
}

// poll sends a request in the background.
func (s *house) poll(path string) <-chan answer {
	got := make(chan answer, 1)
	go func() { got <- s.get(path) }()
	return got
}

// held waits until n requests and sockets are held open.
func (s *house) held(n int) {
	s.t.Helper()
	until(s.t, fmt.Sprintf("%d held", n), func() bool {
		return strings.Contains(s.get("/metrics").body, fmt.Sprintf("\nteahouse_web_followers %d\n", n))
	})
}

func TestLongPollIsAnsweredAtOnceWhenSomethingCommits(t *testing.T) {
	t.Parallel()
	s := open(t)
	s.say("123", "ann", "old")
	for _, query := range []string{"wait=20", "after=1&wait=999", "wait=20&limit=1"} {
		s.trim("123", 1)
		head := decode[page](t, s.get("/room/123/events").body).Head
		got := s.poll("/room/123/events?" + strings.Replace(query, "after=1", fmt.Sprint("after=", head), 1))
		s.held(1)
		s.say("123", "ann", "new")
		if p := decode[page](t, (<-got).body); p.texts() != "new" || p.Head != head+1 {
			t.Errorf("%s: got %+v", query, p)
		}
		s.held(0)
	}
}

func TestLongPollIsAnsweredWithNothingWhenItsTimeIsUp(t *testing.T) {
	s := open(t)
	s.say("123", "ann", "old")
	began := time.Now()
	p := decode[page](t, s.get("/room/123/events?wait=1").body)
	if took := time.Since(began); len(p.Events) != 0 || p.Head != 1 || took < time.Second || took > 5*time.Second {
		t.Errorf("got %+v after %v", p, took)
	}
}

// A reader that has no cursor but the head of an empty answer must miss nothing, whenever the commits come.
func TestHeadOfAnAnswerIsACursorThatMissesNothing(t *testing.T) {
	t.Parallel()
	s := open(t)
	const n = 300
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := range n {
			s.fill("123", i+1) // the earlier ones are retries
		}
	}()
	cursor := int64(0)
	for cursor < n {
		p := decode[page](t, s.get(fmt.Sprintf("/room/123/events?after=%d&wait=1&limit=1000", cursor)).body)
		if len(p.Events) > 0 && (p.Events[0].Offset != cursor+1 || strings.HasPrefix(p.span(), "a hole")) {
			t.Fatalf("after %d: got %s", cursor, p.span())
		}
		if len(p.Events) < 1000 && p.Head != cursor+int64(len(p.Events)) {
			t.Fatalf("after %d: got %s and head %d", cursor, p.span(), p.Head)
		}
		cursor = p.Head
	}
	<-done
}

// A stream is an SSE answer that is read block by block.
type stream struct {
	t   testing.TB
	res *http.Response
	in  *bufio.Scanner
}

func (s *house) stream(path string, headers ...string) *stream {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), 20*time.Second)
	req, err := http.NewRequestWithContext(ctx, "GET", s.URL+path, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	req.Header.Set("Accept", "text/event-stream")
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := s.Client().Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { cancel(); _ = res.Body.Close() })
	if res.StatusCode != 200 || res.Header.Get("Content-Type") != "text/event-stream" || res.Header.Get("Cache-Control") != "no-store" {
		s.t.Errorf("%s: got %d %v", path, res.StatusCode, res.Header)
	}
	return &stream{s.t, res, bufio.NewScanner(res.Body)}
}

// next returns the lines of the next block that has data, joined by |; what it skips may only be comments, retry and an id.
func (st *stream) next() string {
	st.t.Helper()
	var lines []string
	data := false
	for st.in.Scan() {
		line := st.in.Text()
		switch {
		case line == "" && data:
			return strings.Join(lines, "|")
		case line == "":
			lines = nil
		case strings.HasPrefix(line, "data:"):
			data = true
			fallthrough
		default:
			lines = append(lines, line)
		}
	}
	return "end"
}

func (st *stream) wantTexts(epoch string, after int64, texts ...string) {
	st.t.Helper()
	for i, text := range texts {
		got := st.next()
		id, data, _ := strings.Cut(got, "|data: ")
		if want := fmt.Sprintf("id: %s:%d", epoch, after+int64(i)+1); id != want {
			st.t.Fatalf("got %s, want %s", got, want)
		}
		if e := decode[event](st.t, data); e.Text != text || e.Offset != after+int64(i)+1 {
			st.t.Errorf("got %v, want %s", e, text)
		}
	}
}

func TestStreamBeginsAtItsCursorAndGoesOnLive(t *testing.T) {
	t.Parallel()
	s := open(t)
	epoch := s.feed.Epoch()
	s.fill("123", 3)
	for _, c := range []struct {
		query, last string
		after       int64
		kept        string
	}{
		{"", "", 3, ""},
		{"?after=0", "", 0, "m1 m2 m3"},
		{"?after=2&epoch=" + epoch, "", 2, "m3"},
		{"?after=0", epoch + ":2", 2, "m3"},
		{"?after=0&epoch=other", epoch + ":1", 1, "m2 m3"},
		{"?after=99", epoch + ":3", 3, ""},
		{"?last=1", "", 2, "m3"},
	} {
		t.Run(c.query+" "+c.last, func(t *testing.T) {
			var headers []string
			if c.last != "" {
				headers = []string{"Last-Event-ID", c.last}
			}
			st := s.stream("/room/123/events"+c.query, headers...)
			st.t = t
			st.wantTexts(epoch, c.after, strings.Fields(c.kept)...)
		})
	}
	live := s.stream("/room/123/events")
	s.held(8)
	s.say("123", "ann", "new\nline")
	live.wantTexts(epoch, 3, "new\nline")
}

func TestStreamWithACursorThatCannotBeServedIsResetAndGoesOn(t *testing.T) {
	t.Parallel()
	s := open(t)
	epoch := s.feed.Epoch()
	s.fill("123", 20)
	s.trim("123", 11)
	want := fmt.Sprintf(`event: reset|id: %s:20|data: {"epoch":%q,"head":20,"floor":11}`, epoch, epoch)
	var streams []*stream
	for _, c := range []struct{ query, last string }{
		{"?after=21", ""},
		{"?after=9", ""},
		{"?after=15&epoch=other", ""},
		{"?epoch=other", ""},
		{"?after=99999999999999999999", ""},
		{"?after=15", "other:15"},
		{"?after=15", epoch + ":9"},
		{"?after=15", epoch + ":21"},
		{"?after=15", epoch + ":-1"},
		{"?after=15", "15"},
		{"?after=15", ":15"},
		{"?after=15", epoch + ":x"},
		{"", "\"'"},
	} {
		var headers []string
		if c.last != "" {
			headers = []string{"Last-Event-ID", c.last}
		}
		st := s.stream("/room/123/events"+c.query, headers...)
		if got := st.next(); got != want {
			t.Errorf("%s %s: got %s, want %s", c.query, c.last, got, want)
		}
		streams = append(streams, st)
	}
	s.say("123", "ann", "new")
	for _, st := range streams {
		st.wantTexts(epoch, 20, "new")
	}
}

func TestStreamWithoutACursorTellsWhereItBegins(t *testing.T) {
	t.Parallel()
	s := open(t)
	s.fill("123", 3)
	st := s.stream("/room/123/events")
	want := fmt.Sprintf("id: %s:3", s.feed.Epoch())
	for st.in.Scan() {
		if st.in.Text() == want {
			return
		}
	}
	t.Errorf("no %s", want)
}

func TestHeadOfAStreamOrALongPollEnds(t *testing.T) {
	t.Parallel()
	s := open(t)
	a := s.do("HEAD", "/room/123/events", "", "Accept", "text/event-stream")
	if a.StatusCode != 200 || a.Header.Get("Content-Type") != "text/event-stream" {
		t.Errorf("got %d %v", a.StatusCode, a.Header)
	}
	s.held(0)
}

func TestStreamEndsWhenItsReaderGoes(t *testing.T) {
	t.Parallel()
	s := open(t)
	st := s.stream("/room/123/events")
	s.held(1)
	_ = st.res.Body.Close()
	s.held(0)
}

func TestFollowersOfOneRoomAllSeeTheSameOrder(t *testing.T) {
	t.Parallel()
	s := open(t)
	epoch := s.feed.Epoch()
	var streams []*stream
	for range 5 {
		streams = append(streams, s.stream("/room/123/events?after=0"))
	}
	for i := range 20 {
		go func() { s.do("POST", fmt.Sprintf("/room/123/messages?name=n%d", i%4), fmt.Sprint(i)) }()
	}
	until(t, "20 posts", func() bool { return decode[page](t, s.get("/room/123/events").body).Head == 20 })
	texts := strings.Fields(decode[page](t, s.get("/room/123/events?after=0").body).texts())
	for _, st := range streams {
		st.wantTexts(epoch, 0, texts...)
	}
}
