// List is the tutorial's first group chat: the process keeps a list of its connections, and each text goes to all of them.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"net/http"
	"sync"

	"github.com/teahouse-chat/teahouse/channels"
	"github.com/teahouse-chat/teahouse/examples/internal/page"
	"github.com/teahouse-chat/teahouse/ws"
)

// A guestList is everyone who is here.
type guestList struct {
	mu    sync.Mutex
	conns map[*channels.Conn]bool
}

func (l *guestList) add(c *channels.Conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.conns[c] = true
}

func (l *guestList) remove(c *channels.Conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.conns, c)
}

// tell sends a frame to everyone. The lock is held meanwhile, so that all see the same order; Send doesn't wait for anybody.
func (l *guestList) tell(f channels.Frame) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for c := range l.conns {
		_ = c.Send(f) // one that is gone, or too slow and therefore closed, leaves by its Disconnect
	}
}

// A guest is one connection's consumer.
type guest struct{ list *guestList }

func (g guest) Connect(_ context.Context, c *channels.Conn) error {
	if err := c.Accept(nil); err != nil {
		return err
	}
	g.list.add(c)
	return c.SendText("来了呀客官")
}

func (g guest) Receive(_ context.Context, c *channels.Conn, f channels.Frame) error {
	if f.Text() == "关闭" {
		return c.Close(ws.CloseNormal, "")
	}
	g.list.tell(f)
	return nil
}

func (g guest) Disconnect(_ context.Context, c *channels.Conn, _ channels.CloseCode) error {
	g.list.remove(c)
	return nil
}

func routes(server *channels.Server) http.Handler {
	list := &guestList{conns: map[*channels.Conn]bool{}}
	mux := http.NewServeMux()
	mux.Handle("/room/{group}/", page.Or(page.Room, channels.Handler(server, func() guest { return guest{list} }, nil)))
	return mux
}

func main() {
	addr := flag.String("addr", "localhost:8000", "where to listen")
	flag.Parse()
	fmt.Printf("http://%s/room/123/\n", *addr)
	log.Fatal(http.ListenAndServe(*addr, routes(channels.NewServer(nil, nil))))
}
