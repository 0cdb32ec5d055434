//go:build linux

package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// A swarm is many plain sockets served by one thread: it reads what comes and counts, so that the load costs the machine little
// beside the server. The first socket sends.
type swarm struct {
	epoll  int
	fds    []int
	size   int // of the frame that everyone gets for one message
	sent   []byte
	buf    []byte
	bytes  int64
	sender sender
}

// A sender sends a message for each of its own that comes back.
type sender struct {
	frame   []byte
	partial int // bytes of a frame that isn't whole yet
}

func newSwarm(addr, path string, n int) (*swarm, error) {
	epoll, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("epoll_create1: %w", err)
	}
	w := &swarm{epoll: epoll, buf: make([]byte, 1<<20)}
	const dialers = 16
	var wg sync.WaitGroup
	var mu sync.Mutex
	var failed error
	for d := range dialers {
		wg.Go(func() {
			for i := d; i < n; i += dialers {
				fd, err := dial(addr, path)
				mu.Lock()
				if err != nil {
					failed = err
				} else {
					w.fds = append(w.fds, fd)
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
	if failed != nil {
		w.close()
		return nil, fmt.Errorf("open %d sockets: %w", n, failed)
	}
	for _, fd := range w.fds {
		if err := unix.EpollCtl(epoll, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(fd)}); err != nil {
			w.close()
			return nil, fmt.Errorf("epoll_ctl: %w", err)
		}
	}
	return w, nil
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

// keepInFlight makes the first socket keep n messages in flight, from the next run on.
func (w *swarm) keepInFlight(frame []byte, n int) error {
	w.sender.frame = frame
	w.size = len(frame) - 4 // a server's frame has no mask
	for range n {
		w.sent = append(w.sent, frame...)
	}
	return writeAll(w.fds[0], w.sent)
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

// frames is how many have come in all.
func (w *swarm) frames() int64 { return w.bytes / int64(w.size) }

// run reads for a while.
func (w *swarm) run(d time.Duration) error {
	events := make([]unix.EpollEvent, 1024)
	end := time.Now().Add(d)
	for time.Now().Before(end) {
		n, err := unix.EpollWait(w.epoll, events, 100)
		if err != nil && !errors.Is(err, unix.EINTR) {
			return fmt.Errorf("epoll_wait: %w", err)
		}
		for i := range max(n, 0) {
			if err := w.read(int(events[i].Fd)); err != nil {
				return err
			}
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
	if fd != w.fds[0] {
		return nil
	}
	whole := (w.sender.partial + n) / w.size
	w.sender.partial = (w.sender.partial + n) % w.size
	w.sent = w.sent[:0]
	for range whole {
		w.sent = append(w.sent, w.sender.frame...)
	}
	return writeAll(fd, w.sent)
}
