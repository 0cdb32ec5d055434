package channels_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/teahouse-chat/teahouse/channels"
	"github.com/teahouse-chat/teahouse/channels/channelstest"
	"github.com/teahouse-chat/teahouse/channels/memlayer"
)

// Chat is a room: the group that its URL names.
type Chat struct {
	channels.BaseConsumer
	group string
}

func (ch *Chat) Connect(ctx context.Context, c *channels.Conn) error {
	ch.group = c.PathValue("group")
	if err := c.GroupAdd(ctx, ch.group); err != nil {
		return err
	}
	return c.Accept(nil)
}

func (ch *Chat) Receive(ctx context.Context, c *channels.Conn, f channels.Frame) error {
	return c.GroupSend(ctx, ch.group, channels.Message{"type": "chat.message", "text": f.Text()})
}

func (ch *Chat) ChatMessage(ctx context.Context, c *channels.Conn, m channels.Message) error {
	return c.SendText(m.Str("text"))
}

// A chat room: what one says, everybody in the room sees.
func Example() {
	server := channels.NewServer(memlayer.New(nil), nil)
	defer server.Close()
	mux := http.NewServeMux()
	mux.Handle("/room/{group}/", channels.Handler(server, func() *Chat { return &Chat{} }, &channels.Dispatch[*Chat]{
		Events: channels.Events[*Chat]{"chat.message": (*Chat).ChatMessage},
	}))
	// http.ListenAndServe("localhost:8000", mux) would serve it; here two clients talk without a network.
	ann, bob := channelstest.New(mux, "/room/123/"), channelstest.New(mux, "/room/123/")
	for _, c := range []*channelstest.Communicator{ann, bob} {
		if err := c.Connect(); err != nil {
			fmt.Println(err)
		}
	}
	ann.SendText("来了呀客官")
	for _, c := range []*channelstest.Communicator{ann, bob} {
		fmt.Println(c.ReceiveText(context.Background()))
	}
	// Output:
	// 来了呀客官 <nil>
	// 来了呀客官 <nil>
}

// An encoder writes a group's frame once, however many are in it.
func ExampleEncoders() {
	server := channels.NewServer(memlayer.New(nil), nil)
	defer server.Close()
	h := channels.Handler(server, func() *quotes { return &quotes{} }, &channels.Dispatch[*quotes]{
		Groups: []string{"quotes"},
		Encoders: channels.Encoders{"quote": func(m channels.Message) (channels.Frame, error) {
			return channels.JSON(map[string]any{"price": m["price"]})
		}},
	})
	c := channelstest.New(h, "/quotes")
	if err := c.Connect(); err != nil {
		fmt.Println(err)
	}
	if err := server.Layer().GroupSend(context.Background(), "quotes", channels.Message{"type": "quote", "price": 21.5}); err != nil {
		fmt.Println(err)
	}
	fmt.Println(c.ReceiveText(context.Background()))
	// Output: {"price":21.5} <nil>
}

// quotes is a consumer that only tells.
type quotes struct{ channels.BaseConsumer }

// A handler of plain HTTP that streams what is said in a group, as Server-Sent Events.
func ExampleServer_Listen() {
	server := channels.NewServer(memlayer.New(nil), nil)
	defer server.Close()
	stream := func(w http.ResponseWriter, r *http.Request) {
		l, err := server.Listen(r.Context(), "news")
		if err != nil {
			http.Error(w, "try again", http.StatusServiceUnavailable)
			return
		}
		defer l.Close()
		w.Header().Set("Content-Type", "text/event-stream")
		for {
			m, err := l.Receive(r.Context())
			if err != nil {
				return // the client has gone
			}
			fmt.Fprintf(w, "data: %s\n\n", m.Str("text"))
			http.NewResponseController(w).Flush()
		}
	}
	ctx, leave := context.WithTimeout(context.Background(), 200*time.Millisecond)
	defer leave()
	go func() {
		time.Sleep(50 * time.Millisecond)
		server.Layer().GroupSend(ctx, "news", channels.Message{"type": "news", "text": "tea is ready"})
	}()
	w := httptest.NewRecorder()
	stream(w, httptest.NewRequest(http.MethodGet, "/news", nil).WithContext(ctx))
	fmt.Print(w.Body)
	// Output: data: tea is ready
}

// A worker does slow things on a channel with a name.
func ExampleWorker() {
	layer := memlayer.New(nil)
	defer layer.Close()
	ctx, cancel := context.WithCancel(context.Background())
	w := &channels.Worker{Layer: layer, Tasks: map[string]func(context.Context, channels.Message) error{
		"thumbnail.make": func(_ context.Context, m channels.Message) error {
			fmt.Println("a thumbnail of", m.Str("picture"))
			cancel()
			return nil
		},
	}}
	if err := layer.Send(ctx, "thumbnails", channels.Message{"type": "thumbnail.make", "picture": "cat.png"}); err != nil {
		fmt.Println(err)
	}
	fmt.Println(w.Run(ctx, "thumbnails"))
	// Output:
	// a thumbnail of cat.png
	// <nil>
}

// Where messages are lost, they are counted.
func ExampleLosses() {
	losses := &channels.Losses{Counted: func(l channels.Loss) { fmt.Println(l.Count, "of", l.Group, "because:", l.Reason) }}
	layer := memlayer.New(&memlayer.Options{Capacity: 1, Losses: losses})
	defer layer.Close()
	ctx := context.Background()
	name, err := layer.NewChannel(ctx, "")
	if err != nil {
		fmt.Println(err)
	}
	if err := layer.GroupAdd(ctx, "room", name); err != nil {
		fmt.Println(err)
	}
	for range 2 {
		if err := layer.GroupSend(ctx, "room", channels.Message{"type": "chat.message"}); err != nil {
			fmt.Println(err)
		}
	}
	fmt.Println(losses.Total(channels.LossFull))
	// Output:
	// 1 of room because: channel full
	// 1
}

func ExampleMessage_Clone() {
	m := channels.Message{"type": "chat.message", "n": uint8(7), "tags": []string{"a"}, "picture": []byte{1}}
	c, err := m.Clone()
	fmt.Printf("%T %T %T %v\n", c["n"], c["tags"], c["picture"], err)
	_, err = channels.Message{"at": time.Time{}}.Clone()
	fmt.Println(err)
	// Output:
	// int64 []interface {} []uint8 <nil>
	// message can't travel a layer: it has a time.Time; use nil, bool, numbers, string, []byte, []any and map[string]any
}

func ExampleNewCapacities() {
	c, err := channels.NewCapacities(0, []channels.CapacityRule{{Pattern: "thumbnails*", Capacity: 1000}})
	fmt.Println(c.Of("thumbnails.small"), c.Of("chat"), err)
	// Output: 1000 100 <nil>
}

func ExampleFrame_JSON() {
	var v struct{ X int }
	err := channels.Text(`{"X": 3}`).JSON(&v)
	fmt.Println(v.X, err)
	fmt.Println(channels.Text(`{"X": `).JSON(&v))
	// Output:
	// 3 <nil>
	// close 1007: not the JSON that is expected
}
