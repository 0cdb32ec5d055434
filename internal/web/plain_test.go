package web_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// A socket is a client of another library.
type socket struct {
	*websocket.Conn
	t testing.TB
}

// dial opens a socket, with these subprotocols and headers.
func (s *house) dial(path, subprotocol string, headers ...string) *socket {
	s.t.Helper()
	c, res, err := s.tryDial(path, subprotocol, headers...)
	if err != nil {
		s.t.Fatalf("dial %s: %v", path, err)
	}
	if got := res.Header.Get("Sec-WebSocket-Protocol"); got != subprotocol {
		s.t.Fatalf("dial %s: got the subprotocol %q", path, got)
	}
	return c
}

func (s *house) tryDial(path, subprotocol string, headers ...string) (*socket, *http.Response, error) {
	s.t.Helper()
	opts := &websocket.DialOptions{HTTPClient: s.Client(), HTTPHeader: http.Header{}, CompressionMode: websocket.CompressionNoContextTakeover}
	if subprotocol != "" {
		opts.Subprotocols = []string{subprotocol}
	}
	for i := 0; i < len(headers); i += 2 {
		opts.HTTPHeader.Add(headers[i], headers[i+1])
		if headers[i] == "Host" {
			opts.Host = headers[i+1]
		}
	}
	c, res, err := websocket.Dial(s.t.Context(), s.URL+path, opts)
	if err != nil {
		return nil, res, err
	}
	c.SetReadLimit(1 << 20)
	s.t.Cleanup(func() { _ = c.CloseNow() })
	return &socket{c, s.t}, res, nil
}

// read returns the next text frame, or the close code and reason.
func (c *socket) read() string {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	kind, b, err := c.Read(ctx)
	var closed websocket.CloseError
	switch {
	case errors.As(err, &closed):
		return fmt.Sprintf("closed %d %s", closed.Code, closed.Reason)
	case err != nil:
		c.t.Fatalf("read: %v", err)
	case kind != websocket.MessageText:
		c.t.Fatalf("got a frame of kind %v: %q", kind, b)
	}
	return string(b)
}

func (c *socket) write(text string) {
	c.t.Helper()
	if err := c.Write(c.t.Context(), websocket.MessageText, []byte(text)); err != nil {
		c.t.Fatalf("write: %v", err)
	}
}

func (c *socket) want(frames ...string) {
	c.t.Helper()
	for _, want := range frames {
		if got := c.read(); got != want {
			c.t.Fatalf("got %s, want %s", got, want)
		}
	}
}

func TestPlainSocketsAreSentTheTextsOfAllAndNothingElse(t *testing.T) {
	t.Parallel()
	s := open(t)
	a, b := s.dial("/room/123/?name=ann", ""), s.dial("/room/123", "")
	v1 := s.dial("/room/123/", "teahouse.v1") // its coming and going isn't told to plain ones
	a.write("hi")
	a.want("hi")
	b.want("hi")
	b.write("")
	b.write("茶 🍵")
	a.want("茶 🍵")
	b.want("茶 🍵")
	s.say("123", "curl", "<over HTTP>")
	_ = v1.CloseNow()
	time.Sleep(1200 * time.Millisecond) // a presence frame would come now
	a.write("last")
	a.want("<over HTTP>", "last")
	b.want("<over HTTP>", "last")
	p := decode[page](t, s.get("/room/123/events").body)
	if p.span() != "1-4" || p.Events[0].Author != (author{ID: "n-ann", Name: "ann"}) || p.Events[1].Author != (author{ID: "n-guest", Name: "guest"}) {
		t.Errorf("got %+v", p)
	}
}

func TestPlainSocketIsFirstSentWhatIsKeptPastItsCursor(t *testing.T) {
	t.Parallel()
	s := open(t)
	s.fill("123", 20)
	s.trim("123", 18)
	for _, c := range []struct{ query, want string }{
		{"", ""},
		{"?after=19", "m20"},
		{"?after=20", ""},
		{"?after=17", "m18 m19 m20"},
		{"?after=0", "m18 m19 m20"},
		{"?after=5&epoch=other", "m18 m19 m20"},
		{"?after=999", ""},
		{"?after=99999999999999999999", ""},
	} {
		sock := s.dial("/room/123/"+c.query, "")
		for _, want := range strings.Fields(c.want) {
			sock.want(want)
		}
		_ = sock.Write(t.Context(), websocket.MessageBinary, nil) // which closes it, after what was sent
		if got := sock.read(); !strings.HasPrefix(got, "closed 1003") {
			t.Errorf("%s: got %s after %q", c.query, got, c.want)
		}
	}
	wantProblem(t, "no number", s.get("/room/123/?after=x", ways[0].headers...), 400, "bad_query")
}

func TestPlainSocketIsClosedForWhatItMayNotSend(t *testing.T) {
	t.Parallel()
	s := open(t)
	for _, c := range []struct {
		what string
		kind websocket.MessageType
		text string
		want string
	}{
		{"binary", websocket.MessageBinary, "hi", "closed 1003"},
		{"an empty binary frame", websocket.MessageBinary, "", "closed 1003"},
		{"malformed UTF-8", websocket.MessageText, "a\xff", "closed 1007"},
		{"4,001 characters", websocket.MessageText, strings.Repeat("a", 4001), "closed 1009"},
		{"over 16 KiB", websocket.MessageText, strings.Repeat("茶", 6000), "closed 1009"},
		{"over 64 KiB", websocket.MessageText, strings.Repeat("a", 70<<10), "closed 1009"},
		{"U+0000", websocket.MessageText, "a\x00", "closed 1008"},
	} {
		sock := s.dial("/room/123/", "")
		if err := sock.Write(t.Context(), c.kind, []byte(c.text)); err != nil {
			t.Errorf("%s: %v", c.what, err)
		}
		if got := sock.read(); !strings.HasPrefix(got, c.want) {
			t.Errorf("%s: got %s, want %s", c.what, got, c.want)
		}
	}
	ok := s.dial("/room/123/", "")
	text := strings.Repeat("茶", 4000)
	ok.write(text)
	ok.want(text)
	if p := decode[page](t, s.get("/room/123/events").body); p.Head != 1 {
		t.Errorf("something else was posted: %v", p.Events)
	}
}

func TestPlainSocketOverTheRateIsClosedAfterTheBurst(t *testing.T) {
	s := open(t, withLimits)
	sock := s.dial("/room/123/?name=ann", "")
	began := time.Now()
	for i := range 60 { // on a slow machine some more than the burst pass
		sock.write(fmt.Sprint(i))
	}
	got := sock.read()
	for i := 0; !strings.HasPrefix(got, "closed"); i++ {
		if got != fmt.Sprint(i) {
			t.Errorf("got %s, want %d", got, i)
		}
		got = sock.read()
	}
	if got != "closed 1008 rate_limited" {
		t.Errorf("got %s", got)
	}
	p := decode[page](t, s.get("/room/123/events").body)
	if want := "0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19"; !strings.HasPrefix(p.texts(), want) || int(p.Head) > mayPost(began) {
		t.Errorf("got %s", p.texts())
	}
}

// upgrade is a handshake by hand, followed by more bytes in the same packet.
func (s *house) upgrade(path, more string, headers ...string) (net.Conn, *bufio.Reader) {
	s.t.Helper()
	conn, err := net.Dial("tcp", s.Listener.Addr().String())
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	lines := strings.Join(append([]string{
		"GET " + path + " HTTP/1.1", "Host: " + s.Listener.Addr().String(), "Upgrade: websocket",
		"Connection: Upgrade", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version: 13",
	}, headers...), "\r\n")
	if _, err := io.WriteString(conn, lines+"\r\n\r\n"+more); err != nil {
		s.t.Fatal(err)
	}
	return conn, bufio.NewReader(conn)
}

// masked is a text frame from a client, with the mask 0.
func masked(text string) string {
	return string([]byte{0x81, 0x80 | byte(len(text)), 0, 0, 0, 0}) + text
}

func TestFramesSentTogetherWithTheHandshakeAreRead(t *testing.T) {
	t.Parallel()
	s := open(t)
	_, in := s.upgrade("/room/123/", masked("first")+masked("second"))
	res, err := http.ReadResponse(in, nil)
	if err != nil || res.StatusCode != 101 {
		t.Fatalf("got %v, %v", res, err)
	}
	got := make([]byte, 2+5+2+6)
	if _, err := io.ReadFull(in, got); err != nil || string(got) != "\x81\x05first\x81\x06second" {
		t.Errorf("got %q, %v", got, err)
	}
}

// What commits right after a client sees the 101 reaches it.
func TestCursorIsSetBeforeThe101(t *testing.T) {
	t.Parallel()
	s := open(t)
	for i := range 50 {
		_, in := s.upgrade("/room/123/", "")
		if res, err := http.ReadResponse(in, nil); err != nil || res.StatusCode != 101 {
			t.Fatalf("got %v, %v", res, err)
		}
		text := fmt.Sprintf("m%02d", i)
		s.say("123", "ann", text)
		got := make([]byte, 5)
		if _, err := io.ReadFull(in, got); err != nil || string(got) != "\x81\x03"+text {
			t.Fatalf("got %q, %v, want %s", got, err, text)
		}
	}
}
