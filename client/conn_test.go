package client_test

import (
	"bytes"
	"context"
	"errors"
	"testing"

	"github.com/coder/websocket"

	"github.com/teahouse-chat/teahouse/client"
)

func TestConnSendsAndReadsTextAndBinary(t *testing.T) {
	url := rawServer(t, func(c *websocket.Conn) {
		for {
			kind, b, err := c.Read(t.Context())
			if err != nil {
				return
			}
			_ = c.Write(t.Context(), kind, b)
		}
	})
	c, err := client.Dial(t.Context(), url, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Abort()
	for _, m := range [][]byte{nil, []byte("hi"), bytes.Repeat([]byte("茶"), 4000)} {
		for _, binary := range []bool{false, true} {
			if err := c.Write(m, binary); err != nil {
				t.Fatal(err)
			}
			if got, bin, err := c.Read(); err != nil || !bytes.Equal(got, m) || bin != binary {
				t.Errorf("got %d bytes, %v, %v; want %d", len(got), bin, err, len(m))
			}
		}
	}
	_ = c.Close()
	var closed *client.CloseError
	if _, _, err := c.Read(); !errors.As(err, &closed) || closed.Code != 1000 {
		t.Errorf("after Close: got %v, want 1000", err)
	}
}

func TestConnAnswersPingsAndTellsTheCloseCode(t *testing.T) {
	ponged := make(chan error, 1)
	url := rawServer(t, func(c *websocket.Conn) {
		ctx := c.CloseRead(context.Background())
		ponged <- c.Ping(ctx)
		_ = c.Close(4408, "too slow")
	})
	c, err := client.Dial(t.Context(), url, &client.DialOptions{Protocols: []string{"teahouse.v1"}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Abort()
	var closed *client.CloseError
	if _, _, err := c.Read(); !errors.As(err, &closed) || closed.Code != 4408 || closed.Reason != "too slow" {
		t.Errorf("got %v, want 4408", err)
	}
	if err := <-ponged; err != nil {
		t.Errorf("ping: %v", err)
	}
	if c.Protocol != "teahouse.v1" {
		t.Errorf("protocol: got %q", c.Protocol)
	}
}

func TestConnRefusesAMessageThatIsTooLong(t *testing.T) {
	code := make(chan websocket.StatusCode, 1)
	url := rawServer(t, func(c *websocket.Conn) {
		_ = c.Write(t.Context(), websocket.MessageText, make([]byte, 101))
		_, _, err := c.Read(t.Context())
		code <- websocket.CloseStatus(err)
	})
	c, err := client.Dial(t.Context(), url, &client.DialOptions{MaxMessage: 100})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := c.Read(); err == nil {
		t.Error("got a message, want an error")
	}
	if got := <-code; got != websocket.StatusMessageTooBig {
		t.Errorf("the server saw %v, want 1009", got)
	}
}

func TestDialTellsWhatTheServerAnswered(t *testing.T) {
	f := newFake(t, trouble{status: 403})
	_, err := client.Dial(t.Context(), "ws"+f.URL[len("http"):]+"/room/1/", nil)
	var refused *client.Error
	if !errors.As(err, &refused) || refused.Status != 403 || refused.Detail != "Not like this." {
		t.Errorf("got %v, want the refusal", err)
	}
}
