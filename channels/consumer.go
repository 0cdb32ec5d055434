package channels

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/teahouse-chat/teahouse/ws"
)

// A Consumer is the code that handles one connection; each has one of its own. Its methods, and those of its [Events], are called one at a time, in
// order: Connect, then Receive for frames and event methods for layer messages, then Disconnect. When a frame and a layer message both wait, the frame is first; then a layer message
// whose time has come is next, so that a client that never pauses doesn't hold them up. So a consumer's fields need no lock. A method must not end its
// goroutine (runtime.Goexit, testing.T.FailNow): the connection would never be freed.
//
// The context ends when the connection is gone, or the server closes; it has the values of the request's context. A client isn't read while Receive works or a frame waits
// for its turn, so that it has gone is noticed only afterwards: bound what you wait for.
//
// An error, or a panic, ends the connection: before Accept with HTTP 403 for [ErrDeny], 400 for [ErrName] and else 500, after it with close code 1011, or what a
// [CloseError] says. It is logged, unless it is a CloseError or says that the client is gone (ErrClosed, ErrTooSlow).
type Consumer interface {
	// Connect decides about a request for a connection: it accepts it with c.Accept, or denies it with c.Deny or any error. If it does neither, the
	// request is denied.
	Connect(ctx context.Context, c *Conn) error

	// Receive handles a frame from the client. Its payload is valid, and the consumer's to modify, until Receive returns. Meanwhile the client isn't read, so
	// one that sends too fast has to wait.
	Receive(ctx context.Context, c *Conn, f Frame) error

	// Disconnect is the last call, once for every connection that was accepted, when it is gone and has left its groups. The code is what the client said, or
	// what it was closed with from here, or ws.CloseAbnormal when neither said anything. The context ends after 10 seconds.
	Disconnect(ctx context.Context, c *Conn, code CloseCode) error
}

// A BaseConsumer accepts every request, ignores what the client sends, and has nothing to do at the end. Embed it for the methods that a consumer of yours
// doesn't need.
type BaseConsumer struct{}

// Connect accepts.
func (BaseConsumer) Connect(_ context.Context, c *Conn) error { return c.Accept(nil) }

// Receive does nothing.
func (BaseConsumer) Receive(context.Context, *Conn, Frame) error { return nil }

// Disconnect does nothing.
func (BaseConsumer) Disconnect(context.Context, *Conn, CloseCode) error { return nil }

var _ Consumer = BaseConsumer{}

// Events are a consumer's methods for layer messages, by their type. Method expressions are of this form:
//
//	channels.Events[*Chat]{"chat.message": (*Chat).ChatMessage}
//
// Each connection's method is called with a copy of the message of its own.
type Events[C Consumer] map[string]func(consumer C, ctx context.Context, c *Conn, m Message) error

// Encoders write layer messages of some types as frames that go to the client as they are, once for all members of a group: the fast way, for messages
// that look the same to everyone. If an encoder fails, the message is lost for those it was for, and counted. An encoder must be quick, not modify the message, and not use
// the layer: it works with the group locked, and the layer's channel.
type Encoders map[string]func(m Message) (Frame, error)

// A Dispatch says what becomes of layer messages. A type stands in one of the three maps; a message of a type that is in none ends the connection with 1011. Order
// holds among the messages of Events, and among those of Encoders; there is none between the ways.
type Dispatch[C Consumer] struct {
	Events   Events[C]
	Encoders Encoders

	// Signals are like Encoders, for what is of no use later (somebody types, a cursor moves): a client that isn't done with what it was sent before never gets
	// them, and none are kept for it.
	Signals Encoders

	// Groups are joined before Connect and left before Disconnect.
	Groups []string
}

// Handler serves WebSocket requests with consumers of its own, made by create. It is a plain http.Handler, for a ServeMux or any middleware. A nil Dispatch means
// that no layer messages are expected.
//
// It panics when a type stands in two maps, or a group's name is no name.
func Handler[C Consumer](s *Server, create func() C, d *Dispatch[C]) http.Handler {
	rt := &route{server: s, create: func() Consumer { return create() }, events: map[string]event{}, encoders: map[string]encoder{}}
	if d == nil {
		return rt
	}
	rt.groups = slices.Clone(d.Groups)
	for _, group := range rt.groups {
		if err := CheckGroup(group); err != nil {
			panic(err)
		}
	}
	for name, method := range d.Events {
		rt.events[name] = func(ctx context.Context, c *Conn, m Message) error {
			return method(c.consumer.(C), ctx, c, m)
		}
	}
	for name, encode := range d.Encoders {
		rt.encoders[name] = encoder{encode, false}
	}
	for name, encode := range d.Signals {
		rt.encoders[name] = encoder{encode, true}
	}
	if len(rt.events)+len(rt.encoders) < len(d.Events)+len(d.Encoders)+len(d.Signals) || overlap(rt.events, rt.encoders) {
		panic("channels: a type of layer messages stands in two maps of a Dispatch")
	}
	return rt
}

func overlap[A, B any](a map[string]A, b map[string]B) bool {
	for k := range a {
		if _, both := b[k]; both {
			return true
		}
	}
	return false
}

// A route is what Handler makes, without the consumer's type.
type route struct {
	server   *Server
	create   func() Consumer
	events   map[string]event
	encoders map[string]encoder
	groups   []string
}

type event func(ctx context.Context, c *Conn, m Message) error

type encoder struct {
	encode func(m Message) (Frame, error)
	lossy  bool
}

// frame encodes a message; a panic is an error like any other.
func (e encoder) frame(m Message) (f Frame, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	if f, err = e.encode(m); err == nil && f.Op != ws.Text && f.Op != ws.Binary {
		err = fmt.Errorf("the frame's Op is %d: make it with Text, Binary or JSON", f.Op)
	}
	return f, err
}

// ErrDeny, returned by Connect, answers the request with HTTP 403.
var ErrDeny = errors.New("connection denied")

// A CloseError, returned by a consumer, closes its connection with this code and reason. It isn't logged.
type CloseError struct {
	Code   CloseCode
	Reason string // for the client; at most 123 bytes are sent
}

// Error says the code and the reason.
func (e *CloseError) Error() string {
	if e.Reason == "" {
		return "close " + e.Code.String()
	}
	return "close " + e.Code.String() + ": " + e.Reason
}

var (
	// ErrClosed says that the connection is closed or closing, so nothing more can be sent.
	ErrClosed = ws.ErrClosed

	// ErrTooSlow says that the client reads too slowly for what it is sent; the connection is being closed.
	ErrTooSlow = ws.ErrTooSlow
)
