package client_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"strconv"

	"github.com/coder/websocket"

	"github.com/teahouse-chat/teahouse/client"
)

func ExampleRoom_Follow() {
	server := httptest.NewServer(http.HandlerFunc(hall)) // in real life: teahouse serve
	defer server.Close()

	room, err := client.NewRoom(server.URL+"/room/123/", &client.Options{Name: "ann"})
	if err != nil {
		log.Fatal(err)
	}
	done := errors.New("seen enough")
	err = room.Follow(context.Background(), client.Cursor{}, func(e client.Event) error {
		fmt.Printf("%d %s: %s\n", e.Offset, e.Author.Name, e.Text)
		if e.Offset == 2 {
			return done
		}
		return nil
	})
	fmt.Println(err)
	// Output:
	// 1 bob: 来了呀客官
	// 2 bob: tea?
	// seen enough
}

// hall is a server with two messages that breaks every connection after one.
func hall(w http.ResponseWriter, r *http.Request) {
	c, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: []string{"teahouse.v1"}})
	if err != nil {
		return
	}
	defer c.CloseNow()
	texts := []string{"来了呀客官", "tea?"}
	after, _ := strconv.Atoi(r.FormValue("after"))
	for _, frame := range []string{
		`{"type":"hello","author":{"id":"n-ann","name":"ann"},"ping":25,"room":"123","epoch":"k3v9","head":2,"floor":1}`,
		fmt.Sprintf(`{"type":"events","room":"123","events":[{"offset":%d,"type":"message.posted","id":"x%d","author":{"id":"n-bob","name":"bob"},"text":%q,"time":"2026-11-23T02:50:54.123Z"}]}`,
			after+1, after+1, texts[after]),
	} {
		_ = c.Write(r.Context(), websocket.MessageText, []byte(frame))
	}
}
