package web

import (
	"context"
	"net/http"
	"slices"
	"time"

	"golang.org/x/time/rate"

	"github.com/teahouse-chat/teahouse/channels"
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

// A session is the chat's side of one socket, plain or teahouse.v1: the consumer of its connection. Most only wait, so what is needed in
// action alone is made then.
type session struct {
	h       *Handler
	author  chat.Author
	address string
	plain   bool

	conn     *channels.Conn
	seats    []seat
	key      string        // tells this socket from the guest's others; "" for one that isn't told of marks
	commands *rate.Limiter // nil without limits
	signals  *rate.Limiter // made by the first signal
	posts    poster
}

// A firstRoom is what is settled about a socket's own room before it is accepted.
type firstRoom struct {
	room  chat.Room
	topic *feed.Topic
	state eventlog.State
	after *eventlog.Offset
	epoch string
}

// A seat is a session's place in a room.
type seat struct {
	topic  *feed.Topic
	member *fanout.Membership
	quiet  bool // follows the room without being in it
}

// room is told by the topic, so that a socket doesn't hold the strings of its request.
func (s *seat) room() chat.Room { return chat.Room{Name: s.topic.Title(), Topic: s.topic.ID()} }

// consumers serves sockets with sessions.
func (h *Handler) consumers() http.Handler {
	return channels.Handler(h.sockets, func() *session { return &session{h: h} }, &channels.Dispatch[*session]{
		Signals: channels.Encoders{roomSignal: told},
		Events:  channels.Events[*session]{guestMark: (*session).marked},
	})
}

// Connect implements [channels.Consumer]. The cursor is set before the 101 is written, so whatever commits after the client sees it reaches it.
func (s *session) Connect(ctx context.Context, c *channels.Conn) error {
	first, err := s.enter(ctx, c)
	if err != nil {
		return err
	}
	var accept channels.AcceptOptions
	if slices.Contains(c.Subprotocols(), subprotocol) {
		accept.Subprotocol = subprotocol
	}
	if err := c.Accept(&accept); err != nil {
		s.release()
		if first != nil {
			first.topic.Close()
		}
		return err
	}
	s.open(ctx, first)
	return nil
}

// enter admits a socket, to the room that its URL names, if it names one; first is nil at /ws. On success the caller owns a use of the topic and has to release the
// session.
func (s *session) enter(ctx context.Context, c *channels.Conn) (first *firstRoom, err error) {
	r := c.Request()
	s.conn = c
	if s.h.going.Err() != nil {
		return nil, errGoing
	}
	if name := r.PathValue("room"); name != "" {
		first = &firstRoom{epoch: r.URL.Query().Get("epoch")}
		if first.room, err = chat.ParseRoom(name); err != nil {
			return nil, err
		}
		if first.after, err = cursorOf(r); err != nil {
			return nil, err
		}
	} else if !slices.Contains(c.Subprotocols(), subprotocol) {
		return nil, errSubprotocol
	}
	s.address = addressOf(r)
	if s.author, err = s.h.enter(r); err != nil || first == nil {
		return nil, err
	}
	if first.topic, first.state, err = s.h.openFor(ctx, first.room, first.after); err != nil {
		s.release()
		return nil, err
	}
	return first, nil
}

// release is the end of what enter admitted.
func (s *session) release() { s.h.gate.leave(s.address, s.author) }

// open greets a client that was accepted, and seats it in its first room.
func (s *session) open(ctx context.Context, first *firstRoom) {
	s.plain = s.conn.Subprotocol() == ""
	if s.h.opts.Limits {
		s.commands = rate.NewLimiter(commandRate, commandBurst)
	}
	if s.h.going.Err() != nil { // Drain may have looked for sockets before this one was there
		defer s.bye(s.conn, time.Second)
	}
	if s.plain {
		s.sit(ctx, first.room, first.topic, clamp(first), false)
		return
	}
	hello := helloFrame{Type: "hello", Author: s.author, Ping: pingSeconds}
	if first == nil {
		s.send(encode(hello))
		s.hearMarks(ctx)
		return
	}
	hello.stateFields = s.state(first.room, first.state)
	s.send(encode(hello))
	s.resume(ctx, first.room, first.topic, first.state, clientFrame{After: first.after, Epoch: first.epoch})
	s.settleIn(ctx, first.room, first.state.Head)
}

// clamp is where a plain socket starts: it never resets, and gets what is kept.
func clamp(f *firstRoom) eventlog.Offset {
	if f.after == nil {
		return f.state.Head
	}
	return min(max(*f.after, f.state.Floor-1), f.state.Head)
}

// resume follows a room from the cursor of a join, or from the head after a reset when the cursor can't be served.
func (s *session) resume(ctx context.Context, room chat.Room, t *feed.Topic, state eventlog.State, join clientFrame) {
	cursor := state.Head
	if join.After != nil {
		cursor = *join.After
	}
	if own := s.h.opts.Feed.Epoch(); !state.Serves(cursor) || join.Epoch != "" && join.Epoch != own {
		s.sendInOrder(resetFrame(room.Name, own, state))
		cursor = state.Head
	}
	s.sit(ctx, room, t, cursor, join.Quiet)
}

// sit follows a room from the cursor on; the session owns the topic's use from here.
func (s *session) sit(ctx context.Context, room chat.Room, t *feed.Topic, cursor eventlog.Offset, quiet bool) {
	enc := encV1
	if s.plain {
		enc = encPlain
	}
	if s.conn.Transport().Compressed() {
		enc++
	}
	s.seats = append(s.seats, seat{t, t.Follow(s.conn.Transport(), enc, cursor), quiet})
	if !quiet {
		s.hearSignals(ctx, room)
		s.h.people.Join(room, s.author)
		s.tellPresence(room)
	}
}

// leave gives a seat up.
func (s *session) leave(i int) {
	seat := s.seats[i]
	s.seats = append(s.seats[:i], s.seats[i+1:]...)
	seat.member.Leave()
	seat.topic.Close()
	if !seat.quiet {
		s.conn.GroupDiscard(seat.topic.ID())
		s.h.people.Leave(seat.room(), s.author.ID)
	}
}

// Disconnect implements [channels.Consumer].
func (s *session) Disconnect(context.Context, *channels.Conn, channels.CloseCode) error {
	for len(s.seats) > 0 {
		s.leave(len(s.seats) - 1)
	}
	s.posts.finish(s.release) // what it posted is committed first
	return nil
}

// Receive implements [channels.Consumer].
func (s *session) Receive(ctx context.Context, c *channels.Conn, f channels.Frame) error {
	s.throttle()
	switch {
	case !f.IsText():
		return c.Close(ws.CloseUnsupported, "text only")
	case s.plain:
		s.plainText(f.Text())
	default:
		s.frame(ctx, f.Payload)
	}
	return nil
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
	s.post(pending{post: chat.Post{Room: s.seats[0].room(), Author: s.author, ID: newID(), Text: text}})
}

// frame serves one teahouse.v1 frame.
func (s *session) frame(ctx context.Context, payload []byte) {
	f, err := parseFrame(payload)
	if err == nil {
		err = s.command(ctx, f)
	}
	if err != nil {
		s.refuse(pending{ref: f.Ref, err: err})
	}
}

func (s *session) command(ctx context.Context, f clientFrame) error {
	switch f.Type {
	case "ping":
		s.send(pongFrame())
	case "signal":
		s.signal(ctx, f)
	case "join":
		return s.join(ctx, f)
	case "leave":
		i, err := s.seatOf(f)
		if err != nil {
			return err
		}
		s.leave(i)
		s.sendInOrder(encode(okFrame{Type: "ok", Ref: f.Ref}))
	case "read":
		s.markRead(ctx, f)
	case "me":
		s.rename(f)
	default:
		return s.postFrame(f)
	}
	return nil
}

// postFrame queues what a frame asks to post.
func (s *session) postFrame(f clientFrame) error {
	p := chat.Post{Author: s.author, ID: f.ID}
	switch f.Type {
	case "post":
		p.Type, p.Text, p.Reply = chat.TypePosted, f.Text, f.Reply
	case "edit":
		p.Type, p.Text, p.Target = chat.TypeEdited, f.Text, f.Target
	case "delete":
		p.Type, p.Target = chat.TypeDeleted, f.Target
	case "react":
		if f.On == nil {
			return errFrame
		}
		p.Type, p.Target, p.Emoji, p.On = chat.TypeReacted, f.Target, f.Emoji, *f.On
	default:
		return errFrameType
	}
	var err error
	if p.Room, err = s.roomOf(f); err != nil {
		return err
	}
	if p.ID == "" {
		p.ID = newID()
	}
	s.post(pending{ref: f.Ref, post: p})
	return nil
}

// rename gives the connection's author the name and colour of a frame. One without a cookie is whoever uses the name, and so another author.
func (s *session) rename(f clientFrame) {
	before := s.author
	s.author = chat.NamedAuthor(f.Name)
	s.author.Hue = f.Hue
	if before.Proved() {
		s.author.ID = before.ID
	}
	for i := range s.seats {
		seat, room := &s.seats[i], s.seats[i].room()
		switch {
		case seat.quiet:
		case s.author.ID == before.ID:
			s.h.people.Rename(room, s.author)
		default:
			s.h.people.Leave(room, before.ID)
			s.h.people.Join(room, s.author)
		}
	}
	s.send(encode(okFrame{Type: "ok", Ref: f.Ref}))
}

func (s *session) join(ctx context.Context, f clientFrame) error {
	room, err := s.roomOf(f)
	if err != nil {
		return err
	}
	i, err := s.seatOf(f)
	again := err == nil
	if !again && len(s.seats) >= maxRooms {
		return errRooms
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	t, state, err := s.h.openFor(ctx, room, f.After)
	if err != nil {
		return err
	}
	if again {
		s.leave(i) // joining again starts from the new cursor
	}
	s.sendInOrder(encode(joinedFrame{Type: "ok", Ref: f.Ref, stateFields: *s.state(room, state)}))
	s.resume(ctx, room, t, state, f)
	if !f.Quiet {
		s.settleIn(ctx, room, state.Head)
	}
	return nil
}

// roomOf is the room that a frame names; the only one when it names none.
func (s *session) roomOf(f clientFrame) (chat.Room, error) {
	switch {
	case f.Room != "":
	case len(s.seats) == 1:
		return s.seats[0].room(), nil
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
		if s.seats[i].topic.ID() == room.Topic {
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
	_ = s.conn.Transport().SendInOrder(ws.Text, frame) // a closed connection needs no answer
}

// send sends a frame of its own to this client.
func (s *session) send(frame []byte) {
	_ = s.conn.Send(channels.Frame{Op: ws.Text, Payload: frame}) // a closed connection needs no answer
}
