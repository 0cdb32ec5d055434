//go:build linux

package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const textBytes = 128

func choose(only string) []measure {
	var chosen []measure
	for _, m := range measures {
		if strings.Contains(m.what, only) {
			chosen = append(chosen, m)
		}
	}
	return chosen
}

// fanOut measures plain sockets in one room: one of them keeps messages in flight, all of them get each.
func fanOut(sockets, inFlight int) func(config) (float64, error) {
	return func(cfg config) (float64, error) {
		s, err := startServer(cfg.server)
		if err != nil {
			return 0, err
		}
		defer s.stop()
		w, err := newSwarm(s.addr, "/room/bench/", sockets)
		if err != nil {
			return 0, err
		}
		defer w.close()
		frame := clientFrame([]byte(strings.Repeat("x", textBytes)))
		if err := w.keepInFlight(frame, inFlight); err != nil {
			return 0, err
		}
		if err := w.run(time.Second); err != nil { // warm
			return 0, err
		}
		cpu, frames := s.cpu(), w.frames()
		if err := w.run(cfg.seconds); err != nil {
			return 0, err
		}
		spent := s.cpu() - cpu
		return float64(w.frames()-frames) / spent.Seconds(), nil
	}
}

// idleMemory measures what the server's process grows by for each socket that sits in a room and says nothing.
func idleMemory(sockets int) func(config) (float64, error) {
	return func(cfg config) (float64, error) {
		s, err := startServer(cfg.server)
		if err != nil {
			return 0, err
		}
		defer s.stop()
		before := s.pss()
		w, err := newSwarm(s.addr, "/room/bench/", sockets)
		if err != nil {
			return 0, err
		}
		defer w.close()
		time.Sleep(40 * time.Second) // garbage of the handshakes goes, and its pages go back
		return float64(s.pss()-before) / 1024 / float64(sockets), nil
	}
}

// ackedPosts measures teahouse.v1 connections that post as fast as they are acknowledged, each in a room of its own.
func ackedPosts(conns int) func(config) (float64, error) {
	return func(cfg config) (float64, error) {
		s, err := startServer(cfg.server)
		if err != nil {
			return 0, err
		}
		defer s.stop()
		var acked atomic.Int64
		var wg sync.WaitGroup
		failed := make(chan error, conns)
		end := time.Now().Add(time.Second + cfg.seconds)
		for i := range conns {
			wg.Go(func() {
				if err := postUntil(s.addr, i, end, &acked); err != nil {
					failed <- err
				}
			})
		}
		time.Sleep(time.Second)
		began, before := time.Now(), acked.Load()
		wg.Wait()
		took := time.Since(began)
		select {
		case err := <-failed:
			return 0, err
		default:
			return float64(acked.Load()-before) / took.Seconds(), nil
		}
	}
}

func postUntil(addr string, i int, end time.Time, acked *atomic.Int64) error {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		return err
	}
	defer c.Close()
	if err := handshake(c, addr, fmt.Sprintf("/room/bench-%d/?name=p%d", i, i), "teahouse.v1"); err != nil {
		return err
	}
	in := bufio.NewReader(c)
	text := strings.Repeat("x", textBytes)
	for n := 0; time.Now().Before(end); n++ {
		post := fmt.Sprintf(`{"type":"post","ref":%d,"room":"bench-%d","id":"c-%d-%d","text":"%s"}`, n, i, i, n, text)
		if _, err := c.Write(clientFrame([]byte(post))); err != nil {
			return err
		}
		for {
			payload, err := readFrame(in)
			if err != nil {
				return err
			}
			if strings.HasPrefix(string(payload), `{"type":"error"`) {
				return fmt.Errorf("refused: %s", payload)
			}
			if strings.HasPrefix(string(payload), `{"type":"ok"`) {
				break
			}
		}
		acked.Add(1)
	}
	return nil
}

// readFrame reads the payload of one of the server's frames.
func readFrame(in *bufio.Reader) ([]byte, error) {
	var head [4]byte
	if _, err := io.ReadFull(in, head[:2]); err != nil {
		return nil, err
	}
	n := int(head[1])
	if n == 126 {
		if _, err := io.ReadFull(in, head[2:]); err != nil {
			return nil, err
		}
		n = int(head[2])<<8 | int(head[3])
	}
	payload := make([]byte, n)
	_, err := io.ReadFull(in, payload)
	return payload, err
}

func startTime(cfg config) (float64, error) {
	s, err := startServer(cfg.server)
	if err != nil {
		return 0, err
	}
	defer s.stop()
	return float64(s.started.Microseconds()) / 1000, nil
}

func emptyMemory(cfg config) (float64, error) {
	s, err := startServer(cfg.server)
	if err != nil {
		return 0, err
	}
	defer s.stop()
	time.Sleep(time.Second)
	return float64(s.pss()) / (1 << 20), nil
}
