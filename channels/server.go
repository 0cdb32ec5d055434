package channels

import (
	"context"
	"errors"
	"iter"
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/teahouse-chat/teahouse/fanout"
	"github.com/teahouse-chat/teahouse/ws"
)

// Options of a [Server]; nil and zero values mean the defaults.
type Options struct {
	// WebSocket is how sockets are served: which origins may connect, limits, timeouts. Its Subprotocols and Refuse aren't used. Default: the safe
	// ones of package ws.
	WebSocket *ws.Options

	// Inbox is how many layer messages may wait for a connection's event methods; further ones are lost for it, and counted. Default 100.
	Inbox int

	// Fanout adjusts how encoded frames are given to a group's members.
	Fanout fanout.Options

	// Context makes the context whose values a connection's calls have, for as long as it lives; when that one ends doesn't matter. Default: the request's. Connections
	// that need no values are half a kilobyte smaller with context.Background.
	Context func(r *http.Request) context.Context

	// Refuse answers a request that isn't upgraded. err is what Connect returned, or a *ws.HandshakeError for a request that isn't a handshake. Default: the
	// status of the HandshakeError, 403 for ErrDeny, 400 for ErrName, else 500 and a log record.
	Refuse func(w http.ResponseWriter, r *http.Request, err error)

	// Losses counts lost messages. Default: those of the layer, if it counts, else the server's own.
	Losses *Losses

	// Logger gets a record for each consumer that fails. Default slog.Default().
	Logger *slog.Logger
}

// A Server runs consumers: it holds their connections, and joins each of their groups once, however many connections are in it. Its methods may be called
// concurrently. Close ends it.
type Server struct {
	layer   Layer // nil for none
	opts    Options
	sockets *ws.Server
	groups  groups
	crew    crew

	complaints rate.Sometimes // bounds the log: one message can end every member of a group

	mu      sync.Mutex      // guards what follows
	conns   []*Conn         // each at its place
	ended   sync.WaitGroup  // conns, and groups that are being left
	closing context.Context // what Close has time for; nil until then
}

const (
	disconnectTimeout = 10 * time.Second // of Disconnect's context
	leaveTimeout      = 5 * time.Second  // for a layer to let the server out of a group
)

// errNoLayer says that a consumer uses groups or channels and its server has no layer.
var errNoLayer = errors.New("the server has no layer: give one to channels.NewServer")

// NewServer makes a server whose consumers send through a layer; nil for consumers that don't. The layer isn't closed by the server.
func NewServer(layer Layer, o *Options) *Server {
	s := &Server{layer: layer, complaints: rate.Sometimes{First: 10, Interval: time.Second}}
	if o != nil {
		s.opts = *o
	}
	if s.opts.Inbox <= 0 {
		s.opts.Inbox = DefaultCapacity
	}
	if s.opts.Logger == nil {
		s.opts.Logger = slog.Default()
	}
	if s.opts.Refuse == nil {
		s.opts.Refuse = s.refuse
	}
	if s.opts.Context == nil {
		s.opts.Context = (*http.Request).Context
	}
	if counter, ok := layer.(interface{ Losses() *Losses }); ok && s.opts.Losses == nil {
		s.opts.Losses = counter.Losses()
	}
	if s.opts.Losses == nil {
		s.opts.Losses = &Losses{Logger: s.opts.Logger}
	}
	var sockets ws.Options
	if s.opts.WebSocket != nil {
		sockets = *s.opts.WebSocket
	}
	sockets.Subprotocols = nil // the consumers choose
	sockets.Refuse = func(w http.ResponseWriter, r *http.Request, err *ws.HandshakeError) { s.opts.Refuse(w, r, err) }
	if sockets.Logger == nil {
		sockets.Logger = s.opts.Logger
	}
	s.sockets = ws.NewServer(&sockets)
	s.groups = groups{server: s, byName: map[string]*group{}}
	return s
}

// Layer is the layer that was given to NewServer.
func (s *Server) Layer() Layer { return s.layer }

// Losses counts what was lost here, and in a layer that counts.
func (s *Server) Losses() *Losses { return s.opts.Losses }

// Conns are the connections: those whose Connect is at work, that are open, and that are closing. The server may change while they are visited.
func (s *Server) Conns() iter.Seq[*Conn] {
	return func(yield func(*Conn) bool) {
		s.mu.Lock()
		conns := slices.Clone(s.conns)
		s.mu.Unlock()
		for _, c := range conns {
			if !yield(c) {
				return
			}
		}
	}
}

// admit takes a connection into the books; false when the server is closed.
func (s *Server) admit(c *Conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing != nil {
		return false
	}
	c.place = int32(len(s.conns))
	s.conns = append(s.conns, c)
	s.ended.Add(1)
	return true
}

// forget takes a connection that is gone out of the books.
func (s *Server) forget(c *Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	last := s.conns[len(s.conns)-1]
	s.conns[c.place], last.place = last, c.place
	s.conns[len(s.conns)-1] = nil
	s.conns = s.conns[:len(s.conns)-1]
	s.ended.Done()
}

func (s *Server) isClosed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closing != nil
}

// leave does what tells a layer that we have left, which may take long, in the background; when the server closes at once, and all together within leaveTimeout.
func (s *Server) leave(tell func(ctx context.Context)) {
	s.mu.Lock()
	closing := s.closing
	if closing == nil {
		s.ended.Add(1)
	}
	s.mu.Unlock()
	if closing != nil {
		tell(closing)
		return
	}
	go func() {
		defer s.ended.Done()
		ctx, done := context.WithTimeout(context.Background(), leaveTimeout)
		defer done()
		tell(ctx)
	}()
}

// Shutdown closes every connection with ws.CloseGoingAway and waits until all are gone, for as long as ctx lasts; then it is Close. Stop accepting first
// (http.Server.Shutdown, which doesn't know of WebSockets). It returns ctx's error when some had to be cut off.
func (s *Server) Shutdown(ctx context.Context) error {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		open := false
		for c := range s.Conns() {
			open = true
			_ = c.Close(ws.CloseGoingAway, "") // closing again changes nothing
		}
		if !open {
			return s.Close()
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return errors.Join(ctx.Err(), s.Close())
		}
	}
}

// Close closes every connection at once, and refuses new ones. It returns when every Disconnect has returned, and every Connect that was at work, so it must not be called by
// a consumer. The contexts of consumers that are at work end.
func (s *Server) Close() error {
	ctx, done := context.WithTimeout(context.Background(), leaveTimeout)
	defer done()
	s.mu.Lock()
	s.closing = ctx
	s.mu.Unlock()
	for c := range s.Conns() {
		c.end()
	}
	err := s.sockets.Close()
	for c := range s.Conns() {
		_ = c.Close(ws.CloseGoingAway, "") // its code may be sent
	}
	s.ended.Wait()
	return err
}

// refuse is the default of Options.Refuse.
func (s *Server) refuse(w http.ResponseWriter, r *http.Request, err error) {
	var handshake *ws.HandshakeError
	var denied *denial
	switch {
	case errors.As(err, &handshake):
		for name, values := range handshake.Header {
			w.Header()[name] = values
		}
		http.Error(w, handshake.Reason, handshake.Status)
	case errors.As(err, &denied):
		http.Error(w, denied.Error(), http.StatusForbidden)
	case errors.Is(err, ErrDeny):
		http.Error(w, ErrDeny.Error(), http.StatusForbidden)
	case errors.Is(err, ErrName): // commonly a group from the URL
		http.Error(w, ErrName.Error(), http.StatusBadRequest)
	default:
		s.complain("consumer failed to connect", err, slog.String("path", r.URL.Path))
		http.Error(w, "internal error", http.StatusInternalServerError)
	}
}

// complain logs what went wrong, at most once a second after the first few.
func (s *Server) complain(what string, err error, attrs ...slog.Attr) {
	s.complaints.Do(func() {
		s.opts.Logger.LogAttrs(context.Background(), slog.LevelError, what, append(attrs, slog.Any("err", err))...)
	})
}

// notEncoded counts a message that an encoder refused, for so many connections.
func (s *Server) notEncoded(kind, group string, n int, err error) {
	s.opts.Losses.Add(group, LossNotEncoded, n)
	s.complain("layer message can't be encoded", err, slog.String("group", group), slog.String("type", kind))
}
