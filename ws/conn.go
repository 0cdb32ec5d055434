package ws

import (
	"fmt"
	"sync"
	"sync/atomic"
)

// A Handler is told what happens on a connection. The calls for one connection never overlap and come in order: Open, Message any
// number of times, Closed. A call that panics ends that connection with CloseInternal and one log record; Closed is
// called all the same. A call must not end its goroutine (runtime.Goexit, testing.T.FailNow): the connection would never be freed.
type Handler interface {
	// Open is called by Upgrade, after the 101 is written and before any message.
	Open(c *Conn)

	// Message is a whole message, Text (checked to be UTF-8) or Binary. The payload is valid, and the handler's to modify, until
	// Message returns. It may block: meanwhile the connection isn't read, and the client has to wait. It isn't called any more
	// once the connection is closing.
	Message(c *Conn, op Opcode, payload []byte)

	// Closed is the last call, when the connection is gone. The code is what the client said, or what it was closed with from
	// here, or CloseAbnormal when neither had said anything.
	Closed(c *Conn, code CloseCode, reason string)
}

// A state is how far a connection has come. It only grows.
type state uint8

const (
	open      state = iota
	closing         // Close was called: our close frame goes after what waits; the client's close frame is awaited
	finishing       // both have said so, or the connection failed: what must go out goes out, nothing is listened to
	dead            // no more reads and writes; the reader calls Closed and frees the descriptor
)

// A Conn is one WebSocket. All its methods may be called concurrently, and by the handler.
//
// An idle parked connection is this struct and nothing else, so a field here costs every socket.
type Conn struct {
	// Static once Open is called.
	server      *Server
	handler     Handler
	stream      *stream // nil for a connection that owns its descriptor
	subprotocol string  // what was agreed on, "" for none
	id          uint32  // never reused while events of an older connection may be under way
	index       uint32  // where it stands in the server's table
	deflate     bool    // permessage-deflate is agreed

	// Owned by the reader: the goroutine that has set owned, or was handed it.
	deaf   bool     // nothing more is listened to: the client has said close, or broke the protocol
	in     *partial // a frame or message that is not complete; nil between messages
	bucket int64    // of control frames: when the bucket will be full again (server clock)

	heard  atomic.Int64 // when bytes were last received, or would have been read (server clock)
	readBy atomic.Int64 // when what is begun must be complete; 0 when nothing is or the handler works
	works  atomic.Bool  // the handler works: nothing is read, so silence says nothing

	// mu guards what follows, and is held for every write to a descriptor that the connection owns, and for its close: those never
	// block.
	mu       sync.Mutex
	fd       int32     // of a parked connection; -1 without, and when closed
	code     CloseCode // the first reason for the end; 0 for none yet
	state    state
	owned    bool  // a goroutine reads, or is in the handler
	added    bool  // the descriptor is in the reading epoll
	watched  bool  // the descriptor is in the writing epoll
	jitter   uint8 // of the ping interval
	reason   string
	queue    *queue // what waits to be written; nil when idle
	pinged   int64  // when a ping was sent that nothing came after; 0 for none
	deadline int64  // when a closing connection is given up; 0 while open
}

// Handler is the handler that was given to Upgrade.
func (c *Conn) Handler() Handler { return c.handler }

// Subprotocol is what was agreed on, "" for none.
func (c *Conn) Subprotocol() string { return c.subprotocol }

// Compressed reports whether the client takes the frames of AppendCompressed.
func (c *Conn) Compressed() bool { return c.deflate }

// Offer gives the connection a batch of whole frames, as AppendFrame and AppendCompressed make them, to write. It doesn't block.
//
// True means that the connection took them all: they go out in order, after what it took before. It keeps the slice
// until it is written and neither copies nor modifies it, so one batch may be offered to any number of connections; the caller must
// not modify it any more. A connection that is closing takes everything and drops it.
//
// False means that it refused, because it has not written the last batch yet, and took nothing. Then again is called once, from any
// goroutine and possibly before Offer returns, when the connection would take more; again must be quick. Each refused
// call is told, and the first that then offers is served, so the others may be refused again. On a connection that closes
// before that, again is never called.
func (c *Conn) Offer(batch []byte, again func()) bool {
	c.mu.Lock()
	if c.state != open || len(batch) == 0 {
		c.mu.Unlock()
		return true
	}
	if q := c.queue; q != nil && q.full() {
		q.again = append(q.again, again)
		c.mu.Unlock()
		return false
	}
	if c.queue == nil && c.stream == nil {
		n := c.write(batch) // the hot path: all of it fits into the kernel's buffer
		if n == len(batch) {
			c.mu.Unlock()
			return true
		}
		if c.state == dead {
			c.mu.Unlock()
			return true
		}
		q := c.busy()
		q.batch, q.from = batch, fromBatch
		q.wrote(n)
		c.watch()
		c.mu.Unlock()
		return true
	}
	c.busy().batch = batch
	told := c.kick()
	c.mu.Unlock()
	tell(told)
	return true
}

// Send frames one message into the connection's slot, which goes out at the next boundary between frames, before a batch that waits.
// It doesn't block, keeps no reference to the payload, and doesn't compress. Text must be UTF-8; Send doesn't look.
//
// Errors: ErrClosed when the connection is closing; ErrTooBig when the message is larger than 1 MiB and than Options.MaxQueue; ErrTooSlow
// when others wait and with it more than MaxQueue would: then the connection is closed with CloseTooSlow. While more than half of MaxQueue
// waits, the client isn't read, and Ready says no.
func (c *Conn) Send(op Opcode, payload []byte) error { return c.send(op, payload, false) }

// SendInOrder is Send, but for a message that says something of what was offered: it goes out after the batch that waits, and until it
// has joined the slot further offers are refused.
func (c *Conn) SendInOrder(op Opcode, payload []byte) error { return c.send(op, payload, true) }

func (c *Conn) send(op Opcode, payload []byte, inOrder bool) error {
	if op != Text && op != Binary {
		return fmt.Errorf("ws: send of opcode %d", op)
	}
	if len(payload) > max(c.server.opts.MaxQueue, messageCeiling) {
		return ErrTooBig
	}
	c.mu.Lock()
	if c.state != open {
		c.mu.Unlock()
		return ErrClosed
	}
	q := c.busy()
	if waiting := q.waiting(); waiting > 0 && waiting+len(payload) > c.server.opts.MaxQueue {
		c.fail(CloseTooSlow, "too many messages wait")
		c.mu.Unlock()
		return ErrTooSlow
	}
	if inOrder && len(q.batch) > 0 {
		q.after = AppendFrame(q.after, op, payload)
	} else {
		q.slot = AppendFrame(q.slot, op, payload)
	}
	told := c.kick()
	c.mu.Unlock()
	tell(told)
	return nil
}

// Ready reports whether the client keeps up with what Send sends it: whether at most half of Options.MaxQueue waits. If not, again is called once, from any
// goroutine, when that is so, and must be quick; on a connection that closes before, it is never called. A connection that is closing is ready.
func (c *Conn) Ready(again func()) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.state != open || c.queue == nil || c.queue.waiting() <= c.server.opts.MaxQueue/2 {
		return true
	}
	c.queue.ready = append(c.queue.ready, again)
	return false
}

// Close starts the closing handshake (RFC 6455 section 7.1.2): what waits goes out, then a close frame, and the client has
// Options.CloseTimeout to answer it. It doesn't wait; the handler's Closed comes when all is done. A reason longer than 123
// bytes is cut. Closing again does nothing. Error: a code that may not be sent (section 7.4).
func (c *Conn) Close(code CloseCode, reason string) error {
	if !code.Sendable() {
		return fmt.Errorf("ws: close with code %d", code)
	}
	c.mu.Lock()
	if c.state != open {
		c.mu.Unlock()
		return nil
	}
	c.end(code, reason)
	c.state = closing
	opts := &c.server.opts
	c.deadline = c.server.now() + int64(opts.WriteTimeout+opts.CloseTimeout) // CloseTimeout alone, once the frame is out
	c.busy().bye = appendClose(nil, code, reason)
	c.openGate()
	told := c.kick()
	c.mu.Unlock()
	tell(told)
	return nil
}

// fail ends the connection for a fault (RFC 6455 section 7.1.7): the frame that is begun goes out, then a close frame; the rest is
// dropped, and the client isn't listened to any more. mu must be held.
func (c *Conn) fail(code CloseCode, reason string) {
	if c.state >= finishing {
		return
	}
	c.end(code, reason)
	q := c.busy()
	if c.state == open {
		q.bye = appendClose(nil, code, reason)
	}
	c.finish(q)
	if code == CloseTooSlow {
		c.widen(q)
	}
	c.kick()
}

// finish makes the connection finishing: it gives up the batch but for the frame that is begun, and no longer listens. mu must be
// held.
func (c *Conn) finish(q *queue) {
	c.state = finishing
	c.deadline = c.server.now() + int64(c.server.opts.CloseTimeout)
	q.cut, q.again, q.ready = true, nil, nil
	c.openGate()
}

// end notes why the connection ends; the first reason counts. mu must be held.
func (c *Conn) end(code CloseCode, reason string) {
	if c.code == 0 {
		c.code, c.reason = code, reason
	}
}

// die ends the connection on the spot. The reader, or a goroutine in its place, calls Closed. mu must be held.
func (c *Conn) die(code CloseCode, reason string) {
	if c.state == dead {
		return
	}
	c.end(code, reason)
	c.state = dead
	c.openGate()
	c.queue = nil // not recycled: a writer may have its bytes in hand
	c.interrupt()
	if !c.owned {
		c.owned = true
		go c.bury()
	}
}

// busy is the connection's queue, made when it has none. mu must be held.
func (c *Conn) busy() *queue {
	if c.queue == nil {
		c.queue = queues.Get().(*queue)
		c.queue.since = c.server.now()
	}
	return c.queue
}

// openGate lets a reader go on that waits for room in the slot. mu must be held.
func (c *Conn) openGate() {
	if q := c.queue; q != nil && q.room != nil {
		close(q.room)
		q.room = nil
	}
}

// kick writes what can be written now, or has it written. The functions that it returns are to be called without mu, which must be
// held.
func (c *Conn) kick() (told []func()) {
	if c.state == dead {
		return nil
	}
	if c.stream != nil {
		c.startWriter()
		return nil
	}
	return c.flush()
}

// flush writes to a parked connection until all is out or the kernel takes no more. As kick.
func (c *Conn) flush() (told []func()) {
	q := c.queue
	for q != nil {
		b := q.next()
		if len(b) == 0 {
			return append(told, c.drained(q)...)
		}
		n := c.write(b)
		if c.state == dead {
			return nil
		}
		if n > 0 {
			q.wrote(n)
			q.since = c.server.now()
			q.makeRoom(c.server.opts.MaxQueue / 2)
		}
		told = append(told, q.told()...)
		if n < len(b) {
			c.watch()
			return told
		}
	}
	return nil
}

// drained takes the empty queue off the connection, and goes on with closing if that is what it was waiting for. As kick.
func (c *Conn) drained(q *queue) (told []func()) {
	q.makeRoom(0)
	told = q.told()
	c.queue = nil
	q.recycle()
	now := c.server.now()
	switch c.state {
	case closing:
		c.deadline = min(c.deadline, now+int64(c.server.opts.CloseTimeout))
	case finishing:
		c.deadline = min(c.deadline, now+int64(min(c.server.opts.CloseTimeout, lingerTimeout)))
		c.shutdownWrite()
	}
	return told
}

func tell(told []func()) {
	for _, again := range told {
		again()
	}
}
