package client_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/teahouse-chat/teahouse/client"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var errEnough = errors.New("enough")

// follow returns the offsets of the first n events past a cursor.
func follow(t *testing.T, room *client.Room, from client.Cursor, n int) (offsets []int64, err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	err = room.Follow(ctx, from, func(e client.Event) error {
		offsets = append(offsets, e.Offset)
		if len(offsets) == n {
			return errEnough
		}
		return nil
	})
	return offsets, err
}

func upTo(n int64) (offsets []int64) {
	for i := range n {
		offsets = append(offsets, i+1)
	}
	return offsets
}

func TestFollowGivesEveryEventOnceInOrderWhateverGoesWrong(t *testing.T) {
	for name, troubles := range map[string][]trouble{
		"nothing":                   nil,
		"dropped":                   {{dropAfter: 3}, {dropAfter: 1}, {dropAfter: 7}},
		"repeats":                   {{dropAfter: 4}, {repeat: 3, dropAfter: 8}, {repeat: 9}},
		"gaps":                      {{dropAfter: 2}, {skip: 1}, {skip: 2}},
		"restart":                   {{dropAfter: 2, bye: 0.001, close: 1012}, {dropAfter: 2, bye: 0.001}},
		"overloaded":                {{dropAfter: 2, close: 1013}, {status: 503}, {status: 429}},
		"too slow":                  {{dropAfter: 5, close: 4408}},
		"goes away, internal error": {{dropAfter: 5, close: 1001}, {dropAfter: 1, close: 1011}, {status: 502}},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake(t, troubles...)
			for i := range 10 {
				f.append("", "bob", fmt.Sprint(i))
			}
			go func() {
				for i := range 10 {
					f.append("", "bob", fmt.Sprint(i))
				}
			}()
			got, err := follow(t, f.room(t), client.Cursor{}, 20)
			if !errors.Is(err, errEnough) || !slices.Equal(got, upTo(20)) {
				t.Errorf("got %v, %v; want 1 to 20", got, err)
			}
		})
	}
}

func TestFollowFromTheHeadKeepsItsPlaceAcrossADrop(t *testing.T) {
	f := newFake(t, trouble{dropAfter: 1}, trouble{status: 503})
	f.append("", "bob", "old")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var got []int64
	online := make(chan struct{}, 10)
	session := f.room(t).NewSession(client.Head, client.Handler{
		Event: func(e client.Event) error {
			if got = append(got, e.Offset); len(got) == 3 {
				cancel()
			}
			return nil
		},
		Status: func(s client.Status) {
			if s.State == client.Online {
				online <- struct{}{}
			}
		},
	})
	go func() {
		<-online
		for range 3 {
			f.append("", "bob", "new")
		}
	}()
	if err := session.Run(ctx); !errors.Is(err, context.Canceled) || !slices.Equal(got, []int64{2, 3, 4}) {
		t.Errorf("got %v, %v; want 2 to 4", got, err)
	}
	if got, want := session.Cursor(), (client.Cursor{Offset: 4, Epoch: "e1"}); got != want {
		t.Errorf("cursor: got %v, want %v", got, want)
	}
	if want := []string{"name=ann", "after=2&epoch=e1&name=ann", "after=2&epoch=e1&name=ann"}; !slices.Equal(f.queries, want) {
		t.Errorf("queries: got %q, want %q", f.queries, want)
	}
}

func TestACursorThatCannotBeServedEndsFollowWithAResetError(t *testing.T) {
	for name, from := range map[string]client.Cursor{
		"another epoch": {Offset: 5, Epoch: "e0"},
		"past the head": {Offset: 99, Epoch: "e1"},
		"below floor":   {Offset: 1},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake(t)
			for range 10 {
				f.append("", "bob", "hi")
			}
			f.floor = 4
			got, err := follow(t, f.room(t), from, 1)
			var reset *client.ResetError
			if !errors.As(err, &reset) || len(got) > 0 {
				t.Fatalf("got %v, %v; want a reset and no events", got, err)
			}
			if want := (client.ResetError{Epoch: "e1", Head: 10, Floor: 4}); *reset != want {
				t.Errorf("got %v, want %v", *reset, want)
			}
		})
	}
}

func TestAfterAResetThatTheHandlerTakesEventsGoOnFromTheHead(t *testing.T) {
	f := newFake(t, trouble{dropAfter: 1})
	for range 5 {
		f.append("", "bob", "hi")
	}
	var story []string
	err := f.room(t).NewSession(client.Cursor{Offset: 4, Epoch: "e1"}, client.Handler{
		Reset: func(r *client.ResetError) error {
			story = append(story, fmt.Sprint("reset ", r.Head))
			go f.append("", "bob", "new")
			return nil
		},
		Event: func(e client.Event) error {
			story = append(story, fmt.Sprint("event ", e.Offset))
			if e.Offset == 6 {
				return errEnough
			}
			f.mu.Lock()
			f.epoch = "e2" // the store was restored from a backup
			f.mu.Unlock()
			return nil
		},
	}).Run(t.Context())
	if want := []string{"event 5", "reset 5", "event 6"}; err != errEnough || !slices.Equal(story, want) {
		t.Errorf("got %q, %v; want %q", story, err, want)
	}
}

func TestFollowEndsWhenTryingAgainMendsNothing(t *testing.T) {
	for name, c := range map[string]struct {
		trouble trouble
		want    string
	}{
		"not allowed":    {trouble{dropAfter: 1, close: 4403}, "the server closed the connection: come back (code 4403)"},
		"policy":         {trouble{dropAfter: 1, close: 1008}, "(code 1008)"},
		"forbidden":      {trouble{status: 403}, "Not like this."},
		"no such room":   {trouble{status: 404}, "Not like this."},
		"other protocol": {trouble{noProtocol: true}, client.ErrSubprotocol.Error()},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake(t, c.trouble)
			f.append("", "bob", "hi")
			_, err := follow(t, f.room(t), client.Cursor{}, 2)
			if err == nil || errors.Is(err, errEnough) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

func TestFollowEndsWithItsContext(t *testing.T) {
	f := newFake(t)
	ctx, cancel := context.WithCancel(t.Context())
	f.append("", "bob", "hi")
	err := f.room(t).Follow(ctx, client.Cursor{}, func(client.Event) error {
		cancel()
		return nil
	})
	if err != context.Canceled {
		t.Errorf("got %v, want %v", err, context.Canceled)
	}
}

func TestASilentServerIsGivenUpAndFoundAgain(t *testing.T) {
	f := newFake(t, trouble{mute: true})
	f.ping = 0.02
	f.append("", "bob", "hi")
	var causes []string
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	err := f.room(t).NewSession(client.Cursor{}, client.Handler{
		Event: func(client.Event) error { return errEnough },
		Status: func(s client.Status) {
			if s.State == client.Waiting {
				causes = append(causes, s.Cause.Error())
			}
		},
	}).Run(ctx)
	if err != errEnough || len(causes) != 1 || !strings.Contains(causes[0], "silent") {
		t.Errorf("got %v, %q; want the event after one silence", err, causes)
	}
}

func TestTheServersWishToWaitIsKept(t *testing.T) {
	f := newFake(t, trouble{dropAfter: 1, bye: 0.2, close: 1012})
	f.append("", "bob", "1")
	f.append("", "bob", "2")
	var pause time.Duration
	err := f.room(t).NewSession(client.Cursor{}, client.Handler{
		Event: func(e client.Event) error {
			if e.Offset == 2 {
				return errEnough
			}
			return nil
		},
		Status: func(s client.Status) {
			if s.State == client.Waiting {
				pause = s.Pause
			}
		},
	}).Run(t.Context())
	if err != errEnough || pause < 200*time.Millisecond || pause > 300*time.Millisecond {
		t.Errorf("paused %v, %v; want what bye said", pause, err)
	}
}
