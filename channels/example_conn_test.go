package channels_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"

	"github.com/teahouse-chat/teahouse/channels"
	"github.com/teahouse-chat/teahouse/channels/channelstest"
	"github.com/teahouse-chat/teahouse/channels/memlayer"
	"github.com/teahouse-chat/teahouse/ws"
)

// door is a consumer that looks at who comes.
type door struct{ channels.BaseConsumer }

func (door) Connect(_ context.Context, c *channels.Conn) error {
	name := c.Request().URL.Query().Get("name")
	if name == "" {
		return c.Deny("say who you are: ?name=…")
	}
	accept := &channels.AcceptOptions{Header: http.Header{"Set-Cookie": {"name=" + name}}}
	for _, offered := range c.Subprotocols() {
		if offered == "chat.v2" {
			accept.Subprotocol = offered
		}
	}
	return c.Accept(accept)
}

func (door) Receive(_ context.Context, c *channels.Conn, f channels.Frame) error {
	if f.Text() == "关闭" {
		return c.Close(ws.CloseNormal, "as you wish")
	}
	return &channels.CloseError{Code: ws.CloseUnsupported, Reason: "not today"}
}

// Accept with a subprotocol and a cookie, deny with a reason, close with a code and a reason.
func ExampleConn_Accept() {
	server := channels.NewServer(nil, nil)
	defer server.Close()
	h := channels.Handler(server, func() door { return door{} }, nil)

	fmt.Println(channelstest.New(h, "/").Connect())
	for _, text := range []string{"关闭", "hi"} {
		c := channelstest.New(h, "/?name=ann", "chat.v1", "chat.v2")
		if err := c.Connect(); err != nil {
			fmt.Println(err)
			return
		}
		c.SendText(text)
		_, err := c.Receive(context.Background())
		var closed *channels.CloseError
		fmt.Println(c.Subprotocol(), c.Header().Get("Set-Cookie"), errors.As(err, &closed), err)
	}
	// Output:
	// denied with status 403: connection denied: say who you are: ?name=…
	// chat.v2 name=ann true close 1000: as you wish
	// chat.v2 name=ann true close 1003: not today
}

// mailbox is a consumer that tells its client under which name it can be reached.
type mailbox struct{ channels.BaseConsumer }

func (mailbox) Receive(ctx context.Context, c *channels.Conn, _ channels.Frame) error {
	name, err := c.ChannelName(ctx)
	if err != nil {
		return err
	}
	fmt.Println("its channel is local:", channels.IsLocal(name))
	err = c.Layer().Send(ctx, name, channels.Message{"type": "letter", "paper": []byte("hello")})
	if errors.Is(err, channels.ErrChannelFull) {
		return c.SendText("full")
	}
	return err
}

func (mailbox) Letter(_ context.Context, c *channels.Conn, m channels.Message) error {
	paper, _ := m["paper"].([]byte)
	return c.Send(channels.Binary(paper))
}

// A connection's own channel reaches it alone, from anywhere.
func ExampleConn_ChannelName() {
	server := channels.NewServer(memlayer.New(nil), nil)
	defer server.Close()
	c := channelstest.New(channels.Handler(server, func() mailbox { return mailbox{} }, &channels.Dispatch[mailbox]{
		Events: channels.Events[mailbox]{"letter": mailbox.Letter},
	}), "/")
	if err := c.Connect(); err != nil {
		fmt.Println(err)
		return
	}
	c.SendText("where am I?")
	f, err := c.Receive(context.Background())
	fmt.Printf("%s, text: %v, %v\n", f.Payload, f.IsText(), err)
	// Output:
	// its channel is local: true
	// hello, text: false, <nil>
}

// Names are the same for all layers.
func ExampleCheckGroup() {
	fmt.Println(channels.CheckGroup("room-1"), channels.CheckChannel("specific.4f!a7"))
	err := channels.CheckGroup("房间")
	fmt.Println(errors.Is(err, channels.ErrName), err)
	// Output:
	// <nil> <nil>
	// true bad name: the group "房间" may have ASCII letters, digits, - _ and . only
}

// Rules for some channels, as in Django's channel_capacity.
func ExampleCapacityRule() {
	layer := memlayer.New(&memlayer.Options{ChannelCapacity: []channels.CapacityRule{
		{Pattern: "thumbnails*", Capacity: 1},
		{Regexp: regexp.MustCompile(`specific\.`), Capacity: 500},
	}})
	defer layer.Close()
	for range 2 {
		fmt.Println(layer.Send(context.Background(), "thumbnails.small", channels.Message{"type": "thumbnail.make"}))
	}
	// Output:
	// <nil>
	// send to thumbnails.small: channel is full
}

// A layer may be able to forget everything.
func ExampleFlusher() {
	var layer channels.Layer = memlayer.New(nil)
	defer layer.Close()
	ctx := context.Background()
	if err := layer.Send(ctx, "thumbnails", channels.Message{"type": "thumbnail.make"}); err != nil {
		fmt.Println(err)
	}
	if f, ok := layer.(channels.Flusher); ok {
		fmt.Println(f.Flush(ctx))
	}
	ctx, cancel := context.WithCancel(ctx)
	cancel()
	_, err := layer.Receive(ctx, "thumbnails")
	fmt.Println(errors.Is(err, context.Canceled))
	// Output:
	// <nil>
	// true
}

// A layer may call for each message, so that no goroutine waits.
func ExampleSubscriber() {
	layer := memlayer.New(nil)
	defer layer.Close()
	ctx := context.Background()
	name, err := layer.NewChannel(ctx, "")
	if err != nil {
		fmt.Println(err)
	}
	unsubscribe, err := layer.Subscribe(name, func(m channels.Message) { fmt.Println("got", m.Type()) })
	if err != nil {
		fmt.Println(err)
	}
	fmt.Println(layer.Send(ctx, name, channels.Message{"type": "ping"}))
	unsubscribe()
	// Output:
	// got ping
	// <nil>
}
