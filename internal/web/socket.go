package web

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/teahouse-chat/teahouse/channels"
	"github.com/teahouse-chat/teahouse/eventlog"
	"github.com/teahouse-chat/teahouse/feed"
	"github.com/teahouse-chat/teahouse/feed/feedhttp"
	"github.com/teahouse-chat/teahouse/internal/chat"
)

// refuseSocket answers a request that doesn't become a socket.
func (h *Handler) refuseSocket(w http.ResponseWriter, r *http.Request, err error) {
	p, _ := describe(err)
	h.metrics.refused.WithLabelValues(statusClass(p.status)).Inc()
	h.fail(w, r, err)
}

// openFor opens a room's topic for one who comes with a cursor, or with none.
func (h *Handler) openFor(ctx context.Context, room chat.Room, after *eventlog.Offset) (*feed.Topic, eventlog.State, error) {
	t, err := h.opts.Feed.Open(ctx, room.Topic, room.Name)
	if err != nil {
		return nil, eventlog.State{}, err
	}
	cursor := eventlog.Offset(0)
	if after != nil {
		cursor = *after
	}
	state, err := t.StateFor(ctx, cursor)
	if err != nil {
		t.Close()
	}
	return t, state, err
}

// cursorOf returns the cursor of a socket's request, nil for none.
func cursorOf(r *http.Request) (*eventlog.Offset, error) {
	s := r.URL.Query().Get("after")
	if s == "" {
		return nil, nil
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil && !errors.Is(err, strconv.ErrRange) || n < 0 { // a number out of range is past every head
		return nil, &feedhttp.QueryError{Param: "after", Want: "one whole number from 0"}
	}
	after := eventlog.Offset(n)
	return &after, nil
}

// sayBye tells every socket to come back later, spread over the time given, a few at once.
func (h *Handler) sayBye(ctx context.Context, spread time.Duration) {
	conns := slices.Collect(h.sockets.Conns())
	const slowest = 5 * time.Millisecond // apart; few sockets don't take the whole time
	var apart time.Duration
	if len(conns) > 0 {
		apart = min(spread*8/10/time.Duration(len(conns)), slowest)
	}
	began := time.Now()
	for i, c := range conns {
		if wait := time.Until(began.Add(time.Duration(i) * apart)); wait > 0 {
			select {
			case <-time.After(wait):
			case <-ctx.Done():
			}
		}
		c.Consumer().(*session).bye(c, time.Second+rand.N(time.Second+time.Duration(len(conns))*time.Millisecond))
	}
}

// awaitNobody returns when nobody is held any more and all that was posted is answered, or ctx has ended.
func (h *Handler) awaitNobody(ctx context.Context) {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for h.gate.count() > 0 {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

var _ channels.Consumer = (*session)(nil)
