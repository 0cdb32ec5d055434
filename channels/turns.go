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
	frame   chan struct{} // the reader waits: closed when it gets the turn; nil when it doesn't wait
	inbox   []Message     // layer messages that wait; shared with other connections
	busy    bool          // somebody has the turn
	queued  bool          // the inbox waits for a hand; a frame that comes meanwhile doesn't wait for it
	missed  bool          // a hand came while a frame had the turn
	stalled bool          // the inbox waits for the client to catch up
	closing bool          // the consumer isn't called any more, but for Disconnect
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
	t := &c.turns
	if t.frame != nil {
		close(t.frame)
		t.frame = nil
		return
	}
	t.busy = false
	c.queue()
}

// queue has a hand work through the inbox, unless somebody is at it or nothing in it can be handled now. mu must be held.
func (c *Conn) queue() {
	if t := &c.turns; !t.busy && !t.queued && c.workable() {
		t.queued = true
		c.route.server.crew.add(c)
	}
}

// workable reports whether there is something in the inbox that can be handled now. mu must be held.
func (c *Conn) workable() bool {
	t := &c.turns
	if t.closing {
		t.inbox = nil
	}
	if t.stalled || len(t.inbox) == 0 || c.transport == nil {
		return false
	}
	t.stalled = !c.transport.Ready(c.resume)
	return !t.stalled
}

// resume goes on with the inbox: the client has caught up.
func (c *Conn) resume() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.turns.stalled = false
	c.queue()
}

// post puts a layer message of a group, "" for none, into the inbox. It doesn't block.
func (c *Conn) post(m Message, group string) {
	if !c.put(m) {
		c.route.server.opts.Losses.Add(group, LossSlowHandler, 1)
	}
}

// put returns false when the inbox is full.
func (c *Conn) put(m Message) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := &c.turns
	switch {
	case t.closing:
		return true
	case len(t.inbox) >= c.route.server.opts.Inbox:
		return false
	}
	t.inbox = append(t.inbox, m)
	c.queue()
	return true
}

// work is what a hand does: handle layer messages, one at a time, until a frame or nothing waits.
func (c *Conn) work() {
	if !c.begin() {
		return
	}
	for c.workOne() && !c.frameWaits() {
	}
	c.giveTurn()
}

// begin takes the turn for a hand; false when a frame has it, and then giveTurn queues the connection again.
func (c *Conn) begin() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := &c.turns
	t.queued = false
	if t.busy {
		t.missed = true
		return false
	}
	t.busy = true
	return true
}

// makeUp has the reader, which has the turn, handle one layer message in place of a hand that came while a frame was handled: else a client that never pauses would hold them
// up for ever. Without a hand it isn't their time, and messages of other connections have waited longer.
func (c *Conn) makeUp() {
	c.mu.Lock()
	missed := c.turns.missed
	c.turns.missed = false
	c.mu.Unlock()
	if missed {
		c.workOne()
	}
}

func (c *Conn) frameWaits() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.turns.frame != nil
}

// workOne handles a layer message; false when there is none that can be handled now. The caller has the turn.
func (c *Conn) workOne() bool {
	m, ok := c.next()
	if !ok {
		return false
	}
	if err := c.handle(m); err != nil {
		c.fail(m.Type(), err)
	}
	return true
}

// next takes a message from the inbox.
func (c *Conn) next() (m Message, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.workable() {
		return nil, false
	}
	t := &c.turns
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
		return c.call(func() error { return method(c.context(), c, copyOf(m)) })
	}
	if e, ok := c.route.encoders[name]; ok { // it was sent to this connection's own channel
		f, err := e.frame(m)
		if err != nil {
			c.route.server.notEncoded(name, "", 1, err)
			return nil
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
	if errors.Is(err, ErrClosed) || errors.Is(err, ErrTooSlow) || errors.Is(err, context.Canceled) && c.context().Err() != nil {
		_ = c.Close(ws.CloseInternal, "internal error") // which commonly has ended; else it was another one's
		return
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
