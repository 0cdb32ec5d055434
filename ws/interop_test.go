package ws_test

import (
	"context"
	"crypto/tls"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"

	coder "github.com/coder/websocket"
	gorilla "github.com/gorilla/websocket"
	"github.com/teahouse-chat/teahouse/ws"
)

// chatter is a number of texts of growing length, some that compress well and some that don't.
func chatter() []string {
	texts := []string{""}
	for n := 1; n < 60000; n = n*3 + 1 {
		noise := make([]byte, n)
		for i := range noise {
			noise[i] = ' ' + byte(rand.IntN(90))
		}
		texts = append(texts, strings.Repeat("茶馆 ", n/7+1), string(noise))
	}
	return texts
}

// echoCompressed sends every message back through Offer, compressed when the client takes that.
type echoCompressed struct{ echo }

func (echoCompressed) Message(c *ws.Conn, op ws.Opcode, p []byte) {
	frame := ws.AppendFrame
	if c.Compressed() {
		frame = ws.AppendCompressed
	}
	again := make(chan struct{}, 1)
	for batch := frame(nil, op, p); !c.Offer(batch, func() { again <- struct{}{} }); {
		<-again // the last one is with the client, but its writer hasn't taken note
	}
}

func (s *site) target() string {
	if s.tls {
		return "wss://" + s.url
	}
	return "ws://" + s.url
}

func TestGorillaUnderstandsUs(t *testing.T) {
	onEveryPath(t, ws.Options{Compress: true, Subprotocols: []string{"tea"}}, func(t *testing.T, path string, o ws.Options) {
		s := serve(t, path, o, func() ws.Handler { return echoCompressed{} })
		for _, compress := range []bool{false, true} {
			d := gorilla.Dialer{EnableCompression: compress, Subprotocols: []string{"tea"}, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
			c, _, err := d.Dial(s.target(), nil)
			if err != nil {
				t.Fatal(err)
			}
			for _, text := range chatter() {
				if err := c.WriteMessage(gorilla.TextMessage, []byte(text)); err != nil {
					t.Fatal(err)
				}
				if _, got, err := c.ReadMessage(); err != nil || string(got) != text {
					t.Fatalf("sent %d bytes, got %d back, %v", len(text), len(got), err)
				}
			}
			if err := c.WriteMessage(gorilla.CloseMessage, gorilla.FormatCloseMessage(1000, "")); err != nil {
				t.Fatal(err)
			}
			if _, _, err := c.ReadMessage(); !gorilla.IsCloseError(err, 1000) {
				t.Errorf("closing: %v", err)
			}
			if err := c.Close(); err != nil || c.Subprotocol() != "tea" {
				t.Errorf("close: %v, subprotocol %q", err, c.Subprotocol())
			}
		}
	})
}

func TestCoderUnderstandsUs(t *testing.T) {
	onEveryPath(t, ws.Options{Compress: true, Subprotocols: []string{"tea"}}, func(t *testing.T, path string, o ws.Options) {
		s := serve(t, path, o, func() ws.Handler { return echoCompressed{} })
		transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
		defer transport.CloseIdleConnections()
		modes := []coder.CompressionMode{coder.CompressionDisabled, coder.CompressionNoContextTakeover, coder.CompressionContextTakeover}
		for _, mode := range modes {
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			c, _, err := coder.Dial(ctx, s.target(), &coder.DialOptions{
				HTTPClient: &http.Client{Transport: transport}, CompressionMode: mode, CompressionThreshold: 1, Subprotocols: []string{"tea"},
			})
			if err != nil {
				t.Fatal(err)
			}
			c.SetReadLimit(1 << 20)
			for _, text := range chatter() {
				if err := c.Write(ctx, coder.MessageText, []byte(text)); err != nil {
					t.Fatal(err)
				}
				if _, got, err := c.Read(ctx); err != nil || string(got) != text {
					t.Fatalf("sent %d bytes, got %d back, %v", len(text), len(got), err)
				}
			}
			if err := c.Close(coder.StatusNormalClosure, ""); err != nil || c.Subprotocol() != "tea" {
				t.Errorf("close: %v, subprotocol %q", err, c.Subprotocol())
			}
			cancel()
		}
	})
}
