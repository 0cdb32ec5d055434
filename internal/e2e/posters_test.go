//go:build linux

package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/coder/websocket"
)

// A poster is one of the clients that post while the server is killed. Its methods return when quiet is closed and all that was
// sent is acknowledged, or lost with a connection where that is how it is.
type poster struct {
	s     *teahouse
	room  string
	name  string
	books *ledger
	quiet chan struct{}
	next  int
}

func (p *poster) isQuiet() bool {
	select {
	case <-p.quiet:
		return true
	default:
		return false
	}
}

// message makes the next message: ids and texts are all different.
func (p *poster) message() (id, text string) {
	p.next++
	return fmt.Sprintf("%s-%d", p.name, p.next), fmt.Sprintf("茶 %d of %s", p.next, p.name)
}

func (p *poster) author() string { return "n-" + p.name }

// http posts by POST, one after the other. client.Room.Post tries again with the same id.
func (p *poster) http(ctx context.Context) error {
	room := p.s.client(p.room, p.name)
	for !p.isQuiet() {
		id, text := p.message()
		e, err := room.Post(ctx, text, id)
		if err != nil {
			return err
		}
		if e.ID != id || e.Text != text {
			return fmt.Errorf("posted %s %q, was answered with %s %q", id, text, e.ID, e.Text)
		}
		if err := p.books.ack(id, promise{e.Offset, p.author(), text}); err != nil {
			return err
		}
	}
	return nil
}

// window is how many posts of a socket are under way.
const window = 8

// waiting is a post that isn't acknowledged.
type waiting struct{ id, text string }

// v1 posts over teahouse.v1 without awaiting answers, and sends again on a new connection what wasn't acknowledged on the old one.
func (p *poster) v1(ctx context.Context) error {
	var open []waiting // in the order of the posts
	for ctx.Err() == nil {
		if err := p.v1Connection(ctx, &open); err != nil {
			return err
		}
		if p.isQuiet() && len(open) == 0 {
			return nil
		}
	}
	return ctx.Err()
}

func (p *poster) v1Connection(ctx context.Context, open *[]waiting) error {
	conn, err := dial(ctx, p.s.socketURL("/room/"+p.room+"/?name="+p.name), "teahouse.v1")
	if err != nil {
		return nil // it is down
	}
	defer conn.CloseNow()
	for _, w := range *open {
		if p.sendV1(ctx, conn, w) != nil {
			return nil
		}
	}
	for {
		for len(*open) < window && !p.isQuiet() {
			w := waiting{}
			w.id, w.text = p.message()
			*open = append(*open, w)
			if p.sendV1(ctx, conn, w) != nil {
				return nil
			}
		}
		if len(*open) == 0 {
			return nil
		}
		_, b, err := conn.Read(ctx)
		if err != nil {
			return nil
		}
		var f struct {
			Type   string
			Ref    string
			Offset int64
			Code   string
			Detail string
		}
		if err := json.Unmarshal(b, &f); err != nil {
			return err
		}
		switch f.Type {
		case "ok":
			w := (*open)[0]
			if f.Ref != w.id {
				return fmt.Errorf("acknowledged %s, want the oldest: %s", f.Ref, w.id)
			}
			if err := p.books.ack(w.id, promise{f.Offset, p.author(), w.text}); err != nil {
				return err
			}
			*open = (*open)[1:]
		case "error":
			return fmt.Errorf("refused %s: %s %s", f.Ref, f.Code, f.Detail)
		}
	}
}

func (p *poster) sendV1(ctx context.Context, conn *websocket.Conn, w waiting) error {
	b, err := json.Marshal(map[string]any{"type": "post", "ref": w.id, "room": p.room, "id": w.id, "text": w.text})
	if err != nil {
		return err
	}
	return conn.Write(ctx, websocket.MessageText, b)
}

// plain posts over a plain socket, where to hear one's own message is all the acknowledgement there is. A message that was under way
// when the connection broke may be there or not.
func (p *poster) plain(ctx context.Context) error {
	for !p.isQuiet() && ctx.Err() == nil {
		conn, err := dial(ctx, p.s.socketURL("/room/"+p.room+"/?name="+p.name), "")
		if err != nil {
			continue
		}
		for !p.isQuiet() {
			if p.plainMessage(ctx, conn) != nil {
				break
			}
		}
		conn.CloseNow()
	}
	return ctx.Err()
}

func (p *poster) plainMessage(ctx context.Context, conn *websocket.Conn) error {
	_, text := p.message()
	p.books.mu.Lock()
	p.books.sent[text] = true
	p.books.mu.Unlock()
	if err := conn.Write(ctx, websocket.MessageText, []byte(text)); err != nil {
		return err
	}
	for {
		_, b, err := conn.Read(ctx)
		if err != nil {
			return err
		}
		if string(b) == text {
			p.books.mu.Lock()
			p.books.heard[text] = true
			p.books.mu.Unlock()
			return nil
		}
	}
}

// dial opens a WebSocket. After a failure it waits a moment, so that callers can just try again.
func dial(ctx context.Context, url, subprotocol string) (*websocket.Conn, error) {
	var o websocket.DialOptions
	if subprotocol != "" {
		o.Subprotocols = []string{subprotocol}
	}
	dialing, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	conn, _, err := websocket.Dial(dialing, url, &o)
	if err != nil {
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
		}
		return nil, err
	}
	if conn.Subprotocol() != subprotocol {
		conn.CloseNow()
		return nil, fmt.Errorf("the server chose the subprotocol %q", conn.Subprotocol())
	}
	conn.SetReadLimit(16 << 20)
	return conn, nil
}
