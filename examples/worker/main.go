// Worker does what takes long outside of the sockets' process: a consumer sends a task to a named channel, any of the processes that work on that channel does it
// and answers to the consumer's own channel. It is what Django has runworker for.
//
//	go run ./worker                                          # both in one process
//	go run ./worker -layer redis://localhost:6379 serve
//	go run ./worker -layer redis://localhost:6379 work       # as many as you like
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"slices"
	"syscall"

	"github.com/teahouse-chat/teahouse/channels"
	"github.com/teahouse-chat/teahouse/channels/memlayer"
	"github.com/teahouse-chat/teahouse/channels/redislayer"
)

// openLayer is what Django's setting CHANNEL_LAYERS is for.
func openLayer(ctx context.Context, name string) (channels.Layer, error) {
	if name == "memory" {
		return memlayer.New(nil), nil
	}
	return redislayer.NewCore(ctx, &redislayer.Options{Hosts: []redislayer.Host{{URL: name}}})
}

// serve serves the page and its sockets until ctx ends.
func serve(ctx context.Context, listener net.Listener, layer channels.Layer) error {
	server := newServer(layer)
	site := &http.Server{Handler: routes(server)}
	stop := context.AfterFunc(ctx, func() { _ = site.Close() })
	defer stop()
	err := site.Serve(listener)
	if errors.Is(err, http.ErrServerClosed) {
		err = nil
	}
	return errors.Join(err, server.Close())
}

// both serves and works until ctx ends.
func both(ctx context.Context, listener net.Listener, layer channels.Layer) error {
	ctx, cancel := context.WithCancel(ctx)
	worked := make(chan error, 1)
	go func() { worked <- work(ctx, layer) }()
	err := serve(ctx, listener, layer)
	cancel()
	return errors.Join(err, <-worked)
}

func run() error {
	addr := flag.String("addr", "localhost:8000", "where to listen")
	layerName := flag.String("layer", "memory", "memory, or the URL of a Redis server like redis://localhost:6379")
	flag.Parse()
	what := flag.Arg(0)
	if !slices.Contains([]string{"", "serve", "work"}, what) {
		return fmt.Errorf("%q: say serve, work, or neither for both", what)
	}
	if *layerName == "memory" && what != "" {
		return errors.New("the layer in memory is for one process: say -layer redis://localhost:6379, or neither serve nor work")
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	layer, err := openLayer(ctx, *layerName)
	if err != nil {
		return err
	}
	defer layer.Close()
	if what == "work" {
		return work(ctx, layer)
	}
	listener, err := net.Listen("tcp", *addr)
	if err != nil {
		return err
	}
	fmt.Printf("http://%s/\n", *addr)
	if what == "serve" {
		return serve(ctx, listener, layer)
	}
	return both(ctx, listener, layer)
}

func main() {
	if err := run(); err != nil {
		log.Fatal(err)
	}
}
