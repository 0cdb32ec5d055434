package web

import (
	"context"
	"crypto/rand"
	"net/http"
	"time"

	"github.com/teahouse-chat/teahouse/channels"
	"github.com/teahouse-chat/teahouse/eventlog"
	"github.com/teahouse-chat/teahouse/internal/chat"
)

const (
	guestMark = "guest.mark" // the type of the layer messages that tell a guest's sockets of a mark
	mostRooms = 100          // of a guest that are listed
)

// guestGroup is the group of a guest's sockets at /ws.
func guestGroup(id string) string { return "guest." + id }

// hearMarks has a socket at /ws get what the guest's other connections do to their marks. Without the layer it doesn't.
func (s *session) hearMarks(ctx context.Context) {
	if !s.author.Proved() {
		return
	}
	s.key = rand.Text()
	ctx, cancel := context.WithTimeout(ctx, signalTimeout)
	defer cancel()
	_ = s.conn.GroupAdd(ctx, guestGroup(s.author.ID))
}

// marked is told of a mark by the layer.
func (s *session) marked(_ context.Context, _ *channels.Conn, m channels.Message) error {
	if from := m.Str("from"); from == "" || from != s.key {
		s.send([]byte(m.Str("frame")))
	}
	return nil
}

// tellMark tells a guest's sockets of a mark, but for the one that it is from ("" for none). It is lossy: the list of rooms has it all.
func (h *Handler) tellMark(ctx context.Context, m chat.Mark, from string) {
	ctx, cancel := context.WithTimeout(ctx, signalTimeout)
	defer cancel()
	frame := encode(readFrame{Type: "read", Room: m.Room.Name, Offset: m.Read, Level: m.Level})
	_ = h.sockets.Layer().GroupSend(ctx, guestGroup(m.Author), channels.Message{"type": guestMark, "from": from, "frame": string(frame)})
}

// markRead moves the guest's mark in a room that the connection follows. What can't be done is dropped: the frame has no answer, and the next one is further.
func (s *session) markRead(ctx context.Context, f clientFrame) {
	i, err := s.seatOf(f)
	if err != nil || !s.author.Proved() {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	seat := &s.seats[i]
	mark, moved, err := s.h.marks.Move(ctx, s.author.ID, seat.room(), min(f.Offset, seat.topic.State().Head))
	if err == nil && moved {
		s.h.tellMark(ctx, mark, s.key)
	}
}

// settleIn makes a room that the guest is in for the first time one of theirs. Without the store it becomes that with the first message that is read there.
func (s *session) settleIn(ctx context.Context, room chat.Room, head eventlog.Offset) {
	if s.author.Proved() {
		s.h.visit(ctx, chat.Mark{Author: s.author.ID, Room: room, Read: head, Level: chat.LevelAll}, s.address)
	}
}

// me says who the request is from.
func (h *Handler) me(w http.ResponseWriter, r *http.Request) {
	author := h.named(r)
	writeJSON(w, http.StatusOK, encode(struct {
		Author chat.Author `json:"author"`
	}{author}))
}

// A roomEntry is a room in the list of a guest's own.
type roomEntry struct {
	Room   string          `json:"room"`
	Epoch  string          `json:"epoch"`
	Head   eventlog.Offset `json:"head"`
	Read   eventlog.Offset `json:"read"`
	Unread int             `json:"unread"`
	Level  chat.Level      `json:"level"`
	Last   string          `json:"last,omitzero"` // absent in a room without messages
}

func (h *Handler) entryOf(r chat.MarkedRoom) roomEntry {
	e := roomEntry{Room: r.Room.Name, Epoch: h.opts.Feed.Epoch(), Head: r.Head, Read: r.Read, Unread: r.Unread, Level: r.Level}
	if !r.Last.IsZero() {
		e.Last = chat.FormatTime(r.Last)
	}
	return e
}

// myRooms lists the rooms where the guest has a mark.
func (h *Handler) myRooms(w http.ResponseWriter, r *http.Request) {
	list := []roomEntry{}
	if author := h.named(r); author.Proved() {
		rooms, err := h.marks.Rooms(r.Context(), author.ID, mostRooms)
		if err != nil {
			h.fail(w, r, err)
			return
		}
		for _, room := range rooms {
			list = append(list, h.entryOf(room))
		}
	}
	writeJSON(w, http.StatusOK, encode(struct {
		Rooms []roomEntry `json:"rooms"`
	}{list}))
}

// putMark moves the guest's mark in a room, sets its level, or both.
func (h *Handler) putMark(w http.ResponseWriter, r *http.Request, room chat.Room) {
	author := h.named(r)
	if !author.Proved() {
		h.fail(w, r, errGuest)
		return
	}
	var asked struct {
		Read  eventlog.Offset `json:"read"`
		Level string          `json:"level"`
	}
	err := readJSON(w, r, &asked)
	if err == nil {
		err = h.setMark(r.Context(), author.ID, room, asked.Read, asked.Level)
	}
	if err != nil {
		h.fail(w, r, err)
		return
	}
	entry, _, err := h.marks.Room(r.Context(), author.ID, room)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	writeJSON(w, http.StatusOK, encode(h.entryOf(entry)))
}

// setMark does what putMark was asked for; a mark that isn't there is made, and one that changed is told.
func (h *Handler) setMark(ctx context.Context, author string, room chat.Room, read eventlog.Offset, level string) error {
	wanted := chat.Level("")
	if level != "" {
		var err error
		if wanted, err = chat.ParseLevel(level); err != nil {
			return err
		}
	}
	topic, err := h.opts.Feed.Open(ctx, room.Topic, room.Name)
	if err != nil {
		return err
	}
	defer topic.Close()
	head := topic.State().Head
	first := head
	if read > 0 {
		first = min(read, head)
	}
	mark, err := h.marks.Open(ctx, author, room, first)
	if err != nil {
		return err
	}
	changed := false
	if read > 0 {
		if mark, changed, err = h.marks.Move(ctx, author, room, first); err != nil {
			return err
		}
	}
	if wanted != "" && wanted != mark.Level {
		if mark, err = h.marks.SetLevel(ctx, author, room, wanted); err != nil {
			return err
		}
		changed = true
	}
	if changed {
		h.tellMark(ctx, mark, "")
	}
	return nil
}

// dropMark forgets that the guest was in a room.
func (h *Handler) dropMark(w http.ResponseWriter, r *http.Request, room chat.Room) {
	author := h.named(r)
	if !author.Proved() {
		h.fail(w, r, errGuest)
		return
	}
	if err := h.marks.Forget(r.Context(), author.ID, room); err != nil {
		h.fail(w, r, err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}
