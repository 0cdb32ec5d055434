package web_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"github.com/teahouse-chat/teahouse/channels"
	"github.com/teahouse-chat/teahouse/channels/memlayer"
	"github.com/teahouse-chat/teahouse/eventlog"
	"github.com/teahouse-chat/teahouse/eventlog/memlog"
	"github.com/teahouse-chat/teahouse/feed"
	"github.com/teahouse-chat/teahouse/internal/chat"
	"github.com/teahouse-chat/teahouse/internal/web"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A house is a whole server over a log in memory, on a loopback port.
type house struct {
	*httptest.Server
	t       testing.TB
	log     *flakyLog
	store   *memStore
	feed    *feed.Feed
	handler *web.Handler
	logged  *lockedBuffer
}

// A setting changes how a house is opened.
type setting func(*config)

type config struct {
	web    web.Options
	feed   feed.Options
	limits bool
	tls    bool
	ready  func(context.Context) error
}

func withLimits(c *config)               { c.limits = true }
func withTLS(c *config)                  { c.tls = true }
func withLayer(l channels.Layer) setting { return func(c *config) { c.web.Layer = l } }
func withBase(base string) setting       { return func(c *config) { c.web.BasePath = base } }
func allowing(origins ...string) setting {
	return func(c *config) {
		for _, origin := range origins {
			u, err := url.Parse(origin)
			if err != nil {
				panic(err)
			}
			c.web.AllowOrigins = append(c.web.AllowOrigins, u)
		}
	}
}

// mayPost is how many posts of one author in one room the limits have let pass by now at most: the burst, and five for each second since the first.
func mayPost(first time.Time) int { return 20 + int(time.Since(first)/(200*time.Millisecond)) }

func open(t testing.TB, settings ...setting) *house {
	t.Helper()
	s := &house{t: t, log: &flakyLog{Log: memlog.New()}, logged: &lockedBuffer{}}
	logger := slog.New(slog.NewTextHandler(s.logged, nil))
	c := config{web: web.Options{MaxConns: 1000}, ready: func(context.Context) error { return nil }}
	for _, set := range settings {
		set(&c)
	}
	c.feed.Logger = logger
	s.feed = feed.New(s.log, web.NewEncoder(s.log.Epoch()), &c.feed)
	store := &memStore{log: s.log}
	s.store = store
	guests, err := chat.NewGuests(t.Context(), store)
	if err != nil {
		t.Fatal(err)
	}
	c.web.Chat = chat.NewService(s.log, store, c.limits)
	c.web.Store, c.web.Guests, c.web.Feed, c.web.Logger, c.web.Limits = store, guests, s.feed, logger, c.limits
	c.web.Ready = c.ready
	if c.web.Layer == nil {
		layer := memlayer.New(nil)
		c.web.Layer = layer
		t.Cleanup(func() { _ = layer.Close() })
	}
	c.web.Metrics = prometheus.NewRegistry()
	if s.handler, err = web.New(c.web); err != nil {
		t.Fatal(err)
	}
	s.Server = httptest.NewUnstartedServer(s.handler)
	s.Config.ErrorLog = slog.NewLogLogger(logger.Handler(), slog.LevelDebug)
	if c.tls {
		s.StartTLS()
	} else {
		s.Start()
	}
	s.Client().CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	t.Cleanup(func() {
		if err := s.handler.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
		s.Close()
		s.feed.Close()
	})
	return s
}

// An answer is a response that was read.
type answer struct {
	*http.Response
	body string
}

// do sends a request; the headers are names and values in turn.
func (s *house) do(method, path, body string, headers ...string) answer {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), method, s.URL+path, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Add(headers[i], headers[i+1])
		if headers[i] == "Host" {
			req.Host = headers[i+1]
		}
	}
	res, err := s.Client().Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return answer{res, string(b)}
}

func (s *house) get(path string, headers ...string) answer {
	s.t.Helper()
	return s.do("GET", path, "", headers...)
}

// say posts a text in a room by name and returns its event.
func (s *house) say(room, name, text string) event {
	s.t.Helper()
	a := s.do("POST", "/room/"+room+"/messages?name="+name, text)
	if a.StatusCode != http.StatusCreated {
		s.t.Fatalf("post %q: got %d %s", text, a.StatusCode, a.body)
	}
	return decode[event](s.t, a.body)
}

// fill posts n texts, "m1" and so on.
func (s *house) fill(room string, n int) {
	s.t.Helper()
	r, err := chat.ParseRoom(room)
	if err != nil {
		s.t.Fatal(err)
	}
	for i := range n {
		data := fmt.Sprintf(`{"name":"ann","text":"m%d"}`, i+1)
		if _, err := s.log.Append(s.t.Context(), eventlog.Entry{Topic: r.Topic, Type: chat.TypePosted, Author: "n-ann", ID: fmt.Sprint(i), Data: []byte(data)}); err != nil {
			s.t.Fatal(err)
		}
	}
}

// guest gets a guest's cookie, as a browser does.
func (s *house) guest() string {
	s.t.Helper()
	cookie := s.get("/room/123/").guest()
	if cookie == "" {
		s.t.Fatal("the page gave no cookie")
	}
	return cookie
}

// guest is the cookie of a guest that an answer sets, as a request sends it; "" for none.
func (a answer) guest() string {
	for _, c := range a.Cookies() {
		if c.Name == "teahouse_guest" {
			return c.Name + "=" + c.Value
		}
	}
	return ""
}

type author struct {
	ID, Name string
	Hue      *int
}

type event struct {
	Offset         int64
	Type, ID, Text string
	Author         author
	Time           string
	Target, Reply  int64
	Edited, Emoji  string
	On, Deleted    bool
	Body           []any
	Reactions      []struct {
		Emoji   string
		Authors []string
	}
}

type page struct {
	Room, Epoch string
	Head, Floor int64
	Events      []event
}

func (p page) texts() string {
	var all []string
	for _, e := range p.Events {
		all = append(all, e.Text)
	}
	return strings.Join(all, " ")
}

type problem struct {
	Status              int
	Title, Detail, Code string
	Epoch               string
	Head, Floor         *int64
}

func decode[T any](t testing.TB, s string) T {
	t.Helper()
	var v T
	if err := json.Unmarshal([]byte(s), &v, json.MatchCaseInsensitiveNames(true)); err != nil {
		t.Fatalf("decode %q: %v", s, err)
	}
	return v
}

// wantProblem checks that an answer is a problem of this status and code.
func wantProblem(t testing.TB, what string, a answer, status int, code string) problem {
	t.Helper()
	if a.Header.Get("Content-Type") != "application/problem+json" {
		t.Errorf("%s: got %d %s %q, want a problem", what, a.StatusCode, a.Header.Get("Content-Type"), a.body)
		return problem{}
	}
	p := decode[problem](t, a.body)
	if a.StatusCode != status || p.Status != status || p.Code != code || p.Title == "" || p.Detail == "" {
		t.Errorf("%s: got %d %s, want %d %s", what, a.StatusCode, a.body, status, code)
	}
	if a.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("%s: a problem may be cached: %v", what, a.Header)
	}
	return p
}

// until waits for what another goroutine does soon.
func until(t testing.TB, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); !is(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s: not within 10 s", what)
		}
	}
}

// A flakyLog fails while it is told to, and can be held up.
type flakyLog struct {
	*memlog.Log
	failing atomic.Bool
	panics  atomic.Bool
	waiting atomic.Int32                  // appends that are held up
	gate    atomic.Pointer[chan struct{}] // Append waits for it to be closed
}

func (l *flakyLog) err() error {
	if l.failing.Load() {
		return fmt.Errorf("disk full: %w", eventlog.ErrUnavailable)
	}
	return nil
}

func (l *flakyLog) Append(ctx context.Context, entries ...eventlog.Entry) ([]eventlog.Appended, error) {
	if l.panics.Load() {
		panic("out of tea")
	}
	if gate := l.gate.Load(); gate != nil {
		l.waiting.Add(1)
		<-*gate
		l.waiting.Add(-1)
	}
	if err := l.err(); err != nil {
		return nil, err
	}
	return l.Log.Append(ctx, entries...)
}

func (l *flakyLog) Read(ctx context.Context, topic string, after eventlog.Offset, limit int) ([]eventlog.Event, error) {
	if err := l.err(); err != nil {
		return nil, err
	}
	return l.Log.Read(ctx, topic, after, limit)
}

func (l *flakyLog) States(ctx context.Context, topics ...string) ([]eventlog.State, error) {
	if err := l.err(); err != nil {
		return nil, err
	}
	return l.Log.States(ctx, topics...)
}

// hold makes appends wait until the function returned is called.
func (l *flakyLog) hold() (let func()) {
	gate := make(chan struct{})
	l.gate.Store(&gate)
	return sync.OnceFunc(func() { l.gate.Store(nil); close(gate) })
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}
