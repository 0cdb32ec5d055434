package channels_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/teahouse-chat/teahouse/channels"
	"github.com/teahouse-chat/teahouse/channels/channelstest"
	"github.com/teahouse-chat/teahouse/channels/memlayer"
	"github.com/teahouse-chat/teahouse/ws"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A consumer is what the functions of a test make it; without them it accepts and does nothing.
type consumer struct {
	connect    func(ctx context.Context, c *channels.Conn) error
	receive    func(ctx context.Context, c *channels.Conn, f channels.Frame) error
	disconnect func(ctx context.Context, c *channels.Conn, code channels.CloseCode) error
	event      func(ctx context.Context, c *channels.Conn, m channels.Message) error
}

func (k *consumer) Connect(ctx context.Context, c *channels.Conn) error {
	if k.connect != nil {
		return k.connect(ctx, c)
	}
	return c.Accept(nil)
}

func (k *consumer) Receive(ctx context.Context, c *channels.Conn, f channels.Frame) error {
	if k.receive != nil {
		return k.receive(ctx, c, f)
	}
	return nil
}

func (k *consumer) Disconnect(ctx context.Context, c *channels.Conn, code channels.CloseCode) error {
	if k.disconnect != nil {
		return k.disconnect(ctx, c, code)
	}
	return nil
}

// Event is the method of the layer messages of type test.event.
func (k *consumer) Event(ctx context.Context, c *channels.Conn, m channels.Message) error {
	if k.event != nil {
		return k.event(ctx, c, m)
	}
	return c.SendText(m.Str("text"))
}

// dispatch is for consumers: test.event goes to Event, test.frame and test.signal are encoded.
func dispatch(groups ...string) *channels.Dispatch[*consumer] {
	encode := func(m channels.Message) (channels.Frame, error) {
		if m.Str("text") == "" {
			return channels.Frame{}, errors.New("no text")
		}
		return channels.Text(m.Str("text")), nil
	}
	return &channels.Dispatch[*consumer]{
		Events:   channels.Events[*consumer]{"test.event": (*consumer).Event},
		Encoders: channels.Encoders{"test.frame": encode},
		Signals:  channels.Encoders{"test.signal": encode},
		Groups:   groups,
	}
}

// A rig is a server over a layer in memory, whose handler makes consumers of k.
type rig struct {
	*channels.Server
	t       testing.TB
	layer   channels.Layer
	handler http.Handler
	logged  *lockedBuffer
}

// newRig makes one; a nil layer means one in memory.
func newRig(t testing.TB, layer channels.Layer, k consumer, groups ...string) *rig {
	t.Helper()
	if layer == nil {
		layer = memlayer.New(nil)
	}
	logged := &lockedBuffer{}
	log := slog.New(slog.NewTextHandler(logged, nil))
	s := channels.NewServer(layer, &channels.Options{Logger: log, Losses: &channels.Losses{Logger: log}, Inbox: 8})
	mux := http.NewServeMux()
	mux.Handle("/room/{group}/", channels.Handler(s, func() *consumer { return &k }, dispatch(groups...)))
	t.Cleanup(func() {
		if err := errors.Join(s.Close(), layer.Close()); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return &rig{s, t, layer, mux, logged}
}

// dial connects a client without a network.
func (r *rig) dial(path string) *channelstest.Communicator {
	r.t.Helper()
	c := channelstest.New(r.handler, path)
	if err := c.Connect(); err != nil {
		r.t.Fatalf("connect to %s: %v", path, err)
	}
	return c
}

// send sends a message to a group.
func (r *rig) send(group, kind, text string) {
	r.t.Helper()
	if err := r.layer.GroupSend(context.Background(), group, channels.Message{"type": kind, "text": text}); err != nil {
		r.t.Fatal(err)
	}
}

// wantText reads text frames and checks them.
func wantText(t testing.TB, c *channelstest.Communicator, want ...string) {
	t.Helper()
	for _, w := range want {
		got, err := c.ReceiveText(t.Context())
		if err != nil || got != w {
			t.Fatalf("got %q, %v; want %q", got, err, w)
		}
	}
}

// wantClosed checks that the connection was closed from here with a code.
func wantClosed(t testing.TB, c *channelstest.Communicator, code channels.CloseCode) {
	t.Helper()
	var closed *channels.CloseError
	if f, err := c.Receive(t.Context()); !errors.As(err, &closed) || closed.Code != code {
		t.Fatalf("got %q, %v; want a close with %d", f.Payload, err, code)
	}
}

// inGroup is a Connect that joins the group that the URL names, and accepts.
func inGroup(ctx context.Context, c *channels.Conn) error {
	if err := c.GroupAdd(ctx, c.PathValue("group")); err != nil {
		return err
	}
	return c.Accept(nil)
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// A lockedBuffer collects a log.
type lockedBuffer struct {
	mu sync.Mutex
	b  strings.Builder
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

// A record notes what happens, in order.
type record struct {
	mu    sync.Mutex
	notes []string
}

func (r *record) note(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.notes = append(r.notes, fmt.Sprintf(format, args...))
}

func (r *record) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return strings.Join(r.notes, " ")
}

const normal = ws.CloseNormal
