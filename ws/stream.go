package ws

import (
	"crypto/tls"
	"net"
	"sync"
)

// maxStreamWrite is how much a stream is given in one write, so that progress is seen in steps of it.
const maxStreamWrite = 16 << 10

// A stream is what a connection has that doesn't own its descriptor: a net.Conn, which a goroutine writes while there is something to
// write. With TLS it is parked and read when bytes arrive (tls.go); otherwise a goroutine reads it all its life.
type stream struct {
	conn    net.Conn
	waits   bool           // the next read may wait for bytes; owned by the reader of a parked one
	writing bool           // a writer runs; guarded by the connection's mu
	finish  bool           // shut down our side when all is written; guarded by the connection's mu
	ended   bool           // our side is shut down; owned by the writer
	writer  sync.WaitGroup // the writer
}

// newStream makes a stream of conn and tunes the socket, where conn is TCP or TLS over it.
func newStream(conn net.Conn, sendBuffer int) *stream {
	under := conn
	if t, ok := conn.(*tls.Conn); ok {
		under = t.NetConn()
	}
	if b, ok := under.(interface{ SetWriteBuffer(bytes int) error }); ok {
		_ = b.SetWriteBuffer(sendBuffer) // it only tunes
	}
	if k, ok := under.(interface{ SetKeepAlive(on bool) error }); ok {
		_ = k.SetKeepAlive(false) // it would double our pings
	}
	return &stream{conn: conn}
}

// startWriter has a goroutine write what waits. mu must be held.
func (c *Conn) startWriter() {
	if c.stream.writing || c.queue == nil {
		return
	}
	c.stream.writing = true
	c.stream.writer.Add(1)
	go c.writeStream()
}

// writeStream writes until nothing waits.
func (c *Conn) writeStream() {
	defer c.stream.writer.Done()
	var told []func()
	for {
		q, b, finish := c.nextForStream(&told)
		tell(told)
		told = nil
		if finish && !c.stream.ended {
			c.stream.ended = true
			c.stream.shutdownWrite()
		}
		if b == nil {
			return
		}
		n, err := c.stream.conn.Write(b)
		c.mu.Lock()
		if c.state != dead {
			if n > 0 {
				q.wrote(n)
				q.since = c.server.now()
				q.makeRoom(c.server.opts.MaxQueue / 2)
			}
			told = q.told()
			if err != nil {
				told = nil
				c.die(CloseAbnormal, err.Error())
			}
		}
		c.mu.Unlock()
	}
}

// nextForStream returns what the writer is to write, nil when it is to end. told gets more to be told.
func (c *Conn) nextForStream(told *[]func()) (q *queue, b []byte, finish bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.state == dead {
		c.stream.writing = false
		return nil, nil, false
	}
	q = c.queue
	if q != nil {
		b = q.next()
		if len(b) > 0 {
			return q, b[:min(len(b), maxStreamWrite)], false
		}
		*told = append(*told, c.drained(q)...)
	}
	c.stream.writing = false
	return nil, nil, c.stream.finish
}

// shutdownWrite ends our side of the connection (TLS: close_notify), so that the peer sees the end after our last frame. Errors
// don't matter: the connection is closed soon in any case.
func (s *stream) shutdownWrite() {
	if w, ok := s.conn.(interface{ CloseWrite() error }); ok {
		_ = w.CloseWrite()
	}
}

// close frees the connection and waits for the writer. A tls.Conn would first try for seconds to say goodbye to a peer that doesn't
// read, so what is under it is closed first; a peer that closed properly has had its goodbye from shutdownWrite.
func (s *stream) close() {
	if t, ok := s.conn.(*tls.Conn); ok {
		_ = t.NetConn().Close()
	}
	_ = s.conn.Close()
	s.writer.Wait()
}
