package client_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/teahouse-chat/teahouse/client"
)

// trouble is what goes wrong with one connection of the fake server. The zero value is a good connection.
type trouble struct {
	status     int     // refuse the upgrade
	dropAfter  int     // break the connection after so many events
	close      int     // close with this code after dropAfter events
	bye        float64 // say bye with this retry_after before that close
	repeat     int     // start so many events before the cursor
	skip       int     // leave so many events out
	loseAcks   bool    // commit a post and break before the ok
	rateLimit  int     // refuse so many posts with a retry_after
	refusePost bool    // refuse posts for good
	mute       bool    // nothing after hello
	noProtocol bool    // don't take teahouse.v1
}

// fake is a Teahouse server with one room and much trouble.
type fake struct {
	*httptest.Server
	ping float64

	mu       sync.Mutex
	changed  chan struct{} // closed when events grows
	epoch    string
	floor    int64
	events   []client.Event
	commits  map[string]int // how often an id was committed
	troubles []trouble      // one a connection, then none
	answers  []func(http.ResponseWriter)
	queries  []string // of the sockets
}

func newFake(t *testing.T, troubles ...trouble) *fake {
	t.Helper()
	f := &fake{epoch: "e1", floor: 1, changed: make(chan struct{}), commits: map[string]int{}, troubles: troubles, ping: 25}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /room/{room}/messages", f.post)
	mux.HandleFunc("GET /room/{room}/events", f.page)
	mux.HandleFunc("GET /room/{room}/", f.socket)
	f.Server = httptest.NewServer(mux)
	t.Cleanup(func() {
		f.CloseClientConnections()
		f.Close()
		http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	})
	return f
}

func (f *fake) room(t *testing.T) *client.Room {
	t.Helper()
	room, err := client.NewRoom(f.URL+"/room/123/", &client.Options{
		Name: "ann", MinPause: time.Millisecond, MaxPause: 5 * time.Millisecond,
	})
	if err != nil {
		t.Fatal(err)
	}
	return room
}

func (f *fake) append(id, author, text string) client.Event {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, e := range f.events {
		if id != "" && e.ID == id && e.Author.Name == author {
			return e
		}
	}
	e := client.Event{
		Offset: int64(len(f.events) + 1), Type: client.MessagePosted, ID: id, Text: text,
		Author: client.Author{ID: "n-" + author, Name: author}, Time: time.Date(2026, 11, 23, 2, 50, 54, 123e6, time.UTC),
	}
	f.events = append(f.events, e)
	f.commits[id]++
	close(f.changed)
	f.changed = make(chan struct{})
	return e
}

func (f *fake) post(w http.ResponseWriter, r *http.Request) {
	var body struct{ Text, ID string }
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	f.mu.Lock()
	var answer func(http.ResponseWriter)
	if len(f.answers) > 0 {
		answer, f.answers = f.answers[0], f.answers[1:]
	}
	f.mu.Unlock()
	if answer != nil {
		answer(w)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusCreated)
	_ = json.NewEncoder(w).Encode(f.append(body.ID, r.FormValue("name"), body.Text))
}

func problem(status int, code, header, value string) func(http.ResponseWriter) {
	return func(w http.ResponseWriter) {
		w.Header().Set("Content-Type", "application/problem+json")
		if header != "" {
			w.Header().Set(header, value)
		}
		w.WriteHeader(status)
		_, _ = fmt.Fprintf(w, `{"status":%d,"title":"No","detail":"Not like this.","code":%q,"epoch":"e2","head":7,"floor":3}`, status, code)
	}
}

func (f *fake) page(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if r.FormValue("epoch") != "" && r.FormValue("epoch") != f.epoch {
		problem(http.StatusGone, "reset", "", "")(w)
		return
	}
	from, to := 0, len(f.events)
	if n, err := strconv.Atoi(r.FormValue("last")); err == nil {
		from = max(0, to-n)
	}
	if n, err := strconv.Atoi(r.FormValue("after")); err == nil {
		from = n
	}
	if n, err := strconv.Atoi(r.FormValue("before")); err == nil {
		limit, _ := strconv.Atoi(r.FormValue("limit"))
		to = n - 1
		from = max(0, to-limit)
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(client.Page{Room: "123", Epoch: f.epoch, Head: int64(len(f.events)), Floor: f.floor, Events: f.events[from:to]})
}

func (f *fake) socket(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	var b trouble
	if len(f.troubles) > 0 {
		b, f.troubles = f.troubles[0], f.troubles[1:]
	}
	f.queries = append(f.queries, r.URL.RawQuery)
	f.mu.Unlock()
	if b.status != 0 {
		problem(b.status, "refused", "Retry-After", "0")(w)
		return
	}
	accept := &websocket.AcceptOptions{Subprotocols: []string{"teahouse.v1"}}
	if b.noProtocol {
		accept.Subprotocols = nil
	}
	c, err := websocket.Accept(w, r, accept)
	if err != nil {
		return
	}
	l := &fakeLink{fake: f, trouble: b, conn: c, author: r.FormValue("name")}
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	var posts sync.WaitGroup
	defer posts.Wait()
	defer func() { _ = c.CloseNow() }()
	cursor := l.greet(ctx, r)
	posts.Go(func() {
		defer cancel()
		l.posts(ctx)
	})
	l.follow(ctx, cursor)
}

// fakeLink is one connection of the fake server.
type fakeLink struct {
	*fake
	trouble
	conn   *websocket.Conn
	author string
}

func (l *fakeLink) send(ctx context.Context, format string, args ...any) {
	_ = l.conn.Write(ctx, websocket.MessageText, fmt.Appendf(nil, format, args...))
}

// greet says hello, and reset when it must, and returns the cursor to go on from.
func (l *fakeLink) greet(ctx context.Context, r *http.Request) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	head := len(l.events)
	l.send(ctx, `{"type":"weather","text":"fine"}`)
	l.send(ctx, `{"type":"hello","new":{},"author":{"id":"n-%s","name":%q},"ping":%v,"room":"123","epoch":%q,"head":%d,"floor":%d}`,
		l.author, l.author, l.ping, l.epoch, head, l.floor)
	after, err := strconv.Atoi(r.FormValue("after"))
	if err != nil {
		return head
	}
	if epoch := r.FormValue("epoch"); epoch != "" && epoch != l.epoch || after > head || int64(after) < l.floor-1 {
		l.send(ctx, `{"type":"reset","room":"123","epoch":%q,"head":%d,"floor":%d}`, l.epoch, head, l.floor)
		return head
	}
	return max(0, after-l.repeat) + l.skip
}

func (l *fakeLink) follow(ctx context.Context, cursor int) {
	for sent := 0; ; sent++ {
		if l.dropAfter > 0 && sent == l.dropAfter {
			if l.bye > 0 {
				l.send(ctx, `{"type":"bye","code":"restart","retry_after":%v}`, l.bye)
			}
			if l.close > 0 {
				_ = l.conn.Close(websocket.StatusCode(l.close), "come back")
			}
			return
		}
		l.mu.Lock()
		changed, events := l.changed, l.events
		l.mu.Unlock()
		for len(events) <= cursor || l.mute {
			select {
			case <-changed:
			case <-ctx.Done():
				return
			}
			l.mu.Lock()
			changed, events = l.changed, l.events
			l.mu.Unlock()
		}
		b, _ := json.Marshal(events[cursor])
		cursor++
		l.send(ctx, `{"type":"events","room":"123","events":[%s]}`, b)
	}
}

func (l *fakeLink) posts(ctx context.Context) {
	for {
		_, b, err := l.conn.Read(ctx)
		if err != nil {
			return
		}
		var p struct {
			Type, ID, Text string
			Ref            int
		}
		if err := json.Unmarshal(b, &p); err != nil || l.mute {
			continue
		}
		switch {
		case p.Type == "ping":
			l.send(ctx, `{"type":"pong"}`)
		case p.Type != "post":
		case l.refusePost:
			l.send(ctx, `{"type":"error","ref":%d,"code":"text_too_long","detail":"Too long."}`, p.Ref)
		case l.rateLimit > 0:
			l.rateLimit--
			l.send(ctx, `{"type":"error","ref":%d,"code":"rate_limited","detail":"Wait.","retry_after":0.001}`, p.Ref)
		default:
			e := l.append(p.ID, l.author, p.Text)
			if l.loseAcks {
				return
			}
			l.send(ctx, `{"type":"ok","ref":%d,"room":"123","offset":%d}`, p.Ref, e.Offset)
		}
	}
}

// rawServer answers every connection with what serve does to it.
func rawServer(t *testing.T, serve func(*websocket.Conn)) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: []string{"teahouse.v1"}})
		if err != nil {
			return
		}
		defer func() { _ = c.CloseNow() }()
		serve(c)
	}))
	t.Cleanup(s.Close)
	return "ws" + s.URL[len("http"):]
}
