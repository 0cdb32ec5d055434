package web_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/teahouse-chat/teahouse/channels"
	"github.com/teahouse-chat/teahouse/channels/memlayer"
)

func TestTypingReachesTheRoomsSocketsOnEveryNodeThatSharesTheLayer(t *testing.T) {
	t.Parallel()
	layer := memlayer.New(nil)
	t.Cleanup(func() { _ = layer.Close() })
	here, there := open(t, withLayer(layer)), open(t, withLayer(layer))
	ann := here.dial("/room/123/?name=ann", "teahouse.v1")
	bob := there.dial("/room/123/?name=bob", "teahouse.v1")
	elsewhere := here.dial("/room/124/?name=eve", "teahouse.v1")
	plain := here.dial("/room/123/", "")
	many := here.dial("/ws?name=joe", "teahouse.v1")
	many.write(`{"type":"join","room":"123"}`)
	for _, s := range []*socket{ann, bob, elsewhere, many} {
		if f := s.next(); f.Type != "hello" {
			t.Fatalf("got %+v, want hello", f)
		}
	}
	if f := many.next(); f.Type != "ok" {
		t.Fatalf("got %+v, want ok", f)
	}
	for _, s := range []*socket{bob, many} { // so that they hear
		if f := decode[frame](t, s.read()); f.Type != "presence" {
			t.Fatalf("got %+v, want presence", f)
		}
	}
	ann.write(`{"type":"signal","room":"123","kind":"typing"}`)
	for _, s := range []*socket{ann, bob, many} {
		s.wantNext(`{"type":"signal","room":"123","kind":"typing","author":{"id":"n-ann","name":"ann"}}`)
	}
	ann.write(`{"type":"post","ref":1,"text":"done"}`)
	plain.want("done") // and no signal before it
	elsewhere.write(`{"type":"ping"}`)
	if f := elsewhere.next(); f.Type != "pong" {
		t.Errorf("in another room: got %+v, want the pong", f)
	}
}

func TestSignalsThatCannotBeToldAreDropped(t *testing.T) {
	t.Parallel()
	s := open(t)
	ann := s.dial("/room/123/?name=ann", "teahouse.v1")
	bob := s.dial("/room/123/?name=bob", "teahouse.v1")
	for _, sock := range []*socket{ann, bob} {
		if f := sock.next(); f.Type != "hello" {
			t.Fatalf("got %+v, want hello", f)
		}
		if f := decode[frame](t, sock.read()); f.Type != "presence" {
			t.Fatalf("got %+v, want presence", f)
		}
	}
	for _, bad := range []string{
		`{"type":"signal","room":"123"}`, `{"type":"signal","room":"123","kind":"<b>"}`, `{"type":"signal","room":"124","kind":"typing"}`,
		`{"type":"signal","room":"123","kind":"` + strings.Repeat("x", 33) + `"}`,
	} {
		ann.write(bad)
	}
	for range 20 { // far over the rate
		ann.write(`{"type":"signal","room":"123","kind":"typing"}`)
	}
	time.Sleep(50 * time.Millisecond) // so that what comes is written before the event, which goes another way
	ann.write(`{"type":"post","ref":1,"text":"end"}`)
	signals := 0
	for {
		f := bob.next()
		if f.Type == "events" {
			break
		}
		if signals++; f.Type != "signal" || f.Kind != "typing" {
			t.Fatalf("got %+v, want typing", f)
		}
	}
	if signals == 0 || signals > 7 {
		t.Errorf("got %d signals of 20 sent at once, want a few", signals)
	}
}

// An awayLayer lets nobody in and carries nothing, and takes all the time it is given for that.
type awayLayer struct{ channels.Layer }

func (awayLayer) NewChannel(ctx context.Context, _ string) (string, error) {
	<-ctx.Done()
	return "", ctx.Err()
}

func (awayLayer) GroupSend(ctx context.Context, _ string, _ channels.Message) error {
	<-ctx.Done()
	return ctx.Err()
}

func TestMessagesFlowWhileTheLayerIsAway(t *testing.T) {
	t.Parallel()
	layer := memlayer.New(nil)
	t.Cleanup(func() { _ = layer.Close() })
	s := open(t, withLayer(awayLayer{layer}))
	ann := s.dial("/room/123/?name=ann", "teahouse.v1")
	ann.write(`{"type":"signal","room":"123","kind":"typing"}`)
	ann.write(`{"type":"post","ref":1,"id":"a","text":"hi"}`)
	seen := map[string]bool{}
	for !seen["ok"] || !seen["events"] {
		f := ann.next()
		if strings.HasPrefix(f.Type, "closed") {
			t.Fatalf("got %+v after %v", f, seen)
		}
		seen[f.Type] = true
	}
}
