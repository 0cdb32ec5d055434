package ws

// What connections do differently that own their descriptor, and those that are streams: parked with TLS, or with a goroutine. The
// methods that it calls, in park_linux.go, are for the former only.

// receive reads once. Neither bytes nor an error: there are none now. more is whether to read again before the connection may sleep.
// Only the reader calls it.
func (c *Conn) receive(p []byte) (n int, more bool, err error) {
	switch {
	case c.stream == nil:
		n, err = c.read(p)
		return n, n == len(p), err // less has emptied the socket: the system call that would say so is saved
	case c.fd >= 0:
		n, err = c.stream.readHeld(p)
		return n, n > 0, err
	default:
		c.readBy.Store(c.dueBy())
		n, err = c.stream.conn.Read(p)
		c.readBy.Store(0)
		return n, true, err
	}
}

// interrupt makes a reader and a writer that are under way return. mu must be held.
func (c *Conn) interrupt() {
	if c.stream != nil {
		_ = c.stream.conn.SetDeadline(past) // it can't fail on what is open, and what is closed needs none
		return
	}
	c.shutdownDescriptor()
}

// shutdownWrite ends our side of TCP once all is written. mu must be held.
func (c *Conn) shutdownWrite() {
	if c.stream != nil {
		c.stream.finish = true // by the writer: it may block
		return
	}
	c.shutdownDescriptorWrite()
}

// closeSocket frees what the operating system holds for the connection.
func (c *Conn) closeSocket() {
	if c.stream != nil {
		c.stream.close()
		return
	}
	c.mu.Lock()
	c.closeDescriptor()
	c.mu.Unlock()
}
