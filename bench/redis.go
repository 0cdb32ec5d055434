//go:build linux

package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// startRedis starts a redis-server that keeps nothing on disk, and waits until it answers.
func startRedis() (*server, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &server{addr: listener.Addr().String()}
	port := strconv.Itoa(listener.Addr().(*net.TCPAddr).Port)
	_ = listener.Close()
	s.cmd = exec.Command("redis-server", "--bind", "127.0.0.1", "--port", port, "--save", "", "--appendonly", "no", "--loglevel", "warning")
	s.cmd.Stdout = &s.log // redis-server has its log there
	if err := s.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start redis-server: %w", err)
	}
	for end := time.Now().Add(5 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		if _, err = s.commands(); err == nil {
			return s, nil
		}
		if time.Now().After(end) {
			return nil, s.failed(err)
		}
	}
}

// commands is how many commands a Redis has had from others, those of scripts too.
func (s *server) commands() (int, error) {
	c, err := net.Dial("tcp", s.addr)
	if err != nil {
		return 0, err
	}
	defer c.Close()
	if _, err := io.WriteString(c, "INFO commandstats\r\n"); err != nil {
		return 0, err
	}
	in := bufio.NewReader(c)
	head, err := in.ReadString('\n')
	if err != nil {
		return 0, err
	}
	size, err := strconv.Atoi(strings.TrimPrefix(strings.TrimSpace(head), "$"))
	if err != nil {
		return 0, fmt.Errorf("INFO: answer %q: %w", head, err)
	}
	stats := make([]byte, size)
	if _, err := io.ReadFull(in, stats); err != nil {
		return 0, err
	}
	total := 0
	for line := range strings.Lines(string(stats)) { // cmdstat_zadd:calls=3,usec=…
		name, rest, ok := strings.Cut(line, ":calls=")
		if !ok || name == "cmdstat_info" {
			continue
		}
		calls, _, _ := strings.Cut(rest, ",")
		n, err := strconv.Atoi(calls)
		if err != nil {
			return 0, fmt.Errorf("INFO: line %q: %w", line, err)
		}
		total += n
	}
	return total, nil
}
