package feedhttp_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/teahouse-chat/teahouse/eventlog"
	"github.com/teahouse-chat/teahouse/eventlog/memlog"
	"github.com/teahouse-chat/teahouse/feed"
	"github.com/teahouse-chat/teahouse/feed/feedhttp"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// encoder writes events as SSE, their data being JSON already.
type encoder struct{ epoch string }

func appendEvent(dst []byte, e *eventlog.Event) []byte { return append(dst, e.Data...) }

func (c encoder) AppendEvent(dst []byte, _ feed.Encoding, _ string, e *eventlog.Event) []byte {
	return feedhttp.AppendSSE(dst, c.epoch, e.Offset, e.Data)
}

func (c encoder) AppendReset(dst []byte, _ feed.Encoding, _, epoch string, s eventlog.State) ([]byte, eventlog.Offset) {
	return feedhttp.AppendSSEReset(dst, epoch, s), s.Head
}

// A racingLog calls something between a read and its answer.
type racingLog struct {
	*memlog.Log
	read func()
}

func (l *racingLog) Read(ctx context.Context, topic string, after eventlog.Offset, limit int) ([]eventlog.Event, error) {
	events, err := l.Log.Read(ctx, topic, after, limit)
	if l.read != nil {
		l.read()
	}
	return events, err
}

type reader struct {
	t    testing.TB
	log  *racingLog
	h    *feedhttp.Handler
	stop context.CancelFunc // the server goes
	held int
}

func newReader(t testing.TB) *reader {
	log := &racingLog{Log: memlog.New()}
	f := feed.New(log, encoder{log.Epoch()}, &feed.Options{Recent: 4, Logger: slog.New(slog.NewTextHandler(io.Discard, nil))})
	t.Cleanup(f.Close)
	going, stop := context.WithCancel(context.Background())
	t.Cleanup(stop)
	s := &reader{t: t, log: log, stop: stop}
	s.h = &feedhttp.Handler{
		Feed: f, Key: "topic", AppendEvent: appendEvent, Going: going,
		Error: func(w http.ResponseWriter, _ *http.Request, err error) {
			var reset *feedhttp.ResetError
			if errors.As(err, &reset) {
				w.WriteHeader(http.StatusGone)
			} else {
				w.WriteHeader(http.StatusBadRequest)
			}
			fmt.Fprint(w, err)
		},
		Hold: func(*http.Request) (func(), error) {
			s.held++
			return func() { s.held-- }, nil
		},
	}
	return s
}

func (s *reader) append(n int) {
	s.t.Helper()
	for range n {
		states, err := s.log.States(s.t.Context(), "t")
		if err != nil {
			s.t.Error(err)
			return
		}
		id := fmt.Sprint(states[0].Head + 1)
		if _, err := s.log.Append(s.t.Context(), eventlog.Entry{Topic: "t", Author: "a", ID: id, Data: []byte(id)}); err != nil {
			s.t.Error(err)
		}
	}
}

func (s *reader) get(ctx context.Context, query string, headers ...string) *recorder {
	r := httptest.NewRequestWithContext(ctx, "GET", "/?"+query, nil)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := &recorder{header: http.Header{}, status: 200}
	s.h.Serve(w, r, "t", "T")
	return w
}

// A recorder may be read while the handler writes.
type recorder struct {
	mu     sync.Mutex
	header http.Header
	status int
	body   bytes.Buffer
	broken bool
}

func (r *recorder) Header() http.Header { return r.header }
func (r *recorder) WriteHeader(s int)   { r.status = s }
func (r *recorder) Flush()              {}

func (r *recorder) Write(b []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.broken {
		return 0, io.ErrClosedPipe
	}
	return r.body.Write(b)
}

func (r *recorder) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.body.String()
}

// In the moment between the read and the answer another event commits: the answer's head must not be past what it holds.
func TestHeadThatIsToldIsNotPastTheEventsThatAreTold(t *testing.T) {
	for _, query := range []string{"after=0&limit=100", "last=100", ""} {
		s := newReader(t)
		s.append(10)
		s.log.read = sync.OnceFunc(func() { s.append(1) })
		got := s.get(t.Context(), query).String()
		if !strings.HasSuffix(got, `,"head":10,"floor":1,"events":[1,2,3,4,5,6,7,8,9,10]}`+"\n") {
			t.Errorf("%s: got %s", query, got)
		}
	}
}

func TestEventsTrimmedDuringAPollAreAReset(t *testing.T) {
	s := newReader(t)
	s.append(10)
	topic, err := s.h.Feed.Open(t.Context(), "t", "T") // so that the feed knows the floor of before
	if err != nil {
		t.Fatal(err)
	}
	defer topic.Close()
	if err := s.log.Trim(t.Context(), "t", 5); err != nil {
		t.Fatal(err)
	}
	if w := s.get(t.Context(), "after=1"); w.status != http.StatusGone {
		t.Errorf("got %d %s", w.status, w)
	}
}

func TestLongPollLastsAsLongAsItsTimeOrTwentySeconds(t *testing.T) {
	for query, want := range map[string]time.Duration{
		"wait=5": 5 * time.Second, "wait=20": 20 * time.Second, "after=0&wait=21": 20 * time.Second, "wait=99999999999999999999999": 20 * time.Second, "wait=0": 0, "wait=-1": 0,
		"wait=20&before=1": 0, "wait=20&last=3": 20 * time.Second,
	} {
		synctest.Test(t, func(t *testing.T) {
			s := newReader(t)
			began := time.Now()
			w := s.get(t.Context(), query)
			if took := time.Since(began); took != want || !strings.HasSuffix(w.String(), `"head":0,"floor":1,"events":[]}`+"\n") || s.held != 0 {
				t.Errorf("%s: got %s after %v, %d held", query, w, took, s.held)
			}
		})
	}
}

func TestLongPollIsAnsweredWhenTheServerGoesOrTheTopicGrows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newReader(t)
		began := time.Now()
		time.AfterFunc(3*time.Second, func() { s.append(1) })
		if w := s.get(t.Context(), "wait=20"); time.Since(began) != 3*time.Second || !strings.HasSuffix(w.String(), `"head":1,"floor":1,"events":[1]}`+"\n") {
			t.Errorf("got %s after %v", w, time.Since(began))
		}
		time.AfterFunc(3*time.Second, s.stop)
		if w := s.get(t.Context(), "wait=20"); time.Since(began) != 6*time.Second || !strings.HasSuffix(w.String(), `"head":1,"floor":1,"events":[]}`+"\n") {
			t.Errorf("got %s after %v", w, time.Since(began))
		}
	})
}

func TestQuietStreamGetsACommentEvery15Seconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newReader(t)
		s.append(2)
		ctx, leave := context.WithCancel(t.Context())
		var w *recorder
		done := make(chan struct{})
		time.AfterFunc(31*time.Second, func() { s.append(1) })
		time.AfterFunc(47*time.Second, leave)
		go func() { defer close(done); w = s.get(ctx, "after=1", "Accept", "text/event-stream") }()
		<-done
		epoch := s.log.Epoch()
		want := "retry: 2000\n\nid: " + epoch + ":2\ndata: 2\n\n:\n\n:\n\nid: " + epoch + ":3\ndata: 3\n\n:\n\n"
		if w.String() != want {
			t.Errorf("got %q, want %q", w.String(), want)
		}
	})
}

func TestStreamEndsWithTheServerAndWithItsReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newReader(t)
		done := make(chan struct{}, 2)
		go func() { s.get(t.Context(), "", "Accept", "text/event-stream"); done <- struct{}{} }()
		time.AfterFunc(time.Minute, s.stop)
		<-done

		s = newReader(t)
		w := &recorder{header: http.Header{}, broken: true}
		r := httptest.NewRequestWithContext(t.Context(), "GET", "/", nil)
		r.Header.Set("Accept", "text/event-stream")
		s.h.Serve(w, r, "t", "T")
		if s.held != 0 {
			t.Errorf("%d held", s.held)
		}
	})
}

// Whatever the query and the Last-Event-ID, a request has an answer: a page or a stream from a cursor that the log serves, a reset, or
// an error that names the parameter.
func FuzzCursor(f *testing.F) {
	for _, seed := range [][2]string{
		{"", ""},
		{"after=3", ""},
		{"after=0&limit=2&epoch=e", ""},
		{"before=3&limit=-1", ""},
		{"last=2&wait=0", ""},
		{"after=-1", ""},
		{"after=99999999999999999999", ""},
		{"after=%zz", ""},
		{"after=1;b", ""},
		{"before=-9223372036854775808", ""},
		{"limit=-99999999999999999999", ""},
		{"before=9223372036854775807&limit=1000", ""},
		{"after=9", "e:3"},
		{"", "e:99"},
		{"", ":3"},
		{"", "e:-3"},
		{"", "e:9223372036854775807"},
		{"", "e:9223372036854775808"},
		{"", "e:3:4"},
		{"", "\n"},
	} {
		f.Add(seed[0], seed[1])
	}
	s := newReader(f)
	s.append(8)
	if err := s.h.Feed.Trim(f.Context(), "t", 3); err != nil {
		f.Fatal(err)
	}
	s.stop() // so that nothing is held
	f.Fuzz(func(t *testing.T, query, id string) {
		query = strings.ReplaceAll(query, "epoch=e", "epoch="+s.log.Epoch())
		id = strings.ReplaceAll(id, "e:", s.log.Epoch()+":")
		for _, accept := range []string{"*/*", "text/event-stream"} {
			r := httptest.NewRequest("GET", "/", nil)
			r.URL.RawQuery = query
			r.Header["Accept"] = []string{accept}
			r.Header["Last-Event-Id"] = []string{id}
			w := &recorder{header: http.Header{}, status: 200}
			s.h.Serve(w, r, "t", "T")
			got := w.String()
			switch {
			case w.status == http.StatusBadRequest && strings.HasPrefix(got, "parameter "):
			case w.status == http.StatusGone && accept == "*/*":
			case w.status == 200 && accept == "*/*" && strings.Contains(got, `,"head":8,"floor":3,"events":[`):
			case w.status == 200 && accept != "*/*" && strings.HasPrefix(got, "retry: 2000\n\n"):
			default:
				t.Fatalf("%q %q: got %d %s", query, id, w.status, got)
			}
		}
	})
}

func TestAnswerIsBoundedInBytes(t *testing.T) {
	s := newReader(t)
	big := []byte(`"` + strings.Repeat("x", 40<<10) + `"`)
	for i := range 100 {
		entry := eventlog.Entry{Topic: "t", Author: "a", ID: "big" + strconv.Itoa(i), Data: big}
		if _, err := s.log.Append(t.Context(), entry); err != nil {
			t.Fatal(err)
		}
	}
	for _, query := range []string{"after=0&limit=1000", "last=1000", "before=101&limit=1000", ""} {
		if n := strings.Count(s.get(t.Context(), query).String(), "xxx\""); n != 25 {
			t.Errorf("%q: got %d events of 40 KiB, want the 25 of a mebibyte", query, n)
		}
	}
}
