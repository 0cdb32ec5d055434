package web

import (
	"context"
	"time"

	"golang.org/x/time/rate"

	"github.com/teahouse-chat/teahouse/eventlog"
	"github.com/teahouse-chat/teahouse/fanout"
	"github.com/teahouse-chat/teahouse/feed"
	"github.com/teahouse-chat/teahouse/internal/chat"
	"github.com/teahouse-chat/teahouse/ws"
)

const (
	pingSeconds = 25  // what hello tells; the engine's default
	maxRooms    = 100 // that one connection may join

	commandRate, commandBurst = 20, 60 // frames of one connection; over it they are read more slowly
)

// A session is the chat's side of one socket, plain or teahouse.v1. The engine calls its methods one at a time.
type session struct {
	h       *Handler
	author  chat.Author
	address string
	release func()
	first   *firstRoom // the room of the socket's URL, until Open; nil at /ws
	plain   bool

	conn     *ws.Conn
	seats    []seat
	commands *rate.Limiter // nil without limits
	posts    poster
}

// A firstRoom is what was settled about a socket's own room before the upgrade.
type firstRoom struct {
	room  chat.Room
	topic *feed.Topic
	state eventlog.State
	after *eventlog.Offset
	epoch string
}

// A seat is a session's place in a room.
type seat struct {
	room   chat.Room
	topic  *feed.Topic
	member *fanout.Membership
}

// Open implements [ws.Handler].
func (s *session) Open(c *ws.Conn) {
	s.conn = c
	s.plain = c.Subprotocol() == ""
	if s.h.opts.Limits {
		s.commands = rate.NewLimiter(commandRate, commandBurst)
	}
	first := s.first
	s.first = nil
	if s.h.going.Err() != nil { // Drain may have looked for sockets before this one was there
		defer s.bye(c, time.Second)
	}
	if s.plain {
		s.sit(first.room, first.topic, clamp(first))
		return
	}
	hello := helloFrame{Type: "hello", Author: s.author, Ping: pingSeconds}
	if first == nil {
		s.send(encode(hello))
		return
	}
	hello.stateFields = s.state(first.room, first.state)
	s.send(encode(hello))
	s.resume(first.room, first.topic, first.state, first.after, first.epoch)
}

// clamp is where a plain socket starts: it never resets, and gets what is kept.
func clamp(f *firstRoom) eventlog.Offset {
	if f.after == nil {
		return f.state.Head
	}
	return min(max(*f.after, f.state.Floor-1), f.state.Head)
}

// resume follows a room from the client's cursor, or from the head after a reset when the cursor can't be served.
func (s *session) resume(room chat.Room, t *feed.Topic, state eventlog.State, after *eventlog.Offset, epoch string) {
	cursor := state.Head
	if after != nil {
		cursor = *after
	}
	if own := s.h.opts.Feed.Epoch(); !state.Serves(cursor) || epoch != "" && epoch != own {
		s.sendInOrder(resetFrame(room.Name, own, state))
		cursor = state.Head
	}
	s.sit(room, t, cursor)
}

// sit follows a room from the cursor on; the session owns the topic's use from here.
func (s *session) sit(room chat.Room, t *feed.Topic, cursor eventlog.Offset) {
	enc := encV1
	if s.plain {
		enc = encPlain
	}
	if s.conn.Compressed() {
		enc++
	}
	s.seats = append(s.seats, seat{room, t, t.Follow(s.conn, enc, cursor)})
	s.h.people.Join(room, s.author)
}

// leave gives a seat up.
func (s *session) leave(i int) {
	seat := s.seats[i]
	s.seats = append(s.seats[:i], s.seats[i+1:]...)
	seat.member.Leave()
	seat.topic.Close()
	s.h.people.Leave(seat.room, s.author.ID)
}

// Closed implements [ws.Handler].
func (s *session) Closed(*ws.Conn, ws.CloseCode, string) {
	for len(s.seats) > 0 {
		s.leave(len(s.seats) - 1)
	}
	s.posts.finish(s.release) // what it posted is committed first
}

// Message implements [ws.Handler].
func (s *session) Message(c *ws.Conn, op ws.Opcode, payload []byte) {
	s.throttle()
	switch {
	case op != ws.Text:
		_ = c.Close(ws.CloseUnsupported, "text only") // closing twice changes nothing
	case s.plain:
		s.plainText(string(payload))
	default:
		s.frame(payload)
	}
}

// throttle holds the connection up while it sends too often: what isn't read, its own kernel keeps.
func (s *session) throttle() {
	if s.commands != nil {
		_ = s.commands.Wait(s.h.going) // a server that goes doesn't wait
	}
}

// plainText posts what a plain client sent. It has no answer but the message itself, so what can't be posted closes the connection.
func (s *session) plainText(text string) {
	if text == "" {
		return
	}
	s.post(pending{post: chat.Post{Room: s.seats[0].room, Author: s.author, ID: newID(), Text: text}})
}

// frame serves one teahouse.v1 frame.
func (s *session) frame(payload []byte) {
	f, err := parseFrame(payload)
	if err == nil {
		err = s.command(f)
	}
	if err != nil {
		s.refuse(pending{ref: f.Ref, err: err})
	}
}

func (s *session) command(f clientFrame) error {
	switch f.Type {
	case "ping":
		s.send(pongFrame())
	case "signal": // lossy, and nothing is told to others yet
	case "join":
		return s.join(f)
	case "leave":
		i, err := s.seatOf(f)
		if err != nil {
			return err
		}
		s.leave(i)
		s.sendInOrder(encode(okFrame{Type: "ok", Ref: f.Ref}))
	case "post":
		room, err := s.roomOf(f)
		if err != nil {
			return err
		}
		if f.ID == "" {
			f.ID = newID()
		}
		s.post(pending{ref: f.Ref, post: chat.Post{Room: room, Author: s.author, ID: f.ID, Text: f.Text}})
	default:
		return errFrameType
	}
	return nil
}

func (s *session) join(f clientFrame) error {
	room, err := s.roomOf(f)
	if err != nil {
		return err
	}
	i, err := s.seatOf(f)
	again := err == nil
	if !again && len(s.seats) >= maxRooms {
		return errRooms
	}
	ctx, cancel := context.WithTimeout(s.h.going, 10*time.Second)
	defer cancel()
	t, state, err := s.h.openFor(ctx, room, f.After)
	if err != nil {
		return err
	}
	if again {
		s.leave(i) // joining again starts from the new cursor
	}
	s.sendInOrder(encode(joinedFrame{Type: "ok", Ref: f.Ref, stateFields: *s.state(room, state)}))
	s.resume(room, t, state, f.After, f.Epoch)
	return nil
}

// roomOf is the room that a frame names; the only one when it names none.
func (s *session) roomOf(f clientFrame) (chat.Room, error) {
	switch {
	case f.Room != "":
	case len(s.seats) == 1:
		return s.seats[0].room, nil
	default:
		return chat.Room{}, errFrame // which room?
	}
	return chat.ParseRoom(f.Room)
}

// seatOf is the index of the seat in the room that a frame names.
func (s *session) seatOf(f clientFrame) (int, error) {
	room, err := s.roomOf(f)
	if err != nil {
		return 0, err
	}
	for i := range s.seats {
		if s.seats[i].room == room {
			return i, nil
		}
	}
	return 0, errNotJoined
}

func (s *session) state(room chat.Room, st eventlog.State) *stateFields {
	return &stateFields{room.Name, s.h.opts.Feed.Epoch(), st.Head, st.Floor}
}

// sendInOrder sends a frame that has its place among the events: after those of a seat that was left, before those of a new one.
func (s *session) sendInOrder(frame []byte) {
	_ = s.conn.SendInOrder(ws.Text, frame) // a closed connection needs no answer
}

// send sends a frame of its own to this client.
func (s *session) send(frame []byte) {
	_ = s.conn.Send(ws.Text, frame) // a closed connection needs no answer
}
