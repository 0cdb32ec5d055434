package ws

import (
	"sync"
	"time"
)

// A partial is what is incomplete of a client's frame and message. It exists only while something is.
type partial struct {
	head    [maxHeader]byte // the header under way
	headLen int
	frame   header // the frame whose payload is under way
	inFrame bool   // frame is set, and got of its payload is here
	got     uint64
	control [125]byte // the payload of the control frame under way

	inMessage  bool
	op         Opcode
	compressed bool
	fragments  int
	data       []byte // of the message so far; its capacity is charged to the server
	text       utf8Checker
	headSince  int64 // when the header or the control frame under way was begun (server clock)
	since      int64 // when the message was begun
}

var partials = sync.Pool{New: func() any { return new(partial) }}

// consume takes the bytes that the client sent next, cut anywhere, and calls the handler for every message that they complete.
// It modifies p. Only the reader calls it.
func (c *Conn) consume(p []byte) {
	for len(p) > 0 && !c.deaf {
		if c.in == nil || !c.in.inFrame {
			p = c.takeHeader(p)
			continue
		}
		p = c.takePayload(p)
	}
	if c.deaf {
		c.dropPartial()
	}
}

// takeHeader takes a frame's header, or the part of it that is there, from the start of p and returns the rest. A data frame that is
// here whole and a message of its own is handled at once, where it lies.
func (c *Conn) takeHeader(p []byte) []byte {
	from, before := p, 0
	if c.in != nil && c.in.headLen > 0 {
		before = c.in.headLen
		from = append(c.in.head[:before], p[:min(len(p), maxHeader-before)]...)
	}
	h, n, bad := decodeHeader(from)
	if bad != "" {
		c.fault(CloseProtocolError, bad)
		return nil
	}
	if n == 0 {
		in := c.begin()
		if in.headLen == 0 {
			in.headSince = c.server.now()
		}
		in.headLen = copy(in.head[:], from)
		return nil
	}
	p = p[n-before:]
	if !c.admit(&h) {
		return nil
	}
	alone := c.in == nil || !c.in.inMessage
	if alone && h.fin && !h.op.control() && h.length <= uint64(len(p)) {
		c.dropPartial()
		return c.takeWhole(&h, p)
	}
	in := c.begin()
	in.headLen = 0
	in.frame, in.inFrame, in.got = h, true, 0
	if h.op.control() {
		in.headSince = c.server.now()
	} else {
		c.beginFrame(in)
	}
	if h.length == 0 {
		c.endFrame()
	}
	return p
}

// admit checks a frame by its header, before a byte of its payload is looked at.
func (c *Conn) admit(h *header) bool {
	in, fragmented := c.in, c.in != nil && c.in.inMessage
	if bad := h.fits(fragmented, c.deflate); bad != "" {
		return c.fault(CloseProtocolError, bad)
	}
	if h.op.control() {
		if h.op != closeFrame && !c.spendControl() {
			return c.fault(ClosePolicy, "too many control frames")
		}
		return true
	}
	opts := &c.server.opts
	limit, have, fragments, compressed := uint64(opts.MaxMessage), uint64(0), 1, h.rsv == rsv1
	if fragmented {
		have, fragments, compressed = uint64(len(in.data)), in.fragments+1, in.compressed
	}
	if compressed { // what can't be compressed grows a little; the limit itself is applied while inflating
		limit += limit>>8 + 64
	}
	if h.length > limit || have+h.length > limit {
		return c.fault(CloseTooBig, "message too big")
	}
	if fragments > opts.MaxFragments {
		return c.fault(ClosePolicy, "too many fragments")
	}
	return true
}

// spendControl takes one from the bucket of control frames. The bucket is kept as the time when it would be full again.
func (c *Conn) spendControl() bool {
	opts, now := &c.server.opts, c.server.now()
	each := int64(time.Second) / int64(opts.ControlRate)
	c.bucket = max(c.bucket, now) + each
	return c.bucket-now <= each*int64(opts.ControlBurst)
}

// takeWhole handles a message of one frame whose payload begins p, and returns what follows it.
func (c *Conn) takeWhole(h *header, p []byte) []byte {
	payload, rest := p[:h.length:h.length], p[h.length:]
	h.unmask(payload, 0)
	var text utf8Checker
	compressed := h.rsv == rsv1
	if h.op == Text && !compressed && !(text.feed(payload) && text.whole()) {
		c.fault(CloseInvalidData, "text is not UTF-8")
		return nil
	}
	c.deliver(h.op, compressed, payload)
	return rest
}

// beginFrame takes note of the data frame that begins.
func (c *Conn) beginFrame(in *partial) {
	if !in.inMessage {
		in.inMessage, in.op, in.compressed, in.since = true, in.frame.op, in.frame.rsv == rsv1, c.server.now()
	}
	in.fragments++
}

// takePayload takes what is here of the payload under way and returns the rest.
func (c *Conn) takePayload(p []byte) []byte {
	in := c.in
	piece := p[:min(uint64(len(p)), in.frame.length-in.got)]
	in.frame.unmask(piece, int(in.got&3))
	if in.frame.op.control() {
		copy(in.control[in.got:], piece)
	} else if !c.gather(in, piece) {
		return nil
	}
	in.got += uint64(len(piece))
	if in.got == in.frame.length {
		c.endFrame()
	}
	return p[len(piece):]
}

// gather adds a piece to the message under way. Memory is taken as bytes arrive, not as lengths are declared.
func (c *Conn) gather(in *partial, piece []byte) bool {
	if in.op == Text && !in.compressed && !in.text.feed(piece) {
		return c.fault(CloseInvalidData, "text is not UTF-8")
	}
	if need := len(in.data) + len(piece); need > cap(in.data) {
		declared := len(in.data) + int(in.frame.length-in.got)
		size := max(need, min(2*cap(in.data), declared))
		if c.server.partial.Add(int64(size-cap(in.data))) > c.server.opts.MaxPartial {
			c.server.partial.Add(-int64(size - cap(in.data)))
			return c.fault(CloseTryLater, "too many unfinished messages")
		}
		in.data = append(make([]byte, 0, size), in.data...)
	}
	in.data = append(in.data, piece...)
	return true
}

// endFrame handles the frame that is complete.
func (c *Conn) endFrame() {
	in := c.in
	in.inFrame = false
	switch {
	case in.frame.op.control():
		c.control(in.frame.op, in.control[:in.got])
		if !in.inMessage {
			c.dropPartial()
		}
	case in.frame.fin:
		op, compressed, data, text := in.op, in.compressed, in.data, in.text
		c.dropPartial()
		if op == Text && !compressed && !text.whole() {
			c.fault(CloseInvalidData, "text is not UTF-8")
			return
		}
		c.deliver(op, compressed, data)
	}
}

// deliver hands a complete message to the handler, inflated if need be.
func (c *Conn) deliver(op Opcode, compressed bool, payload []byte) {
	if !c.mayDeliver() {
		return
	}
	if !compressed {
		c.message(op, payload)
		return
	}
	f := inflaters.Get().(*inflater)
	defer inflaters.Put(f)
	data, err := f.inflate(payload, c.server.opts.MaxMessage)
	if err == errInflatedTooBig {
		c.fault(CloseTooBig, "message too big")
		return
	}
	if err != nil {
		c.fault(CloseInvalidData, err.Error())
		return
	}
	var text utf8Checker
	if op == Text && !(text.feed(data) && text.whole()) {
		c.fault(CloseInvalidData, "text is not UTF-8")
		return
	}
	c.message(op, data)
}

// mayDeliver waits until the slot has room for answers, and reports whether the connection is still open.
func (c *Conn) mayDeliver() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.state == open && c.queue != nil && c.queue.waiting() > c.server.opts.MaxQueue/2 {
		q := c.queue
		if q.room == nil {
			q.room = make(chan struct{})
		}
		room := q.room
		c.mu.Unlock()
		<-room
		c.mu.Lock()
	}
	return c.state == open
}

// control handles a complete control frame.
func (c *Conn) control(op Opcode, payload []byte) {
	switch op {
	case pingFrame:
		c.mu.Lock()
		var told []func()
		if c.state == open {
			q := c.busy()
			q.pong = AppendFrame(q.pong[:0], pongFrame, payload)
			told = c.kick()
		}
		c.mu.Unlock()
		tell(told)
	case closeFrame:
		c.peerClosed(payload)
	}
}

// peerClosed handles the client's close frame: answers it, unless ours is on its way already, and ends (RFC 6455 section 5.5.1).
func (c *Conn) peerClosed(payload []byte) {
	code, reason, bad := parseClose(payload)
	if bad != "" {
		c.fault(code, bad)
		return
	}
	c.deaf = true
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.state >= finishing {
		return
	}
	q := c.busy()
	if c.state == open {
		c.end(code, reason)
		q.bye = appendClose(nil, code, "")
	}
	c.finish(q)
	c.kick()
}

// fault ends the connection for what the client did, and returns false.
func (c *Conn) fault(code CloseCode, reason string) bool {
	c.deaf = true
	c.mu.Lock()
	c.fail(code, reason)
	c.mu.Unlock()
	return false
}

// begin is the connection's partial, made when it has none.
func (c *Conn) begin() *partial {
	if c.in == nil {
		c.in = partials.Get().(*partial)
	}
	return c.in
}

// dropPartial forgets what is incomplete and gives its memory back.
func (c *Conn) dropPartial() {
	if c.in == nil {
		return
	}
	c.server.partial.Add(-int64(cap(c.in.data)))
	*c.in = partial{}
	partials.Put(c.in)
	c.in = nil
}

// dueBy is when what is incomplete must be complete; 0 when nothing is.
func (c *Conn) dueBy() int64 {
	if c.in == nil {
		return 0
	}
	opts, due := &c.server.opts, int64(0)
	if c.in.headLen > 0 || c.in.inFrame && c.in.frame.op.control() {
		due = c.in.headSince + int64(opts.HeaderTimeout)
	}
	if c.in.inMessage {
		if by := c.in.since + int64(opts.MessageTimeout); due == 0 || by < due {
			due = by
		}
	}
	return due
}

// A buffer is what a wake reads into.
type buffer [8 << 10]byte

var buffers = sync.Pool{New: func() any { return new(buffer) }}
