package ws

import (
	"bufio"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// A Server turns HTTP requests into WebSockets and serves them. Its methods may be called concurrently. It starts goroutines with
// the first upgrade, and Close ends them.
type Server struct {
	opts    Options
	began   time.Time
	partial atomic.Int64   // bytes held by unfinished messages
	loops   sync.WaitGroup // pollers and sweeper
	conns   sync.WaitGroup // connections that are not buried

	// Set once, by the first upgrade.
	running sync.Once
	engine  *engine       // nil when nothing is parked
	stop    chan struct{} // ends the sweeper

	mu     sync.RWMutex // guards what follows; never held together with a connection's mu
	table  []*Conn      // by Conn.index; nil where free
	free   []uint32     // the free places in table
	lastID uint32
	closed bool
}

// NewServer makes a server. Nil options mean the defaults.
func NewServer(o *Options) *Server {
	return &Server{opts: o.withDefaults(), began: time.Now(), stop: make(chan struct{})}
}

// now is the server's clock: nanoseconds since it was made, never 0.
func (s *Server) now() int64 { return int64(time.Since(s.began)) + 1 }

// Upgrade makes a WebSocket of the request (RFC 6455 section 4.2) and serves it from then on with h. It returns after the 101
// is written and h.Open has returned; messages may come before that return reaches the caller. Header fields that were set on
// w go out with the 101. The request isn't kept.
//
// A Sec-WebSocket-Protocol that was set on w is the subprotocol of this connection, in place of the first of Options.Subprotocols that the
// client offers; if the client didn't offer it, the connection has none.
//
// When it returns an error there is no connection and h is never called. A *HandshakeError has been answered, by
// Options.Refuse; any other error means that the client was lost, or the server closed (ErrClosed), during the upgrade.
func (s *Server) Upgrade(w http.ResponseWriter, r *http.Request, h Handler) (*Conn, error) {
	a, refused := s.agree(r, w.Header().Get("Sec-Websocket-Protocol"))
	if refused == nil && s.isClosed() {
		refused = &HandshakeError{Status: http.StatusServiceUnavailable, Reason: "the server is closing"}
	}
	if refused != nil {
		return nil, s.refuse(w, r, refused)
	}
	conn, rw, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return nil, s.refuse(w, r, &HandshakeError{Status: http.StatusNotImplemented, Reason: "connection can't be taken over: " + err.Error()})
	}
	early, err := s.accept(conn, rw, &a, w.Header())
	if err != nil {
		return nil, errors.Join(fmt.Errorf("ws: upgrade: %w", err), conn.Close())
	}
	c, err := s.add(conn, h, &a)
	if err != nil {
		return nil, err
	}
	if f := s.opts.Trace.Opened; f != nil {
		f()
	}
	c.start(early)
	return c, nil
}

func (s *Server) isClosed() bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.closed
}

func (s *Server) refuse(w http.ResponseWriter, r *http.Request, err *HandshakeError) error {
	if f := s.opts.Trace.Refused; f != nil {
		f(err.Status)
	}
	s.opts.Refuse(w, r, err)
	return err
}

// accept writes the 101 and returns what the client has sent already.
func (s *Server) accept(conn net.Conn, rw *bufio.ReadWriter, a *agreement, extra http.Header) (early []byte, err error) {
	if n := rw.Reader.Buffered(); n > 0 {
		peeked, err := rw.Reader.Peek(n)
		if err != nil {
			return nil, err
		}
		early = slices.Clone(peeked)
	}
	if err := conn.SetDeadline(time.Now().Add(s.opts.WriteTimeout)); err != nil {
		return nil, err
	}
	if _, err := conn.Write(a.response(extra)); err != nil {
		return nil, err
	}
	return early, conn.SetDeadline(time.Time{})
}

// add makes the connection and takes it into the table.
func (s *Server) add(conn net.Conn, h Handler, a *agreement) (*Conn, error) {
	s.running.Do(s.run)
	c := &Conn{
		server: s, handler: h, owned: true, fd: -1, jitter: uint8(rand.Uint32()), deflate: a.extension != "",
		subprotocol: a.subprotocol,
	}
	c.heard.Store(s.now())
	if fd, ok := s.detach(conn); ok {
		c.fd = int32(fd)
	} else {
		c.stream = newStream(conn, s.opts.SendBuffer)
		c.fd = s.share(conn)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		c.closeSocket()
		return nil, ErrClosed
	}
	s.lastID++
	c.id = s.lastID
	if n := len(s.free); n > 0 {
		c.index, s.free = s.free[n-1], s.free[:n-1]
		s.table[c.index] = c
	} else {
		c.index = uint32(len(s.table))
		s.table = append(s.table, c)
	}
	s.conns.Add(1)
	return c, nil
}

// remove takes a connection out of the table.
func (s *Server) remove(c *Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.table[c.index] = nil
	s.free = append(s.free, c.index)
}

// run starts the pollers and the sweeper.
func (s *Server) run() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	if !s.opts.ForceGoroutines {
		e, err := startEngine(s)
		if err == nil {
			s.engine = e
		} else if !errors.Is(err, errors.ErrUnsupported) {
			s.opts.Logger.Warn("websockets are not parked", slog.Any("err", err))
		}
	}
	s.loops.Go(s.sweep)
}

// Conns are the connections that are open or closing now. The server may change while they are visited.
func (s *Server) Conns() iter.Seq[*Conn] {
	return func(yield func(*Conn) bool) {
		for _, c := range s.snapshot() {
			if c != nil && !yield(c) {
				return
			}
		}
	}
}

func (s *Server) snapshot() []*Conn {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return slices.Clone(s.table)
}

// Close closes every connection abruptly, with CloseGoingAway where a close frame can be written at once, and refuses new ones. It
// returns when every handler's Closed has returned and all the server's goroutines have ended, so it must not be called from a
// handler. To part politely, Close the connections one by one first. Closing again waits the same way and returns nil.
func (s *Server) Close() error {
	s.mu.Lock()
	first := !s.closed
	s.closed = true
	s.mu.Unlock()
	if !first {
		s.conns.Wait()
		s.loops.Wait()
		return nil
	}
	s.closeConns()
	close(s.stop)
	var err error
	if s.engine != nil {
		err = s.engine.close()
	}
	s.loops.Wait()
	return err
}

// closeConns ends every connection and waits until they are buried. The clients have a moment to take note.
func (s *Server) closeConns() {
	for c := range s.Conns() {
		c.mu.Lock()
		c.fail(CloseGoingAway, "")
		c.mu.Unlock()
	}
	buried := make(chan struct{})
	go func() {
		s.conns.Wait()
		close(buried)
	}()
	select {
	case <-buried:
	case <-time.After(100 * time.Millisecond):
		for c := range s.Conns() {
			c.lost("the server closed")
		}
		<-buried
	}
}
