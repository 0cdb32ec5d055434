package ws

import (
	"errors"
	"os"
	"time"
)

// A parked connection with TLS is a stream whose descriptor waits in epoll, too. A tls.Conn reads from the socket more than it is asked for, and
// what it holds epoll doesn't show. So a wake reads from the socket once, takes all whole records that the tls.Conn holds then, and sleeps:
// what is in the socket still wakes again. The deadline tells the two apart. One in the past keeps a net.Conn from touching the socket, and a
// timeout leaves a tls.Conn as it was, even within a record.
//
// A record that comes in pieces holds no goroutine between them. No byte of it counts as heard before all are here, so the pings bound how
// long it may take.

// recordWait is how long a wake waits for the rest of a record: pieces that come together cost one wake, and a client that sends a byte at
// a time has a goroutine hardly ever.
const recordWait = 5 * time.Millisecond

var past = time.Unix(1, 0)

// readable lets the next read take from the socket, in which bytes have arrived.
func (s *stream) readable() {
	s.waits = true
	_ = s.conn.SetReadDeadline(time.Now().Add(recordWait)) // a connection that failed says so when it is read
}

// readHeld reads from the socket after readable, and otherwise what the tls.Conn holds. Neither bytes nor an error: no whole record.
func (s *stream) readHeld(p []byte) (int, error) {
	n, err := s.conn.Read(p)
	if s.waits {
		s.waits = false
		_ = s.conn.SetReadDeadline(past)
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return n, nil
	}
	return n, err
}
