package ws

import (
	"fmt"
	"net"
	"time"
	"unsafe"
)

// ConnSize is the size of a Conn in bytes.
const ConnSize = unsafe.Sizeof(Conn{})

// NegotiateDeflate is negotiateDeflate.
func NegotiateDeflate(values []string) (answer string, ok bool) { return negotiateDeflate(values) }

// CutString is cutString.
func CutString(s string, n int) string { return cutString(s, n) }

// ValidUTF8 runs the pieces through a utf8Checker: the piece at which it failed, or -1, and whether the text may end there.
func ValidUTF8(pieces ...[]byte) (failed int, whole bool) {
	var u utf8Checker
	for i, p := range pieces {
		if !u.feed(p) {
			return i, false
		}
	}
	return -1, u.whole()
}

// Consume gives the pieces to a connection without a network, as its reader does, and returns what its handler and its peer
// learn: the calls, how it ended (0 for not at all), and how many bytes of unfinished messages it still accounts for after its end.
func Consume(o *Options, deflate bool, pieces ...[]byte) (calls []string, code CloseCode, held int64) {
	s := NewServer(o)
	h := &consumer{}
	c := &Conn{server: s, handler: h, owned: true, deflate: deflate, stream: &stream{conn: sink{}}}
	for _, p := range pieces {
		c.consume(p)
	}
	c.lost("")
	c.stream.writer.Wait()
	c.dropPartial()
	code = c.code
	return h.calls, code, s.partial.Load()
}

type consumer struct{ calls []string }

func (h *consumer) Open(*Conn) {}
func (h *consumer) Message(_ *Conn, op Opcode, p []byte) {
	h.calls = append(h.calls, fmt.Sprintf("%d:%x", op, p))
}
func (h *consumer) Closed(*Conn, CloseCode, string) {}

// A sink takes all that is written and has nothing to read.
type sink struct{ net.Conn }

func (sink) Write(p []byte) (int, error) { return len(p), nil }
func (sink) SetDeadline(time.Time) error { return nil }
func (sink) Close() error                { return nil }
