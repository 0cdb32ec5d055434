package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/coder/websocket"

	"github.com/teahouse-chat/teahouse/client"
)

// fakeServer is a server of one room, of any name, in memory: enough for the commands to talk to.
type fakeServer struct {
	mu      sync.Mutex
	changed chan struct{}
	events  []json.RawMessage
	ids     map[string]int // offsets by author and id
	busy    int            // posts that are still to be refused with 503
	drop    func()         // ends all sockets
	alive   context.Context
	people  int
}

func newFakeServer() *fakeServer {
	f := &fakeServer{changed: make(chan struct{}), ids: map[string]int{}}
	f.alive, f.drop = context.WithCancel(context.Background())
	return f
}

// dropAll breaks every socket; new ones may come.
func (f *fakeServer) dropAll() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.drop()
	f.alive, f.drop = context.WithCancel(context.Background())
}

func (f *fakeServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case !strings.HasPrefix(r.URL.Path, "/room/"):
		refuse(w, http.StatusNotFound, "not_found", "There is nothing here.")
	case strings.HasSuffix(r.URL.Path, "/events"):
		f.page(w, r)
	case strings.HasSuffix(r.URL.Path, "/messages"):
		f.message(w, r)
	default:
		f.socket(w, r)
	}
}

func refuse(w http.ResponseWriter, status int, code, detail string) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.Header().Set("Retry-After", "0")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{"status": status, "code": code, "detail": detail})
}

func (f *fakeServer) page(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	n, _ := strconv.Atoi(r.FormValue("last"))
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{
		"room": "123", "epoch": "e1", "head": len(f.events), "floor": 1, "events": f.events[max(0, len(f.events)-n):],
	})
}

func (f *fakeServer) message(w http.ResponseWriter, r *http.Request) {
	var body struct{ Text, ID string }
	b, _ := io.ReadAll(r.Body)
	_ = json.Unmarshal(b, &body)
	f.mu.Lock()
	busy := f.busy > 0
	f.busy--
	f.mu.Unlock()
	switch {
	case busy:
		refuse(w, http.StatusServiceUnavailable, "unavailable", "Not now.")
	case body.Text == "" || len(body.Text) > 4000:
		refuse(w, http.StatusUnprocessableEntity, "text_bad", "The text is bad.")
	default:
		offset := f.append(r.FormValue("name"), body.ID, body.Text)
		event := f.event(offset)
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusCreated)
		_, _ = w.Write(event)
	}
}

func (f *fakeServer) append(name, id, text string) (offset int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if name == "" {
		name = "guest"
	}
	if at := f.ids[name+"\x00"+id]; at > 0 {
		return at
	}
	offset = len(f.events) + 1
	author, _ := json.Marshal(client.Author{ID: "n-" + name, Name: name})
	quoted, _ := json.Marshal(text)
	f.events = append(f.events, fmt.Appendf(nil, `{"offset":%d,"type":"message.posted","id":%q,"author":%s,"text":%s,"time":%q,"mood":"fine"}`,
		offset, id, author, quoted, time.Now().UTC().Format("2006-01-02T15:04:05.000Z")))
	if id != "" {
		f.ids[name+"\x00"+id] = offset
	}
	close(f.changed)
	f.changed = make(chan struct{})
	return offset
}

// event returns the event at an offset.
func (f *fakeServer) event(offset int) json.RawMessage {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.events[offset-1]
}

// head returns how many events there are.
func (f *fakeServer) head() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.events)
}

// posted returns the offset of an author's post, 0 when there is none.
func (f *fakeServer) posted(name, id string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.ids[name+"\x00"+id]
}

// refuseNext refuses so many posts.
func (f *fakeServer) refuseNext(n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.busy = n
}

func (f *fakeServer) enter(n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.people += n
	close(f.changed)
	f.changed = make(chan struct{})
}

func (f *fakeServer) socket(w http.ResponseWriter, r *http.Request) {
	c, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: []string{"teahouse.v1"}})
	if err != nil {
		return
	}
	f.enter(1)
	defer f.enter(-1)
	f.mu.Lock()
	ctx, cancel := context.WithCancel(f.alive)
	cursor := len(f.events)
	f.mu.Unlock()
	defer cancel()
	name := r.FormValue("name")
	if name == "" {
		name = "guest"
	}
	send := func(v any) { b, _ := json.Marshal(v); _ = c.Write(ctx, websocket.MessageText, b) }
	send(map[string]any{"type": "hello", "author": client.Author{ID: "n-" + name, Name: name}, "ping": 25, "room": "123", "epoch": "e1", "head": cursor, "floor": 1})
	if n, err := strconv.Atoi(r.FormValue("after")); err == nil {
		if n > cursor {
			send(map[string]any{"type": "reset", "room": "123", "epoch": "e1", "head": cursor, "floor": 1})
		} else {
			cursor = n
		}
	}
	var reader sync.WaitGroup
	reader.Go(func() {
		defer cancel()
		f.posts(ctx, c, name, send)
	})
	f.follow(ctx, cursor, send)
	_ = c.CloseNow()
	reader.Wait()
}

func (f *fakeServer) posts(ctx context.Context, c *websocket.Conn, name string, send func(any)) {
	for {
		_, b, err := c.Read(ctx)
		if err != nil {
			return
		}
		var p struct {
			Type, ID, Text string
			Ref            int
		}
		_ = json.Unmarshal(b, &p)
		switch {
		case p.Type != "post":
		case len(p.Text) > 4000:
			send(map[string]any{"type": "error", "ref": p.Ref, "code": "text_too_long", "detail": "The text is too long."})
		default:
			send(map[string]any{"type": "ok", "ref": p.Ref, "room": "123", "offset": f.append(name, p.ID, p.Text)})
		}
	}
}

func (f *fakeServer) follow(ctx context.Context, cursor int, send func(any)) {
	said := 0
	for ctx.Err() == nil {
		f.mu.Lock()
		changed, events, people := f.changed, f.events, f.people
		f.mu.Unlock()
		if people != said {
			said = people
			send(map[string]any{"type": "presence", "room": "123", "count": people, "joined": []any{}, "left": []any{}})
		}
		if len(events) > cursor {
			send(map[string]any{"type": "events", "room": "123", "events": events[cursor:]})
			cursor = len(events)
			continue
		}
		select {
		case <-changed:
		case <-ctx.Done():
		}
	}
}
