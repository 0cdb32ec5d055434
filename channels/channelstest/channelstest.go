// Package channelstest talks to consumers without a network, for their tests: a [Communicator] stands in for a client and its socket. It works within
// testing/synctest, where waiting costs nothing.
package channelstest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/teahouse-chat/teahouse/channels"
	"github.com/teahouse-chat/teahouse/ws"
)

// ErrDisconnected says that the connection ended and everything it was sent was received.
var ErrDisconnected = errors.New("disconnected")

// A Communicator is one client of a handler that [channels.Handler] made, or of a mux or middleware around one. It is made with New, connected once, and ended
// with Disconnect. Its methods are for one goroutine at a time.
type Communicator struct {
	// Request is what the client asks for. It may be changed before Connect: headers, context.
	Request *http.Request

	handler http.Handler
	socket  *socket
}

// New makes a client that asks a handler for a path, like "/room/123/?name=ann".
func New(h http.Handler, path string, subprotocols ...string) *Communicator {
	r := httptest.NewRequest(http.MethodGet, path, nil)
	r.Header.Set("Connection", "Upgrade")
	r.Header.Set("Upgrade", "websocket")
	if len(subprotocols) > 0 {
		r.Header.Set("Sec-WebSocket-Protocol", strings.Join(subprotocols, ", "))
	}
	return &Communicator{Request: r, handler: h}
}

// A DeniedError says how a request was answered that didn't become a connection.
type DeniedError struct {
	Status int
	Body   string
	Err    error // what Connect returned; nil when the consumer wasn't asked
}

// Error says the status and why.
func (e *DeniedError) Error() string {
	return fmt.Sprintf("denied with status %d: %s", e.Status, strings.TrimSpace(e.Body))
}

// Unwrap is what Connect returned.
func (e *DeniedError) Unwrap() error { return e.Err }

// Connect asks for the connection and returns when the consumer's Connect has. Errors: a *DeniedError; what Connect returned after it had accepted.
func (c *Communicator) Connect() error {
	s := &socket{
		answer: httptest.NewRecorder(), changed: make(chan struct{}, 1), toServer: make(chan struct{}, 1), done: make(chan struct{}),
	}
	c.handler.ServeHTTP(s, c.Request)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.handler == nil {
		return &DeniedError{s.answer.Code, s.answer.Body.String(), s.failure}
	}
	c.socket = s
	return s.takeFailure()
}

// Header is the answer's header: what the consumer accepted with.
func (c *Communicator) Header() http.Header { return c.socket.answer.Header() }

// Subprotocol is what was agreed on, "" for none.
func (c *Communicator) Subprotocol() string { return c.socket.Subprotocol() }

// Send sends a frame to the consumer. It doesn't wait for Receive.
func (c *Communicator) Send(f channels.Frame) {
	c.socket.push(channels.Frame{Op: f.Op, Payload: slices.Clone(f.Payload)})
}

// SendText sends a text frame.
func (c *Communicator) SendText(s string) { c.Send(channels.Text(s)) }

// SendJSON sends a text frame with v as JSON; it panics when v can't be written so.
func (c *Communicator) SendJSON(v any) {
	f, err := channels.JSON(v)
	if err != nil {
		panic(err)
	}
	c.Send(f)
}

// Receive waits for the next frame from the consumer. Errors: the consumer's own error, when one has ended it; a *channels.CloseError when it closed the
// connection; ErrDisconnected after Disconnect; the context's.
func (c *Communicator) Receive(ctx context.Context) (channels.Frame, error) {
	for {
		f, err, ok := c.socket.pop()
		if ok {
			return f, err
		}
		select {
		case <-c.socket.changed:
		case <-ctx.Done():
			return channels.Frame{}, fmt.Errorf("receive from the consumer: %w", ctx.Err())
		}
	}
}

// ReceiveText waits for the next frame, which must be text. Errors: as Receive; a binary frame.
func (c *Communicator) ReceiveText(ctx context.Context) (string, error) {
	f, err := c.Receive(ctx)
	if err == nil && !f.IsText() {
		err = fmt.Errorf("got a binary frame of %d bytes, want text", len(f.Payload))
	}
	return f.Text(), err
}

// ReceiveJSON waits for the next frame and reads its JSON into v, a pointer. Errors: as ReceiveText; what isn't JSON or doesn't fit.
func (c *Communicator) ReceiveJSON(ctx context.Context, v any) error {
	text, err := c.ReceiveText(ctx)
	if err != nil {
		return err
	}
	if err := json.Unmarshal([]byte(text), v); err != nil {
		return fmt.Errorf("read the frame %.80q: %w", text, err)
	}
	return nil
}

// ReceiveNothing waits and returns an error if the consumer sends something, or ends, within that time.
func (c *Communicator) ReceiveNothing(during time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), during)
	defer cancel()
	switch f, err := c.Receive(ctx); {
	case err == nil:
		return fmt.Errorf("got the frame %.80q, want nothing", f.Payload)
	case errors.Is(err, context.DeadlineExceeded):
		return nil
	default:
		return err
	}
}

// Disconnect closes the connection as a client does, and returns when the consumer's Disconnect has. Errors: its own, and what another method of the consumer
// returned that Receive hasn't told yet.
func (c *Communicator) Disconnect(code channels.CloseCode) error {
	c.socket.hangUp(code, "")
	return c.Wait(context.Background())
}

// Wait returns when the connection has ended and the consumer's Disconnect has returned. Errors: as Disconnect; the context's.
func (c *Communicator) Wait(ctx context.Context) error {
	s := c.socket
	select {
	case <-s.done:
	case <-ctx.Done():
		return ctx.Err()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	err := s.parting
	s.parting = nil
	if failure := s.takeFailure(); failure != nil {
		err = errors.Join(failure, err)
	}
	return err
}

// A socket is a connection's transport, and the http.ResponseWriter that makes it.
type socket struct {
	answer   *httptest.ResponseRecorder
	changed  chan struct{} // one slot: toClient, closed or failure has changed
	toServer chan struct{} // one slot: frames or closed has changed
	done     chan struct{} // closed when the handler's Closed has returned

	mu       sync.Mutex
	handler  ws.Handler       // nil until upgraded
	frames   []channels.Frame // for the consumer
	toClient []channels.Frame
	closed   *channels.CloseError // how it was closed, by either side
	byServer bool                 // the consumer closed it
	failure  error                // the consumer's, not told yet
	parting  error                // the consumer's after the close, not told yet
}

// Header, Write and WriteHeader implement http.ResponseWriter.
func (s *socket) Header() http.Header         { return s.answer.Header() }
func (s *socket) Write(b []byte) (int, error) { return s.answer.Write(b) }
func (s *socket) WriteHeader(status int)      { s.answer.WriteHeader(status) }

// Upgrade implements channels.Upgrader.
func (s *socket) Upgrade(_ *http.Request, _ http.Header, h ws.Handler) (channels.Transport, error) {
	s.mu.Lock()
	s.handler = h
	s.mu.Unlock()
	go s.serve()
	return s, nil
}

// Failed implements channels.Upgrader.
func (s *socket) Failed(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed != nil {
		s.parting = errors.Join(s.parting, err)
		return
	}
	s.failure = errors.Join(s.failure, err)
	signal(s.changed)
}

// takeFailure returns the consumer's error, once. mu must be held.
func (s *socket) takeFailure() error {
	err := s.failure
	s.failure = nil
	return err
}

// serve calls the handler, as an engine does: one frame at a time, and Closed at the end.
func (s *socket) serve() {
	defer close(s.done)
	s.handler.Open(nil)
	for range s.toServer {
		for {
			f, end := s.next()
			if end != nil {
				s.handler.Closed(nil, end.Code, end.Reason)
				return
			}
			if f == nil {
				break
			}
			s.handler.Message(nil, f.Op, f.Payload)
		}
	}
}

// next takes what the consumer is to be told: a frame, or the end; neither when there is nothing. What came before the client's close is told, and nothing after
// the consumer's.
func (s *socket) next() (f *channels.Frame, end *channels.CloseError) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed != nil && (s.byServer || len(s.frames) == 0) {
		return nil, s.closed
	}
	if len(s.frames) == 0 {
		return nil, nil
	}
	f = &s.frames[0]
	s.frames = s.frames[1:]
	return f, nil
}

func (s *socket) push(f channels.Frame) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed == nil {
		s.frames = append(s.frames, f)
		signal(s.toServer)
	}
}

// pop takes what the client is to be told next; ok is false when there is nothing.
func (s *socket) pop() (f channels.Frame, err error, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case len(s.toClient) > 0:
		f = s.toClient[0]
		s.toClient = s.toClient[1:]
		return f, nil, true
	case s.failure != nil:
		return f, s.takeFailure(), true
	case s.closed != nil && s.byServer:
		return f, s.closed, true
	case s.closed != nil:
		return f, ErrDisconnected, true
	}
	return f, nil, false
}

// hangUp is the client's close.
func (s *socket) hangUp(code channels.CloseCode, reason string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.close(code, reason, false)
}

// close notes the first close. mu must be held.
func (s *socket) close(code channels.CloseCode, reason string, byServer bool) {
	if s.closed != nil {
		return
	}
	s.closed, s.byServer = &channels.CloseError{Code: code, Reason: reason}, byServer
	signal(s.changed)
	signal(s.toServer)
}

// Send implements channels.Transport.
func (s *socket) Send(op ws.Opcode, payload []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed != nil {
		return channels.ErrClosed
	}
	s.toClient = append(s.toClient, channels.Frame{Op: op, Payload: slices.Clone(payload)})
	signal(s.changed)
	return nil
}

// SendInOrder implements channels.Transport.
func (s *socket) SendInOrder(op ws.Opcode, payload []byte) error { return s.Send(op, payload) }

// Offer implements channels.Transport: it takes every batch.
func (s *socket) Offer(batch []byte, _ func()) bool {
	for len(batch) > 0 {
		op, payload, rest := ws.CutFrame(batch)
		_ = s.Send(op, payload) // one that is closed takes and drops everything
		batch = rest
	}
	return true
}

// Ready implements channels.Transport.
func (*socket) Ready(func()) bool { return true }

// Close implements channels.Transport.
func (s *socket) Close(code channels.CloseCode, reason string) error {
	if !code.Sendable() {
		return fmt.Errorf("close with code %d", code)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.close(code, reason, true)
	return nil
}

// Subprotocol implements channels.Transport.
func (s *socket) Subprotocol() string { return s.answer.Header().Get("Sec-WebSocket-Protocol") }

// Compressed implements channels.Transport.
func (*socket) Compressed() bool { return false }

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

var (
	_ channels.Upgrader  = (*socket)(nil)
	_ channels.Transport = (*socket)(nil)
)
