//go:build linux

package main

import (
	"bufio"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// startLimit starts the C program for a test.
func startLimit(t *testing.T) *server {
	t.Helper()
	s, err := limit(config{dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.stop(&err) })
	return s
}

func TestLimitProvesThatItSpeaksWebSocket(t *testing.T) {
	c, err := net.Dial("tcp", startLimit(t).addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	// The key and the proof are the example of RFC 6455, section 1.3.
	request := "GET /room/a/ HTTP/1.1\r\nHost: limit\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
	if _, err := c.Write([]byte(request)); err != nil {
		t.Fatal(err)
	}
	answer, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := answer.Header.Get("Sec-WebSocket-Accept"), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="; answer.StatusCode != 101 || got != want {
		t.Errorf("answer %s with Sec-WebSocket-Accept %q, want 101 with %q", answer.Status, got, want)
	}
}

func TestLimitGivesARoomItsFramesInOrderAndNoOtherRoom(t *testing.T) {
	s := startLimit(t)
	join := func(room string) (net.Conn, *bufio.Reader) {
		c, err := net.Dial("tcp", s.addr)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		if err := handshake(c, s.addr, "/room/"+room+"/", ""); err != nil {
			t.Fatal(err)
		}
		if err := c.SetReadDeadline(time.Now().Add(5 * time.Second)); err != nil {
			t.Fatal(err)
		}
		return c, bufio.NewReader(c)
	}
	a, ownEnd := join("a")
	_, otherEnd := join("a")
	b, apart := join("b")
	masked := append([]byte{0x81, 0x82, 1, 2, 3, 4}, 'h'^1, 'i'^2)
	texts := []string{strings.Repeat("x", 125), strings.Repeat("y", 126), "", strings.Repeat("z", 5000)}
	for _, text := range texts {
		masked = append(masked, clientFrame([]byte(text))...)
	}
	for piece := range slices.Chunk(masked, 100) { // frames that come in pieces
		if _, err := a.Write(piece); err != nil {
			t.Fatal(err)
		}
	}
	for _, in := range []*bufio.Reader{ownEnd, otherEnd} {
		for _, want := range append([]string{"hi"}, texts...) {
			if got, err := readFrame(in); string(got) != want || err != nil {
				t.Fatalf("got %.20q, %v, want %.20q", got, err, want)
			}
		}
	}
	if _, err := b.Write(clientFrame([]byte("alone"))); err != nil {
		t.Fatal(err)
	}
	if got, err := readFrame(apart); string(got) != "alone" || err != nil {
		t.Errorf("the other room got %q, %v, want its own text only", got, err)
	}
}

func TestSwarmCountsWhatEveryMemberGets(t *testing.T) {
	s := startLimit(t)
	w := newTestSwarm(t)
	members, err := w.open(s.addr, "/room/bench/", 20)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.keepInFlight(16, textFrame(), members, members[:2], members[1:5]); err != nil {
		t.Fatal(err)
	}
	if err := w.run(50 * time.Millisecond); err != nil {
		t.Fatal(err)
	}
	if err := w.drain(); err != nil {
		t.Fatal(err)
	}
	if got, want := w.frames(), 20*w.load.sent; got != want || w.load.sent <= 16 {
		t.Errorf("20 members got %d frames of %d messages, want %d and more than the first 16", got, w.load.sent, want)
	}
}

func TestSwarmRefusesMoreThanItSent(t *testing.T) {
	s := startLimit(t)
	w := newTestSwarm(t)
	members, err := w.open(s.addr, "/room/bench/", 1)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.keepInFlight(1, textFrame(), members, members[:1], members); err != nil {
		t.Fatal(err)
	}
	if err := writeAll(members[0], textFrame()); err != nil { // as if the server told twice
		t.Fatal(err)
	}
	w.load.ends = true
	if err := w.run(time.Second); err == nil || !strings.Contains(err.Error(), "were sent") {
		t.Errorf("got %v, want an error that more came than was sent", err)
	}
}

func newTestSwarm(t *testing.T) *swarm {
	t.Helper()
	w, err := newSwarm()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.close)
	return w
}

func TestTableTellsMediansAndRatios(t *testing.T) {
	chosen := []measure{
		{what: "ours", unit: "/s", target: "≥ 0.7 × limit", base: "limit"},
		{what: "limit", unit: "/s"},
	}
	var out strings.Builder
	if err := writeTable(&out, sum(chosen, [][]float64{{90, 70, 80}, {100, 300, 200}}), 3); err != nil {
		t.Fatal(err)
	}
	want := `| what | median of 3 | least – most | ratio | target |
|---|---|---|---|---|
| ours | 80 /s | 70 – 90 | 0.4 × | ≥ 0.7 × limit |
| limit | 200 /s | 100 – 300 |  |  |
`
	if out.String() != want {
		t.Errorf("got\n%s\nwant\n%s", out.String(), want)
	}
}

func TestEveryBaseIsAMeasureOfItsSuite(t *testing.T) {
	for name, suite := range suites {
		for _, m := range suite {
			if m.base != "" && !slices.ContainsFunc(suite, func(o measure) bool { return o.what == m.base }) {
				t.Errorf("%s: %q is compared with %q, which isn't there", name, m.what, m.base)
			}
		}
	}
}

func TestRedisCountsTheCommandsOfOthers(t *testing.T) {
	redis, err := startRedis()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { redis.stop(&err) })
	c, err := net.Dial("tcp", redis.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	before, err := redis.commands()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Write([]byte("ZADD z 1 a\r\nZCARD z\r\nEVAL \"return redis.call('ZCARD', 'z')\" 0\r\n")); err != nil {
		t.Fatal(err)
	}
	in := bufio.NewReader(c)
	for range 3 {
		if line, err := in.ReadString('\n'); line != ":1\r\n" || err != nil {
			t.Fatalf("got %q, %v, want :1", line, err)
		}
	}
	after, err := redis.commands()
	if got, want := after-before, 4; got != want || err != nil { // the script's own counts
		t.Errorf("counted %d commands, %v, want %d", got, err, want)
	}
}
