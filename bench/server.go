//go:build linux

package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// A server is a process of ours that is loaded, on a free port of 127.0.0.1.
type server struct {
	cmd     *exec.Cmd
	dir     string // what it writes to, "" for nowhere
	addr    string
	started time.Duration // from exec to the URL
	log     bytes.Buffer
}

// A launch starts a server.
type launch func(cfg config) (*server, error)

// teahouse starts a whole Teahouse in a folder of its own.
func teahouse(cfg config) (*server, error) {
	if _, err := os.Stat(cfg.server); err != nil {
		return nil, fmt.Errorf("no server to load: %w; build it with make build", err)
	}
	dir, err := os.MkdirTemp("", "teahouse-bench-")
	if err != nil {
		return nil, err
	}
	return start(exec.Command(cfg.server, "serve", "--addr", "127.0.0.1:0", "--data", dir, "--limits", "off", "--drain", "1s"), dir)
}

// limit starts the C program of that name.
func limit(cfg config) (*server, error) {
	path := filepath.Join(cfg.dir, "limit")
	if err := build(path, "gcc", "-O2", "-Wall", "-Wextra", "-Werror", "-o", path, "limit/limit.c", "limit/accept.c"); err != nil {
		return nil, err
	}
	return start(exec.Command(path), "")
}

// node starts a program that is made with package channels. The arguments are those of peers/channels.
func node(args ...string) launch {
	return func(cfg config) (*server, error) {
		path := filepath.Join(cfg.dir, "channels")
		if err := build(path, "go", "build", "-o", path, "./peers/channels"); err != nil {
			return nil, err
		}
		return start(exec.Command(path, args...), "")
	}
}

// build makes a program, once.
func build(path, name string, args ...string) error {
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		return fmt.Errorf("build %s: %w\n%s", filepath.Base(path), err, out)
	}
	return nil
}

// start runs a program whose first line is its URL.
func start(cmd *exec.Cmd, dir string) (*server, error) {
	s := &server{cmd: cmd, dir: dir}
	cmd.Stderr = &s.log
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	began := time.Now()
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	s.started = time.Since(began)
	if err != nil {
		return nil, s.failed(err)
	}
	u, err := url.Parse(strings.TrimSpace(line))
	if err != nil {
		return nil, s.failed(err)
	}
	s.addr = "127.0.0.1:" + u.Port()
	return s, nil
}

// django starts the room of peers/django under daphne, on a socket that already listens, and waits until it serves.
func django(cfg config) (*server, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	defer listener.Close()
	file, err := listener.(*net.TCPListener).File()
	if err != nil {
		return nil, err
	}
	defer file.Close()
	// No access log, as nobody else writes one; no pings, which would be counted with the frames.
	s := &server{
		cmd:  exec.Command(cfg.python, "-B", "-m", "daphne", "-v", "0", "--fd", "3", "--ping-interval", "3600", "asgi:application"),
		addr: listener.Addr().String(),
	}
	s.cmd.Dir = "peers/django"
	s.cmd.ExtraFiles = []*os.File{file}
	s.cmd.Stderr = &s.log
	if err := s.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start daphne: %w", err)
	}
	_ = file.Close() // so that a process that ends refuses who waits
	_ = listener.Close()
	fd, err := dial(s.addr, "/room/first/")
	if err != nil {
		return nil, s.failed(err)
	}
	return s, syscall.Close(fd)
}

// failed ends a process that didn't start as it should.
func (s *server) failed(err error) error {
	err = fmt.Errorf("start %s: %w", filepath.Base(s.cmd.Path), err)
	s.stop(&err)
	return err
}

// stop ends the process and removes what it wrote. To an error of its user it adds what the process said.
func (s *server) stop(err *error) {
	_ = s.cmd.Process.Signal(syscall.SIGTERM) // it may have ended
	ended := time.AfterFunc(10*time.Second, func() { _ = s.cmd.Process.Kill() })
	_ = s.cmd.Wait() // how it ended is no figure of ours
	ended.Stop()
	_ = os.RemoveAll(s.dir)
	if said := bytes.TrimSpace(s.log.Bytes()); *err != nil && len(said) > 0 {
		*err = fmt.Errorf("%w\n%s said: %s", *err, filepath.Base(s.cmd.Path), said)
	}
}
