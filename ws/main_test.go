package ws_test

import (
	"bufio"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/teahouse-chat/teahouse/ws"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is how long a test waits for what must come.
const patience = 10 * time.Second

// paths are the ways a connection is served; the same tests run on each. With "tls" it is parked, with "wrapped" it is TLS over what a
// listener wrapped and has a goroutine.
var paths = []string{"parked", "goroutine", "tls", "wrapped"}

// onEveryPath runs a test on each path, with its own copy of the options.
func onEveryPath(t *testing.T, o ws.Options, test func(t *testing.T, path string, o ws.Options)) {
	t.Helper()
	for _, path := range paths {
		t.Run(path, func(t *testing.T) {
			o := o
			o.ForceGoroutines = path == "goroutine"
			test(t, path, o)
		})
	}
}

// A site is a running server whose every request is upgraded with a handler from make.
type site struct {
	ws  *ws.Server
	url string
	tls bool
}

func serve(t testing.TB, path string, o ws.Options, handler func() ws.Handler) *site {
	t.Helper()
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	s := ws.NewServer(&o)
	web := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = s.Upgrade(w, r, handler()) // a refusal has been answered, and is looked at from the client's side
	}))
	web.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	switch path {
	case "tls":
		web.StartTLS()
	case "wrapped":
		web.Listener = wrapper{web.Listener}
		web.StartTLS()
	default:
		web.Start()
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
		web.Close()
	})
	return &site{ws: s, url: strings.TrimPrefix(strings.TrimPrefix(web.URL, "https://"), "http://"), tls: path == "tls" || path == "wrapped"}
}

// A wrapper is a listener whose connections are more than TCP for all that anyone knows.
type wrapper struct{ net.Listener }

func (w wrapper) Accept() (net.Conn, error) {
	conn, err := w.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return struct{ *net.TCPConn }{conn.(*net.TCPConn)}, nil
}

// A record is a handler that keeps what it is told, in order.
type record struct {
	mu      sync.Mutex
	calls   []string
	running bool
	conn    *ws.Conn
	opened  chan struct{}
	closed  chan struct{}
	code    ws.CloseCode
	reason  string
	message func(c *ws.Conn, op ws.Opcode, p []byte) // more to do for a message
}

func newRecord() *record {
	return &record{opened: make(chan struct{}), closed: make(chan struct{})}
}

// enter notes a call, and whether another one was running.
func (r *record) enter(call string) func() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.running {
		call = "overlapping " + call
	}
	r.running = true
	r.calls = append(r.calls, call)
	return func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.running = false
	}
}

func (r *record) Open(c *ws.Conn) {
	defer r.enter("open")()
	r.conn = c
	close(r.opened)
}

func (r *record) Message(c *ws.Conn, op ws.Opcode, p []byte) {
	defer r.enter(fmt.Sprintf("%d:%s", op, p))()
	if r.message != nil {
		r.message(c, op, p)
	}
}

func (r *record) Closed(_ *ws.Conn, code ws.CloseCode, reason string) {
	defer r.enter("closed")()
	r.code, r.reason = code, reason
	close(r.closed)
}

// wait waits for Closed and returns its code.
func (r *record) wait(t testing.TB) ws.CloseCode {
	t.Helper()
	select {
	case <-r.closed:
		return r.code
	case <-time.After(patience):
		t.Fatal("Closed was not called")
		return 0
	}
}

// messages are the calls between the first and the last, which must be open and closed.
func (r *record) messages(t testing.TB) []string {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	if n := len(r.calls); n < 2 || r.calls[0] != "open" || r.calls[n-1] != "closed" {
		t.Fatalf("calls are %q, want open first and closed last", r.calls)
	}
	return r.calls[1 : len(r.calls)-1]
}

// one serves connections with the same record, for tests that make one connection.
func (r *record) one() ws.Handler { return r }

// echo sends every message back.
type echo struct{}

func (echo) Open(*ws.Conn)                              {}
func (echo) Message(c *ws.Conn, op ws.Opcode, p []byte) { _ = c.Send(op, p) }
func (echo) Closed(*ws.Conn, ws.CloseCode, string)      {}

func newEcho() ws.Handler { return echo{} }

// A client speaks WebSocket byte by byte, and so can break every rule.
type client struct {
	net.Conn
	r *bufio.Reader
}

// connect opens TCP, and TLS when the site has it.
func (s *site) connect(t testing.TB) *client {
	t.Helper()
	conn, err := net.Dial("tcp", s.url)
	if err != nil {
		t.Fatal(err)
	}
	if s.tls {
		conn = tls.Client(conn, &tls.Config{InsecureSkipVerify: true})
	}
	return over(t, conn)
}

// over is a client on conn, which is closed when the test ends.
func over(t testing.TB, conn net.Conn) *client {
	t.Helper()
	t.Cleanup(func() { _ = conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	return &client{conn, bufio.NewReader(conn)}
}

const handshake = "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
	"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"

const deflateOffer = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n"

// dial opens a WebSocket; fields are more lines for the request, early is sent together with it.
func (s *site) dial(t testing.TB, fields string, early ...byte) *client {
	t.Helper()
	c := s.connect(t)
	c.upgrade(t, fields, early...)
	return c
}

func (c *client) upgrade(t testing.TB, fields string, early ...byte) {
	t.Helper()
	c.send(t, append([]byte(handshake+fields+"\r\n"), early...))
	resp, err := http.ReadResponse(c.r, nil)
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("status %d, want 101", resp.StatusCode)
	}
}

func (c *client) send(t testing.TB, p []byte) {
	t.Helper()
	if _, err := c.Write(p); err != nil {
		t.Fatal(err)
	}
}

// frame is a client's frame: first is its first byte (FIN, RSV, opcode), the payload is masked.
func frame(first byte, payload string) []byte {
	b := []byte{first}
	switch n := len(payload); {
	case n < 126:
		b = append(b, 0x80|byte(n))
	case n < 1<<16:
		b = binary.BigEndian.AppendUint16(append(b, 0x80|126), uint16(n))
	default:
		b = binary.BigEndian.AppendUint64(append(b, 0x80|127), uint64(n))
	}
	mask := [4]byte{0xa1, 0x02, 0x53, 0xf4}
	b = append(b, mask[:]...)
	for i := range len(payload) {
		b = append(b, payload[i]^mask[i%4])
	}
	return b
}

func closing(code ws.CloseCode, reason string) []byte {
	return frame(0x88, string(binary.BigEndian.AppendUint16(nil, uint16(code)))+reason)
}

// read reads one frame as a server must send it.
func (c *client) read() (first byte, payload []byte, err error) {
	var head [2]byte
	if _, err := io.ReadFull(c.r, head[:]); err != nil {
		return 0, nil, err
	}
	size := uint64(head[1])
	if size > 125 {
		ext := make([]byte, map[uint64]int{126: 2, 127: 8}[size])
		if len(ext) == 0 {
			return 0, nil, errors.New("server's frame is masked")
		}
		if _, err := io.ReadFull(c.r, ext); err != nil {
			return 0, nil, err
		}
		size = binary.BigEndian.Uint64(append(make([]byte, 8-len(ext)), ext...))
	}
	payload = make([]byte, size)
	_, err = io.ReadFull(c.r, payload)
	return head[0], payload, err
}

// expect reads one frame, which must be this one.
func (c *client) expect(t testing.TB, first byte, payload string) {
	t.Helper()
	gotFirst, got, err := c.read()
	if err != nil || gotFirst != first || string(got) != payload {
		t.Fatalf("got frame %#x %.60q, %v; want %#x %.60q", gotFirst, got, err, first, payload)
	}
}

// readClose skips to the close frame and returns what it says, CloseAbnormal when the connection ends without one. After it
// there must be nothing but the end.
func (c *client) readClose(t testing.TB) (ws.CloseCode, string) {
	t.Helper()
	for {
		first, payload, err := c.read()
		if err != nil {
			return ws.CloseAbnormal, err.Error()
		}
		if first != 0x88 {
			continue
		}
		if rest, err := io.ReadAll(c.r); len(rest) > 0 || err != nil {
			t.Errorf("after the close frame: %d bytes, %v; want the end of the stream", len(rest), err)
		}
		_ = c.Close()
		if len(payload) < 2 {
			return ws.CloseNoStatus, ""
		}
		return ws.CloseCode(binary.BigEndian.Uint16(payload)), string(payload[2:])
	}
}
