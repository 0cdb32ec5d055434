//go:build unix

// Package redistest runs real Redis servers for tests: on free ports of the loopback, in directories of the test, without persistence.
package redistest

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// readyWithin is how long a server may take until it answers.
const readyWithin = 10 * time.Second

// A Server is a redis-server process. Its methods are for one goroutine, but for Do and the names.
type Server struct {
	command string // redis-server or redis-sentinel
	args    func(s *Server) []string
	dir     string
	port    int // 0: the Unix socket only
	held    int // the descriptor that keeps the port
	socket  string
	tls     *tls.Config // of clients; nil: in the clear
	cmd     *exec.Cmd   // nil while it is stopped
	output  bytes.Buffer
}

// Start starts a server with further arguments ("--requirepass", "secret") and ends it with the test. The test fails when it can't.
func Start(t testing.TB, args ...string) *Server {
	t.Helper()
	s, err := New(t.TempDir(), args...)
	return started(t, s, err)
}

// StartUnix is like Start, but the server listens on a Unix socket only.
func StartUnix(t testing.TB, args ...string) *Server {
	t.Helper()
	dir, err := os.MkdirTemp("", "redistest") // a socket's path must be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	s := &Server{command: "redis-server", dir: dir, socket: filepath.Join(dir, "redis.sock")}
	s.args = func(s *Server) []string { return append([]string{"--port", "0", "--unixsocket", s.socket}, args...) }
	return started(t, s, s.start())
}

// started ends a server with the test.
func started(t testing.TB, s *Server, err error) *Server {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// New starts a server without a test, which Close ends; dir is for what it writes.
func New(dir string, args ...string) (*Server, error) {
	s := &Server{command: "redis-server", dir: dir}
	s.args = func(s *Server) []string { return append([]string{"--port", strconv.Itoa(s.port)}, args...) }
	return s, s.startAnywhere()
}

// startAnywhere starts a server on a free port, which is the server's until Close, even while it is stopped: nobody else is to be taken for it.
func (s *Server) startAnywhere() error {
	if err := s.holdPort(); err != nil {
		return fmt.Errorf("find a port for %s: %w", s.command, err)
	}
	err := s.start()
	if err != nil {
		s.Close()
	}
	return err
}

// holdPort binds a socket that never listens: another one may then listen on the port only if it is asked to, as Redis is.
func (s *Server) holdPort() error {
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err != nil {
		return err
	}
	syscall.CloseOnExec(fd)
	err = syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1)
	if err == nil {
		err = syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}})
	}
	var addr syscall.Sockaddr
	if err == nil {
		addr, err = syscall.Getsockname(fd)
	}
	if err != nil {
		syscall.Close(fd)
		return err
	}
	s.held, s.port = fd, addr.(*syscall.SockaddrInet4).Port
	return nil
}

// start starts the process and waits until it answers.
func (s *Server) start() error {
	file, err := exec.LookPath(s.command)
	if err != nil {
		return fmt.Errorf("%w: install redis-server (ci/deps does)", err)
	}
	s.output.Reset()
	cmd := exec.Command(file, s.args(s)...)
	if s.command == "redis-server" {
		cmd.Args = append(cmd.Args, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--repl-diskless-sync-delay", "0", "--dir", s.dir)
	}
	cmd.Stdout, cmd.Stderr = &s.output, &s.output
	if err := cmd.Start(); err != nil {
		return err
	}
	s.cmd = cmd
	for deadline := time.Now().Add(readyWithin); ; time.Sleep(5 * time.Millisecond) {
		if s.answers() {
			return nil
		}
		if time.Now().After(deadline) || !s.runs() {
			s.Stop()
			return fmt.Errorf("start %s on %s: it doesn't answer\n%s", s.command, s.Addr(), s.output.String())
		}
	}
}

// runs reports whether the process is there and no zombie.
func (s *Server) runs() bool {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(s.cmd.Process.Pid) + "/stat")
	if errors.Is(err, os.ErrNotExist) {
		return s.cmd.Process.Signal(syscall.Signal(0)) == nil // no /proc here
	}
	_, state, _ := strings.Cut(string(stat), ") ")
	return err == nil && !strings.HasPrefix(state, "Z")
}

// answers reports whether the server answers a PING, even if it wants a password first.
func (s *Server) answers() bool {
	conn, err := s.dial()
	if err != nil {
		return false
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(time.Second))
	if _, err := io.WriteString(conn, "PING\r\n"); err != nil {
		return false
	}
	answer := make([]byte, 7)
	if _, err := io.ReadFull(conn, answer); err != nil {
		return false
	}
	return string(answer) == "+PONG\r\n" || bytes.HasPrefix(answer, []byte("-NOAUTH"))
}

func (s *Server) dial() (net.Conn, error) {
	if s.tls != nil {
		return tls.Dial("tcp", s.Addr(), s.tls)
	}
	if s.socket != "" {
		return net.Dial("unix", s.socket)
	}
	return net.Dial("tcp", s.Addr())
}

// Addr is the server's host:port, or the path of its Unix socket.
func (s *Server) Addr() string {
	if s.socket != "" {
		return s.socket
	}
	return net.JoinHostPort("127.0.0.1", s.Port())
}

// Port is the server's port.
func (s *Server) Port() string { return strconv.Itoa(s.port) }

// URL is the server's redis://, rediss:// or unix:// URL.
func (s *Server) URL() string {
	if s.tls != nil {
		return "rediss://" + s.Addr()
	}
	if s.socket != "" {
		return "unix://" + s.socket
	}
	return "redis://" + s.Addr()
}

// Stop kills the server. One that is stopped stays so.
func (s *Server) Stop() {
	if s.cmd == nil {
		return
	}
	s.cmd.Process.Kill()
	s.cmd.Wait()
	s.cmd = nil
}

// Close kills the server for good.
func (s *Server) Close() {
	s.Stop()
	if s.held != 0 {
		syscall.Close(s.held)
		s.held = 0
	}
}

// Restart kills the server, if it runs, and starts it again where it was. It has forgotten everything.
func (s *Server) Restart(t testing.TB) {
	t.Helper()
	s.Stop()
	if err := s.start(); err != nil {
		t.Fatal(err)
	}
}

// Pause stops the process's execution: its connections stay, and nothing is answered until Resume.
func (s *Server) Pause(t testing.TB) { s.signal(t, syscall.SIGSTOP) }

// Resume has a paused server go on.
func (s *Server) Resume(t testing.TB) { s.signal(t, syscall.SIGCONT) }

func (s *Server) signal(t testing.TB, sig syscall.Signal) {
	t.Helper()
	if err := s.cmd.Process.Signal(sig); err != nil {
		t.Fatal(err)
	}
}
