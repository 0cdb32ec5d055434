package channels_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/teahouse-chat/teahouse/channels"
	"github.com/teahouse-chat/teahouse/channels/memlayer"
)

func TestWorkerDoesTheMessagesOfItsChannelsInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		layer := memlayer.New(nil)
		var done record
		logged := &lockedBuffer{}
		w := &channels.Worker{
			Layer: layer, Logger: slog.New(slog.NewTextHandler(logged, nil)),
			Tasks: map[string]func(context.Context, channels.Message) error{
				"do":    func(_ context.Context, m channels.Message) error { done.note("%s", m.Str("what")); return nil },
				"fail":  func(context.Context, channels.Message) error { return errors.New("no luck") },
				"panic": func(context.Context, channels.Message) error { panic("bad luck") },
			},
		}
		send := func(channel, kind, what string) {
			if err := layer.Send(t.Context(), channel, channels.Message{"type": kind, "what": what}); err != nil {
				t.Error(err)
			}
		}
		send("one", "do", "a")
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- w.Run(ctx, "one", "two") }()
		for i, kind := range []string{"fail", "panic", "unknown", "do"} {
			send("one", kind, fmt.Sprint("b", i))
		}
		synctest.Wait()
		send("two", "do", "c")
		synctest.Wait()
		stop()
		if err := <-ended; err != nil {
			t.Errorf("Run ended with %v", err)
		}
		if got := done.String(); got != "a b3 c" {
			t.Errorf("did %q", got)
		}
		for _, want := range []string{"no luck", "bad luck", "no task of this type", "channel=one"} {
			if !strings.Contains(logged.String(), want) {
				t.Errorf("%q isn't in the log %s", want, logged)
			}
		}
		if err := layer.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestWorkerEndsWithItsLayerAndRefusesBadNames(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		layer := memlayer.New(nil)
		w := &channels.Worker{Layer: layer}
		if err := w.Run(t.Context(), "a b"); !errors.Is(err, channels.ErrName) {
			t.Errorf("a bad name: %v", err)
		}
		ended := make(chan error, 1)
		go func() { ended <- w.Run(t.Context(), "one", "two") }()
		synctest.Wait()
		if err := layer.Close(); err != nil {
			t.Error(err)
		}
		if err := <-ended; !errors.Is(err, channels.ErrLayerClosed) {
			t.Errorf("got %v", err)
		}
	})
}

// A flakyLayer fails a few times before it receives.
type flakyLayer struct {
	channels.Layer
	failures int
}

func (l *flakyLayer) Receive(ctx context.Context, channel string) (channels.Message, error) {
	if l.failures--; l.failures >= 0 {
		return nil, errors.New("down")
	}
	return l.Layer.Receive(ctx, channel)
}

func TestWorkerAndServerTryAgainWhenTheLayerFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		layer := &flakyLayer{memlayer.New(nil), 2}
		var done record
		w := &channels.Worker{
			Layer: layer, Logger: slog.New(slog.DiscardHandler),
			Tasks: map[string]func(context.Context, channels.Message) error{
				"do": func(context.Context, channels.Message) error { done.note("done"); return nil },
			},
		}
		if err := layer.Send(t.Context(), "one", channels.Message{"type": "do"}); err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithTimeout(t.Context(), time.Minute)
		defer stop()
		if err := w.Run(ctx, "one"); err != nil || done.String() != "done" {
			t.Errorf("got %v, did %q", err, done.String())
		}
		layer.failures = 2
		r := newRig(t, layer, consumer{connect: inGroup})
		c := r.dial("/room/1/")
		r.send("1", "test.event", "hi")
		wantText(t, c, "hi")
	})
}
