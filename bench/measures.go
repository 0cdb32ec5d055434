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

// serverSuite measures a whole Teahouse.
var serverSuite = []measure{
	{what: "room of 1,000, 16 in flight: deliveries per CPU second", unit: "/s", target: "≥ 300,000 /s", run: fanOut(teahouse, 1000, 16)},
	{what: "room of 1,000, 1 in flight: deliveries per CPU second", unit: "/s", target: "≥ 70,000 /s", run: fanOut(teahouse, 1000, 1)},
	{what: "room of 10,000, 8 in flight: deliveries per CPU second", unit: "/s", target: "≥ 200,000 /s", run: fanOut(teahouse, 10000, 8)},
	{what: "memory of an idle socket at 15,000", unit: "KB", target: "≤ 1.5 KB", run: idleMemory(15000)},
	{what: "acknowledged posts, 64 connections in 64 rooms", unit: "/s", target: "≥ 7,000 /s", run: ackedPosts(64)},
	{what: "start to serving", unit: "ms", target: "≤ 200 ms", run: startTime},
	{what: "memory of an empty server", unit: "MB", target: "≤ 40 MB", run: emptyMemory},
}

// fanOut measures plain sockets in one room: one of them keeps messages in flight, all of them get each.
func fanOut(start launch, sockets, inFlight int) func(config) (float64, error) {
	return func(cfg config) (v float64, err error) {
		s, err := start(cfg)
		if err != nil {
			return 0, err
		}
		defer s.stop(&err)
		w, err := newSwarm()
		if err != nil {
			return 0, err
		}
		defer w.close()
		w.awake = true
		members, err := w.open(s.addr, "/room/bench/", sockets)
		if err != nil {
			return 0, err
		}
		if err := w.keepInFlight(inFlight, textFrame(), members, members[:1], members[:1]); err != nil {
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
		frames = w.frames() - frames
		return float64(frames) / spent.Seconds(), w.drain()
	}
}

// textFrame is a message of the usual size, as a client sends it.
func textFrame() []byte { return clientFrame([]byte(strings.Repeat("x", textBytes))) }

// idleMemory measures what a server whose sockets sit in a room and say nothing holds for each of them: how much more than one that has none, both after a rest. The server gives back within two
// minutes what starting and the handshakes left.
func idleMemory(sockets int) func(config) (float64, error) {
	return func(cfg config) (v float64, err error) {
		empty, err := teahouse(cfg)
		if err != nil {
			return 0, err
		}
		defer empty.stop(&err)
		s, err := teahouse(cfg)
		if err != nil {
			return 0, err
		}
		defer s.stop(&err)
		w, err := newSwarm()
		if err != nil {
			return 0, err
		}
		defer w.close()
		if _, err := w.open(s.addr, "/room/bench/", sockets); err != nil {
			return 0, err
		}
		if err := w.rest(150 * time.Second); err != nil {
			return 0, err
		}
		return float64(s.pss()-empty.pss()) / 1024 / float64(sockets), nil
	}
}

// ackedPosts measures teahouse.v1 connections that post as fast as they are acknowledged, each in a room of its own.
func ackedPosts(conns int) func(config) (float64, error) {
	return func(cfg config) (v float64, err error) {
		s, err := teahouse(cfg)
		if err != nil {
			return 0, err
		}
		defer s.stop(&err)
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

func startTime(cfg config) (ms float64, err error) {
	s, err := teahouse(cfg)
	if err != nil {
		return 0, err
	}
	defer s.stop(&err)
	return float64(s.started.Microseconds()) / 1000, nil
}

func emptyMemory(cfg config) (mb float64, err error) {
	s, err := teahouse(cfg)
	if err != nil {
		return 0, err
	}
	defer s.stop(&err)
	time.Sleep(time.Second)
	return float64(s.pss()) / (1 << 20), nil
}
