package web_test

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"testing"
)

// ways are all the ways to reach a room.
var ways = []struct {
	what, method, path string
	headers            []string
}{
	{"socket", "GET", "/room/123/", []string{"Connection", "Upgrade", "Upgrade", "websocket", "Sec-WebSocket-Version", "13", "Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="}},
	{"socket for many rooms", "GET", "/ws", []string{
		"Connection", "Upgrade", "Upgrade", "websocket", "Sec-WebSocket-Version", "13",
		"Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Protocol", "teahouse.v1",
	}},
	{"stream", "HEAD", "/room/123/events", []string{"Accept", "text/event-stream"}},
	{"poll", "GET", "/room/123/events", nil},
	{"post", "POST", "/room/123/messages", []string{"Content-Type", "text/plain"}},
	{"form", "POST", "/room/123/", []string{"Content-Type", asForm}},
	{"page", "GET", "/room/123/", nil},
	{"redirect", "GET", "/room/123", nil},
	{"lobby", "GET", "/", nil},
	{"static file", "GET", "/static/app.js", nil},
	{"nothing", "GET", "/nothing", nil},
	{"wrong method", "DELETE", "/room/123/", nil},
	{"wrong query", "GET", "/room/123/events?after=x", nil},
	{"health", "GET", "/healthz", nil},
	{"readiness", "GET", "/readyz", nil},
	{"metrics", "GET", "/metrics", nil},
}

func (s *house) way(i int, headers ...string) answer {
	s.t.Helper()
	w := ways[i]
	body := ""
	if w.method == "POST" {
		body = "text=hi"
	}
	req, err := http.NewRequestWithContext(s.t.Context(), w.method, s.URL+w.path, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	all := append(append([]string(nil), w.headers...), headers...)
	for i := 0; i < len(all); i += 2 {
		req.Header.Add(all[i], all[i+1])
		if all[i] == "Host" {
			req.Host = all[i+1]
		}
	}
	res, err := s.Client().Do(req)
	if err != nil {
		s.t.Fatalf("%s: %v", w.what, err)
	}
	defer res.Body.Close()
	b := make([]byte, 1000)
	n := 0
	if res.StatusCode != http.StatusSwitchingProtocols {
		n, _ = res.Body.Read(b)
	}
	return answer{res, string(b[:n])}
}

func TestEveryAnswerHasTheSecurityHeaders(t *testing.T) {
	t.Parallel()
	s := open(t)
	for i, w := range ways {
		for _, accept := range []string{"*/*", "text/html"} {
			a := s.way(i, "Accept", accept)
			for name, want := range map[string]string{
				"Content-Security-Policy":    "default-src 'none'; script-src 'self'; ",
				"X-Content-Type-Options":     "nosniff",
				"Referrer-Policy":            "no-referrer",
				"Cross-Origin-Opener-Policy": "same-origin",
			} {
				if !strings.HasPrefix(a.Header.Get(name), want) {
					t.Errorf("%s: %d with %s: %q", w.what, a.StatusCode, name, a.Header.Get(name))
				}
			}
			csp := a.Header.Get("Content-Security-Policy")
			for _, part := range []string{"connect-src 'self'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'", "require-trusted-types-for 'script'"} {
				if !strings.Contains(csp, part) {
					t.Errorf("%s: no %s", w.what, part)
				}
			}
		}
	}
}

func TestOnlyOwnAndAllowedOriginsMayConnect(t *testing.T) {
	t.Parallel()
	s := open(t, allowing("https://friend.example", "http://Other.example:80/"))
	own := s.URL
	_, port, _ := net.SplitHostPort(s.Listener.Addr().String())
	for _, c := range []struct {
		origin        string
		may, isShared bool
	}{
		{own, true, false},
		{"https://friend.example", true, true},
		{"http://other.example", true, true},
		{"http://friend.example", false, false},
		{"https://friend.example:8443", false, false},
		{"https://friend.example.evil.example", false, false},
		{"https://evil.example", false, false},
		{"http://localhost:" + port, false, false}, // another origin than 127.0.0.1
		{"https://" + strings.TrimPrefix(own, "http://"), false, false},
		{strings.ToUpper(own), false, false},
		{"null", false, false},
		{"", false, false},
		{own + "/", false, false},
	} {
		for i, w := range ways {
			open := strings.Contains("health readiness metrics", w.what)
			a := s.way(i, "Origin", c.origin)
			if !c.may && !open {
				if a.StatusCode != 403 || w.method != "HEAD" && !strings.Contains(a.body, `"code":"origin_not_allowed"`) {
					t.Errorf("%s from %q: got %d %s, want 403", w.what, c.origin, a.StatusCode, a.body)
				}
			} else if a.StatusCode == 403 {
				t.Errorf("%s from %q: got 403", w.what, c.origin)
			}
			if shared := a.Header.Get("Access-Control-Allow-Origin"); (shared == c.origin && shared != "") != (c.isShared && !open) || a.Header.Get("Access-Control-Allow-Credentials") != "" {
				t.Errorf("%s from %q: shared with %q", w.what, c.origin, shared)
			}
		}
	}
	logged := s.logged.String()
	if n := strings.Count(logged, `flag="--allow-origin http://friend.example"`); n == 0 || n > 15 {
		t.Errorf("%d records say which flag would allow it, want some and not one a request: %s", n, logged)
	}
	null := open(t)
	null.get("/room/123/events", "Origin", "null")
	if logged := null.logged.String(); !strings.Contains(logged, "no flag allows this one") {
		t.Errorf("logged %s", logged)
	}
	if a := s.get("/room/123/events", "Origin", own, "Origin", "https://evil.example"); a.StatusCode != 403 {
		t.Errorf("two origins: got %d", a.StatusCode)
	}
	if strings.Contains(s.get("/room/123/events").Header.Get("Vary"), "Origin") == false {
		t.Error("an answer without Vary: Origin")
	}
}

func TestAllowedOriginAsksBeforeItPosts(t *testing.T) {
	t.Parallel()
	s := open(t, allowing("https://friend.example"))
	a := s.do("OPTIONS", "/room/123/messages", "", "Origin", "https://friend.example", "Access-Control-Request-Method", "POST", "Access-Control-Request-Headers", "content-type,idempotency-key")
	if a.StatusCode != 204 || a.Header.Get("Access-Control-Allow-Origin") != "https://friend.example" || !strings.Contains(a.Header.Get("Access-Control-Allow-Methods"), "POST") ||
		!strings.Contains(a.Header.Get("Access-Control-Allow-Headers"), "Idempotency-Key") {
		t.Errorf("got %d %v", a.StatusCode, a.Header)
	}
	if a := s.do("OPTIONS", "/room/123/messages", "", "Origin", "https://evil.example"); a.StatusCode != 403 {
		t.Errorf("a foreign one: got %d", a.StatusCode)
	}
	if a := s.do("POST", "/room/123/messages", "hi", "Origin", "https://friend.example", "Sec-Fetch-Site", "cross-site"); a.StatusCode != 201 {
		t.Errorf("its post: got %d %s", a.StatusCode, a.body)
	}
	wantProblem(t, "a cross-site form of an old browser's", s.do("POST", "/room/123/", "text=hi", "Content-Type", asForm, "Sec-Fetch-Site", "cross-site"), 403, "origin_not_allowed")
}

func TestServerAnswersOnlyToItsNames(t *testing.T) {
	t.Parallel()
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	hosts := map[string]bool{
		"localhost": true, "localhost:8000": true, "LOCALHOST:1": true, "127.0.0.1": true, "127.0.0.1:8000": true, "[::1]": true, "[::1]:8000": true,
		"evil.example": false, "localhost.evil.example": false, "127.0.0.1.evil.example": false, "127.0.0.2": false, "192.0.2.7:8000": false,
		"[2001:db8::1]": false, "localhost.": false,
	}
	for _, a := range addrs {
		if p, err := netip.ParsePrefix(a.String()); err == nil && !p.Addr().IsLinkLocalUnicast() {
			hosts[net.JoinHostPort(p.Addr().String(), "8000")] = true
		}
	}
	checkHosts(t, open(t), hosts)
	public, _ := url.Parse("https://Chat.example.com/x")
	checkHosts(t, open(t, func(c *config) { c.web.PublicURL = public }), map[string]bool{
		"chat.example.com": true, "chat.example.com:443": true, "CHAT.example.com": true,
		"chat.example.com:80": false, "localhost": false, "127.0.0.1:8000": false, "evil.example": false,
	})
}

func checkHosts(t *testing.T, s *house, hosts map[string]bool) {
	t.Helper()
	for host, is := range hosts {
		for i, w := range ways {
			open := strings.Contains("health readiness metrics", w.what)
			a := s.way(i, "Host", host)
			if (a.StatusCode == 421) == (is || open) {
				t.Errorf("%s by %s: got %d", w.what, host, a.StatusCode)
			}
			if a.StatusCode == 421 && w.method != "HEAD" && !strings.Contains(a.body, `"code":"host_unknown"`) {
				t.Errorf("%s by %s: got %s", w.what, host, a.body)
			}
		}
	}
	if !strings.Contains(s.logged.String(), "--public-url") {
		t.Errorf("no word of the flag in the log: %s", s.logged)
	}
}

func TestPublicURLIsTheOwnOriginBehindAProxy(t *testing.T) {
	t.Parallel()
	public, _ := url.Parse("https://chat.example.com")
	s := open(t, func(c *config) { c.web.PublicURL = public })
	for origin, status := range map[string]int{"https://chat.example.com": 201, "http://chat.example.com": 403, "https://evil.example": 403} {
		a := s.do("POST", "/room/123/messages", "hi", "Host", "chat.example.com", "Origin", origin, "Sec-Fetch-Site", "same-origin")
		if a.StatusCode != status {
			t.Errorf("%s: got %d, want %d", origin, a.StatusCode, status)
		}
	}
	for _, c := range s.get("/room/123/", "Host", "chat.example.com").Cookies() {
		if !c.Secure {
			t.Errorf("the cookie isn't secure: %s", c.Raw)
		}
	}
}

func TestForwardedHeadersCountOnlyFromTrustedProxies(t *testing.T) {
	loopback := netip.MustParsePrefix("127.0.0.0/8")
	trusting := func(c *config) { c.web.TrustedProxies = []netip.Prefix{loopback, netip.MustParsePrefix("10.0.0.0/8")} }
	stream := func(s *house, forwarded string) int {
		headers := []string{"Accept", "text/event-stream"}
		if forwarded != "" {
			headers = append(headers, "X-Forwarded-For", forwarded)
		}
		return s.do("HEAD", "/room/123/events", "", headers...).StatusCode
	}
	// The limit on new connections, a burst of 100 each, tells which address is counted.
	exhaust := func(s *house) {
		for range 3000 {
			if stream(s, "198.51.100.1, 203.0.113.7") == 429 {
				return
			}
		}
		t.Error("no limit")
	}
	limited := func(s *house, forwarded string) bool {
		exhaust(s)
		for range 10 {
			if stream(s, forwarded) == 429 {
				return true
			}
		}
		return false
	}
	s := open(t, withLimits, trusting)
	for forwarded, same := range map[string]bool{
		"203.0.113.7": true, "203.0.113.7, 10.1.2.3": true, "1.2.3.4, 203.0.113.7": true, "203.0.113.8": false, "10.1.2.3": false, "": false,
		"203.0.113.7, rubbish": false,
	} {
		if limited(s, forwarded) != same {
			t.Errorf("%q: got %v", forwarded, !same)
		}
	}
	secure := func(s *house) bool { return s.get("/room/123/", "X-Forwarded-Proto", "https").Cookies()[0].Secure }
	if !secure(s) {
		t.Error("X-Forwarded-Proto of a trusted proxy isn't believed")
	}
	if a := s.get("/room/123/events", "X-Forwarded-Proto", "https", "Origin", "https://"+s.Listener.Addr().String()); a.StatusCode != 200 {
		t.Errorf("the origin behind a TLS proxy: got %d", a.StatusCode)
	}

	s = open(t, withLimits)
	if !limited(s, "203.0.113.99") {
		t.Error("a forged address is believed")
	}
	if secure(s) {
		t.Error("a forged X-Forwarded-Proto is believed")
	}
}

func TestOtherMethodsAreRefusedWithThoseThatAreAllowed(t *testing.T) {
	t.Parallel()
	s := open(t)
	for _, c := range []struct{ method, path, allow string }{
		{"PUT", "/room/123/", "GET, HEAD, POST, OPTIONS"},
		{"DELETE", "/room/123/events", "GET, HEAD, OPTIONS"},
		{"POST", "/room/123/events", "GET, HEAD, OPTIONS"},
		{"GET", "/room/123/messages", "POST, OPTIONS"},
		{"HEAD", "/room/123/messages", "POST, OPTIONS"},
		{"POST", "/", "GET, HEAD, OPTIONS"},
		{"POST", "/healthz", "GET, HEAD, OPTIONS"},
		{"POST", "/static/app.js", "GET, HEAD, OPTIONS"},
		{"BREW", "/ws", "GET, HEAD, OPTIONS"},
	} {
		a := s.do(c.method, c.path, "")
		if a.Header.Get("Allow") != c.allow || a.StatusCode != 405 {
			t.Errorf("%s %s: got %d, Allow %q, want %q", c.method, c.path, a.StatusCode, a.Header.Get("Allow"), c.allow)
		}
		if c.method != "HEAD" {
			wantProblem(t, c.method+" "+c.path, a, 405, "method_not_allowed")
		}
		if a := s.do("OPTIONS", c.path, ""); a.StatusCode != 204 || a.Header.Get("Allow") != c.allow || a.Header.Get("Access-Control-Allow-Methods") != "" {
			t.Errorf("OPTIONS %s: got %d %v", c.path, a.StatusCode, a.Header)
		}
	}
	for _, path := range []string{"/", "/room/123/", "/room/123/events", "/static/app.js", "/healthz", "/readyz", "/metrics"} {
		head, get := s.do("HEAD", path, ""), s.get(path)
		if head.StatusCode != 200 || head.body != "" || head.Header.Get("Content-Type") != get.Header.Get("Content-Type") {
			t.Errorf("HEAD %s: got %d %q %v", path, head.StatusCode, head.body, head.Header)
		}
	}
}

func TestTooManyHeaderLinesAreRefused(t *testing.T) {
	t.Parallel()
	s := open(t)
	var headers []string
	for i := range 101 {
		headers = append(headers, fmt.Sprintf("X-%d", i), "x")
	}
	wantProblem(t, "101 lines", s.get("/room/123/events", headers...), 431, "headers_too_many")
}

func TestPrivateAnswersAreNotStored(t *testing.T) {
	t.Parallel()
	s := open(t)
	for _, path := range []string{"/", "/room/123/", "/room/123/events", "/healthz", "/readyz", "/nothing"} {
		for _, accept := range []string{"*/*", "text/html"} {
			if a := s.get(path, "Accept", accept); a.Header.Get("Cache-Control") != "no-store" {
				t.Errorf("%s: got %q", path, a.Header.Get("Cache-Control"))
			}
		}
	}
}
