package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

const subprotocol = "teahouse.v1"

const (
	steady      = 5 * time.Second  // a connection that lasted so long clears the count of tries
	quietGrace  = 10 * time.Second // how long a server may take to answer a ping
	byeGrace    = 5 * time.Second  // how long a server may take to close after its bye
	defaultPing = 25 * time.Second // when hello doesn't say
)

// frame is any message of teahouse.v1, to or from the server. Members that a type doesn't have are left out.
type frame struct {
	Type       string            `json:"type"`
	Ref        int64             `json:"ref,omitempty"`
	Room       string            `json:"room,omitempty"`
	ID         string            `json:"id,omitempty"`
	Text       string            `json:"text,omitempty"`
	Epoch      string            `json:"epoch,omitempty"`
	Head       int64             `json:"head,omitempty"`
	Floor      int64             `json:"floor,omitempty"`
	Offset     int64             `json:"offset,omitempty"`
	Events     []json.RawMessage `json:"events,omitempty"`
	Author     *Author           `json:"author,omitempty"`
	Ping       float64           `json:"ping,omitempty"`
	Kind       string            `json:"kind,omitempty"`
	Count      int               `json:"count,omitempty"`
	Joined     []Author          `json:"joined,omitempty"`
	Left       []Author          `json:"left,omitempty"`
	Code       string            `json:"code,omitempty"`
	Detail     string            `json:"detail,omitempty"`
	RetryAfter float64           `json:"retry_after,omitempty"`
}

var (
	errSilent = errors.New("the server has fallen silent")
	errBye    = errors.New("the server said goodbye")
)

// link is a session's present connection. All of it is owned by run's goroutine, but for read.
type link struct {
	session *Session
	conn    *Conn
	opened  time.Time

	online   bool
	room     string        // as the server calls it
	ping     time.Duration // how long it may be quiet
	lastRef  int64         // refs count up from 1 on every connection
	inFlight int64         // ref of the post under way, 0 when none
	hold     *time.Timer   // runs while the server wants no posts
	held     bool
	bye      *CloseError // what the server's bye said, nil before it
	leaving  *time.Timer // runs out when the server said bye and doesn't close
}

func newLink(s *Session, conn *Conn) *link {
	l := &link{session: s, conn: conn, opened: time.Now(), room: s.room.name, ping: defaultPing}
	l.hold, l.leaving = time.NewTimer(0), time.NewTimer(0)
	l.hold.Stop()
	l.leaving.Stop()
	return l
}

// incoming is what the reader hands to the link: a frame, or the error that it ended with.
type incoming struct {
	frame frame
	err   error
}

// run serves the connection until it breaks, is closed or ctx ends, and waits for its reader.
func (l *link) run(ctx context.Context) error {
	in, done := make(chan incoming), make(chan struct{})
	go l.read(in, done)
	err := l.serve(ctx, in)
	close(done)
	if own := (handlerError{}); ctx.Err() != nil || errors.As(err, &own) {
		_ = l.conn.Close() // politely: the reader ends with the server's answer, or soon after
	} else {
		l.conn.Abort()
	}
	for range in { // until the reader has ended
	}
	l.conn.Abort()
	l.hold.Stop()
	l.leaving.Stop()
	if time.Since(l.opened) >= steady {
		l.session.retry.reset()
	}
	return err
}

// read hands over what comes until the connection ends; after done it only waits for that.
func (l *link) read(in chan<- incoming, done <-chan struct{}) {
	defer close(in)
	for {
		var got incoming
		payload, binary, err := l.conn.Read()
		switch {
		case err != nil:
			got.err = err
		case binary:
			continue // nothing that this version knows
		default:
			if err := json.Unmarshal(payload, &got.frame); err != nil {
				got.err = fmt.Errorf("message from the server: %w", err)
			}
		}
		select {
		case in <- got:
		case <-done:
		}
		if err != nil {
			return
		}
	}
}

func (l *link) serve(ctx context.Context, in <-chan incoming) error {
	alive := time.NewTicker(l.ping)
	defer alive.Stop()
	for {
		if err := l.sendNext(); err != nil {
			return err
		}
		select {
		case got := <-in:
			if got.err != nil {
				return l.ended(got.err)
			}
			ping := l.ping
			if err := l.handle(got.frame); err != nil {
				return err
			}
			if ping != l.ping {
				alive.Reset(l.ping)
			}
		case <-alive.C:
			if err := l.checkAlive(); err != nil {
				return err
			}
		case <-l.session.grown:
		case <-l.hold.C:
			l.held = false
		case <-l.leaving.C:
			return l.ended(errBye)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// ended gives the error of a connection that ended, with what the server's bye asked for.
func (l *link) ended(err error) error {
	if l.bye == nil {
		return err
	}
	if closed := (*CloseError)(nil); errors.As(err, &closed) {
		closed.RetryAfter = l.bye.RetryAfter
		return err
	}
	return l.bye
}

// checkAlive pings a server that has been quiet for long, and gives up on one that stays so.
func (l *link) checkAlive() error {
	quiet := l.conn.Quiet()
	if quiet >= l.ping+min(l.ping, quietGrace) {
		return errSilent
	}
	if quiet >= l.ping/2 {
		return l.write(frame{Type: "ping"})
	}
	return nil
}

// sendNext sends the oldest post of the outbox, unless one is under way: posts keep their order whatever is refused.
func (l *link) sendNext() error {
	if !l.online || l.held || l.inFlight != 0 || l.bye != nil {
		return nil
	}
	p, ok := l.session.oldest()
	if !ok {
		return nil
	}
	l.lastRef++
	l.inFlight = l.lastRef
	return l.write(frame{Type: "post", Ref: l.lastRef, Room: l.room, ID: p.id, Text: p.text})
}

func (l *link) write(f frame) error {
	b, err := json.Marshal(f)
	if err != nil {
		return fatal{err}
	}
	return l.conn.Write(b, false)
}

// handle acts on one message of the server. Types that it doesn't know are none of its business.
func (l *link) handle(f frame) error {
	h := l.session.handler
	switch f.Type {
	case "hello":
		l.hello(f)
	case "events":
		return l.events(f.Events)
	case "reset":
		return l.session.reset(&ResetError{Epoch: f.Epoch, Head: f.Head, Floor: f.Floor})
	case "ok":
		if f.Ref == l.inFlight && f.Ref != 0 {
			l.inFlight = 0
			if p := l.session.answered(); h.Posted != nil {
				h.Posted(p.id, f.Offset)
			}
		}
	case "error":
		if f.Ref == l.inFlight && f.Ref != 0 {
			return l.refused(f)
		}
	case "presence":
		if h.Presence != nil {
			h.Presence(Presence{Count: f.Count, Joined: f.Joined, Left: f.Left})
		}
	case "signal":
		if h.Signal != nil && f.Author != nil {
			h.Signal(f.Kind, *f.Author)
		}
	case "bye":
		l.bye = &CloseError{Code: 1012, Reason: f.Code, RetryAfter: seconds(f.RetryAfter)}
		l.leaving.Reset(byeGrace)
	}
	return nil
}

// hello starts what waited for the server's greeting, and gives a cursor that lacks them the head and the epoch.
func (l *link) hello(f frame) {
	status := Status{State: Online}
	if f.Author != nil {
		status.Author = *f.Author
	}
	if f.Room != "" {
		l.room = f.Room
	}
	if f.Ping > 0 {
		l.ping = max(seconds(f.Ping), time.Millisecond)
	}
	at := l.session.Cursor()
	if at.Offset < 0 {
		at = Cursor{Offset: f.Head}
	}
	if at.Epoch == "" {
		at.Epoch = f.Epoch
	}
	l.session.move(at)
	l.online = true
	l.session.tell(status)
}

func (l *link) events(raw []json.RawMessage) error {
	for _, b := range raw {
		var e Event
		if err := json.Unmarshal(b, &e); err != nil {
			return fmt.Errorf("event from the server: %w", err)
		}
		if err := l.session.event(e); err != nil {
			return err
		}
	}
	return nil
}

// refused holds a post back that the server wants later, and gives up one that it won't take.
func (l *link) refused(f frame) error {
	l.inFlight = 0
	err := &Error{Code: f.Code, Detail: f.Detail, RetryAfter: seconds(f.RetryAfter)}
	if err.RetryAfter > 0 {
		l.held = true
		l.hold.Reset(err.RetryAfter)
		return nil
	}
	p := l.session.answered()
	if l.session.handler.Refused == nil {
		return handlerError{fmt.Errorf("post %s: %w", p.id, err)}
	}
	l.session.handler.Refused(p.id, p.text, err)
	return nil
}
