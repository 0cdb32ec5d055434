package ws_test

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/teahouse-chat/teahouse/ws"
)

// dialTLS opens a WebSocket with TLS over what wrap makes of the TCP connection.
func (s *site) dialTLS(t testing.TB, config *tls.Config, wrap func(net.Conn) net.Conn) *client {
	t.Helper()
	conn, err := net.Dial("tcp", s.url)
	if err != nil {
		t.Fatal(err)
	}
	if wrap != nil {
		conn = wrap(conn)
	}
	config.InsecureSkipVerify = true
	c := over(t, tls.Client(conn, config))
	c.upgrade(t, "")
	return c
}

var versions = []uint16{tls.VersionTLS12, tls.VersionTLS13}

// onEveryVersion runs a test over parked connections with each version of TLS.
func onEveryVersion(t *testing.T, test func(t *testing.T, config *tls.Config)) {
	for _, v := range versions {
		t.Run(tls.VersionName(v), func(t *testing.T) { test(t, &tls.Config{MinVersion: v, MaxVersion: v}) })
	}
}

// settle waits until no more goroutines than these run.
func settle(t testing.TB, most int) {
	t.Helper()
	for end := time.Now().Add(patience); runtime.NumGoroutine() > most; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d goroutines, want at most %d", runtime.NumGoroutine(), most)
		}
	}
}

func skipUnlessParked(t testing.TB) {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("connections are parked on Linux only")
	}
}

func TestIdleConnectionWithTLSHasNoGoroutine(t *testing.T) {
	skipUnlessParked(t)
	onEveryVersion(t, func(t *testing.T, config *tls.Config) {
		s := serve(t, "tls", ws.Options{}, newEcho)
		first := s.dialTLS(t, config, nil)
		first.send(t, frame(0x81, "warm"))
		first.expect(t, 0x81, "warm")
		before := runtime.NumGoroutine()
		clients := make([]*client, 1000)
		var wg sync.WaitGroup
		for w := range 4 {
			wg.Go(func() {
				for i := w; i < len(clients); i += 4 {
					clients[i] = s.dialTLS(t, config.Clone(), nil)
					clients[i].send(t, frame(0x81, fmt.Sprint(i)))
					clients[i].expect(t, 0x81, fmt.Sprint(i))
				}
			})
		}
		wg.Wait()
		settle(t, before+2)
		for i, c := range clients { // all wake, and sleep again
			_ = c.SetDeadline(time.Now().Add(patience))
			c.send(t, frame(0x81, fmt.Sprint(i)))
		}
		for i, c := range clients {
			c.expect(t, 0x81, fmt.Sprint(i))
		}
		settle(t, before+2)
	})
}

// A courier is a client's TCP connection that sends what it is told to when and as it is told to.
type courier struct {
	net.Conn
	hold bool // keep what is written
	kept bytes.Buffer
	each int // how many bytes to send at once; 0 for all
}

func (c *courier) Write(p []byte) (int, error) {
	if c.hold {
		return c.kept.Write(p)
	}
	for rest := p; len(rest) > 0; {
		n := len(rest)
		if c.each > 0 {
			n = min(n, c.each)
		}
		if _, err := c.Conn.Write(rest[:n]); err != nil {
			return 0, err
		}
		rest = rest[n:]
	}
	return len(p), nil
}

// with puts a courier under a client.
func (c *courier) with(conn net.Conn) net.Conn { c.Conn = conn; return c }

func TestRecordsByteByByte(t *testing.T) {
	onEveryVersion(t, func(t *testing.T, config *tls.Config) {
		s := serve(t, "tls", ws.Options{}, newEcho)
		road := &courier{each: 1}
		c := s.dialTLS(t, config, road.with)
		for i := range 20 {
			text := strings.Repeat("a", i*13)
			c.send(t, frame(0x81, text))
			c.expect(t, 0x81, text)
		}
	})
}

// Records that come together are read at once, into the tls.Conn, where epoll doesn't see them: each must be heard all the same, and
// what is there of the last one must wait for the rest without a goroutine.
func TestRecordsTogetherAndHalfOfOne(t *testing.T) {
	skipUnlessParked(t)
	onEveryVersion(t, func(t *testing.T, config *tls.Config) {
		s := serve(t, "tls", ws.Options{}, newEcho)
		road := &courier{}
		c := s.dialTLS(t, config, road.with)
		c.send(t, frame(0x81, "all is running"))
		c.expect(t, 0x81, "all is running")
		goroutines := runtime.NumGoroutine()
		for _, size := range []int{10, 100, 3000, 16000} {
			whole := func(i int) string { return strings.Repeat(string(rune('a'+i)), size) }
			road.hold = true
			for i := range 4 {
				c.send(t, frame(0x81, whole(i)))
			}
			road.hold = false
			half := road.kept.Next(road.kept.Len() - size/2)
			if _, err := road.Conn.Write(half); err != nil {
				t.Fatal(err)
			}
			for i := range 3 {
				c.expect(t, 0x81, whole(i))
			}
			settle(t, goroutines)
			if _, err := road.Conn.Write(road.kept.Next(size)); err != nil {
				t.Fatal(err)
			}
			c.expect(t, 0x81, whole(3))
		}
	})
}

// A taken is what another server than net/http's may give for a response: the connection, of which it has read the request alone.
type taken struct {
	http.ResponseWriter
	conn net.Conn
	r    *bufio.Reader
}

func (k taken) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return k.conn, bufio.NewReadWriter(k.r, bufio.NewWriter(k.conn)), nil
}

// The first messages may have come in the same segment as the request, in records of their own that nobody has asked the tls.Conn for.
func TestRecordsTogetherWithTheRequest(t *testing.T) {
	onEveryVersion(t, func(t *testing.T, config *tls.Config) {
		server := ws.NewServer(nil)
		t.Cleanup(func() { _ = server.Close() })
		lender := httptest.NewTLSServer(http.NotFoundHandler()) // of the certificate
		lender.Close()
		listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: lender.TLS.Certificates})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = listener.Close() })
		go func() {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			k := taken{httptest.NewRecorder(), conn, bufio.NewReader(conn)}
			r, err := http.ReadRequest(k.r)
			if err != nil {
				t.Error(err)
				return
			}
			_, _ = server.Upgrade(k, r, echo{}) // the client notices
		}()
		conn, err := net.Dial("tcp", listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		road := &courier{Conn: conn}
		config.InsecureSkipVerify = true
		secured := tls.Client(road, config)
		c := over(t, secured)
		if err := secured.Handshake(); err != nil {
			t.Fatal(err)
		}
		road.hold = true
		c.send(t, []byte(handshake+"\r\n"))
		c.send(t, frame(0x81, "one"))
		c.send(t, frame(0x81, "two"))
		road.hold = false
		if _, err := conn.Write(road.kept.Bytes()); err != nil {
			t.Fatal(err)
		}
		if _, err := http.ReadResponse(c.r, nil); err != nil {
			t.Fatal(err)
		}
		c.expect(t, 0x81, "one")
		c.expect(t, 0x81, "two")
	})
}

// A record of which a byte comes now and then holds no goroutine and doesn't count as life.
func TestRecordThatIsNeverComplete(t *testing.T) {
	skipUnlessParked(t)
	onEveryVersion(t, func(t *testing.T, config *tls.Config) {
		h := newRecord()
		h.message = func(c *ws.Conn, op ws.Opcode, p []byte) { _ = c.Send(op, p) }
		s := serve(t, "tls", ws.Options{PingInterval: 400 * time.Millisecond, PongTimeout: 400 * time.Millisecond}, h.one)
		road := &courier{}
		c := s.dialTLS(t, config, road.with)
		c.send(t, frame(0x81, "all is running"))
		c.expect(t, 0x81, "all is running")
		goroutines := runtime.NumGoroutine()
		road.hold = true
		c.send(t, frame(0x81, strings.Repeat("a", 16000)))
		asleep := 0
		for begin := time.Now(); time.Since(begin) < patience; time.Sleep(20 * time.Millisecond) {
			if runtime.NumGoroutine() <= goroutines {
				asleep++
			}
			if _, err := road.Conn.Write(road.kept.Next(1)); err != nil {
				break
			}
		}
		if code := h.wait(t); code != ws.CloseAbnormal || h.reason != "no answer to a ping" {
			t.Errorf("Closed was told %d %q", code, h.reason)
		}
		if asleep < 10 {
			t.Errorf("it held no goroutine only %d times", asleep)
		}
	})
}

func TestEndOfTLSWithoutAWord(t *testing.T) {
	ends := map[string]func(c *client) error{
		"close_notify": func(c *client) error { return c.Conn.(*tls.Conn).CloseWrite() },
		"half closed":  func(c *client) error { return c.Conn.(*tls.Conn).NetConn().(*net.TCPConn).CloseWrite() },
		"reset": func(c *client) error {
			tcp := c.Conn.(*tls.Conn).NetConn().(*net.TCPConn)
			_ = tcp.SetLinger(0)
			return tcp.Close()
		},
		"no TLS": func(c *client) error {
			_, err := io.WriteString(c.Conn.(*tls.Conn).NetConn(), "this is no record")
			return err
		},
	}
	for name, end := range ends {
		t.Run(name, func(t *testing.T) {
			onEveryVersion(t, func(t *testing.T, config *tls.Config) {
				h := newRecord()
				c := serve(t, "tls", ws.Options{}, h.one).dialTLS(t, config, nil)
				c.send(t, frame(0x81, "a"))
				if err := end(c); err != nil {
					t.Fatal(err)
				}
				if code := h.wait(t); code != ws.CloseAbnormal {
					t.Errorf("Closed was told %d, want 1006", code)
				}
				if name != "reset" { // which may have overtaken it
					if got := h.messages(t); len(got) != 1 {
						t.Errorf("messages are %q", got)
					}
				}
			})
		})
	}
}

// BenchmarkEcho measures a message and its echo, client included, on each path.
func BenchmarkEcho(b *testing.B) {
	for _, path := range paths {
		b.Run(path, func(b *testing.B) {
			s := serve(b, path, ws.Options{ForceGoroutines: path == "goroutine"}, newEcho)
			c := s.dial(b, "")
			message := frame(0x81, "a message of the size that people write in a chat")
			for b.Loop() {
				_ = c.SetDeadline(time.Now().Add(patience))
				c.send(b, message)
				if _, _, err := c.read(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
