//go:build linux

package main

import (
	"bufio"
	"bytes"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// A server is a Teahouse process of ours, on a free port and in a folder of its own.
type server struct {
	cmd     *exec.Cmd
	dir     string
	addr    string
	started time.Duration // from exec to the URL
	log     bytes.Buffer
}

func startServer(binary string) (*server, error) {
	dir, err := os.MkdirTemp("", "teahouse-bench-")
	if err != nil {
		return nil, err
	}
	s := &server{dir: dir}
	s.cmd = exec.Command(binary, "serve", "--addr", "127.0.0.1:0", "--data", dir, "--limits", "off", "--drain", "1s")
	s.cmd.Stderr = &s.log
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	began := time.Now()
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	s.started = time.Since(began)
	if err != nil {
		s.stop()
		return nil, fmt.Errorf("the server didn't start: %s", s.log.String())
	}
	u, err := url.Parse(strings.TrimSpace(line))
	if err != nil {
		s.stop()
		return nil, err
	}
	s.addr = "127.0.0.1:" + u.Port()
	return s, nil
}

// stop ends the process and removes what it wrote.
func (s *server) stop() {
	_ = s.cmd.Process.Signal(syscall.SIGTERM) // it may have ended
	ended := time.AfterFunc(10*time.Second, func() { _ = s.cmd.Process.Kill() })
	_ = s.cmd.Wait() // how it ended is no figure of ours
	ended.Stop()
	_ = os.RemoveAll(s.dir)
}

// cpu is the time that the process has spent, in user and in kernel.
func (s *server) cpu() time.Duration {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", s.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(b[bytes.LastIndexByte(b, ')')+1:]))
	user, _ := strconv.ParseInt(fields[11], 10, 64)   // utime, see proc(5)
	kernel, _ := strconv.ParseInt(fields[12], 10, 64) // stime
	const tick = time.Second / 100                    // sysconf(_SC_CLK_TCK), 100 on Linux
	return time.Duration(user+kernel) * tick
}

// pss is the process's share of memory in bytes, with what it shares counted in proportion.
func (s *server) pss() int64 {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", s.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(b)) {
		if f := strings.Fields(line); len(f) > 1 && f[0] == "Pss:" {
			kb, _ := strconv.ParseInt(f[1], 10, 64)
			return kb << 10
		}
	}
	return 0
}
