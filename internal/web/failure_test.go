package web_test

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
)

func TestWhileTheStoreFailsPostsAreRefusedAndReadingGoesOnFromMemory(t *testing.T) {
	t.Parallel()
	s := open(t)
	v1, plain := s.dial("/room/123/?name=v", "teahouse.v1"), s.dial("/room/123/", "")
	v1.next()
	s.say("123", "ann", "kept")
	v1.wantEvents("123", 0, "kept")
	plain.want("kept")
	s.log.failing.Store(true)

	a := s.do("POST", "/room/123/messages", "lost")
	wantProblem(t, "a post", a, 503, "unavailable")
	if a.Header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	wantProblem(t, "a form", s.do("POST", "/room/123/", "text=lost", "Content-Type", asForm), 503, "unavailable")
	v1.write(`{"type":"post","ref":1,"id":"again","text":"retried"}`)
	if f := v1.next(); f.Type != "error" || f.Code != "unavailable" || f.RetryAfter <= 0 || f.Ref != float64(1) {
		t.Errorf("got %+v", f)
	}
	plain.write("lost")
	plain.want("closed 1013 unavailable")

	if p := decode[page](t, s.get("/room/123/events?after=0").body); p.texts() != "kept" {
		t.Errorf("got %+v", p)
	}
	if a := s.get("/room/123/"); a.StatusCode != 200 || !strings.Contains(a.body, "kept") {
		t.Errorf("the page: got %d", a.StatusCode)
	}
	s.stream("/room/123/events?after=0").wantTexts(s.feed.Epoch(), 0, "kept")
	late := s.dial("/room/123/?after=0", "teahouse.v1")
	late.next()
	late.wantEvents("123", 0, "kept")

	unknown := s.get("/room/unknown/events")
	wantProblem(t, "a room that isn't in memory", unknown, 503, "unavailable")
	if unknown.Header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	if _, res, err := s.tryDial("/room/unknown/", ""); err == nil || res.StatusCode != 503 || res.Header.Get("Retry-After") == "" {
		t.Errorf("its socket: got %v, %v", res, err)
	}
	v1.write(`{"type":"join","ref":2,"room":"unknown"}`)
	if f := v1.next(); f.Code != "unavailable" || f.Ref != float64(2) {
		t.Errorf("joining it: got %+v", f)
	}
	wantProblem(t, "the lobby", s.get("/"), 503, "unavailable")

	s.log.failing.Store(false)
	v1.write(`{"type":"post","ref":3,"id":"again","text":"retried"}`)
	for range 2 {
		if f := v1.next(); !(f.Type == "ok" && f.Offset == 2) && !(f.Type == "events" && f.Events[0].Text == "retried") {
			t.Errorf("healed: got %+v", f)
		}
	}
	late.wantEvents("123", 1, "retried")
	for _, path := range []string{"/", "/room/unknown/events"} {
		if a := s.get(path); a.StatusCode != 200 {
			t.Errorf("healed: %s got %d", path, a.StatusCode)
		}
	}
	s.held(3) // v1, late and the stream
}

func TestHandlerThatPanicsEndsItsConnectionOnly(t *testing.T) {
	t.Parallel()
	s := open(t, func(c *config) { c.ready = func(context.Context) error { panic("out of tea") } })
	if res, err := s.Client().Get(s.URL + "/readyz"); err == nil {
		t.Errorf("got %v", res.Status)
		_ = res.Body.Close()
	}
	s.say("123", "ann", "on it goes")
	if logged := s.logged.String(); !strings.Contains(logged, "handler panicked") || !strings.Contains(logged, "out of tea") {
		t.Errorf("logged %s", logged)
	}
}

func TestCommitThatPanicsIsAnErrorOfItsPost(t *testing.T) {
	t.Parallel()
	s := open(t)
	v1, plain := s.dial("/room/123/", "teahouse.v1"), s.dial("/room/123/", "")
	v1.next()
	s.log.panics.Store(true)
	wantProblem(t, "a post", s.do("POST", "/room/123/messages", "hi"), 500, "internal")
	v1.write(`{"type":"post","ref":1,"text":"hi"}`)
	if f := v1.next(); f.Code != "internal" || f.Ref != float64(1) {
		t.Errorf("got %+v", f)
	}
	plain.write("hi")
	plain.want("closed 1011 internal")
	s.log.panics.Store(false)
	v1.write(`{"type":"post","ref":2,"text":"on it goes"}`)
	if f := v1.next(); f.Type != "ok" && f.Type != "events" {
		t.Errorf("got %+v", f)
	}
	if !strings.Contains(s.logged.String(), "commit panicked") {
		t.Errorf("logged %s", s.logged)
	}
}

func TestReadinessSaysWhetherMessagesFlow(t *testing.T) {
	t.Parallel()
	var broken atomic.Bool
	s := open(t, func(c *config) {
		c.ready = func(context.Context) error {
			if broken.Load() {
				return fmt.Errorf("await the canary: %w", context.DeadlineExceeded)
			}
			return nil
		}
	})
	if a := s.get("/readyz"); a.StatusCode != 200 || a.body != "ok\n" {
		t.Errorf("got %d %s", a.StatusCode, a.body)
	}
	broken.Store(true)
	wantProblem(t, "no canary", s.get("/readyz"), 503, "not_ready")
	if a := s.get("/healthz"); a.StatusCode != 200 {
		t.Errorf("alive: got %d", a.StatusCode)
	}
}
