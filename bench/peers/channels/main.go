// Command channels is the room of the bench made with package channels: each text that a socket sends goes to all sockets of its room.
//
// It serves ws://127.0.0.1:PORT/room/GROUP/, and /send/GROUP/ for sockets that send to a room and aren't in it, and says where on its first line.
package main

import (
	"context"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"

	"github.com/teahouse-chat/teahouse/channels"
	"github.com/teahouse-chat/teahouse/channels/memlayer"
	"github.com/teahouse-chat/teahouse/channels/redislayer"
	"github.com/teahouse-chat/teahouse/ws"
)

// ways are the types of the message that a text travels in: one for each way to a group's connections.
var ways = map[string]string{"encoder": "chat.frame", "handler": "chat.message"}

func main() {
	way := flag.String("way", "encoder", "how a message becomes frames: encoder, once for all sockets, or handler, a call for each socket")
	layer := flag.String("layer", "memory", "what carries messages: memory, core or pubsub, the latter two over Redis")
	redis := flag.String("redis", "redis://localhost:6379", "the URL of the Redis")
	flag.Parse()
	if err := run(*way, *layer, *redis); err != nil {
		fmt.Fprintln(os.Stderr, "channels:", err)
		os.Exit(1)
	}
}

func run(way, kind, redis string) error {
	messageType := ways[way]
	if messageType == "" {
		return fmt.Errorf("way %q: it is encoder or handler", way)
	}
	layer, err := open(kind, redis)
	if err != nil {
		return err
	}
	server := channels.NewServer(layer, &channels.Options{
		WebSocket: &ws.Options{PingInterval: -1}, // pings would be counted with the frames
	})
	dispatch := &channels.Dispatch[*chat]{
		Events: channels.Events[*chat]{"chat.message": (*chat).message},
		Encoders: channels.Encoders{"chat.frame": func(m channels.Message) (channels.Frame, error) {
			return channels.Text(m.Str("text")), nil
		}},
	}
	mux := http.NewServeMux()
	mux.Handle("/room/{group}/", channels.Handler(server, func() *chat { return &chat{messageType: messageType, joins: true} }, dispatch))
	mux.Handle("/send/{group}/", channels.Handler(server, func() *chat { return &chat{messageType: messageType} }, dispatch))
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Printf("http://%s/\n", listener.Addr())
	return http.Serve(listener, mux) // until the process is ended
}

func open(kind, redis string) (channels.Layer, error) {
	ctx, o := context.Background(), &redislayer.Options{Hosts: []redislayer.Host{{URL: redis}}}
	switch kind {
	case "memory":
		return memlayer.New(nil), nil
	case "core":
		return redislayer.NewCore(ctx, o)
	case "pubsub":
		return redislayer.NewPubSub(ctx, o)
	}
	return nil, fmt.Errorf("layer %q: it is memory, core or pubsub", kind)
}

// A chat is one socket in a room, or at one.
type chat struct {
	messageType string // of what it sends
	joins       bool
	group       string
}

// Connect joins the room that the URL names.
func (ch *chat) Connect(ctx context.Context, c *channels.Conn) error {
	ch.group = c.PathValue("group")
	if ch.joins {
		if err := c.GroupAdd(ctx, ch.group); err != nil {
			return err
		}
	}
	return c.Accept(nil)
}

// Receive sends a text to the room.
func (ch *chat) Receive(ctx context.Context, c *channels.Conn, f channels.Frame) error {
	return c.GroupSend(ctx, ch.group, channels.Message{"type": ch.messageType, "text": f.Text()})
}

// Disconnect has nothing to do.
func (*chat) Disconnect(context.Context, *channels.Conn, channels.CloseCode) error { return nil }

// message sends a text to the client.
func (*chat) message(_ context.Context, c *channels.Conn, m channels.Message) error {
	return c.Send(channels.Text(m.Str("text")))
}
