package channels

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"

	"github.com/teahouse-chat/teahouse/ws"
)

// Turns are how a connection's consumer is called by one goroutine at a time: the socket's reader with a frame, or a hand of the server's crew that works
// through the inbox of layer messages. The connection's mu guards them.
type turns struct {
	busy    bool          // somebody has the turn
	frame   chan struct{} // the reader waits: closed when it gets the turn; nil when it doesn't wait
	inbox   []Message     // layer messages that wait; shared with other connections
	stalled bool          // the inbox waits for the client to catch up
	closing bool          // layer messages aren't taken any more
}

// takeTurn waits until nobody else calls the consumer. Only the reader calls it.
func (c *Conn) takeTurn() {
	c.mu.Lock()
	if !c.turns.busy {
		c.turns.busy = true
		c.mu.Unlock()
		return
	}
	turn := make(chan struct{})
	c.turns.frame = turn
	c.mu.Unlock()
	<-turn
}

// giveTurn lets the next one go on: the reader first, then the inbox.
func (c *Conn) giveTurn() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.turns.busy = false
	if !c.turns.passToFrame() && c.begins() {
		c.route.server.crew.add(c)
	}
}

// passToFrame gives the turn to a reader that waits, if one does. mu must be held.
func (t *turns) passToFrame() bool {
	if t.frame == nil {
		return false
	}
	close(t.frame)
	t.frame, t.busy = nil, true
	return true
}

// begins takes the turn for the inbox, if there is something in it that can be handled now. mu must be held.
func (c *Conn) begins() bool {
	t := &c.turns
	if t.busy || t.stalled || len(t.inbox) == 0 || c.transport == nil {
		return false
	}
	if !c.transport.Ready(c.resume) {
		t.stalled = true
		return false
	}
	t.busy = true
	return true
}

// end drops what waits, for good. mu must be held.
func (t *turns) end() {
	t.closing, t.inbox = true, nil
}

// resume goes on with the inbox: the client has caught up.
func (c *Conn) resume() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.turns.stalled = false
	if c.begins() {
		c.route.server.crew.add(c)
	}
}

// post puts a layer message of a group, "" for none, into the inbox. It doesn't block.
func (c *Conn) post(m Message, group string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := &c.turns
	if t.closing {
		return
	}
	if len(t.inbox) >= c.route.server.opts.Inbox {
		c.route.server.opts.Losses.Add(group, LossSlowHandler, 1)
		return
	}
	t.inbox = append(t.inbox, m)
	if c.begins() {
		c.route.server.crew.add(c)
	}
}

// work handles layer messages, one at a time, until a frame or nobody waits. It has the turn.
func (c *Conn) work() {
	for {
		m, ok := c.next()
		if !ok {
			return
		}
		if err := c.handle(m); err != nil {
			c.fail(m.Type(), err)
		}
	}
}

// next takes a message from the inbox; ok is false when the turn was given away.
func (c *Conn) next() (m Message, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := &c.turns
	if t.closing {
		t.inbox = nil
	}
	t.busy = false
	if t.passToFrame() || !c.begins() {
		return nil, false
	}
	m, t.inbox[0] = t.inbox[0], nil
	if t.inbox = t.inbox[1:]; len(t.inbox) == 0 {
		t.inbox = nil
	}
	return m, true
}

// handle calls what the route has for a message's type.
func (c *Conn) handle(m Message) error {
	name := m.Type()
	if method := c.route.events[name]; method != nil {
		return c.call(func() error { return method(c.ctx, c, copyOf(m)) })
	}
	if e, ok := c.route.encoders[name]; ok { // it was sent to this connection's own channel
		f, err := e.frame(m)
		if err != nil {
			return err
		}
		return c.Send(f)
	}
	return fmt.Errorf("no handler for layer messages of type %q", name)
}

// call makes a call to the consumer; a panic is an error like any other.
func (c *Conn) call(f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = &panicError{p, debug.Stack()}
		}
	}()
	return f()
}

type panicError struct {
	value any
	stack []byte
}

func (e *panicError) Error() string { return fmt.Sprintf("panic: %v", e.value) }

// fail ends an accepted connection for an error of its consumer.
func (c *Conn) fail(during string, err error) {
	if errors.Is(err, ErrClosed) || errors.Is(err, ErrTooSlow) || errors.Is(err, context.Canceled) && c.ctx.Err() != nil {
		return // it has ended
	}
	t := c.socket()
	upgrader, _ := t.(Upgrader)
	tellFailure(upgrader, err)
	var told *CloseError
	if errors.As(err, &told) {
		if c.Close(told.Code, told.Reason) == nil {
			return
		}
		err = fmt.Errorf("close with %s, which may not be sent: %w", told.Code, err)
	}
	attrs := []slog.Attr{slog.String("during", during)}
	var panicked *panicError
	if errors.As(err, &panicked) {
		attrs = append(attrs, slog.String("stack", string(panicked.stack)))
	}
	c.route.server.complain("consumer failed", err, attrs...)
	_ = c.Close(ws.CloseInternal, "internal error") // its code may be sent
}

// tellFailure tells a stand-in for the network what went wrong.
func tellFailure(u Upgrader, err error) {
	if u != nil {
		u.Failed(err)
	}
}
