package web_test

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// drain drains within a time and returns a channel that tells how long it took.
func (s *house) drain(within time.Duration) <-chan time.Duration {
	took := make(chan time.Duration, 1)
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), within)
		defer cancel()
		began := time.Now()
		s.handler.Drain(ctx, within)
		took <- time.Since(began)
	}()
	return took
}

func TestDrainMovesEverybodyOff(t *testing.T) {
	t.Parallel()
	s := open(t)
	v1, many, plain := s.dial("/room/123/", "teahouse.v1"), s.dial("/ws", "teahouse.v1"), s.dial("/room/123/", "")
	st := s.stream("/room/123/events")
	poll := s.poll("/room/123/events?wait=20")
	s.held(5)
	took := s.drain(10 * time.Second)

	plain.want("closed 1012 restart")
	v1.next() // hello
	many.next()
	for _, c := range []*socket{v1, many} {
		if f := c.next(); f.Type != "bye" || f.Code != "restart" || f.RetryAfter < 1 || f.RetryAfter > 60 {
			t.Errorf("got %+v", f)
		}
		if f := c.next(); f.Type != "closed 1012 restart" {
			t.Errorf("got %+v", f)
		}
	}
	if got := st.next(); got != "end" {
		t.Errorf("stream: got %s", got)
	}
	if p := decode[page](t, (<-poll).body); p.Room != "123" || len(p.Events) != 0 {
		t.Errorf("long-poll: got %+v", p)
	}
	if d := <-took; d > 5*time.Second {
		t.Errorf("it took %v", d)
	}
	wantProblem(t, "readiness", s.get("/readyz"), 503, "restart")
	_, res, err := s.tryDial("/room/123/", "")
	if err == nil || res.StatusCode != 503 || res.Header.Get("Retry-After") == "" {
		t.Errorf("a new socket: got %v, %v", res, err)
	}
}

func TestDrainAnswersPostsThatAreUnderWayFirst(t *testing.T) {
	t.Parallel()
	s := open(t)
	c := s.dial("/room/123/?name=ann", "teahouse.v1")
	c.next()
	let := s.log.hold()
	for i := range 3 {
		c.write(fmt.Sprintf(`{"type":"post","ref":%d,"text":"m%d"}`, i, i))
	}
	http := make(chan answer, 1)
	go func() { http <- s.do("POST", "/room/123/messages", "over HTTP") }()
	c.write(`{"type":"ping"}`)
	if f := c.next(); f.Type != "pong" {
		t.Fatalf("got %+v", f)
	}
	took := s.drain(10 * time.Second)
	until(t, "it goes", func() bool { return s.get("/readyz").StatusCode == 503 })
	let()
	var got []string
	for {
		f := c.next()
		if f.Type == "events" {
			continue
		}
		got = append(got, f.Type)
		if strings.HasPrefix(f.Type, "closed") {
			break
		}
	}
	if all := strings.Join(got, ", "); all != "ok, ok, ok, bye, closed 1012 restart" {
		t.Errorf("got %s", all)
	}
	if a := <-http; a.StatusCode != 201 {
		t.Errorf("over HTTP: got %d %s", a.StatusCode, a.body)
	}
	<-took
}

func TestDrainIsBoundedWhenTheStoreOrAClientHangs(t *testing.T) {
	s := open(t)
	let := s.log.hold()
	defer let()
	s.dial("/room/123/", "").write("hi") // never committed
	s.dial("/room/123/", "")             // never reads, so it doesn't answer the close
	until(t, "the post is under way", func() bool { return s.log.waiting.Load() > 0 })
	if d := <-s.drain(300 * time.Millisecond); d < 250*time.Millisecond || d > 3*time.Second {
		t.Errorf("it took %v", d)
	}
}

func TestDrainSpreadsManySockets(t *testing.T) {
	t.Parallel()
	s := open(t)
	var socks []*socket
	for range 100 {
		socks = append(socks, s.dial("/ws", "teahouse.v1"))
	}
	took := s.drain(5 * time.Second)
	delays := map[float64]bool{}
	for _, c := range socks {
		c.next()
		f := c.next()
		if f.Type != "bye" {
			t.Fatalf("got %+v", f)
		}
		delays[f.RetryAfter] = true
		if f := c.next(); f.Type != "closed 1012 restart" {
			t.Fatalf("got %+v", f)
		}
	}
	if len(delays) < 5 {
		t.Errorf("all are told the same delay: %v", delays)
	}
	if d := <-took; d > 5*time.Second {
		t.Errorf("it took %v", d)
	}
}

func TestSocketsThatComeWhileTheServerGoesAreMovedOffToo(t *testing.T) {
	t.Parallel()
	s := open(t)
	stop := make(chan struct{})
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-stop:
				return
			default:
			}
			conn, in := s.upgrade("/room/123/", "")
			line, _ := in.ReadString('\n')
			if !strings.Contains(line, " 101 ") {
				_ = conn.Close()
				continue
			}
			echo(conn, in)
		}
	}()
	time.Sleep(20 * time.Millisecond)
	d := <-s.drain(10 * time.Second)
	close(stop)
	<-done
	if d > 8*time.Second {
		t.Errorf("it took %v: some weren't told", d)
	}
}

// echo answers the close frame of a server that sends nothing else, and hangs up.
func echo(conn net.Conn, in *bufio.Reader) {
	go func() {
		defer conn.Close()
		for {
			line, err := in.ReadString('\n')
			if err != nil || line == "\r\n" {
				break
			}
		}
		if b, err := in.Peek(4); err == nil && b[0] == 0x88 {
			_, _ = conn.Write([]byte{0x88, 0x82, 0, 0, 0, 0, b[2], b[3]})
		}
	}()
}

// Clients that never pause must neither hold the drain up nor be cut off without a word.
func TestDrainWhileEverybodyPosts(t *testing.T) {
	t.Parallel()
	for range 3 {
		s := open(t)
		var clients sync.WaitGroup
		for range 8 {
			c := s.dial("/room/123/", "")
			clients.Go(func() {
				for i := range 2000 {
					if c.Write(t.Context(), websocket.MessageText, []byte(strconv.Itoa(i))) != nil {
						return
					}
				}
			})
			clients.Go(func() {
				for {
					if _, _, err := c.Read(t.Context()); err != nil {
						if code := websocket.CloseStatus(err); code != websocket.StatusServiceRestart {
							t.Errorf("closed with %v: %v", code, err)
						}
						return
					}
				}
			})
		}
		if d := <-s.drain(30 * time.Second); d > 29*time.Second {
			t.Errorf("it took %v", d)
		}
		clients.Wait()
	}
}
