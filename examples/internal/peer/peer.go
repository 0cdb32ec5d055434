// Package peer is a foreign WebSocket client for the examples' tests.
package peer

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/teahouse-chat/teahouse/channels"
)

// patience is how long an answer may take.
const patience = 20 * time.Second

// Serve serves a handler until the test ends, then closes the server that its sockets are of.
func Serve(t *testing.T, h http.Handler, server *channels.Server) *httptest.Server {
	t.Helper()
	site := httptest.NewServer(h)
	t.Cleanup(func() {
		site.Close()
		if err := server.Close(); err != nil {
			t.Errorf("close the server: %v", err)
		}
	})
	return site
}

// Get asks a site for a page, and returns its text.
func Get(t *testing.T, url string) string {
	t.Helper()
	answer, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer http.DefaultClient.CloseIdleConnections()
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		t.Fatalf("get %s: %s, %v", url, answer.Status, err)
	}
	return string(body)
}

// A Peer is one client's connection. Its test fails, and ends, when anything goes wrong.
type Peer struct {
	t    *testing.T
	conn *websocket.Conn
}

// Dial connects to a path of a site, whose URL begins with http; the header may be nil. The connection ends with the test.
func Dial(t *testing.T, site, path string, header http.Header) *Peer {
	t.Helper()
	conn, err := TryDial(t, site, path, header)
	if err != nil {
		t.Fatal(err)
	}
	return &Peer{t, conn}
}

// TryDial is Dial of what may be refused.
func TryDial(t *testing.T, site, path string, header http.Header) (*websocket.Conn, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	conn, answer, err := websocket.Dial(ctx, "ws"+strings.TrimPrefix(site, "http")+path, &websocket.DialOptions{HTTPHeader: header})
	if err != nil {
		if answer != nil {
			err = errors.Join(err, answer.Body.Close())
		}
		return nil, err
	}
	conn.SetReadLimit(1 << 20)
	t.Cleanup(func() { _ = conn.CloseNow() })
	return conn, nil
}

// Say sends text.
func (p *Peer) Say(text string) {
	p.t.Helper()
	p.send(websocket.MessageText, []byte(text))
}

// Show sends a binary message.
func (p *Peer) Show(b []byte) {
	p.t.Helper()
	p.send(websocket.MessageBinary, b)
}

func (p *Peer) send(kind websocket.MessageType, b []byte) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), patience)
	defer cancel()
	if err := p.conn.Write(ctx, kind, b); err != nil {
		p.t.Fatal(err)
	}
}

// Hears waits for these texts, in order and with nothing between.
func (p *Peer) Hears(texts ...string) {
	p.t.Helper()
	for _, want := range texts {
		if got, text := p.Next(); !text || string(got) != want {
			p.t.Fatalf("heard %.100q (text: %v), want %q", got, text, want)
		}
	}
}

// Next waits for a message.
func (p *Peer) Next() (b []byte, text bool) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), patience)
	defer cancel()
	kind, b, err := p.conn.Read(ctx)
	if err != nil {
		p.t.Fatal(err)
	}
	return b, kind == websocket.MessageText
}

// IsClosed waits until the server closes with this code, and sends nothing before.
func (p *Peer) IsClosed(code channels.CloseCode) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), patience)
	defer cancel()
	if _, got, err := p.conn.Read(ctx); websocket.CloseStatus(err) != websocket.StatusCode(code) {
		p.t.Fatalf("got %.100q, %v; want a close with %d", got, err, code)
	}
}

// Leaves closes the connection.
func (p *Peer) Leaves() {
	p.t.Helper()
	if err := p.conn.Close(websocket.StatusNormalClosure, ""); err != nil {
		p.t.Fatal(err)
	}
}
