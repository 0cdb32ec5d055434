//go:build linux

package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// A swarm is many plain sockets served by one thread: it reads what comes and counts, so that the load costs the machine little
// beside the server.
type swarm struct {
	epoll  int
	fds    []int
	events []unix.EpollEvent
	buf    []byte
	bytes  int64 // of frames, to all sockets
	load   load

	// awake has the thread look again and again for what has come, and never sleep. To write to a socket whose reader sleeps costs the writer the waking; whether one
	// sleeps here depends on how fast the server is, so the figures of all servers would jump up and down.
	awake bool
}

// A load is a number of messages in flight: for each one that has come to all pacers the next sender sends one.
type load struct {
	members, senders []int
	pacers           []pacer
	frame            []byte
	ahead            []byte // as many frames as are in flight
	size             int    // of the frame that every member gets for one
	next             int    // sender
	sent, came       int64  // messages; came to all pacers
	ends             bool   // nothing more is sent
}

// A pacer is a member that is waited for.
type pacer struct {
	fd    int
	bytes int64
}

func newSwarm() (*swarm, error) {
	epoll, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("epoll_create1: %w", err)
	}
	return &swarm{epoll: epoll, events: make([]unix.EpollEvent, 1024), buf: make([]byte, 1<<20)}, nil
}

// open adds n sockets at a path of a server and returns their descriptors.
func (w *swarm) open(addr, path string, n int) ([]int, error) {
	const dialers = 16
	var wg sync.WaitGroup
	var mu sync.Mutex
	var fds []int
	var failed error
	for d := range dialers {
		wg.Go(func() {
			for i := d; i < n; i += dialers {
				fd, err := dial(addr, path)
				mu.Lock()
				if err != nil {
					failed = err
				} else {
					fds = append(fds, fd)
				}
				stop := failed != nil
				mu.Unlock()
				if stop {
					return
				}
			}
		})
	}
	wg.Wait()
	w.fds = append(w.fds, fds...)
	if failed != nil {
		return nil, fmt.Errorf("open %d sockets: %w", n, failed)
	}
	for _, fd := range fds {
		if err := unix.EpollCtl(w.epoll, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(fd)}); err != nil {
			return nil, fmt.Errorf("epoll_ctl: %w", err)
		}
	}
	return fds, nil
}

func (w *swarm) close() {
	for _, fd := range w.fds {
		_ = unix.Close(fd)
	}
	_ = unix.Close(w.epoll)
}

// dial opens a socket and returns its descriptor, apart from the runtime's poller.
func dial(addr, path string) (int, error) {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		return 0, err
	}
	defer c.Close()
	if err := handshake(c, addr, path, ""); err != nil {
		return 0, err
	}
	raw, err := c.(*net.TCPConn).SyscallConn()
	if err != nil {
		return 0, err
	}
	fd, dupErr := -1, error(nil)
	if err := raw.Control(func(old uintptr) { fd, dupErr = unix.FcntlInt(old, unix.F_DUPFD_CLOEXEC, 0) }); err != nil {
		return 0, err
	}
	return fd, dupErr
}

// handshake upgrades a connection. The server's answer is read to its end and no further.
func handshake(c net.Conn, host, path, subprotocol string) error {
	request := "GET " + path + " HTTP/1.1\r\nHost: " + host + "\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
	if subprotocol != "" {
		request += "Sec-WebSocket-Protocol: " + subprotocol + "\r\n"
	}
	if _, err := io.WriteString(c, request+"\r\n"); err != nil {
		return err
	}
	var answer []byte
	for one := make([]byte, 1); !strings.HasSuffix(string(answer), "\r\n\r\n"); {
		if _, err := c.Read(one); err != nil {
			return err
		}
		answer = append(answer, one[0])
	}
	if !strings.HasPrefix(string(answer), "HTTP/1.1 101") {
		return fmt.Errorf("not upgraded: %s", answer)
	}
	return nil
}

// clientFrame is a text frame with the mask 0, so that masking changes nothing.
func clientFrame(payload []byte) []byte {
	frame := []byte{0x81}
	if n := len(payload); n < 126 {
		frame = append(frame, 0x80|byte(n))
	} else {
		frame = append(frame, 0x80|126, byte(n>>8), byte(n))
	}
	return append(append(frame, 0, 0, 0, 0), payload...)
}

// keepInFlight makes the senders keep n messages in flight, from the next run on. Each message comes to all members, whoever sends it; it is in flight until
// it has come to all pacers, which are members.
func (w *swarm) keepInFlight(n int, frame []byte, members, pacers, senders []int) error {
	w.load = load{
		members: members, senders: senders, frame: frame,
		ahead: bytes.Repeat(frame, n),
		size:  len(frame) - 4, // a server's frame has no mask
	}
	for _, fd := range pacers {
		w.load.pacers = append(w.load.pacers, pacer{fd: fd})
	}
	return w.load.send(n)
}

// send sends n messages, spread over the senders.
func (l *load) send(n int) error {
	if l.ends {
		return nil
	}
	l.sent += int64(n)
	for share := (n + len(l.senders) - 1) / len(l.senders); n > 0; n -= share {
		if err := writeAll(l.senders[l.next], l.ahead[:min(share, n)*len(l.frame)]); err != nil {
			return err
		}
		l.next = (l.next + 1) % len(l.senders)
	}
	return nil
}

func writeAll(fd int, b []byte) error {
	for len(b) > 0 {
		n, err := unix.Write(fd, b)
		switch {
		case errors.Is(err, unix.EAGAIN):
			poll := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLOUT}}
			if _, err := unix.Poll(poll, -1); err != nil && !errors.Is(err, unix.EINTR) {
				return err
			}
		case errors.Is(err, unix.EINTR):
		case err != nil:
			return fmt.Errorf("write: %w", err)
		default:
			b = b[n:]
		}
	}
	return nil
}

// frames is how many have come to all sockets.
func (w *swarm) frames() int64 { return w.bytes / int64(w.load.size) }

// run reads for a while.
func (w *swarm) run(d time.Duration) error {
	for end := time.Now().Add(d); time.Now().Before(end); {
		if err := w.poll(w.read); err != nil {
			return err
		}
	}
	return nil
}

// rest waits while the sockets say nothing but the answers to the server's pings, without which it would close them.
func (w *swarm) rest(d time.Duration) error {
	for end := time.Now().Add(d); time.Now().Before(end); {
		if err := w.poll(w.pong); err != nil {
			return err
		}
	}
	return nil
}

// pong answers the one ping that a socket at rest has got.
func (w *swarm) pong(fd int) error {
	n, err := unix.Read(fd, w.buf)
	if err != nil || !bytes.Equal(w.buf[:n], []byte{0x89, 0}) {
		return fmt.Errorf("a socket at rest got %q, %v, want a ping", w.buf[:max(n, 0)], err)
	}
	return writeAll(fd, []byte{0x8a, 0x80, 0, 0, 0, 0})
}

// drain sends nothing more and reads until every member has every message that was sent. A message that was lost would have
// made the load smaller than it says.
func (w *swarm) drain() error {
	w.load.ends = true
	const patience = 30 * time.Second // the slowest server has some ten seconds of work in flight
	for end := time.Now().Add(patience); ; {
		missing := w.load.sent*int64(len(w.load.members)) - w.frames()
		if missing <= 0 {
			return nil
		}
		if time.Now().After(end) {
			return fmt.Errorf("%d frames of %d messages didn't come to %d members in %s", missing, w.load.sent, len(w.load.members), patience)
		}
		if err := w.poll(w.read); err != nil {
			return err
		}
	}
}

// poll calls read once for each socket that has something, and waits at most 100 ms for one, if it may sleep.
func (w *swarm) poll(read func(fd int) error) error {
	patience := 100
	if w.awake {
		patience = 0
	}
	n, err := unix.EpollWait(w.epoll, w.events, patience)
	if err != nil && !errors.Is(err, unix.EINTR) {
		return fmt.Errorf("epoll_wait: %w", err)
	}
	for i := range max(n, 0) {
		if err := read(int(w.events[i].Fd)); err != nil {
			return err
		}
	}
	return nil
}

func (w *swarm) read(fd int) error {
	n, err := unix.Read(fd, w.buf)
	switch {
	case errors.Is(err, unix.EAGAIN), errors.Is(err, unix.EINTR):
		return nil
	case err != nil:
		return fmt.Errorf("read: %w", err)
	case n == 0:
		return errors.New("the server closed a socket")
	}
	w.bytes += int64(n)
	return w.load.read(fd, n)
}

// read notes that n bytes have come to a member, and sends what is no longer in flight.
func (l *load) read(fd, n int) error {
	paced, least := false, int64(math.MaxInt64)
	for i := range l.pacers {
		p := &l.pacers[i]
		if p.fd == fd {
			p.bytes += int64(n)
			paced = true
		}
		least = min(least, p.bytes/int64(l.size))
	}
	if !paced {
		return nil
	}
	whole := least - l.came
	l.came = least
	if l.came > l.sent {
		return fmt.Errorf("%d messages were sent, and %d came", l.sent, l.came)
	}
	return l.send(int(whole))
}
