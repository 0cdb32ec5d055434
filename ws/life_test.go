package ws_test

import (
	"bytes"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/teahouse-chat/teahouse/ws"
)

func TestSilentClientIsPingedAndDroppedWhenItStaysSilent(t *testing.T) {
	o := ws.Options{PingInterval: 100 * time.Millisecond, PongTimeout: 300 * time.Millisecond}
	onEveryPath(t, o, func(t *testing.T, path string, o ws.Options) {
		h := newRecord()
		c := serve(t, path, o, h.one).dial(t, "")
		begin := time.Now()
		for range 3 { // answered pings keep it alive
			c.expect(t, 0x89, "")
			c.send(t, frame(0x8a, ""))
		}
		c.expect(t, 0x89, "")
		time.Sleep(50 * time.Millisecond)
		c.send(t, frame(0x81, "any frame counts as life"))
		c.expect(t, 0x89, "")
		if code := h.wait(t); code != ws.CloseAbnormal || h.reason != "no answer to a ping" {
			t.Errorf("Closed was told %d %q", code, h.reason)
		}
		if took := time.Since(begin); took < 700*time.Millisecond {
			t.Errorf("dropped after %v", took)
		}
	})
}

func TestNoPingsWhenTheIntervalIsNegative(t *testing.T) {
	h := newRecord()
	c := serve(t, "parked", ws.Options{PingInterval: -1, PongTimeout: 40 * time.Millisecond}, h.one).dial(t, "")
	time.Sleep(200 * time.Millisecond)
	c.send(t, closing(1000, ""))
	c.expect(t, 0x88, "\x03\xe8")
}

func TestWhatIsBegunMustBeFinishedInTime(t *testing.T) {
	cases := map[string]struct {
		o     ws.Options
		begun []byte
	}{
		"header":        {ws.Options{HeaderTimeout: 150 * time.Millisecond}, frame(0x81, "a")[:3]},
		"control frame": {ws.Options{HeaderTimeout: 150 * time.Millisecond}, frame(0x89, "ping")[:7]},
		"payload":       {ws.Options{MessageTimeout: 150 * time.Millisecond}, frame(0x81, "hello")[:8]},
		"fragments":     {ws.Options{MessageTimeout: 150 * time.Millisecond}, frame(0x01, "hello")},
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			onEveryPath(t, test.o, func(t *testing.T, path string, o ws.Options) {
				h := newRecord()
				c := serve(t, path, o, h.one).dial(t, "")
				c.send(t, frame(0x81, "whole"))
				time.Sleep(300 * time.Millisecond)
				c.send(t, test.begun)
				if code, _ := c.readClose(t); code != ws.ClosePolicy {
					t.Errorf("closed with %d, want 1008", code)
				}
				if code := h.wait(t); code != ws.ClosePolicy {
					t.Errorf("Closed was told %d, want 1008", code)
				}
			})
		})
	}
}

func TestUnfinishedMessagesTogetherAreBounded(t *testing.T) {
	onEveryPath(t, ws.Options{MaxPartial: 100 << 10}, func(t *testing.T, path string, o ws.Options) {
		s := serve(t, path, o, newEcho)
		long := strings.Repeat("x", 60<<10)
		first := s.dial(t, "")
		first.send(t, frame(0x01, long))
		first.send(t, frame(0x89, ""))
		first.expect(t, 0x8a, "")
		second := s.dial(t, "")
		second.send(t, frame(0x01, long))
		if code, _ := second.readClose(t); code != ws.CloseTryLater {
			t.Errorf("closed with %d, want 1013", code)
		}
		first.send(t, frame(0x80, ""))
		first.expect(t, 0x81, long)
		third := s.dial(t, "") // what the others held is free again
		third.send(t, append(frame(0x01, long), frame(0x80, "")...))
		third.expect(t, 0x81, long)
	})
}

func TestTooManyControlFrames(t *testing.T) {
	onEveryPath(t, ws.Options{}, func(t *testing.T, path string, o ws.Options) {
		s := serve(t, path, o, newEcho)
		c := s.dial(t, "")
		c.send(t, bytes.Repeat(frame(0x89, "p"), 25))
		c.send(t, frame(0x81, "still here"))
		for {
			first, _, err := c.read()
			if err != nil {
				t.Fatal(err)
			}
			if first == 0x81 {
				break
			}
		}
		c.send(t, bytes.Repeat(frame(0x8a, "p"), 40))
		if code, _ := c.readClose(t); code != ws.ClosePolicy {
			t.Errorf("closed with %d, want 1008", code)
		}
	})
}

func TestCloseIsGivenUpWhenTheClientDoesNotAnswer(t *testing.T) {
	onEveryPath(t, ws.Options{CloseTimeout: 150 * time.Millisecond}, func(t *testing.T, path string, o ws.Options) {
		h := newRecord()
		c := serve(t, path, o, h.one).dial(t, "")
		<-h.opened
		if err := h.conn.Close(ws.CloseNormal, ""); err != nil {
			t.Fatal(err)
		}
		c.expect(t, 0x88, "\x03\xe8")
		if code := h.wait(t); code != ws.CloseNormal {
			t.Errorf("Closed was told %d, want 1000", code)
		}
	})
}

func TestLostConnection(t *testing.T) {
	onEveryPath(t, ws.Options{}, func(t *testing.T, path string, o ws.Options) {
		h := newRecord()
		c := serve(t, path, o, h.one).dial(t, "")
		_ = c.Close()
		if code := h.wait(t); code != ws.CloseAbnormal {
			t.Errorf("Closed was told %d, want 1006", code)
		}
	})
}

// A panicky handler panics in the call that is named.
type panicky struct {
	*record
	in string
}

func (p panicky) Open(c *ws.Conn) { p.record.Open(c); p.panic("open") }
func (p panicky) Message(c *ws.Conn, op ws.Opcode, b []byte) {
	p.record.Message(c, op, b)
	p.panic("message")
}

func (p panicky) Closed(c *ws.Conn, code ws.CloseCode, r string) {
	p.record.Closed(c, code, r)
	p.panic("closed")
}

func (p panicky) panic(call string) {
	if p.in == call {
		panic("tea spilled")
	}
}

func TestPanicOfAHandlerEndsItsConnectionOnly(t *testing.T) {
	for _, in := range []string{"open", "message", "closed"} {
		onEveryPath(t, ws.Options{}, func(t *testing.T, path string, o ws.Options) {
			var logged lockedBuffer
			var panics atomic.Int32
			o.Logger = slog.New(slog.NewTextHandler(&logged, nil))
			o.Trace = &ws.Trace{Panicked: func() { panics.Add(1) }}
			handlers := make(chan ws.Handler, 2)
			s := serve(t, path, o, func() ws.Handler { return <-handlers })
			handlers <- echo{}
			other := s.dial(t, "")
			h := newRecord()
			handlers <- panicky{h, in}
			c := s.dial(t, "")
			want := ws.CloseInternal
			if in == "closed" {
				want = ws.CloseNormal
			}
			c.send(t, frame(0x81, "a"))
			if in == "closed" {
				c.send(t, closing(1000, ""))
			}
			if code, _ := c.readClose(t); code != want {
				t.Errorf("panic in %s: closed with %d, want %d", in, code, want)
			}
			if code := h.wait(t); code != want {
				t.Errorf("panic in %s: Closed was told %d, want %d", in, code, want)
			}
			other.send(t, frame(0x81, "still here"))
			other.expect(t, 0x81, "still here")
			_ = s.ws.Close()
			if text := logged.String(); strings.Count(text, "level=ERROR") != 1 || !strings.Contains(text, "tea spilled") || panics.Load() != 1 {
				t.Errorf("panic in %s: %d panics traced, log is %s", in, panics.Load(), text)
			}
		})
	}
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func TestServerCloseEndsEveryConnection(t *testing.T) {
	onEveryPath(t, ws.Options{}, func(t *testing.T, path string, o ws.Options) {
		var opened, closed atomic.Int32
		o.Trace = &ws.Trace{Opened: func() { opened.Add(1) }, Closed: func(code ws.CloseCode) {
			closed.Add(1)
			if code != ws.CloseGoingAway {
				t.Errorf("traced close code %d", code)
			}
		}}
		s := serve(t, path, o, newEcho)
		clients := []*client{s.dial(t, ""), s.dial(t, ""), s.dial(t, "")}
		for opened.Load() < 3 {
			time.Sleep(time.Millisecond)
		}
		if n := len(slices.Collect(s.ws.Conns())); n != 3 {
			t.Errorf("%d connections, want 3", n)
		}
		if err := s.ws.Close(); err != nil {
			t.Error(err)
		}
		if n := len(slices.Collect(s.ws.Conns())); n != 0 || closed.Load() != 3 {
			t.Errorf("%d connections are left, %d closed", n, closed.Load())
		}
		for _, c := range clients {
			if code, _ := c.readClose(t); code != ws.CloseGoingAway {
				t.Errorf("closed with %d, want 1001", code)
			}
		}
		if resp := s.request(t, handshake+"\r\n"); resp.StatusCode != 503 {
			t.Errorf("upgrade after close: %s, want 503", resp.Status)
		}
	})
}

func openDescriptors(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skip("no /proc")
	}
	return len(entries)
}

func TestThousandsOfConnectionsLeaveNothingBehind(t *testing.T) {
	onEveryPath(t, ws.Options{}, func(t *testing.T, path string, o ws.Options) {
		total := 3000
		switch path {
		case "tls":
			total = 1000
		case "wrapped":
			total = 152
		}
		s := serve(t, path, o, newEcho)
		warm := s.dial(t, "")
		_ = warm.Close()
		descriptors, goroutines := openDescriptors(t), runtime.NumGoroutine()
		var wg sync.WaitGroup
		for w := range 4 {
			wg.Go(func() {
				for i := range total / 4 {
					c := s.dial(t, "", frame(0x81, "a")...)
					c.expect(t, 0x81, "a")
					if (w+i)%2 == 0 {
						c.send(t, closing(1000, ""))
						c.readClose(t)
					}
					_ = c.Close()
				}
			})
		}
		wg.Wait()
		settled := func() bool {
			return len(slices.Collect(s.ws.Conns())) == 0 && openDescriptors(t) <= descriptors+2 && runtime.NumGoroutine() <= goroutines+2
		}
		for end := time.Now().Add(patience); !settled(); time.Sleep(10 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("left: %d connections, %d descriptors, were %d, %d goroutines, were %d", len(slices.Collect(s.ws.Conns())),
					openDescriptors(t), descriptors, runtime.NumGoroutine(), goroutines)
			}
		}
	})
}

// A token is a handler that knows what its client sends, so that bytes that reach the wrong connection are noticed. Others write to it
// and close it all the while.
type token struct {
	echo
	t    *testing.T
	name string
}

func (k token) Message(c *ws.Conn, op ws.Opcode, p []byte) {
	if string(p) != k.name {
		k.t.Errorf("connection of %s got %q", k.name, p)
	}
	_ = c.Send(op, p)
}

func TestReusedDescriptorsAreNeverMistaken(t *testing.T) {
	onEveryPath(t, ws.Options{CloseTimeout: 100 * time.Millisecond}, func(t *testing.T, path string, o ws.Options) {
		names := make(chan string, 64)
		s := serve(t, path, o, func() ws.Handler { return token{t: t, name: <-names} })
		stop := make(chan struct{})
		var meddlers, clients sync.WaitGroup
		for range 2 {
			meddlers.Go(func() { s.meddle(stop) })
		}
		var serial sync.Mutex // a name is taken by the connection that it is meant for
		for w := range 4 {
			clients.Go(func() {
				for i := range 60 {
					name := string(rune('A'+w)) + strings.Repeat("z", i)
					serial.Lock()
					names <- name
					c := s.dial(t, "")
					serial.Unlock()
					s.chat(t, c, name)
				}
			})
		}
		clients.Wait()
		close(stop)
		meddlers.Wait()
	})
}

// meddle writes to every connection what names it, and closes some, in every way.
func (s *site) meddle(stop <-chan struct{}) {
	for {
		select {
		case <-stop:
			return
		case <-time.After(time.Millisecond):
		}
		for c := range s.ws.Conns() {
			c.Offer(ws.AppendFrame(nil, ws.Text, []byte(c.Handler().(token).name)), func() {})
			if rand.IntN(10) == 0 {
				_ = c.Close(ws.CloseRestart, "")
			}
		}
	}
}

// chat sends its name a few times; all that it hears must be its name.
func (s *site) chat(t *testing.T, c *client, name string) {
	defer c.Close()
	for range 5 {
		if _, err := c.Write(frame(0x81, name)); err != nil {
			return
		}
		first, p, err := c.read()
		if err != nil || first == 0x88 {
			return
		}
		if string(p) != name {
			t.Errorf("%s heard %q", name, p)
		}
	}
	if rand.IntN(2) == 0 {
		if tcp, ok := c.Conn.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0) // a reset
		}
	}
}

// The memory of a parked connection is its Conn and its place in the table.
func TestParkedConnectionIsSmall(t *testing.T) {
	if ws.ConnSize > 208 {
		t.Errorf("a Conn has %d bytes", ws.ConnSize)
	}
	s := serve(t, "parked", ws.Options{}, newEcho)
	const total = 2000
	clients := make([]net.Conn, 0, total)
	dial := func() {
		c, err := net.Dial("tcp", s.url)
		if err != nil {
			t.Fatal(err)
		}
		clients = append(clients, c)
		if _, err := io.WriteString(c, handshake+"\r\n"); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(c, make([]byte, 129)); err != nil {
			t.Fatal(err)
		}
	}
	for range 100 {
		dial()
	}
	before, goroutines := liveBytes(), runtime.NumGoroutine()
	for range total - 100 {
		dial()
	}
	after := liveBytes()
	if g := runtime.NumGoroutine(); g > goroutines+5 {
		t.Errorf("%d goroutines more for %d connections", g-goroutines, total-100)
	}
	// Client and server live in this process; a client's net.Conn takes some 700 bytes.
	perConn := (after - before) / (total - 100)
	t.Logf("a Conn has %d bytes; heap a connection, client included: %d bytes", ws.ConnSize, perConn)
	if perConn > 2000 {
		t.Errorf("%d bytes a connection, client included", perConn)
	}
	for _, c := range clients {
		_ = c.Close()
	}
}

func liveBytes() int64 {
	time.Sleep(50 * time.Millisecond)
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// The client can't be heard while its handler works, so it isn't taken for silent.
func TestHandlerThatWorksLongerThanAPongMayTakeKeepsItsClient(t *testing.T) {
	o := ws.Options{PingInterval: 50 * time.Millisecond, PongTimeout: 50 * time.Millisecond}
	onEveryPath(t, o, func(t *testing.T, path string, o ws.Options) {
		h := newRecord()
		h.message = func(c *ws.Conn, op ws.Opcode, p []byte) {
			time.Sleep(500 * time.Millisecond)
			_ = c.Send(op, p)
		}
		c := serve(t, path, o, h.one).dial(t, "")
		c.send(t, frame(0x81, "x"))
		c.expect(t, 0x81, "x")
		select {
		case <-h.closed:
			t.Errorf("closed with %v", h.code)
		default:
		}
	})
}
