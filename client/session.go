package client

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// A Handler is told what happens in a session. Its functions are called one at a time, in order, by Run; a nil one is left out
// but for Reset and Refused, without which Run ends with the error that they would have been given.
type Handler struct {
	// Event is given every event past the cursor, once, in order. Its error ends Run, which returns it.
	Event func(Event) error
	// Reset is told that the cursor can't be served. After nil, events go on from the head; an error ends Run.
	Reset func(*ResetError) error
	// Status is told when the connection comes and goes.
	Status func(Status)
	// Presence is told who came and went, once a second at most.
	Presence func(Presence)
	// Signal is told of what is said in passing, like "typing". Signals may be lost.
	Signal func(kind string, from Author)
	// Posted is told, once for each post, that it is on disk and at which offset. Its event may have come before or come after.
	Posted func(id string, offset int64)
	// Refused is told of a post that the server won't ever take. The error is an *Error.
	Refused func(id, text string, err error)
}

// State is where a session stands.
type State int

// A session goes from Connecting to Online or Waiting, from Online to Waiting, and from Waiting to Connecting.
const (
	Connecting State = iota // dialing
	Online                  // the server has greeted
	Waiting                 // a pause before the next try
)

// String names the state in lower case.
func (s State) String() string { return [...]string{"connecting", "online", "waiting"}[s] }

// A Status is a session's state with what belongs to it.
type Status struct {
	State  State
	Author Author        // Online: who the server takes us for
	Pause  time.Duration // Waiting: until the next try
	Cause  error         // Waiting: why
}

// Presence says who is in the room: how many, and some of those who came and went since the last time.
type Presence struct {
	Count        int
	Joined, Left []Author
}

// A Session is one stay in a room, over as many connections as it takes. Post, Pending and Cursor are safe for concurrent use.
type Session struct {
	room    *Room
	handler Handler
	retry   backoff       // owned by Run
	grown   chan struct{} // one slot: the outbox has something new

	mu     sync.Mutex
	cursor Cursor // guarded by mu; written by Run only
	outbox []post // not acknowledged yet, oldest first; guarded by mu
}

type post struct{ id, text string }

// NewSession prepares to follow the room from a cursor on. Nothing is sent before Run.
func (r *Room) NewSession(from Cursor, h Handler) *Session {
	return &Session{
		room: r, handler: h, cursor: from,
		retry: backoff{min: r.min, max: r.max},
		grown: make(chan struct{}, 1),
	}
}

// Follow calls fn with every event past the cursor, once, in order, and resumes by itself when the connection breaks. It returns
// fn's error as it is, ctx's when ctx ends, a *ResetError when the cursor can't be served (follow on from its Cursor, if that
// will do), and the server's refusal when it is one that trying again doesn't mend.
func (r *Room) Follow(ctx context.Context, from Cursor, fn func(Event) error) error {
	return r.NewSession(from, Handler{Event: fn}).Run(ctx)
}

// Post puts a message into the outbox and returns its id. It never blocks. Posts are sent in order, one after the other's
// acknowledgement, and sent again with the same id after a reconnect, so that each is posted once. Of text that isn't UTF-8, what
// isn't becomes U+FFFD.
func (s *Session) Post(text string) (id string) {
	id = newID()
	s.mu.Lock()
	s.outbox = append(s.outbox, post{id, text})
	s.mu.Unlock()
	select {
	case s.grown <- struct{}{}:
	default:
	}
	return id
}

// Pending says how many posts the server hasn't answered yet.
func (s *Session) Pending() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.outbox)
}

// Cursor returns the last event that was handled, for a later session to go on from.
func (s *Session) Cursor() Cursor {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.cursor
}

// Run connects, and connects again, until ctx ends or the server refuses for good. See Follow for what it returns. Call it once.
func (s *Session) Run(ctx context.Context) error {
	for {
		s.tell(Status{State: Connecting})
		err := s.connect(ctx)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if own := (handlerError{}); errors.As(err, &own) {
			return own.error
		}
		asked, again := worthRetrying(err)
		if !again {
			return fmt.Errorf("follow %s: %w", s.room.page, err)
		}
		pause := s.retry.next(asked)
		s.tell(Status{State: Waiting, Pause: pause, Cause: err})
		if err := sleep(ctx, pause); err != nil {
			return err
		}
	}
}

// connect makes one connection and serves it until it is over. Its error says why, and is never nil.
func (s *Session) connect(ctx context.Context) error {
	conn, err := Dial(ctx, s.room.socket(s.Cursor()), &DialOptions{Protocols: []string{subprotocol}})
	if err != nil {
		return err
	}
	if conn.Protocol != subprotocol {
		conn.Abort()
		return ErrSubprotocol
	}
	return newLink(s, conn).run(ctx)
}

func (s *Session) tell(status Status) {
	if s.handler.Status != nil {
		s.handler.Status(status)
	}
}

// reset takes the head for the new cursor, if the handler agrees.
func (s *Session) reset(r *ResetError) error {
	if s.handler.Reset == nil {
		return handlerError{fmt.Errorf("follow %s: %w", s.room.page, r)}
	}
	if err := s.handler.Reset(r); err != nil {
		return handlerError{err}
	}
	s.move(r.Cursor())
	return nil
}

// event hands over an event that is the next one, leaves out one that has been, and takes a gap for a broken connection.
func (s *Session) event(e Event) error {
	at := s.Cursor()
	if e.Offset <= at.Offset {
		return nil
	}
	if at.Offset >= 0 && e.Offset != at.Offset+1 {
		return fmt.Errorf("event %d came after %d: %w", e.Offset, at.Offset, errGap)
	}
	if s.handler.Event != nil {
		if err := s.handler.Event(e); err != nil {
			return handlerError{err}
		}
	}
	s.move(Cursor{Offset: e.Offset, Epoch: at.Epoch})
	return nil
}

var errGap = errors.New("events are missing")

func (s *Session) move(c Cursor) {
	s.mu.Lock()
	s.cursor = c
	s.mu.Unlock()
}

// oldest returns the post that is to be sent next.
func (s *Session) oldest() (p post, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.outbox) == 0 {
		return post{}, false
	}
	return s.outbox[0], true
}

// answered takes the oldest post out of the outbox.
func (s *Session) answered() post {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.outbox[0]
	s.outbox = s.outbox[1:]
	return p
}

// handlerError is an error of the caller's own: it ends Run, and is returned as it is.
type handlerError struct{ error }

func (e handlerError) Unwrap() error { return e.error }
