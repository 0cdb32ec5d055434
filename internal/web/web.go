// Package web is Teahouse on the wire: every URL, the pages, the sockets' chat session, and the one table that turns errors into
// statuses and close codes. See routes.go for the URLs.
package web

import (
	"context"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/time/rate"

	"github.com/teahouse-chat/teahouse/channels"
	"github.com/teahouse-chat/teahouse/feed"
	"github.com/teahouse-chat/teahouse/feed/feedhttp"
	"github.com/teahouse-chat/teahouse/internal/chat"
	"github.com/teahouse-chat/teahouse/internal/ratelimit"
	"github.com/teahouse-chat/teahouse/ui"
	"github.com/teahouse-chat/teahouse/ws"
)

// Options of a Handler. All fields are required but those that say so.
type Options struct {
	Chat   *chat.Service
	Store  chat.Store
	Guests *chat.Guests
	Feed   *feed.Feed
	Layer  channels.Layer              // carries signals
	Ready  func(context.Context) error // says whether messages flow
	Logger *slog.Logger

	PublicURL      *url.URL       // nil: the machine's own addresses
	BasePath       string         // "" or like "/chat"
	AllowOrigins   []*url.URL     // scheme and host; may be empty
	TrustedProxies []netip.Prefix // may be empty
	Limits         bool           // rate and connection limits
	MaxConns       int            // followers at once, over all addresses
	Metrics        *prometheus.Registry
}

// A Handler serves everything. Create one with New.
type Handler struct {
	opts     Options
	pages    *pages
	origins  origins
	sockets  *channels.Server
	sessions http.Handler // of sockets
	events   feedhttp.Handler
	gate     *gate
	people   *chat.Presence
	passes   *chat.Passes
	marks    *chat.Marks
	recent   recentList
	metrics  *metrics
	root     http.Handler

	refusals rate.Sometimes     // bounds the log of refused hosts and origins
	requests *ratelimit.Limiter // by address; nil without limits
	posts    *ratelimit.Limiter // by address; nil without limits

	going context.Context // ends when the server begins to go
	goNow context.CancelFunc

	endMarks  context.CancelFunc // has marks write what is left
	marksDone chan struct{}
}

// New makes a Handler. Errors: what is wrong with the options.
func New(opts Options) (*Handler, error) {
	h := &Handler{opts: opts, refusals: rate.Sometimes{First: 10, Interval: time.Second}}
	var err error
	if h.pages, err = newPages(ui.Dist()); err != nil {
		return nil, err
	}
	h.origins = newOrigins(opts.PublicURL, opts.AllowOrigins)
	h.going, h.goNow = context.WithCancel(context.Background())
	h.gate = newGate(opts.Limits, opts.MaxConns)
	if opts.Limits {
		h.requests = ratelimit.New(requestRate, requestBurst)
		h.posts = ratelimit.New(postRate, postBurst)
	}
	h.people = chat.NewPresence(h.presence)
	h.passes = chat.NewPasses(opts.Guests)
	h.marks = chat.NewMarks(opts.Store, opts.Logger)
	h.metrics = newMetrics(opts.Metrics, h)
	h.sockets = channels.NewServer(opts.Layer, &channels.Options{
		WebSocket: &ws.Options{
			CheckOrigin: func(*http.Request) bool { return true }, // was checked for every request, see origins
			Compress:    true,
			Trace:       h.metrics.sockets(),
		},
		Context: func(*http.Request) context.Context { return context.Background() }, // sessions need nothing of the request later
		Refuse:  h.refuseSocket,
		Logger:  opts.Logger,
	})
	h.sessions = h.consumers()
	h.events = feedhttp.Handler{
		Feed:        opts.Feed,
		SSE:         encSSE,
		Key:         "room",
		AppendEvent: chat.AppendEvent,
		Error:       h.fail,
		Going:       h.going,
		Hold:        h.hold,
	}
	h.root = h.chain(h.routes())
	h.keepMarks()
	return h, nil
}

// keepMarks has read marks written now and then, until Close.
func (h *Handler) keepMarks() {
	var ctx context.Context
	ctx, h.endMarks = context.WithCancel(context.Background())
	h.marksDone = make(chan struct{})
	go func() {
		defer close(h.marksDone)
		h.marks.Run(ctx)
	}()
}

// ServeHTTP implements http.Handler.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) { h.root.ServeHTTP(w, r) }

// hold admits a request that will be held open.
func (h *Handler) hold(r *http.Request) (release func(), err error) {
	a, err := h.enter(r)
	return func() { h.gate.leave(addressOf(r), a) }, err
}

// Drain moves followers off: held requests are answered, streams end, sockets are told to come back, spread over the time given. It
// returns when what was posted is committed and answered, and all are gone or ctx has ended.
func (h *Handler) Drain(ctx context.Context, spread time.Duration) {
	h.goNow()
	h.sayBye(ctx, spread)
	h.awaitNobody(ctx)
}

// Close ends what is left at once, and writes the read marks that aren't yet: the store is closed after it.
func (h *Handler) Close() error {
	h.goNow()
	err := h.sockets.Close()
	h.endMarks()
	<-h.marksDone
	return err
}
