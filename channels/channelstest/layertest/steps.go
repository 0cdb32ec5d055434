package layertest

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/teahouse-chat/teahouse/channels"
)

const (
	patience = 10 * time.Second       // is how long a test waits for what must come
	moment   = 100 * time.Millisecond // is how long it waits for what mustn't
)

// message is number n of a test.
func message(n int) channels.Message { return channels.Message{"type": "test.message", "n": n} }

func newChannel(t *testing.T, l channels.Layer) string {
	t.Helper()
	name, err := l.NewChannel(t.Context(), "")
	if err != nil {
		t.Fatalf("new channel: %v", err)
	}
	return name
}

func send(t *testing.T, l channels.Layer, channel string, numbers ...int) {
	t.Helper()
	for _, n := range numbers {
		if err := l.Send(t.Context(), channel, message(n)); err != nil {
			t.Fatalf("send %d to %s: %v", n, channel, err)
		}
	}
}

func groupSend(t *testing.T, l channels.Layer, group string, numbers ...int) {
	t.Helper()
	for _, n := range numbers {
		if err := l.GroupSend(t.Context(), group, message(n)); err != nil {
			t.Fatalf("send %d to group %s: %v", n, group, err)
		}
	}
}

func join(t *testing.T, l channels.Layer, group string, names ...string) {
	t.Helper()
	for _, name := range names {
		if err := l.GroupAdd(t.Context(), group, name); err != nil {
			t.Fatalf("add %s to group %s: %v", name, group, err)
		}
	}
}

func leave(t *testing.T, l channels.Layer, group, channel string) {
	t.Helper()
	if err := l.GroupDiscard(t.Context(), group, channel); err != nil {
		t.Fatalf("discard %s from group %s: %v", channel, group, err)
	}
}

// receive waits for a message, which must come.
func receive(t *testing.T, l channels.Layer, channel string) channels.Message {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	m, err := l.Receive(ctx, channel)
	if err != nil {
		t.Fatalf("receive from %s: %v", channel, err)
	}
	return m
}

// expect receives messages with these numbers, in their order.
func expect(t *testing.T, l channels.Layer, channel string, numbers ...int) {
	t.Helper()
	for _, want := range numbers {
		if got, ok := receive(t, l, channel).Int("n"); !ok || got != int64(want) {
			t.Fatalf("receive from %s: got %d, want %d", channel, got, want)
		}
	}
}

// expectAll receives messages with these numbers, given in order, in any order.
func expectAll(t *testing.T, l channels.Layer, channel string, numbers ...int) {
	t.Helper()
	var got []int
	for range numbers {
		n, _ := receive(t, l, channel).Int("n")
		got = append(got, int(n))
	}
	if slices.Sort(got); !slices.Equal(got, numbers) {
		t.Fatalf("receive from %s: got %v, want %v", channel, got, numbers)
	}
}

// silent sees that channels have no message.
func silent(t *testing.T, l channels.Layer, names ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), moment)
	defer cancel()
	var all sync.WaitGroup
	for _, name := range names {
		all.Go(func() {
			if m, err := l.Receive(ctx, name); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("receive from %s: got %.200v, %v, want context.DeadlineExceeded", name, m, err)
			}
		})
	}
	all.Wait()
}

// eventually waits until something is so.
func eventually(t *testing.T, what string, so func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !so(); time.Sleep(moment / 20) {
		if time.Now().After(end) {
			t.Fatalf("after %v it still isn't so that %s", patience, what)
		}
	}
}

// count is the numbers from 1 to n.
func count(n int) []int {
	numbers := make([]int, n)
	for i := range numbers {
		numbers[i] = i + 1
	}
	return numbers
}
