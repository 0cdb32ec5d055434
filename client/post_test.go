package client_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/teahouse-chat/teahouse/client"
)

func TestEveryPostIsPostedAndAcknowledgedOnceInOrder(t *testing.T) {
	for name, troubles := range map[string][]trouble{
		"nothing":              nil,
		"acknowledgement lost": {{loseAcks: true}, {loseAcks: true}, {loseAcks: true}},
		"rate limited":         {{rateLimit: 3}},
		"dropped":              {{dropAfter: 2}, {status: 503}, {dropAfter: 1, close: 1012, bye: 0.001}},
	} {
		t.Run(name, func(t *testing.T) {
			const n = 8
			f := newFake(t, troubles...)
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			var want, posted []string
			var texts []string
			done := func() {
				if len(posted) == n && len(texts) == n {
					cancel()
				}
			}
			session := f.room(t).NewSession(client.Head, client.Handler{
				Posted: func(id string, _ int64) { posted = append(posted, id); done() },
				Event:  func(e client.Event) error { texts = append(texts, e.Text); done(); return nil },
			})
			for i := range n {
				want = append(want, session.Post(fmt.Sprint(i)))
			}
			if err := session.Run(ctx); !errors.Is(err, context.Canceled) {
				t.Errorf("run: got %v; posted %d, saw %q", err, len(posted), texts)
			}
			if !slices.Equal(posted, want) || session.Pending() != 0 {
				t.Errorf("acknowledged: got %q, want %q; pending %d", posted, want, session.Pending())
			}
			for id, times := range f.commits {
				if times != 1 {
					t.Errorf("%s was committed %d times", id, times)
				}
			}
			if !slices.Equal(texts, []string{"0", "1", "2", "3", "4", "5", "6", "7"}) {
				t.Errorf("order: got %q", texts)
			}
		})
	}
}

func TestARefusedPostIsToldAndTheNextOneGoesOn(t *testing.T) {
	f := newFake(t, trouble{refusePost: true})
	ctx, cancel := context.WithCancel(t.Context())
	var refused []string
	session := f.room(t).NewSession(client.Head, client.Handler{
		Refused: func(_, text string, err error) {
			if refused = append(refused, text+": "+err.Error()); len(refused) == 2 {
				cancel()
			}
		},
	})
	session.Post("a")
	session.Post("b")
	err := session.Run(ctx)
	if want := []string{"a: Too long.", "b: Too long."}; err != context.Canceled || !slices.Equal(refused, want) {
		t.Errorf("got %q, %v; want %q", refused, err, want)
	}
}

func TestARefusedPostThatNobodyListensForEndsTheSession(t *testing.T) {
	f := newFake(t, trouble{refusePost: true})
	session := f.room(t).NewSession(client.Head, client.Handler{})
	session.Post("a")
	err := session.Run(t.Context())
	var refused *client.Error
	if !errors.As(err, &refused) || refused.Code != "text_too_long" {
		t.Errorf("got %v, want the refusal", err)
	}
}

func TestPostTriesAgainUntilItIsTaken(t *testing.T) {
	f := newFake(t)
	broken := func(w http.ResponseWriter) { panic(http.ErrAbortHandler) }
	f.answers = []func(http.ResponseWriter){
		problem(http.StatusTooManyRequests, "rate_limited", "Retry-After", "0"), broken,
		problem(http.StatusServiceUnavailable, "overloaded", "Retry-After", "0"),
	}
	e, err := f.room(t).Post(t.Context(), "hi", "c-1")
	if err != nil || e.Offset != 1 || e.ID != "c-1" || e.Author.Name != "ann" || len(f.answers) != 0 {
		t.Errorf("got %v, %v with %d troubles left", e, err, len(f.answers))
	}
}

func TestPostDoesNotRepeatWhatTheServerWontTake(t *testing.T) {
	f := newFake(t)
	f.answers = []func(http.ResponseWriter){problem(http.StatusUnprocessableEntity, "text_empty", "", "")}
	_, err := f.room(t).Post(t.Context(), "", "")
	var refused *client.Error
	if !errors.As(err, &refused) || refused.Code != "text_empty" || refused.Status != 422 || !strings.Contains(err.Error(), "Not like this.") {
		t.Errorf("got %v, want the refusal", err)
	}
}

func TestPostGivesUpWithItsContextAndSaysWhy(t *testing.T) {
	f := newFake(t)
	f.answers = []func(http.ResponseWriter){problem(http.StatusTooManyRequests, "rate_limited", "Retry-After", "30")}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	var told time.Duration
	room, err := client.NewRoom(f.URL+"/room/1/", &client.Options{Retrying: func(_ error, pause time.Duration) { told = pause }})
	if err != nil {
		t.Fatal(err)
	}
	_, err = room.Post(ctx, "hi", "")
	var refused *client.Error
	if !errors.Is(err, context.DeadlineExceeded) || !errors.As(err, &refused) || refused.RetryAfter != 30*time.Second {
		t.Errorf("got %v, want both the deadline and the refusal", err)
	}
	if told < 30*time.Second {
		t.Errorf("told of a pause of %v, want what the server asked for", told)
	}
}
