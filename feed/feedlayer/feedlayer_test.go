package feedlayer_test

import (
	"context"
	"fmt"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/teahouse-chat/teahouse/channels"
	"github.com/teahouse-chat/teahouse/channels/memlayer"
	"github.com/teahouse-chat/teahouse/channels/redislayer"
	"github.com/teahouse-chat/teahouse/eventlog"
	"github.com/teahouse-chat/teahouse/eventlog/memlog"
	"github.com/teahouse-chat/teahouse/feed"
	"github.com/teahouse-chat/teahouse/feed/feedlayer"
	"github.com/teahouse-chat/teahouse/internal/redistest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A process is one of several that share a log: it is told of its own commits only.
type process struct {
	eventlog.Log
	told func([]eventlog.Event)
}

func (p *process) OnCommit(fn func([]eventlog.Event)) { p.told = fn }

func (p *process) Append(ctx context.Context, entries ...eventlog.Entry) ([]eventlog.Appended, error) {
	appended, err := p.Log.Append(ctx, entries...)
	for i := range appended {
		p.told([]eventlog.Event{appended[i].Event})
	}
	return appended, err
}

// plain writes events as lines.
type plain struct{}

func (plain) AppendEvent(dst []byte, _ feed.Encoding, _ string, e *eventlog.Event) []byte {
	return fmt.Appendf(dst, "%d\n", e.Offset)
}

func (plain) AppendReset(dst []byte, _ feed.Encoding, _, _ string, s eventlog.State) ([]byte, eventlog.Offset) {
	return dst, s.Head
}

// start makes a process's feed, which rings through a layer and doesn't sweep before the test is over.
func start(t *testing.T, log eventlog.Log, layer channels.Layer) (*process, *feed.Feed) {
	t.Helper()
	p := &process{Log: log}
	f := feed.New(p, plain{}, &feed.Options{Bell: feedlayer.New(layer), Sweep: time.Hour, Logger: slog.New(slog.DiscardHandler)})
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- f.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
		f.Close()
	})
	return p, f
}

// testNodes checks that what one process appends, a topic of the other hears of, by the doorbell alone.
func testNodes(t *testing.T, here, there channels.Layer) {
	log := memlog.New()
	writer, _ := start(t, log, here)
	_, follower := start(t, log, there)
	topic, err := follower.Open(t.Context(), "room.1", "1")
	if err != nil {
		t.Fatal(err)
	}
	defer topic.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	for i := range 50 {
		id := fmt.Sprint(i)
		for heard := false; !heard; { // the first may be sent before the other listens
			if _, err := writer.Append(ctx, eventlog.Entry{Topic: "room.1", Type: "x", Author: "a", ID: id}); err != nil {
				t.Fatal(err)
			}
			wait, stop := context.WithTimeout(ctx, time.Second)
			heard = topic.Wait(wait, eventlog.Offset(i)) == nil
			stop()
			if ctx.Err() != nil {
				t.Fatalf("event %d isn't heard of", i)
			}
		}
	}
}

func TestDoorbellsReachOtherProcessesInMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		layer := memlayer.New(nil)
		t.Cleanup(func() { _ = layer.Close() })
		testNodes(t, layer, layer)
	})
}

func TestDoorbellsReachOtherProcessesOverRedis(t *testing.T) {
	redis := redistest.Start(t)
	layers := make([]channels.Layer, 2)
	for i := range layers {
		l, err := redislayer.NewCore(t.Context(), &redislayer.Options{Hosts: []redislayer.Host{{URL: redis.URL()}}})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := l.Close(); err != nil {
				t.Error(err)
			}
		})
		layers[i] = l
	}
	testNodes(t, layers[0], layers[1])
}

func TestWhatIsNoDoorbellIsIgnored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		layer := memlayer.New(nil)
		defer layer.Close()
		ctx, cancel := context.WithCancel(t.Context())
		heard, done := make(chan string, 10), make(chan error, 1)
		go func() {
			done <- feedlayer.New(layer).Listen(ctx, func(topic string, head eventlog.Offset) { heard <- fmt.Sprint(topic, head) })
		}()
		synctest.Wait()
		for _, m := range []channels.Message{
			{"type": "other", "topic": "a", "head": 1},
			{"type": "feed.doorbell", "topic": "a"},
			{"type": "feed.doorbell", "topic": "a", "head": "2"},
			{"type": "feed.doorbell", "topic": "a", "head": 3},
		} {
			if err := layer.GroupSend(ctx, feedlayer.Group, m); err != nil {
				t.Fatal(err)
			}
		}
		synctest.Wait()
		if got := <-heard; got != "a3" || len(heard) > 0 {
			t.Errorf("heard %s and %d more", got, len(heard))
		}
		cancel()
		if err := <-done; err == nil {
			t.Error("Listen ended without a reason")
		}
	})
}

func Example() {
	layer := memlayer.New(nil) // or one over Redis, for several processes
	defer layer.Close()
	f := feed.New(memlog.New(), plain{}, &feed.Options{Bell: feedlayer.New(layer)})
	defer f.Close()
	ctx, stop := context.WithTimeout(context.Background(), 10*time.Millisecond)
	defer stop()
	fmt.Println(f.Run(ctx))
	// Output: <nil>
}
