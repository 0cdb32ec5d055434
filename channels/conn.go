package channels

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/teahouse-chat/teahouse/ws"
)

// A Conn is one client's connection. Its methods may be called concurrently, by its consumer and by others.
//
// An idle connection is this struct, its consumer and its socket: it has no goroutine and no buffer. So a field here costs every one of them.
type Conn struct {
	route    *route
	consumer Consumer
	values   context.Context // has the values of lifetime
	path     path

	joining sync.Mutex // held while groups are joined and left, and the channel is made; before mu
	groups  []*group
	channel *ownChannel // nil until asked for

	mu        sync.Mutex // guards what follows
	opening   *opening   // nil once Connect has returned
	transport Transport  // nil until accepted
	turns     turns
	done      chan struct{} // closed when the lifetime has ended; nil until somebody asks
	ended     bool          // the lifetime has

	place int32 // in the server's conns; the server's mu guards it
}

// An opening is what a connection has while its Connect is at work.
type opening struct {
	// Static.
	w          http.ResponseWriter
	r          *http.Request
	upgrader   Upgrader // nil for a real network
	compressed bool     // the client takes compressed frames
	unbind     func() bool

	accepting sync.Mutex // held by Accept; it guards what follows; before the connection's mu
	over      bool       // Connect has returned
	refused   bool       // Accept failed, and the request was answered

	again []func() // what to tell once there is a transport: it refused batches until then; the connection's mu guards it
}

// Request is the request for the connection, while Connect is at work; nil afterwards, since a connection that only waits is not to hold headers: keep in the
// consumer what you need later. Values of its context are in every call's context.
func (c *Conn) Request() *http.Request {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.opening == nil {
		return nil
	}
	return c.opening.r
}

// PathValue is what the wildcard of this name in the URL's pattern matched, like "group" in "/room/{group}/"; "" for none. The pattern is the
// http.ServeMux's, or that of another router that sets the Pattern field of requests.
func (c *Conn) PathValue(name string) string { return c.path.value(name) }

// Subprotocols are those that the client offers, the preferred first, while Connect is at work.
func (c *Conn) Subprotocols() []string {
	var offered []string
	if r := c.Request(); r != nil {
		for _, line := range r.Header["Sec-Websocket-Protocol"] {
			for part := range strings.SplitSeq(line, ",") {
				offered = append(offered, strings.Trim(part, " \t"))
			}
		}
	}
	return offered
}

// AcceptOptions are what Accept tells the client; nil and zero values tell nothing.
type AcceptOptions struct {
	Subprotocol string      // one of Conn.Subprotocols
	Header      http.Header // more fields of the answer, like Set-Cookie
}

// Accept makes a WebSocket of the request, while Connect is at work. Frames that come before Connect returns wait until then. Errors: ErrClosed after Connect, or when the
// client or the server is gone; a second Accept; a subprotocol that wasn't offered.
func (c *Conn) Accept(o *AcceptOptions) error {
	c.mu.Lock()
	op := c.opening
	c.mu.Unlock()
	if op == nil {
		return ErrClosed
	}
	op.accepting.Lock()
	defer op.accepting.Unlock()
	switch {
	case op.over, op.refused:
		return ErrClosed
	case c.socket() != nil:
		return errors.New("accept: the connection is accepted already")
	}
	header := op.w.Header()
	if o != nil {
		if o.Subprotocol != "" {
			if !slices.Contains(c.Subprotocols(), o.Subprotocol) {
				return fmt.Errorf("accept: the client doesn't offer the subprotocol %q", o.Subprotocol)
			}
			header.Set("Sec-WebSocket-Protocol", o.Subprotocol)
		}
		for name, values := range o.Header {
			header[http.CanonicalHeaderKey(name)] = values
		}
	}
	t, err := c.upgrade(op, header)
	if err != nil {
		op.refused = true
		return fmt.Errorf("accept: %w", errors.Join(ErrClosed, err))
	}
	c.mu.Lock()
	c.transport = t
	again := op.again
	op.again = nil
	c.mu.Unlock()
	for _, f := range again {
		f()
	}
	if !op.unbind() || c.route.server.isClosed() { // the request's context has ended, and so has ours
		_ = c.Close(ws.CloseGoingAway, "") // its code may be sent
		return ErrClosed
	}
	return nil
}

func (c *Conn) upgrade(op *opening, header http.Header) (Transport, error) {
	if op.upgrader != nil {
		return op.upgrader.Upgrade(op.r, header, (*endpoint)(c))
	}
	t, err := c.route.server.sockets.Upgrade(op.w, op.r, (*endpoint)(c))
	if err != nil {
		return nil, err // not t: a nil *ws.Conn isn't a nil Transport
	}
	return t, nil
}

// Deny makes the error for Connect to return that answers with HTTP 403 and this text.
func (c *Conn) Deny(reason string) error { return &denial{reason} }

// A denial is an ErrDeny whose text is for the client.
type denial struct{ reason string }

func (d *denial) Error() string { return ErrDeny.Error() + ": " + d.reason }
func (d *denial) Unwrap() error { return ErrDeny }

// Send sends a frame to this client. It doesn't block and keeps no reference to the payload. Text must be UTF-8.
//
// Errors: ErrClosed before Accept and when the connection is closing; ErrTooSlow when too much waits for the client, which is closed then; ws.ErrTooBig for more than
// a mebibyte. A consumer may return any of them as they are.
func (c *Conn) Send(f Frame) error {
	t := c.socket()
	if t == nil {
		return ErrClosed
	}
	return t.Send(f.Op, f.Payload)
}

// SendText is Send of a text frame.
func (c *Conn) SendText(s string) error { return c.Send(Text(s)) }

// SendJSON is Send of a text frame with v as JSON. Errors: also that v can't be written so.
func (c *Conn) SendJSON(v any) error {
	f, err := JSON(v)
	if err != nil {
		return err
	}
	return c.Send(f)
}

// Close closes the connection with a code and a reason of at most 123 bytes, after what was sent before. It doesn't wait; Disconnect comes when all is done. Before
// Accept it does nothing: deny the request instead. Closing again does nothing. Error: a code that may not be sent (RFC 6455 section 7.4).
func (c *Conn) Close(code CloseCode, reason string) error {
	t := c.socket()
	if t == nil {
		return nil
	}
	if err := t.Close(code, reason); err != nil {
		return err
	}
	c.mu.Lock()
	c.turns.closing = true
	c.mu.Unlock()
	return nil
}

// Transport is the connection's socket, for those who write batches of frames themselves (it is a fanout.Member); nil before Accept.
func (c *Conn) Transport() Transport { return c.socket() }

// Layer is the server's layer, nil for none: Django's self.channel_layer.
func (c *Conn) Layer() Layer { return c.route.server.layer }

// Consumer is the connection's consumer.
func (c *Conn) Consumer() Consumer { return c.consumer }

// Subprotocol is what was agreed on, "" for none and before Accept.
func (c *Conn) Subprotocol() string {
	if t := c.socket(); t != nil {
		return t.Subprotocol()
	}
	return ""
}

// Offer makes a connection a member of a fanout.Topic: the transport's Offer, which refuses until the connection is accepted.
func (c *Conn) Offer(batch []byte, again func()) bool {
	c.mu.Lock()
	t := c.transport
	if t == nil && c.opening != nil {
		c.opening.again = append(c.opening.again, again)
	}
	gone := t == nil && c.opening == nil
	c.mu.Unlock()
	if t == nil {
		return gone
	}
	return t.Offer(batch, again)
}

func (c *Conn) socket() Transport {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.transport
}

// ServeHTTP connects a client with a consumer of its own.
func (rt *route) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s := rt.server
	op := &opening{w: w, r: r, upgrader: upgraderOf(w)}
	if op.upgrader == nil {
		compressed, err := s.sockets.Check(r)
		if err != nil {
			s.opts.Refuse(w, r, err)
			return
		}
		op.compressed = compressed
	}
	c := &Conn{route: rt, consumer: rt.create(), values: s.opts.Context(r), path: pathOf(r), opening: op}
	op.unbind = context.AfterFunc(r.Context(), c.end)
	c.turns.busy = true // until Connect has returned
	if !s.admit(c) {
		c.end()
		s.opts.Refuse(w, r, &ws.HandshakeError{Status: http.StatusServiceUnavailable, Reason: "the server is closing"})
		return
	}
	err := errors.New("connect ended its goroutine") // as t.Fatal does
	defer func() { c.opened(op, err) }()
	err = c.connect()
}

// opened is what comes after Connect.
func (c *Conn) opened(op *opening, err error) {
	op.accepting.Lock()
	op.over = true
	op.accepting.Unlock()
	op.unbind()
	c.mu.Lock()
	c.opening = nil
	accepted := c.transport != nil
	c.mu.Unlock()
	if accepted {
		if err != nil {
			c.fail("connect", err)
		}
		c.giveTurn()
		return
	}
	c.end()
	c.leaveAll()
	s := c.route.server
	defer s.forget(c)
	if op.refused { // and answered
		return
	}
	if err == nil {
		s.opts.Logger.Warn("Connect neither accepted nor denied", slog.String("path", op.r.URL.Path))
		err = ErrDeny
	}
	tellFailure(op.upgrader, err)
	s.opts.Refuse(op.w, op.r, err)
}

// connect joins the route's groups and calls Connect.
func (c *Conn) connect() error {
	for _, group := range c.route.groups {
		if err := c.GroupAdd(c.context(), group); err != nil {
			return err
		}
	}
	return c.call(func() error { return c.consumer.Connect(c.context(), c) })
}

// An endpoint is a Conn as ws.Handler: its methods aren't the consumer's to call.
type endpoint Conn

// Open implements [ws.Handler].
func (*endpoint) Open(*ws.Conn) {}

// Message implements [ws.Handler].
func (e *endpoint) Message(_ *ws.Conn, op ws.Opcode, payload []byte) {
	c := (*Conn)(e)
	c.takeTurn()
	defer c.giveTurn()
	if c.isClosing() {
		return
	}
	if err := c.call(func() error { return c.consumer.Receive(c.context(), c, Frame{op, payload}) }); err != nil {
		c.fail("receive", err)
	}
	c.makeUp()
}

// Closed implements [ws.Handler].
func (e *endpoint) Closed(_ *ws.Conn, code ws.CloseCode, _ string) {
	c := (*Conn)(e)
	c.end() // so that a method that works ends
	c.takeTurn()
	defer c.giveTurn()
	c.mu.Lock()
	c.turns.closing = true
	c.mu.Unlock()
	c.leaveAll()
	ctx, done := context.WithTimeout(context.WithoutCancel(c.context()), disconnectTimeout)
	defer done()
	if err := c.call(func() error { return c.consumer.Disconnect(ctx, c, code) }); err != nil {
		c.fail("disconnect", err)
	}
	c.route.server.forget(c)
}

func (c *Conn) isClosing() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.turns.closing
}
