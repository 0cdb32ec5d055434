package web

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/teahouse-chat/teahouse/eventlog"
	"github.com/teahouse-chat/teahouse/feed"
	"github.com/teahouse-chat/teahouse/feed/feedhttp"
	"github.com/teahouse-chat/teahouse/internal/chat"
	"github.com/teahouse-chat/teahouse/ws"
)

// roomSocket upgrades a request to the socket of one room. The cursor is set before the 101 is written, so whatever commits after the
// client sees it reaches it.
func (h *Handler) roomSocket(w http.ResponseWriter, r *http.Request, room chat.Room) {
	after, err := cursorOf(r)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	s, err := h.newSession(r)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	topic, state, err := h.openFor(r.Context(), room, after)
	if err != nil {
		s.release()
		h.fail(w, r, err)
		return
	}
	s.first = &firstRoom{room: room, topic: topic, state: state, after: after, epoch: r.URL.Query().Get("epoch")}
	if _, err := h.sockets.Upgrade(w, r, s); err != nil {
		topic.Close()
		s.release()
	}
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

// manyRooms upgrades a request to a socket without a room: its client joins them.
func (h *Handler) manyRooms(w http.ResponseWriter, r *http.Request) {
	if ws.IsUpgrade(r) && !has(r.Header["Sec-Websocket-Protocol"], subprotocol) {
		h.fail(w, r, errSubprotocol)
		return
	}
	s, err := h.newSession(r)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	if _, err := h.sockets.Upgrade(w, r, s); err != nil {
		s.release()
	}
}

// has reports whether a header's lines, each a list, hold an item.
func has(lines []string, item string) bool {
	for _, line := range lines {
		for t := range strings.SplitSeq(line, ",") {
			if strings.TrimSpace(t) == item {
				return true
			}
		}
	}
	return false
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

// newSession admits a socket. The caller calls release when the upgrade fails.
func (h *Handler) newSession(r *http.Request) (*session, error) {
	if h.going.Err() != nil {
		return nil, errGoing
	}
	author, release, err := h.enter(r)
	if err != nil {
		return nil, err
	}
	return &session{h: h, author: author, address: addressOf(r), release: release}, nil
}

// presence tells a room's teahouse.v1 sockets who came and went.
func (h *Handler) presence(room chat.Room, c chat.PresenceChange) {
	topic, err := h.opts.Feed.Open(h.going, room.Topic, room.Name)
	if err != nil {
		return // lossy by design
	}
	defer topic.Close()
	if topic.Members(encV1)+topic.Members(encV1Z) == 0 {
		return
	}
	frame := encode(presenceFrame{Type: "presence", Room: room.Name, Count: c.Count, Joined: c.Joined, Left: c.Left})
	topic.Signal(func(dst []byte, enc feed.Encoding) []byte {
		if enc != encV1 && enc != encV1Z {
			return dst
		}
		return appendText(dst, enc == encV1Z, frame)
	})
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
		c.Handler().(*session).bye(c, time.Second+rand.N(time.Second+time.Duration(len(conns))*time.Millisecond))
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

var _ ws.Handler = (*session)(nil)
