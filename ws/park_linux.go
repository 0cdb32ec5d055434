package ws

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// A poller is an epoll instance. A goroutine waits for it through the runtime's own poller, so it holds no thread.
type poller struct {
	file *os.File
	raw  syscall.RawConn
	fd   int
}

func newPoller() (*poller, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("epoll_create1", err)
	}
	if err := unix.SetNonblock(fd, true); err != nil { // makes os.NewFile give it to the runtime's poller
		return nil, errors.Join(os.NewSyscallError("fcntl", err), unix.Close(fd))
	}
	file := os.NewFile(uintptr(fd), "epoll")
	raw, err := file.SyscallConn()
	if err == nil {
		err = file.SetReadDeadline(time.Time{}) // fails when the runtime's poller didn't take it
	}
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return &poller{file: file, raw: raw, fd: fd}, nil
}

// run calls handle for each connection that is ready, until the poller is closed.
func (p *poller) run(s *Server, handle func(*Conn)) {
	events := make([]unix.EpollEvent, 256)
	ready := make([]*Conn, 0, len(events))
	n := 0
	wait := func(fd uintptr) bool {
		var err error
		for {
			n, err = unix.EpollWait(int(fd), events, 0)
			if !errors.Is(err, unix.EINTR) {
				break
			}
		}
		return n > 0 || err != nil
	}
	for p.raw.Read(wait) == nil && n >= 0 {
		ready = s.lookup(ready[:0], events[:n])
		for _, c := range ready {
			handle(c)
		}
		clear(ready)
	}
}

func (p *poller) close() error { return p.file.Close() }

// An engine is a server's two pollers: reading is apart from writing so that a writer never touches a reader's one-shot
// registration.
type engine struct {
	in, out *poller
}

func startEngine(s *Server) (*engine, error) {
	in, err := newPoller()
	if err != nil {
		return nil, err
	}
	out, err := newPoller()
	if err != nil {
		return nil, errors.Join(err, in.close())
	}
	s.loops.Go(func() { in.run(s, func(c *Conn) { go c.wake() }) })
	s.loops.Go(func() { out.run(s, (*Conn).writable) })
	return &engine{in: in, out: out}, nil
}

func (e *engine) close() error { return errors.Join(e.in.close(), e.out.close()) }

// lookup appends the connections that events are for. An event of a connection that is gone finds none, even when its place
// in the table has been given to another: the id differs.
func (s *Server) lookup(ready []*Conn, events []unix.EpollEvent) []*Conn {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, ev := range events {
		if i := uint32(ev.Fd); int(i) < len(s.table) {
			if c := s.table[i]; c != nil && c.id == uint32(ev.Pad) {
				ready = append(ready, c)
			}
		}
	}
	return ready
}

// detach takes the descriptor out of conn, which is closed: what is left is the socket alone, which the runtime's poller knows nothing
// of. ok is false when conn isn't a plain socket; then it is untouched. A wrapped connection isn't taken apart, because
// whoever wrapped it would not learn of its end.
func (s *Server) detach(conn net.Conn) (fd int, ok bool) {
	var err error
	if !s.control(conn, func(old uintptr) { fd, err = unix.FcntlInt(old, unix.F_DUPFD_CLOEXEC, 0) }) || err != nil {
		return -1, false
	}
	// The descriptor shares its flags with the one that Go made, so it is non-blocking already. Closing that one doesn't end the
	// TCP connection.
	_ = conn.Close()
	// These only tune: a socket that doesn't know them works all the same. Keep-alives would double our pings.
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUF, s.opts.SendBuffer)
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_KEEPALIVE, 0)
	return fd, true
}

// share is the descriptor under conn, which keeps it and gets a deadline for what it reads, when conn is TLS over a plain socket; -1 for all others.
// The descriptor is in epoll until conn is closed, which only the reader of a dead connection does, so its number is never another's.
func (s *Server) share(conn net.Conn) (fd int32) {
	t, ok := conn.(*tls.Conn)
	if !ok || !s.control(t.NetConn(), func(under uintptr) { fd = int32(under) }) {
		return -1
	}
	if conn.SetReadDeadline(past) != nil { // then it failed already, and a goroutine's read says so
		return -1
	}
	return fd
}

// control calls f with the descriptor of conn, and reports whether it could: connections are parked, and conn is a plain socket.
func (s *Server) control(conn net.Conn, f func(fd uintptr)) bool {
	if s.engine == nil {
		return false
	}
	switch conn.(type) {
	case *net.TCPConn, *net.UnixConn:
		raw, err := conn.(syscall.Conn).SyscallConn()
		return err == nil && raw.Control(f) == nil
	default:
		return false
	}
}

// read reads once. Neither bytes nor an error: there are none now. Only the reader calls it.
func (c *Conn) read(p []byte) (int, error) {
	for {
		n, err := unix.Read(int(c.fd), p)
		switch {
		case n > 0:
			return n, nil
		case err == nil:
			return 0, io.EOF
		case errors.Is(err, unix.EAGAIN):
			return 0, nil
		case !errors.Is(err, unix.EINTR):
			return 0, os.NewSyscallError("read", err)
		}
	}
}

// write writes what the kernel takes of p and returns how much; the connection dies when it is broken. mu must be held.
func (c *Conn) write(p []byte) int {
	written := 0
	for written < len(p) {
		n, err := unix.Write(int(c.fd), p[written:])
		switch {
		case n > 0:
			written += n
			if written < len(p) {
				return written // full; the next write would only say so
			}
		case errors.Is(err, unix.EINTR):
		case errors.Is(err, unix.EAGAIN):
			return written
		default:
			c.die(CloseAbnormal, "write: "+errText(err))
			return written
		}
	}
	return written
}

func errText(err error) string {
	if err == nil {
		return io.ErrShortWrite.Error()
	}
	return err.Error()
}

// arm asks for one wake when there is something to read. mu must be held.
func (c *Conn) arm() error {
	return c.register(c.server.engine.in, &c.added, unix.EPOLLIN|unix.EPOLLRDHUP|unix.EPOLLONESHOT)
}

// watch asks for one call of writable when the kernel takes more. mu must be held.
func (c *Conn) watch() {
	if err := c.register(c.server.engine.out, &c.watched, unix.EPOLLOUT|unix.EPOLLONESHOT); err != nil {
		c.die(CloseAbnormal, err.Error())
	}
}

func (c *Conn) register(p *poller, known *bool, events uint32) error {
	op := unix.EPOLL_CTL_MOD
	if !*known {
		op, *known = unix.EPOLL_CTL_ADD, true
	}
	ev := unix.EpollEvent{Events: events, Fd: int32(c.index), Pad: int32(c.id)}
	return os.NewSyscallError("epoll_ctl", unix.EpollCtl(p.fd, op, int(c.fd), &ev))
}

// writable writes on, when the kernel takes more.
func (c *Conn) writable() {
	c.mu.Lock()
	var told []func()
	if c.state != dead {
		told = c.flush()
	}
	c.mu.Unlock()
	tell(told)
}

// widen makes the kernel's buffer take the frame that is begun and the close frame, so that a client that reads on later learns why it was
// closed. Best effort. mu must be held.
func (c *Conn) widen(q *queue) {
	if c.stream != nil || c.state == dead {
		return
	}
	more := 64<<10 + 2*(q.begun+q.waiting()) // the kernel counts its own book-keeping, too
	_ = unix.SetsockoptInt(int(c.fd), unix.SOL_SOCKET, unix.SO_SNDBUF, 2*c.server.opts.SendBuffer+more)
}

func (c *Conn) shutdownDescriptor() { _ = unix.Shutdown(int(c.fd), unix.SHUT_RDWR) }

func (c *Conn) shutdownDescriptorWrite() { _ = unix.Shutdown(int(c.fd), unix.SHUT_WR) }

// closeDescriptor closes the socket; epoll forgets it by itself. mu must be held.
func (c *Conn) closeDescriptor() {
	_ = unix.Close(int(c.fd))
	c.fd = -1
}
