package ws_test

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"

	"github.com/coder/websocket"
	"github.com/teahouse-chat/teahouse/ws"
)

// An echoer sends every message back to whom it came from.
type echoer struct{}

func (echoer) Open(*ws.Conn) {}

func (echoer) Message(c *ws.Conn, op ws.Opcode, payload []byte) {
	if err := c.Send(op, payload); err != nil {
		log.Print(err) // the connection is closing
	}
}

func (echoer) Closed(*ws.Conn, ws.CloseCode, string) {}

// A server that echoes, and a client that talks to it.
func Example() {
	server := ws.NewServer(nil)
	defer func() { _ = server.Close() }()
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := server.Upgrade(w, r, echoer{}); err != nil {
			log.Print(err) // the request has been answered
		}
	}))
	defer web.Close()

	ctx := context.Background()
	client, _, err := websocket.Dial(ctx, web.URL, nil)
	if err != nil {
		log.Fatal(err)
	}
	if err := client.Write(ctx, websocket.MessageText, []byte("来了呀客官")); err != nil {
		log.Fatal(err)
	}
	_, answer, err := client.Read(ctx)
	fmt.Println(string(answer), err)
	err = client.Close(websocket.StatusNormalClosure, "")
	fmt.Println(err)
	// Output:
	// 来了呀客官 <nil>
	// <nil>
}
