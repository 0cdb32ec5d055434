package ws

import (
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"
)

// lingerTimeout is how long a client has to close TCP, once both close frames are out and we have shut down our side. Closing
// at once would make the kernel answer what it still sends with a reset, which can overtake our close frame.
const lingerTimeout = time.Second

// start opens a connection on Upgrade's goroutine and gets its reading going. early is what the client sent together with the
// handshake.
func (c *Conn) start(early []byte) {
	c.guard("open", func() { c.handler.Open(c) })
	if len(early) > 0 || c.stream != nil { // a tls.Conn may hold more than early
		go c.serve(early)
	} else if !c.release() {
		go c.bury()
	}
}

// wake is a goroutine's life for a parked connection that became readable: read until empty, handle, sleep again.
func (c *Conn) wake() {
	c.mu.Lock()
	if c.owned || c.state == dead {
		c.mu.Unlock()
		return
	}
	c.owned = true
	c.mu.Unlock()
	c.readBy.Store(0)
	if c.stream != nil {
		c.stream.readable()
	}
	c.serve(nil)
}

// serve is what the reader does: until there is nothing more to read on a parked connection, until the end on another. owned must be
// set; early is consumed first.
func (c *Conn) serve(early []byte) {
	c.consume(early)
	buf := buffers.Get().(*buffer)
	for c.fill(buf) {
	}
	buffers.Put(buf)
	if !c.release() {
		c.bury()
	}
}

// fill reads and consumes once, and reports whether there may be more.
func (c *Conn) fill(buf *buffer) (more bool) {
	n, more, err := c.receive(buf[:])
	if n > 0 {
		c.heard.Store(c.server.now())
		c.consume(buf[:n])
	}
	if err != nil {
		c.lost(err.Error())
		return false
	}
	return more
}

// lost ends a connection that broke, or that both sides have ended.
func (c *Conn) lost(reason string) {
	c.mu.Lock()
	c.die(CloseAbnormal, reason)
	c.mu.Unlock()
}

// release puts a parked connection to sleep until bytes arrive. It returns false when the connection is dead and the caller must
// bury it.
func (c *Conn) release() bool {
	c.readBy.Store(c.dueBy())
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.state != dead {
		err := c.arm()
		if err == nil {
			c.owned = false
			return true
		}
		c.die(CloseAbnormal, err.Error())
	}
	return false
}

// bury is the end: frees what the connection holds and calls Closed. Only the reader of a dead connection calls it, once.
func (c *Conn) bury() {
	defer c.server.conns.Done()
	c.dropPartial()
	c.server.remove(c)
	c.closeSocket()
	c.guard("closed", func() { c.handler.Closed(c, c.code, c.reason) })
	if f := c.server.opts.Trace.Closed; f != nil {
		f(c.code)
	}
}

// message calls the handler with a message.
func (c *Conn) message(op Opcode, payload []byte) {
	c.works.Store(true)
	defer func() {
		c.heard.Store(c.server.now())
		c.works.Store(false)
	}()
	defer c.caught("message")
	c.handler.Message(c, op, payload)
}

// guard makes another call to the handler.
func (c *Conn) guard(call string, f func()) {
	defer c.caught(call)
	f()
}

// caught, deferred around a call to the handler, ends the connection when the handler panics; others go on.
func (c *Conn) caught(call string) {
	p := recover()
	if p == nil {
		return
	}
	c.server.opts.Logger.Error("websocket handler panicked",
		slog.Uint64("conn", uint64(c.id)), slog.String("call", call), slog.String("err", fmt.Sprint(p)),
		slog.String("stack", string(debug.Stack())))
	if f := c.server.opts.Trace.Panicked; f != nil {
		f()
	}
	c.fault(CloseInternal, "internal error")
}
