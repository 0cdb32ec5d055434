package ws

import "time"

// What a parked and a streamed connection do differently, other than read and write. The methods that it calls, in park_linux.go, are
// for parked connections only.

// interrupt makes a reader and a writer that are under way return. mu must be held.
func (c *Conn) interrupt() {
	if c.stream != nil {
		_ = c.stream.conn.SetDeadline(time.Unix(1, 0)) // it can't fail on what is open, and what is closed needs none
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
