// Echo answers each message: the tutorial's plain server.
//
//	go run ./echo
//	go run -C .. ./cmd/teahouse echo connect ws://localhost:8000/
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"net/http"

	"github.com/teahouse-chat/teahouse/channels"
)

// An echo is one connection's consumer: the methods are called as things happen on it, one at a time.
type echo struct{ channels.BaseConsumer } // which accepts, and has nothing to do at the end

func (echo) Receive(_ context.Context, c *channels.Conn, f channels.Frame) error {
	answer := append([]byte("Server received: "), f.Payload...)
	return c.Send(channels.Frame{Op: f.Op, Payload: answer}) // text is answered with text, binary with binary
}

func handler(server *channels.Server) http.Handler {
	return channels.Handler(server, func() echo { return echo{} }, nil)
}

func main() {
	addr := flag.String("addr", "localhost:8000", "where to listen")
	flag.Parse()
	fmt.Printf("ws://%s/\n", *addr)
	log.Fatal(http.ListenAndServe(*addr, handler(channels.NewServer(nil, nil))))
}
