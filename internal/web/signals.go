package web

import (
	"context"
	"strings"
	"time"

	"golang.org/x/time/rate"

	"github.com/teahouse-chat/teahouse/channels"
	"github.com/teahouse-chat/teahouse/internal/chat"
)

// roomSignal is the type of the layer messages that a room's teahouse.v1 sockets get, in the group that is named as the room's topic: a ready frame of
// the moment, which a socket that is busy doesn't get.
const roomSignal = "room.signal"

const (
	signalRate, signalBurst = 2, 5 // of one connection; further ones are dropped
	maxSignalKind           = 32   // bytes
	signalTimeout           = time.Second
)

// hearSignals has a teahouse.v1 socket get its room's signals. Without the layer there are none, and nothing else is held up.
func (s *session) hearSignals(ctx context.Context, room chat.Room) {
	if s.plain {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, signalTimeout)
	defer cancel()
	_ = s.conn.GroupAdd(ctx, room.Topic)
}

// tell sends a frame to a room's sockets, on every node. It is lossy.
func (h *Handler) tell(ctx context.Context, room chat.Room, frame any) {
	ctx, cancel := context.WithTimeout(ctx, signalTimeout)
	defer cancel()
	_ = h.sockets.Layer().GroupSend(ctx, room.Topic, channels.Message{"type": roomSignal, "frame": string(encode(frame))})
}

// told is the frame that tell sent.
func told(m channels.Message) (channels.Frame, error) { return channels.Text(m.Str("frame")), nil }

// signal tells a room's sockets what a client does at the moment. What can't be told is dropped: a signal has no answer.
func (s *session) signal(ctx context.Context, f clientFrame) {
	i, err := s.seatOf(f)
	if err != nil || s.seats[i].quiet || !isKind(f.Kind) {
		return
	}
	if s.signals == nil {
		s.signals = rate.NewLimiter(signalRate, signalBurst)
	}
	if !s.signals.Allow() {
		return
	}
	room := s.seats[i].room()
	s.hearSignals(ctx, room) // if it couldn't before
	s.h.tell(ctx, room, signalFrame{Type: "signal", Room: room.Name, Kind: f.Kind, Author: s.author})
}

// isKind reports whether a signal's kind is one: a few lower-case letters, digits, full stops and hyphens.
func isKind(kind string) bool {
	return kind != "" && len(kind) <= maxSignalKind && strings.Trim(kind, "abcdefghijklmnopqrstuvwxyz0123456789.-") == ""
}

// tellPresence tells a teahouse.v1 socket who is in a room that it has come to. From then on it gets the room's signals.
func (s *session) tellPresence(room chat.Room) {
	if s.plain {
		return
	}
	count, here := s.h.people.Here(room, s.author.ID)
	s.sendInOrder(encode(presenceFrame{Type: "presence", Room: room.Name, Count: count, Joined: here}))
}

// presence tells a room's teahouse.v1 sockets who came and went.
func (h *Handler) presence(room chat.Room, c chat.PresenceChange) {
	h.tell(h.going, room, presenceFrame{Type: "presence", Room: room.Name, Count: c.Count, Joined: c.Joined, Left: c.Left})
}
