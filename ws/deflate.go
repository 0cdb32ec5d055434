package ws

import (
	"errors"
	"io"
	"sync"

	"github.com/klauspost/compress/flate"
)

// minCompress is the payload under which compressing costs more than it saves.
const minCompress = 128

// deflateWindow is how far back DEFLATE may refer (RFC 1951).
const deflateWindow = 32 << 10

// maxFinalBlocks is how many final blocks a message may have: each makes the decompressor start again with a copy of the window,
// so thousands of empty ones would be cheap to send and dear to read.
const maxFinalBlocks = 16

var (
	errInflatedTooBig = errors.New("inflated message too big")
	errNotDeflate     = errors.New("not deflate data")
)

// AppendCompressed appends to dst one whole frame whose payload is compressed without any context (RFC 7692 section 7.2.1), so
// that the same bytes serve every connection for which [Conn.Compressed] is true. A payload under 128 bytes, or one that
// doesn't get smaller, is appended as AppendFrame does, which such a connection takes as well.
func AppendCompressed(dst []byte, op Opcode, payload []byte) []byte {
	if len(payload) < minCompress {
		return AppendFrame(dst, op, payload)
	}
	out := deflaters.Get().(*sliceWriter)
	defer deflaters.Put(out)
	out.b = out.b[:0]
	err := flate.StatelessDeflate(out, payload, false, nil)
	n := len(out.b) - 4 // without the 00 00 ff ff at the end
	if err != nil || n < 0 || n >= len(payload) {
		return AppendFrame(dst, op, payload)
	}
	return append(appendHeader(dst, op, rsv1, n), out.b[:n]...)
}

// deflaters keeps output buffers; a pool, not state.
var deflaters = sync.Pool{New: func() any { return new(sliceWriter) }}

type sliceWriter struct{ b []byte }

func (w *sliceWriter) Write(p []byte) (int, error) {
	w.b = append(w.b, p...)
	return len(p), nil
}

// deflateTail is what ends a message: the four bytes that its sender cut off (RFC 7692 section 7.2.2), and an empty final block.
const deflateTail = "\x00\x00\xff\xff\x01\x00\x00\xff\xff"

// An inflater inflates one message at a time. It is pooled: a connection that receives nothing holds none.
type inflater struct {
	src tailed
	r   io.ReadCloser // of flate
	out []byte
}

var inflaters = sync.Pool{New: func() any { return new(inflater) }}

// inflate returns the message that p compresses, which stays valid until the inflater is used again. It stops at once when the
// message grows over max bytes, with errInflatedTooBig.
func (f *inflater) inflate(p []byte, max int) ([]byte, error) {
	f.src = tailed{p: p}
	defer func() { f.src = tailed{} }()
	f.out = f.out[:0]
	for range maxFinalBlocks {
		f.reset()
		if err := f.stream(max); err != nil {
			return nil, err
		}
		// A sender may end blocks with BFINAL (section 7.2.3.4), and go on with others. All is read when not a byte of the message
		// is left; of the tail there may be some.
		if f.src.own() == 0 {
			return f.out, nil
		}
	}
	return nil, errNotDeflate
}

// reset readies the decompressor for the bytes that are left, with what came out so far as its window.
func (f *inflater) reset() {
	window := f.out[max(0, len(f.out)-deflateWindow):]
	if f.r == nil {
		f.r = flate.NewReaderDict(&f.src, window)
		return
	}
	// The decompressor of NewReaderDict has had Reset since Go 1.
	_ = f.r.(flate.Resetter).Reset(&f.src, window)
}

// stream appends to f.out up to the end of a final block.
func (f *inflater) stream(max int) error {
	for {
		if len(f.out) == cap(f.out) {
			f.out = append(f.out, 0)[:len(f.out)]
		}
		room := f.out[len(f.out):min(cap(f.out), max+1)]
		n, err := f.r.Read(room)
		f.out = f.out[:len(f.out)+n]
		switch {
		case len(f.out) > max:
			return errInflatedTooBig
		case err == io.EOF:
			return nil
		case err != nil:
			return errNotDeflate
		}
	}
}

// A tailed reads p and then deflateTail, byte by byte, so that the decompressor takes no more than it needs.
type tailed struct {
	p    []byte
	tail int // how much of the tail is read
}

func (t *tailed) own() int { return len(t.p) }

func (t *tailed) ReadByte() (byte, error) {
	if len(t.p) > 0 {
		b := t.p[0]
		t.p = t.p[1:]
		return b, nil
	}
	if t.tail == len(deflateTail) {
		return 0, io.EOF
	}
	t.tail++
	return deflateTail[t.tail-1], nil
}

func (t *tailed) Read(b []byte) (int, error) {
	if len(t.p) > 0 {
		n := copy(b, t.p)
		t.p = t.p[n:]
		return n, nil
	}
	if t.tail == len(deflateTail) {
		return 0, io.EOF
	}
	n := copy(b, deflateTail[t.tail:])
	t.tail += n
	return n, nil
}
