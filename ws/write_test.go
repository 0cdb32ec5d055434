package ws_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/teahouse-chat/teahouse/ws"
)

// A feeder offers batches of numbered frames to a connection, as a topic does: when refused, it goes on when it is told.
type feeder struct {
	c       *ws.Conn
	topic   byte
	total   int
	size    int // of a payload
	mu      sync.Mutex
	next    int
	refused atomic.Int64
	done    chan struct{}
}

func (f *feeder) run() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for f.next < f.total {
		n := min(1+f.next%17, f.total-f.next)
		var batch []byte
		for i := range n {
			payload := binary.BigEndian.AppendUint32([]byte{f.topic}, uint32(f.next+i))
			batch = ws.AppendFrame(batch, ws.Binary, append(payload, make([]byte, f.size)...))
		}
		// Not called with mu: the first told may run before Offer returns.
		if !f.c.Offer(batch, func() { go f.run() }) {
			f.refused.Add(1)
			return
		}
		f.next += n
	}
	select {
	case <-f.done:
	default:
		close(f.done)
	}
}

func TestSlowReaderGetsEveryFrameOfEveryTopicOnceAndInOrder(t *testing.T) {
	onEveryPath(t, ws.Options{SendBuffer: 8 << 10}, func(t *testing.T, path string, o ws.Options) {
		h := newRecord()
		h.message = func(c *ws.Conn, op ws.Opcode, p []byte) { _ = c.Send(op, p) }
		c := serve(t, path, o, h.one).dial(t, "")
		<-h.opened
		const topics, total = 3, 600
		feeders := make([]*feeder, topics)
		for i := range feeders {
			feeders[i] = &feeder{c: h.conn, topic: byte(i), total: total, size: 1500, done: make(chan struct{})}
			go feeders[i].run()
		}
		time.Sleep(20 * time.Millisecond) // so that buffers fill and the batches wait
		c.send(t, frame(0x81, "urgent"))
		c.send(t, frame(0x89, "ping"))
		checkFeed(t, c, make([]int, topics), topics*total)
		refused := int64(0)
		for _, f := range feeders {
			<-f.done
			refused += f.refused.Load()
		}
		if refused == 0 {
			t.Error("nothing was refused, so nothing was tested")
		}
	})
}

// checkFeed reads what the feeders send, an answer and a pong among it.
func checkFeed(t *testing.T, c *client, next []int, left int) {
	t.Helper()
	urgent, pong := 0, 0
	for left > 0 || urgent == 0 || pong == 0 {
		first, p, err := c.read()
		if err != nil {
			t.Fatalf("%d frames before the end: %v", left, err)
		}
		switch first {
		case 0x81:
			urgent++
		case 0x8a:
			pong++
		case 0x82:
			if got := int(binary.BigEndian.Uint32(p[1:])); got != next[p[0]] {
				t.Fatalf("topic %d: got frame %d, want %d", p[0], got, next[p[0]])
			}
			next[p[0]]++
			left--
		}
	}
	if urgent != 1 || pong != 1 {
		t.Errorf("got %d answers and %d pongs, want one each", urgent, pong)
	}
}

func TestAnswersOvertakeABatchAtAFrameBoundary(t *testing.T) {
	onEveryPath(t, ws.Options{SendBuffer: 8 << 10}, func(t *testing.T, path string, o ws.Options) {
		h := newRecord()
		c := serve(t, path, o, h.one).dial(t, "")
		<-h.opened
		const frames = 4000
		if !h.conn.Offer(bytes.Repeat(ws.AppendFrame(nil, ws.Binary, make([]byte, 4000)), frames), func() {}) {
			t.Fatal("an idle connection refused")
		}
		c.expect(t, 0x82, string(make([]byte, 4000)))
		if err := h.conn.Send(ws.Text, []byte("urgent")); err != nil {
			t.Fatal(err)
		}
		for i := range frames - 1 {
			first, p, err := c.read()
			if err != nil {
				t.Fatal(err)
			}
			if first == 0x81 && string(p) == "urgent" {
				return
			}
			if first != 0x82 || len(p) != 4000 {
				t.Fatalf("frame %d is %#x with %d bytes", i, first, len(p))
			}
		}
		t.Error("it came after the whole batch")
	})
}

func TestClosingWaitsForTheBatch(t *testing.T) {
	onEveryPath(t, ws.Options{SendBuffer: 8 << 10}, func(t *testing.T, path string, o ws.Options) {
		h := newRecord()
		c := serve(t, path, o, h.one).dial(t, "")
		<-h.opened
		const frames = 500
		h.conn.Offer(bytes.Repeat(ws.AppendFrame(nil, ws.Binary, make([]byte, 4000)), frames), func() {})
		if err := h.conn.Close(ws.CloseRestart, "back soon"); err != nil {
			t.Fatal(err)
		}
		if err := h.conn.Close(ws.CloseNormal, ""); err != nil {
			t.Errorf("closing again: %v", err)
		}
		if err := h.conn.Send(ws.Text, nil); !errors.Is(err, ws.ErrClosed) {
			t.Errorf("send after close: %v", err)
		}
		if !h.conn.Offer([]byte("dropped"), func() { t.Error("told after close") }) {
			t.Error("offer after close was refused")
		}
		for range frames {
			if first, _, err := c.read(); err != nil || first != 0x82 {
				t.Fatalf("got %#x, %v", first, err)
			}
		}
		c.expect(t, 0x88, string([]byte{1012 >> 8, 1012 & 255})+"back soon")
		c.send(t, append(frame(0x81, "ignored"), closing(ws.CloseRestart, "")...))
		if rest, err := io.ReadAll(c.r); len(rest) > 0 || err != nil {
			t.Errorf("after the close frame: %d bytes, %v", len(rest), err)
		}
		_ = c.Close()
		if code := h.wait(t); code != ws.CloseRestart || h.reason != "back soon" || len(h.messages(t)) > 0 {
			t.Errorf("Closed was told %d %q after %q", code, h.reason, h.calls)
		}
	})
}

func TestCloseRefusesCodesThatMayNotBeSent(t *testing.T) {
	h := newRecord()
	c := serve(t, "parked", ws.Options{CloseTimeout: 100 * time.Millisecond}, h.one).dial(t, "")
	<-h.opened
	for _, code := range []ws.CloseCode{0, 999, 1004, 1005, 1006, 1015, 2000, 5000} {
		if err := h.conn.Close(code, ""); err == nil {
			t.Errorf("%d was taken", code)
		}
	}
	if err := h.conn.Close(4000, strings.Repeat("茶", 100)); err != nil {
		t.Fatal(err)
	}
	if code, reason := c.readClose(t); code != 4000 || reason != strings.Repeat("茶", 41) {
		t.Errorf("got %d %q", code, reason)
	}
}

func TestReaderThatStopsIsClosedAsTooSlow(t *testing.T) {
	o := ws.Options{SendBuffer: 8 << 10, WriteTimeout: 150 * time.Millisecond, CloseTimeout: 300 * time.Millisecond}
	onEveryPath(t, o, func(t *testing.T, path string, o ws.Options) {
		h := newRecord()
		c := serve(t, path, o, h.one).dial(t, "")
		<-h.opened
		batch := bytes.Repeat(ws.AppendFrame(nil, ws.Binary, make([]byte, 1000)), 8000)
		h.conn.Offer(batch, func() {})
		h.conn.Offer(batch, func() { t.Error("told, though it never read") })
		if code := h.wait(t); code != ws.CloseTooSlow {
			t.Errorf("Closed was told %d %q, want 4408", code, h.reason)
		}
		if path != "parked" {
			return // the close frame could not be written
		}
		for {
			first, p, err := c.read()
			if err != nil {
				t.Fatalf("no close frame before %v", err)
			}
			if first == 0x88 {
				if code := binary.BigEndian.Uint16(p); code != 4408 {
					t.Errorf("close frame says %d", code)
				}
				return
			}
		}
	})
}

func TestReaderThatIsSlowButReadsIsKept(t *testing.T) {
	o := ws.Options{SendBuffer: 16 << 10, WriteTimeout: 400 * time.Millisecond}
	onEveryPath(t, o, func(t *testing.T, path string, o ws.Options) {
		h := newRecord()
		c := serve(t, path, o, h.one).dial(t, "")
		<-h.opened
		h.conn.Offer(bytes.Repeat(ws.AppendFrame(nil, ws.Binary, make([]byte, 1000)), 8000), func() {})
		begin := time.Now()
		buf := make([]byte, 256<<10)
		const all = 8000 * 1004
		for total := 0; total < all; {
			// So much that the kernel tells the server of the room, however small the records of TLS are.
			n, err := io.ReadAtLeast(c.r, buf, min(128<<10, all-total))
			if err != nil {
				t.Fatalf("after %v: %v", time.Since(begin), err)
			}
			total += n
			if time.Since(begin) < 1200*time.Millisecond {
				time.Sleep(10 * time.Millisecond)
			}
		}
	})
}

func TestTooManyAnswersCloseAsTooSlow(t *testing.T) {
	o := ws.Options{SendBuffer: 4 << 10, MaxQueue: 16 << 10, CloseTimeout: 200 * time.Millisecond}
	onEveryPath(t, o, func(t *testing.T, path string, o ws.Options) {
		h := newRecord()
		s := serve(t, path, o, h.one)
		s.dial(t, "")
		<-h.opened
		if err := h.conn.Send(ws.Text, make([]byte, 1<<20+1)); !errors.Is(err, ws.ErrTooBig) {
			t.Errorf("too big a message: %v", err)
		}
		if err := h.conn.Send(ws.Continuation, nil); err == nil {
			t.Error("a continuation was sent")
		}
		var err error
		for i := 0; err == nil && i < 100000; i++ {
			err = h.conn.Send(ws.Text, make([]byte, 1000))
		}
		if !errors.Is(err, ws.ErrTooSlow) {
			t.Errorf("send: %v, want ErrTooSlow", err)
		}
		if code := h.wait(t); code != ws.CloseTooSlow {
			t.Errorf("Closed was told %d", code)
		}
	})
}

func TestOneMessageOfAMebibyteIsAlwaysSent(t *testing.T) {
	onEveryPath(t, ws.Options{SendBuffer: 4 << 10, MaxQueue: 16 << 10}, func(t *testing.T, path string, o ws.Options) {
		h := newRecord()
		c := serve(t, path, o, h.one).dial(t, "")
		<-h.opened
		if err := h.conn.Send(ws.Binary, make([]byte, 1<<20)); err != nil {
			t.Fatal(err)
		}
		if _, got, err := c.read(); len(got) != 1<<20 || err != nil {
			t.Errorf("got %d bytes, %v", len(got), err)
		}
	})
}

func TestReadyTellsWhenTheClientHasCaughtUp(t *testing.T) {
	onEveryPath(t, ws.Options{SendBuffer: 4 << 10, MaxQueue: 16 << 10}, func(t *testing.T, path string, o ws.Options) {
		h := newRecord()
		c := serve(t, path, o, h.one).dial(t, "")
		<-h.opened
		if !h.conn.Ready(func() { t.Error("an idle connection told that it is ready") }) {
			t.Error("an idle connection isn't ready")
		}
		if err := h.conn.Send(ws.Binary, make([]byte, 1<<20)); err != nil {
			t.Fatal(err)
		}
		told := make(chan struct{})
		if h.conn.Ready(func() { close(told) }) {
			t.Fatal("a connection with a mebibyte to write is ready")
		}
		select {
		case <-told:
			t.Fatal("told before the client read")
		case <-time.After(50 * time.Millisecond):
		}
		if _, _, err := c.read(); err != nil {
			t.Fatal(err)
		}
		select {
		case <-told:
		case <-time.After(5 * time.Second):
			t.Fatal("not told when the client had read")
		}
	})
}

// A client that sends without reading the answers is not read any more, and not closed, as long as it reads in the end.
func TestClientThatDoesNotReadAnswersIsNotRead(t *testing.T) {
	onEveryPath(t, ws.Options{SendBuffer: 4 << 10, MaxQueue: 16 << 10}, func(t *testing.T, path string, o ws.Options) {
		c := serve(t, path, o, newEcho).dial(t, "")
		const messages = 1500
		sent := make(chan error, 1)
		go func() {
			var err error
			for i := 0; err == nil && i < messages; i++ {
				_, err = c.Write(frame(0x81, fmt.Sprintf("%01000d", i)))
			}
			sent <- err
		}()
		time.Sleep(100 * time.Millisecond)
		for i := range messages {
			c.expect(t, 0x81, fmt.Sprintf("%01000d", i))
		}
		if err := <-sent; err != nil {
			t.Error(err)
		}
	})
}

func TestOfferDoesNotAllocate(t *testing.T) {
	h := newRecord()
	c := serve(t, "parked", ws.Options{}, h.one).dial(t, "")
	<-h.opened
	go func() { _, _ = io.Copy(io.Discard, c.r) }()
	batch := ws.AppendFrame(nil, ws.Text, []byte("hello"))
	again := func() {}
	if n := testing.AllocsPerRun(500, func() { h.conn.Offer(batch, again) }); n != 0 {
		t.Errorf("%v allocations, want none", n)
	}
}

func TestAppendFrameAndAppendCompressed(t *testing.T) {
	for _, n := range []int{0, 1, 125, 126, 127, 128, 1000, 65535, 65536, 300000} {
		text := []byte(strings.Repeat("tea ", n/4+1)[:n])
		plain := ws.AppendFrame([]byte("x"), ws.Text, text)
		packed := ws.AppendCompressed([]byte("x"), ws.Text, text)
		if plain[0] != 'x' || packed[0] != 'x' || plain[1] != 0x81 || !bytes.HasSuffix(plain, text) {
			t.Errorf("%d bytes: frame begins %x", n, plain[:3])
		}
		if n < 128 && !bytes.Equal(plain, packed) || n >= 128 && (packed[1] != 0xc1 || len(packed) > len(plain)/2+20) {
			t.Errorf("%d bytes: compressed to %d, begins %x", n, len(packed), packed[:3])
		}
	}
}

func BenchmarkOffer(b *testing.B) {
	h := newRecord()
	c := serve(b, "parked", ws.Options{}, h.one).dial(b, "")
	<-h.opened
	go func() { _, _ = io.Copy(io.Discard, c.r) }()
	batch := ws.AppendFrame(nil, ws.Text, make([]byte, 128))
	b.ReportAllocs()
	for b.Loop() {
		if !h.conn.Offer(batch, func() {}) {
			time.Sleep(time.Microsecond)
		}
	}
}

// A frame that has its place among the offered ones comes after what was taken before it and before what is taken after.
func TestSendInOrderGoesBetweenBatches(t *testing.T) {
	onEveryPath(t, ws.Options{SendBuffer: 8 << 10}, func(t *testing.T, path string, o ws.Options) {
		h := newRecord()
		c := serve(t, path, o, h.one).dial(t, "")
		<-h.opened
		const frames = 4000
		batch := bytes.Repeat(ws.AppendFrame(nil, ws.Binary, make([]byte, 4000)), frames)
		if !h.conn.Offer(batch, func() {}) {
			t.Fatal("an idle connection refused")
		}
		if err := h.conn.SendInOrder(ws.Text, []byte("between")); err != nil {
			t.Fatal(err)
		}
		if err := h.conn.Send(ws.Text, []byte("urgent")); err != nil {
			t.Fatal(err)
		}
		again := make(chan struct{})
		next := ws.AppendFrame(nil, ws.Binary, []byte("next"))
		if h.conn.Offer(next, func() { close(again) }) {
			t.Fatal("a busy connection took another batch")
		}
		go func() {
			<-again
			h.conn.Offer(next, func() {})
		}()
		var seen []string
		for n := 0; len(seen) < 4; {
			first, p, err := c.read()
			switch {
			case err != nil:
				t.Fatal(err)
			case first == 0x81 || string(p) == "next":
				seen = append(seen, string(p))
			default:
				if n++; n == frames {
					seen = append(seen, "batch")
				}
			}
		}
		if got, want := strings.Join(seen, " "), "urgent batch between next"; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
		if err := h.conn.SendInOrder(ws.Text, []byte("idle")); err != nil {
			t.Fatal(err)
		}
		c.expect(t, 0x81, "idle")
	})
}
