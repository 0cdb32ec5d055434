// Djangoedge puts Go in front of a Django Channels app that stays as it is: Go holds the sockets of the app's rooms, as members of the same groups, and passes
// everything else on to Django. docs/django.md tells when that fits.
//
//	cd djangoedge/django && python3 manage.py runserver 8001
//	go run ./djangoedge -django http://localhost:8001 -redis redis://localhost:6379
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"syscall"

	"github.com/teahouse-chat/teahouse/channels"
	"github.com/teahouse-chat/teahouse/channels/redislayer"
)

// openLayer opens what the app's CHANNEL_LAYERS configure: the same kind of layer, over the same Redis. Its other options, if the app sets any (prefix,
// expiry, symmetric_encryption_keys …), are fields of redislayer.Options.
func openLayer(ctx context.Context, url string, pubsub bool) (channels.Layer, error) {
	o := &redislayer.Options{Hosts: []redislayer.Host{{URL: url}}}
	if pubsub {
		return redislayer.NewPubSub(ctx, o)
	}
	return redislayer.NewCore(ctx, o)
}

// serve serves until ctx ends. Then it closes the sockets, and after them the layer, so that the process leaves its groups.
func serve(ctx context.Context, listener net.Listener, layer channels.Layer, e *edge) error {
	server := channels.NewServer(layer, nil)
	site := &http.Server{Handler: e.routes(server)}
	stop := context.AfterFunc(ctx, func() { _ = site.Close() })
	defer stop()
	err := site.Serve(listener)
	if errors.Is(err, http.ErrServerClosed) {
		err = nil
	}
	return errors.Join(err, server.Close(), layer.Close())
}

func run() error {
	addr := flag.String("addr", "localhost:8000", "where to listen")
	django := flag.String("django", "http://localhost:8001", "where Django serves")
	redis := flag.String("redis", "redis://localhost:6379", "the Redis server of the app's channel layer")
	pubsub := flag.Bool("pubsub", false, "the app uses RedisPubSubChannelLayer, not RedisChannelLayer")
	auth := flag.String("auth", "", "path of a view that answers 200 and a name to who may connect, like /whoami/ (default: everyone may)")
	flag.Parse()
	target, err := url.Parse(*django)
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	listener, err := net.Listen("tcp", *addr)
	if err != nil {
		return err
	}
	layer, err := openLayer(ctx, *redis, *pubsub)
	if err != nil {
		return err
	}
	fmt.Printf("http://%s/room/123/\n", *addr)
	return serve(ctx, listener, layer, &edge{django: target, auth: *auth})
}

func main() {
	if err := run(); err != nil {
		log.Fatal(err)
	}
}
