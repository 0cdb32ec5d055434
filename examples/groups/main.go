// Groups is the tutorial's second group chat: the group is the URL's argument, and a channel layer carries what is said to all of its members, in this process
// or, over Redis, in any other one, a Django one included.
//
//	go run ./groups
//	go run ./groups -layer redis://localhost:6379
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
	"syscall"

	"github.com/teahouse-chat/teahouse/channels"
	"github.com/teahouse-chat/teahouse/channels/memlayer"
	"github.com/teahouse-chat/teahouse/channels/redislayer"
	"github.com/teahouse-chat/teahouse/examples/internal/page"
)

// A chat is one connection's consumer.
type chat struct{ channels.BaseConsumer }

func (chat) Connect(ctx context.Context, c *channels.Conn) error {
	if err := c.GroupAdd(ctx, c.PathValue("group")); err != nil {
		return err
	}
	return c.Accept(nil)
}

func (chat) Receive(ctx context.Context, c *channels.Conn, f channels.Frame) error {
	return c.GroupSend(ctx, c.PathValue("group"), channels.Message{
		"type":    "xx.oo",
		"message": channels.Message{"type": "websocket.receive", "text": f.Text()},
	})
}

// XxOo is called for each message of type "xx.oo" that comes to a group that the connection is in.
func (chat) XxOo(_ context.Context, c *channels.Conn, event channels.Message) error {
	return c.SendText(event.Map("message").Str("text"))
}

func routes(server *channels.Server) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/room/{group}/", page.Or(page.Room, channels.Handler(server, func() chat { return chat{} }, &channels.Dispatch[chat]{
		Events: channels.Events[chat]{"xx.oo": chat.XxOo},
	})))
	return mux
}

// openLayer is what Django's setting CHANNEL_LAYERS is for.
func openLayer(ctx context.Context, name string) (channels.Layer, error) {
	if name == "memory" {
		return memlayer.New(nil), nil
	}
	return redislayer.NewCore(ctx, &redislayer.Options{Hosts: []redislayer.Host{{URL: name}}})
}

// serve serves until ctx ends. Then it closes the sockets, and after them the layer, so that the process leaves its groups.
func serve(ctx context.Context, listener net.Listener, layer channels.Layer) error {
	server := channels.NewServer(layer, nil)
	site := &http.Server{Handler: routes(server)}
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
	layerName := flag.String("layer", "memory", "memory, or the URL of a Redis server like redis://localhost:6379")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	listener, err := net.Listen("tcp", *addr)
	if err != nil {
		return err
	}
	layer, err := openLayer(ctx, *layerName)
	if err != nil {
		return err
	}
	fmt.Printf("http://%s/room/123/\n", *addr)
	return serve(ctx, listener, layer)
}

func main() {
	if err := run(); err != nil {
		log.Fatal(err)
	}
}
