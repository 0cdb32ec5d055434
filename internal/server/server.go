// Package server builds Teahouse from its Config: what is started and stopped, in which order. It is the only place that names a
// backend.
package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/teahouse-chat/teahouse/channels/memlayer"
	"github.com/teahouse-chat/teahouse/fanout"
	"github.com/teahouse-chat/teahouse/feed"
	"github.com/teahouse-chat/teahouse/internal/chat"
	"github.com/teahouse-chat/teahouse/internal/sqlite"
	"github.com/teahouse-chat/teahouse/internal/web"
)

// Timeouts of a request and its answer, and the size of its head; a body has its own.
const (
	headTimeout = 5 * time.Second
	sendTimeout = time.Minute // for an answer; streams and sockets have their own
	idleTimeout = time.Minute
	headBytes   = 12 << 10 // net/http adds 4 KiB
)

// Run serves until ctx ends and then moves everybody off, within cfg.Drain. It prints the lobby room's URL on stdout when it is
// ready. Errors are for people: one line that says what to do.
func Run(ctx context.Context, cfg Config, stdout io.Writer, log *slog.Logger) error {
	set, err := cfg.settle()
	if err != nil {
		return err
	}
	listener, err := set.listen(log)
	if err != nil {
		return err
	}
	defer listener.Close()
	s, err := open(ctx, set, log)
	if err != nil {
		return err
	}
	defer s.close()
	if !set.limits {
		log.Warn("rate and connection limits are off: for load tests only")
	}
	return s.serve(ctx, listener, stdout)
}

// A server is everything that runs, in the order in which it was started.
type server struct {
	set     settings
	log     *slog.Logger
	store   *sqlite.DB
	layer   *memlayer.Layer
	feed    *feed.Feed
	handler *web.Handler
	http    *http.Server
}

// open builds everything, in the order of the data's way: store, feed, web.
func open(ctx context.Context, set settings, log *slog.Logger) (_ *server, err error) {
	s := &server{set: set, log: log}
	defer func() {
		if err != nil {
			s.close()
		}
	}()
	reg := prometheus.NewRegistry()
	reg.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	m := newMetrics(reg)

	if s.store, err = sqlite.Open(ctx, set.Data, &sqlite.Options{Logger: log, Trace: m.store()}); err != nil {
		return nil, err
	}
	s.layer = memlayer.New(nil)
	s.feed = feed.New(s.store, web.NewEncoder(s.store.Epoch()), &feed.Options{
		Fanout: fanout.Options{Wrote: m.wrote},
		Logger: log,
	})
	guests, err := chat.NewGuests(ctx, s.store)
	if err != nil {
		return nil, err
	}
	canary := &canary{log: s.store, feed: s.feed, logger: log}
	s.handler, err = web.New(web.Options{
		Chat:           chat.NewService(s.store, s.store, set.limits),
		Store:          s.store,
		Guests:         guests,
		Feed:           s.feed,
		Layer:          s.layer,
		Ready:          canary.sing,
		Logger:         log,
		PublicURL:      set.publicURL,
		BasePath:       set.BasePath,
		AllowOrigins:   set.origins,
		TrustedProxies: set.proxies,
		Limits:         set.limits,
		MaxConns:       maxConns(),
		Metrics:        reg,
	})
	if err != nil {
		return nil, err
	}
	s.http = &http.Server{
		Handler:           s.handler,
		ReadHeaderTimeout: headTimeout,
		WriteTimeout:      sendTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    headBytes,
		ConnState:         newDoor(maxConns()/10, set.limits, set.proxies).watch,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug), // what clients do wrong
	}
	return s, nil
}

// close ends what was opened, the last first.
func (s *server) close() {
	if s.handler != nil {
		if err := s.handler.Close(); err != nil {
			s.log.Warn("close sockets", "err", err)
		}
	}
	if s.feed != nil {
		s.feed.Close()
	}
	if s.layer != nil {
		_ = s.layer.Close() // one in memory can't fail
	}
	if s.store != nil {
		if err := s.store.Close(); err != nil {
			s.log.Error("close the store", "err", err)
		}
	}
}

func (s *server) serve(ctx context.Context, listener net.Listener, stdout io.Writer) error {
	running, stop := context.WithCancel(context.Background())
	defer stop()
	feedDone := make(chan error, 1)
	go func() { feedDone <- s.feed.Run(running) }()
	resting := make(chan struct{})
	go func() { giveBack(running); close(resting) }()
	defer func() { stop(); <-feedDone; <-resting }()

	served := make(chan error, 1)
	go func() { served <- s.http.Serve(listener) }()
	url := s.set.roomURL(listener.Addr())
	s.log.Info("serving", "url", url, "data", s.set.Data)
	if _, err := fmt.Fprintln(stdout, url); err != nil {
		s.log.Warn("the URL can't be printed", "err", err)
	}
	select {
	case err := <-served:
		return fmt.Errorf("serve on %s: %w", listener.Addr(), err)
	case <-ctx.Done():
	}
	began := time.Now()
	s.log.Info("going", "drain", s.set.Drain.String())
	s.drain()
	<-served
	s.log.Info("gone", "dur", time.Since(began).Round(time.Millisecond).String())
	return nil
}

// drain stops accepting, lets what was begun finish, and moves followers off, all within the time set.
func (s *server) drain() {
	ctx, cancel := context.WithTimeout(context.Background(), s.set.Drain)
	defer cancel()
	requests := make(chan error, 1)
	go func() { requests <- s.http.Shutdown(ctx) }()
	s.handler.Drain(ctx, s.set.Drain)
	if err := <-requests; err != nil && !errors.Is(err, context.DeadlineExceeded) {
		s.log.Warn("shut down", "err", err)
	}
	_ = s.http.Close() // what didn't finish in time
}
