package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"time"

	"github.com/teahouse-chat/teahouse/channels"
	"github.com/teahouse-chat/teahouse/ws"
)

// An edge stands between browsers and a Django app.
type edge struct {
	django *url.URL
	auth   string // path of the view that says who it is; "" when nobody is asked
}

// routes has the sockets of rooms here, and all else in Django: pages, and sockets of other addresses too.
func (e *edge) routes(server *channels.Server) http.Handler {
	django := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(e.django)
		r.Out.Host = r.In.Host // Django checks it against ALLOWED_HOSTS and the Origin
		r.SetXForwarded()
	}}
	rooms := channels.Handler(server, func() *member { return &member{edge: e} }, &channels.Dispatch[*member]{
		Encoders: channels.Encoders{"xx.oo": frame},
	})
	mux := http.NewServeMux()
	mux.Handle("/", django)
	mux.HandleFunc("/room/{group}/{$}", func(w http.ResponseWriter, r *http.Request) {
		if ws.IsUpgrade(r) {
			rooms.ServeHTTP(w, r)
			return
		}
		django.ServeHTTP(w, r)
	})
	return mux
}

// A member is one connection's consumer: it does what the app's ChatConsumer does.
type member struct {
	channels.BaseConsumer
	edge *edge
	user string // "" when nobody was asked
}

func (m *member) Connect(ctx context.Context, c *channels.Conn) error {
	var err error
	if m.user, err = m.edge.whoIs(ctx, c.Request()); err != nil {
		return err
	}
	group := c.PathValue("group")
	if err := c.GroupAdd(ctx, group); err != nil {
		return err
	}
	slog.Info("joined", slog.String("group", group), slog.String("user", m.user))
	return c.Accept(nil)
}

// Receive sends what ChatConsumer.websocket_receive sends.
func (m *member) Receive(ctx context.Context, c *channels.Conn, f channels.Frame) error {
	return c.GroupSend(ctx, c.PathValue("group"), channels.Message{
		"type":    "xx.oo",
		"message": channels.Message{"type": "websocket.receive", "text": f.Text()},
	})
}

// frame is what ChatConsumer.xx_oo sends to each client. It is the same for all of them, so it is made once for all.
func frame(event channels.Message) (channels.Frame, error) {
	text, ok := event.Map("message")["text"].(string)
	if !ok {
		return channels.Frame{}, errors.New("it has no text")
	}
	return channels.Text(text), nil
}

// whoIs asks Django who a request with these cookies is from. Anything but 200 denies the connection.
func (e *edge) whoIs(ctx context.Context, r *http.Request) (string, error) {
	if e.auth == "" {
		return "", nil
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	ask, err := http.NewRequestWithContext(ctx, http.MethodGet, e.django.JoinPath(e.auth).String(), nil)
	if err != nil {
		return "", err
	}
	ask.Host = r.Host
	ask.Header["Cookie"] = r.Header["Cookie"]
	answer, err := http.DefaultTransport.RoundTrip(ask) // a redirect to the login page is a no
	if err != nil {
		return "", &ws.HandshakeError{Status: http.StatusBadGateway, Reason: "can't find out who you are, try again later"}
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return "", fmt.Errorf("%w: log in first", channels.ErrDeny)
	}
	name, err := io.ReadAll(io.LimitReader(answer.Body, 1000))
	return strings.TrimSpace(string(name)), err
}
