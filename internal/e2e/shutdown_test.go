//go:build linux

package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/teahouse-chat/teahouse/client"
)

// goodbye is how a follower was sent away.
type goodbye struct {
	how   string
	bye   string // the last frame
	retry float64
	err   error
}

func TestShutdownSendsFollowersAway(t *testing.T) {
	const drain = 5 * time.Second
	s := start(t, "--drain", drain.String(), "--limits", "off")
	s.post("123", "ann", "before")
	ends := make(chan goodbye, 100)
	const sockets = 20
	for i := range sockets {
		subprotocol := []string{"teahouse.v1", ""}[i%2]
		conn, err := dial(t.Context(), s.socketURL("/room/123/"), subprotocol)
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			end := goodbye{how: subprotocol}
			for {
				_, b, err := conn.Read(t.Context())
				if err != nil {
					end.err = err
					break
				}
				var f struct {
					Type, Code string
					RetryAfter float64 `json:"retry_after"`
				}
				if json.Unmarshal(b, &f) == nil && f.Type == "bye" {
					end.bye, end.retry = f.Code, f.RetryAfter
				}
			}
			conn.CloseNow()
			ends <- end
		}()
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.url("/room/123/events"), nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Accept", "text/event-stream")
	stream, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Body.Close()
	go func() {
		_, err := io.Copy(io.Discard, stream.Body)
		ends <- goodbye{how: "SSE", err: err}
	}()
	go func() {
		page, err := s.client("123", "").After(t.Context(), client.Cursor{Offset: 1}, 10, 20*time.Second)
		if err == nil && len(page.Events) != 0 {
			err = fmt.Errorf("events: %+v", page.Events)
		}
		ends <- goodbye{how: "long-poll", err: err}
	}()
	eventually(t, 20*time.Second, "all follow", func() bool { return s.metric("teahouse_web_followers") == sockets+2 })

	took := s.stop(drain + 3*time.Second)
	t.Logf("%d followers were sent away in %v", sockets+2, took.Round(time.Millisecond))
	if took > drain+time.Second {
		t.Errorf("it took %v, more than the drain time", took)
	}
	pauses := map[float64]bool{}
	for range sockets + 2 {
		select {
		case end := <-ends:
			checkGoodbye(t, end)
			pauses[end.retry] = true
		case <-time.After(10 * time.Second):
			t.Fatal("a follower wasn't sent away")
		}
	}
	if len(pauses) < 5 {
		t.Errorf("all are to come back at the same time: %v", pauses)
	}
	s.start()
	s.post("123", "ann", "after")
	if log := readAll(t, s, "123"); len(log) != 2 || log[1].Text != "after" {
		t.Errorf("the log is %+v", log)
	}
}

func checkGoodbye(t *testing.T, end goodbye) {
	t.Helper()
	switch end.how {
	case "SSE", "long-poll":
		if end.err != nil {
			t.Errorf("%s ended with %v", end.how, end.err)
		}
	default:
		if code := websocket.CloseStatus(end.err); code != 1012 {
			t.Errorf("socket %q: closed with %d, want 1012: %v", end.how, code, end.err)
		}
		if v1 := end.how == "teahouse.v1"; v1 && (end.bye != "restart" || end.retry <= 0) || !v1 && end.bye != "" {
			t.Errorf("socket %q: bye %q, retry after %v", end.how, end.bye, end.retry)
		}
	}
}

// TestShutdownKeepsWhatItAcknowledges posts without a pause while the server goes.
func TestShutdownKeepsWhatItAcknowledges(t *testing.T) {
	s := start(t, "--limits", "off")
	conn, err := dial(t.Context(), s.socketURL("/room/123/?name=ann"), "teahouse.v1")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.CloseNow()
	acked := map[int]int64{} // offsets by ref; the reader's until it has ended
	var count atomic.Int64
	var sides sync.WaitGroup
	sides.Go(func() {
		for i := 0; ; i++ {
			frame := fmt.Sprintf(`{"type":"post","ref":%d,"id":"p-%d","text":"text %d"}`, i, i, i)
			if conn.Write(t.Context(), websocket.MessageText, []byte(frame)) != nil {
				return
			}
		}
	})
	sides.Go(func() {
		for {
			_, b, err := conn.Read(t.Context())
			if err != nil {
				if websocket.CloseStatus(err) != 1012 {
					t.Errorf("the socket ended with %v", err)
				}
				conn.CloseNow()
				return
			}
			var f struct {
				Type   string
				Ref    int
				Offset int64
			}
			if err := json.Unmarshal(b, &f); err == nil && f.Type == "ok" {
				acked[f.Ref] = f.Offset
				count.Add(1)
			}
		}
	})
	eventually(t, 20*time.Second, "posts are acknowledged", func() bool { return count.Load() > 200 })
	s.stop(20 * time.Second)
	sides.Wait()
	s.start()
	log := readAll(t, s, "123")
	for ref, offset := range acked {
		if offset > int64(len(log)) || log[offset-1].Text != fmt.Sprintf("text %d", ref) {
			t.Errorf("post %d was acknowledged at %d, where it isn't", ref, offset)
		}
	}
	t.Logf("%d messages are there, %d were acknowledged", len(log), len(acked))
}

func TestStartsFastAndSmall(t *testing.T) {
	exe, err := plainBinary()
	if err != nil {
		t.Fatal(err)
	}
	s := prepare(t)
	s.exe = exe
	first := s.start()
	s.post("123", "ann", "hi")
	s.stop(20 * time.Second)
	best := time.Hour
	for range 3 {
		best = min(best, s.start())
		s.get("/healthz", http.StatusOK)
		s.stop(20 * time.Second)
	}
	s.start()
	s.get("/room/123/", http.StatusOK)
	rss, pss := memory(t, s.cmd.Process.Pid)
	t.Logf("from exec to the URL: %v with a new folder, %v at best with an old one; an idle server has %d MB RSS, %d MB PSS",
		first.Round(time.Millisecond), best.Round(time.Millisecond), rss>>20, pss>>20)
	if first > 2*time.Second || best > 2*time.Second {
		t.Errorf("it starts too slowly")
	}
	if rss > 60<<20 {
		t.Errorf("%d MB RSS is too much", rss>>20)
	}
}

// memory returns the resident and the proportional set size of a process.
func memory(t *testing.T, pid int) (rss, pss int64) {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		name, value, _ := strings.Cut(line, ":")
		kb, _ := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64)
		switch name {
		case "Rss":
			rss = kb << 10
		case "Pss":
			pss = kb << 10
		}
	}
	if rss == 0 {
		t.Fatalf("no Rss in %s", b)
	}
	return rss, pss
}
