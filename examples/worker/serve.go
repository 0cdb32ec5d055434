package main

import (
	"context"
	_ "embed"
	"errors"
	"net/http"

	"github.com/teahouse-chat/teahouse/channels"
	"github.com/teahouse-chat/teahouse/examples/internal/page"
	"github.com/teahouse-chat/teahouse/ws"
)

//go:embed page.html
var html []byte

// A gallery is one connection's consumer: the client sends pictures and gets them back small.
type gallery struct{ channels.BaseConsumer }

// Receive hands a picture to the workers, and doesn't wait for them.
func (gallery) Receive(ctx context.Context, c *channels.Conn, f channels.Frame) error {
	answerTo, err := c.ChannelName(ctx)
	if err != nil {
		return err
	}
	err = c.Layer().Send(ctx, "thumbnails", channels.Message{"type": "thumbnail.make", "picture": f.Payload, "answer_to": answerTo})
	if errors.Is(err, channels.ErrChannelFull) {
		return c.SendText("the workers are busy, try again later")
	}
	return err
}

// Made is called for the workers' answers.
func (gallery) Made(_ context.Context, c *channels.Conn, m channels.Message) error {
	if thumbnail, ok := m["thumbnail"].([]byte); ok {
		return c.Send(channels.Binary(thumbnail))
	}
	return c.SendText(m.Str("error"))
}

func newServer(layer channels.Layer) *channels.Server {
	return channels.NewServer(layer, &channels.Options{WebSocket: &ws.Options{MaxMessage: 1 << 20}})
}

func routes(server *channels.Server) http.Handler {
	mux := http.NewServeMux()
	create := func() gallery { return gallery{} }
	mux.Handle("/{$}", page.Or(html, channels.Handler(server, create, &channels.Dispatch[gallery]{
		Events: channels.Events[gallery]{"thumbnail.made": gallery.Made},
	})))
	return mux
}
