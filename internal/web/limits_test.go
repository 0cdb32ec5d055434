package web_test

import "testing"

func TestConnectionsAreLimitedBeforeTheUpgrade(t *testing.T) {
	t.Run("of one guest", func(t *testing.T) {
		s := open(t, withLimits)
		cookie := s.guest()
		for i := range 20 {
			path := []string{"/ws", "/room/123/"}[i%2]
			s.dial(path, "teahouse.v1", "Cookie", cookie)
		}
		_, res, err := s.tryDial("/room/123/", "", "Cookie", cookie)
		if err == nil || res.StatusCode != 429 || res.Header.Get("Retry-After") == "" {
			t.Errorf("the 21st: got %v, %v", res, err)
		}
		a := s.get("/room/123/events?wait=20", "Cookie", cookie)
		wantProblem(t, "a long-poll", a, 429, "too_many_connections")
		s.dial("/room/123/", "") // another
	})
	t.Run("of one address", func(t *testing.T) {
		s := open(t, withLimits)
		var last *socket
		for range 100 {
			last = s.dial("/ws", "teahouse.v1")
		}
		_, res, err := s.tryDial("/ws", "teahouse.v1")
		if err == nil || res.StatusCode != 429 || res.Header.Get("Retry-After") == "" {
			t.Errorf("the 101st: got %v, %v", res, err)
		}
		_ = last.CloseNow()
		until(t, "a free place", func() bool {
			_, _, err := s.tryDial("/ws", "teahouse.v1")
			return err == nil
		})
	})
	t.Run("in all", func(t *testing.T) {
		s := open(t, func(c *config) { c.web.MaxConns = 3 })
		for range 3 {
			s.dial("/ws", "teahouse.v1")
		}
		_, res, err := s.tryDial("/room/123/", "")
		if err == nil || res.StatusCode != 503 || res.Header.Get("Retry-After") == "" {
			t.Errorf("the 4th: got %v, %v", res, err)
		}
		for _, path := range []string{"/room/123/events?wait=20"} {
			wantProblem(t, path, s.get(path), 503, "full")
		}
		if a := s.get("/room/123/events"); a.StatusCode != 200 {
			t.Errorf("a poll isn't held: got %d", a.StatusCode)
		}
	})
	t.Run("without limits", func(t *testing.T) {
		s := open(t)
		cookie := s.guest()
		for range 130 {
			s.dial("/ws", "teahouse.v1", "Cookie", cookie)
		}
	})
}

func TestRequestsOfOneAddressAreLimited(t *testing.T) {
	s := open(t, withLimits)
	for range 2000 {
		if a := s.get("/room/123/events"); a.StatusCode != 200 {
			wantProblem(t, "a flood", a, 429, "rate_limited")
			if a.Header.Get("Retry-After") == "" {
				t.Error("no Retry-After")
			}
			if a := s.get("/static/app.css"); a.StatusCode != 200 {
				t.Errorf("the page's files: got %d", a.StatusCode)
			}
			return
		}
	}
	t.Error("no limit")
}
