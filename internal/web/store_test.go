package web_test

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/coder/websocket"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/teahouse-chat/teahouse/channels/memlayer"
	"github.com/teahouse-chat/teahouse/feed"
	"github.com/teahouse-chat/teahouse/internal/chat"
	"github.com/teahouse-chat/teahouse/internal/sqlite"
	"github.com/teahouse-chat/teahouse/internal/web"
)

// What was acknowledged, and the guests, outlive the process.
func TestMessagesAndGuestsOutliveARestart(t *testing.T) {
	t.Parallel()
	dir, logger := t.TempDir(), slog.New(slog.NewTextHandler(io.Discard, nil))
	var epoch, first, cookie string
	run := func(visit func(base string)) {
		store, err := sqlite.Open(t.Context(), dir, &sqlite.Options{Logger: logger})
		if err != nil {
			t.Fatal(err)
		}
		f := feed.New(store, web.NewEncoder(store.Epoch()), &feed.Options{Logger: logger})
		guests, err := chat.NewGuests(t.Context(), store)
		if err != nil {
			t.Fatal(err)
		}
		h, err := web.New(web.Options{Chat: chat.NewService(store, store, true), Store: store, Guests: guests, Feed: f, Layer: memlayer.New(nil), Logger: logger, MaxConns: 10, Limits: true, Metrics: prometheus.NewRegistry()})
		if err != nil {
			t.Fatal(err)
		}
		server := httptest.NewServer(h)
		visit(server.URL)
		_ = h.Close()
		server.Close()
		f.Close()
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	}
	do := func(method, url, body string) answer {
		req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Idempotency-Key", "k1")
		if cookie != "" {
			req.Header.Set("Cookie", cookie)
		}
		res, err := http.DefaultTransport.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		b, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		return answer{res, string(b)}
	}
	defer http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	run(func(base string) {
		cookie = strings.Split(do("GET", base+"/room/123/", "").Header.Get("Set-Cookie"), ";")[0]
		a := do("POST", base+"/room/123/messages", "hi")
		if first = a.body; a.StatusCode != 201 {
			t.Fatalf("got %d %s", a.StatusCode, a.body)
		}
		epoch = decode[page](t, do("GET", base+"/room/123/events", "").body).Epoch
	})
	run(func(base string) {
		if a := do("POST", base+"/room/123/messages", "hi"); a.StatusCode != 200 || a.body != first {
			t.Errorf("the retry: got %d %s, want %s", a.StatusCode, a.body, first)
		}
		wantProblem(t, "another text", do("POST", base+"/room/123/messages", "ho"), 409, "id_conflict")
		if a := do("GET", base+"/room/123/events?after=0&epoch="+epoch, ""); !strings.Contains(a.body, strings.TrimSpace(first)) {
			t.Errorf("got %s", a.body)
		}
		if a := do("GET", base+"/", ""); !strings.Contains(a.body, "/room/123/") {
			t.Errorf("the lobby doesn't show the room: %s", a.body)
		}
		c, _, err := websocket.Dial(t.Context(), base+"/room/123/?after=0", nil)
		if err != nil {
			t.Fatal(err)
		}
		defer c.CloseNow()
		(&socket{c, t}).want("hi")
	})
}

func TestSocketsWorkUnderTLS(t *testing.T) {
	t.Parallel()
	s := open(t, withTLS)
	plain, v1 := s.dial("/room/123/", ""), s.dial("/room/123/", "teahouse.v1", "Origin", s.URL)
	v1.next()
	plain.write("hi")
	plain.want("hi")
	v1.wantEvents("123", 0, "hi")
	_, res, err := s.tryDial("/room/123/", "", "Origin", strings.Replace(s.URL, "https", "http", 1))
	if err == nil || res.StatusCode != 403 {
		t.Errorf("the origin without TLS: got %v, %v", res, err)
	}
	took := s.drain(5e9)
	plain.want("closed 1012 restart")
	for f := v1.next(); !strings.HasPrefix(f.Type, "closed"); f = v1.next() {
		if f.Type != "bye" {
			t.Errorf("got %+v", f)
		}
	}
	<-took
}

// Long frames go out compressed to those who asked for it, and say the same.
func TestLongTextsReachCompressedAndPlainSocketsAlike(t *testing.T) {
	t.Parallel()
	s := open(t)
	text := strings.Repeat("tea and talk. ", 200)
	zipped := s.dial("/room/123/", "")
	bare, _, err := websocket.Dial(t.Context(), s.URL+"/room/123/", &websocket.DialOptions{HTTPClient: s.Client(), CompressionMode: websocket.CompressionDisabled})
	if err != nil {
		t.Fatal(err)
	}
	defer bare.CloseNow()
	bare.SetReadLimit(1 << 20)
	v1 := s.dial("/room/123/?after=0", "teahouse.v1")
	for i := range 10 {
		zipped.write(fmt.Sprint(i, text))
		zipped.want(fmt.Sprint(i, text))
		(&socket{bare, t}).want(fmt.Sprint(i, text))
	}
	for v := range 10 {
		if v == 0 {
			v1.next()
		}
		v1.wantEvents("123", int64(v), fmt.Sprint(v, text))
	}
}
