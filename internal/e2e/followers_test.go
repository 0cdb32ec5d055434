//go:build linux

package e2e

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/teahouse-chat/teahouse/client"
)

// A follower reads a room in one of the ways there are, and keeps what it saw.
type follower struct {
	how  string
	s    *teahouse
	room string
	run  func(*follower, context.Context) error // until ctx ends

	mu   sync.Mutex
	seen []client.Event
}

func newFollowers(s *teahouse, room string) []*follower {
	return []*follower{
		{how: "client.Follow", s: s, room: room, run: (*follower).library},
		{how: "teahouse.v1", s: s, room: room, run: (*follower).v1},
		{how: "SSE", s: s, room: room, run: (*follower).sse},
		{how: "long-poll", s: s, room: room, run: (*follower).longPoll},
	}
}

// see keeps an event, which has to be the next one.
func (f *follower) see(e client.Event) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if want := int64(len(f.seen)) + 1; e.Offset != want {
		return fmt.Errorf("saw offset %d, want %d", e.Offset, want)
	}
	f.seen = append(f.seen, e)
	return nil
}

func (f *follower) at() int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return int64(len(f.seen))
}

// compare checks that what was seen is what the log has.
func (f *follower) compare(t *testing.T, log []client.Event) {
	t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.seen) != len(log) {
		t.Errorf("%s saw %d events, the log has %d", f.how, len(f.seen), len(log))
	}
	for i, e := range f.seen[:min(len(f.seen), len(log))] {
		if string(e.Raw) != string(log[i].Raw) {
			t.Errorf("%s saw %s, the log has %s", f.how, e.Raw, log[i].Raw)
			return
		}
	}
}

// library follows as programs in Go do.
func (f *follower) library(ctx context.Context) error {
	return f.s.client(f.room, "").Follow(ctx, client.Cursor{}, f.see)
}

func (f *follower) cursor(epoch string) url.Values {
	q := url.Values{"after": {strconv.FormatInt(f.at(), 10)}}
	if epoch != "" {
		q.Set("epoch", epoch)
	}
	return q
}

// longPoll asks again and again, with no memory but its cursor.
func (f *follower) longPoll(ctx context.Context) error {
	room := f.s.client(f.room, "")
	epoch := ""
	for ctx.Err() == nil {
		page, err := room.After(ctx, client.Cursor{Offset: f.at(), Epoch: epoch}, 500, 10*time.Second)
		if err != nil {
			if err := f.down(ctx, err); err != nil {
				return err
			}
			continue
		}
		epoch = page.Epoch
		for _, e := range page.Events {
			if err := f.see(e); err != nil {
				return err
			}
		}
	}
	return nil
}

// down takes an error for the server being down, unless it says something else, and waits a moment.
func (f *follower) down(ctx context.Context, err error) error {
	if s := err.Error(); strings.Contains(s, "cursor can't be served") {
		return err
	}
	select {
	case <-time.After(20 * time.Millisecond):
	case <-ctx.Done():
	}
	return nil
}

// v1 follows over raw sockets: nothing between it and the frames hides a repeat.
func (f *follower) v1(ctx context.Context) error {
	epoch := ""
	for ctx.Err() == nil {
		conn, err := dial(ctx, f.s.socketURL("/room/"+f.room+"/?"+f.cursor(epoch).Encode()), "teahouse.v1")
		if err != nil {
			continue
		}
		for {
			_, b, err := conn.Read(ctx)
			if err != nil {
				break
			}
			var frame struct {
				Type, Epoch string
				Events      []client.Event
			}
			if err := json.Unmarshal(b, &frame); err != nil {
				return err
			}
			switch frame.Type {
			case "hello":
				epoch = frame.Epoch
			case "reset":
				return fmt.Errorf("reset at %d: %s", f.at(), b)
			}
			for _, e := range frame.Events {
				if err := f.see(e); err != nil {
					return err
				}
			}
		}
		conn.CloseNow()
	}
	return nil
}

// sse follows a stream as an EventSource does: with the last id it saw.
func (f *follower) sse(ctx context.Context) error {
	last := ""
	for ctx.Err() == nil {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, f.s.url("/room/"+f.room+"/events?after=0"), nil)
		if err != nil {
			return err
		}
		req.Header.Set("Accept", "text/event-stream")
		if last != "" {
			req.Header.Set("Last-Event-ID", last)
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			_ = f.down(ctx, err)
			continue
		}
		err = f.stream(res, &last)
		res.Body.Close()
		if err != nil {
			return err
		}
	}
	return nil
}

// stream reads one stream to its end.
func (f *follower) stream(res *http.Response, last *string) error {
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("status %s", res.Status)
	}
	var id, data, event string
	lines := bufio.NewReader(res.Body)
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			return nil // half a line, or half an event, is none
		}
		line = strings.TrimSuffix(line, "\n")
		field, value, _ := strings.Cut(line, ":")
		value = strings.TrimPrefix(value, " ")
		switch {
		case line == "" && data != "":
			if event != "" {
				return fmt.Errorf("event %s: %s", event, data)
			}
			var e client.Event
			if err := json.Unmarshal([]byte(data), &e); err != nil {
				return err
			}
			if !strings.HasSuffix(id, ":"+strconv.FormatInt(e.Offset, 10)) {
				return fmt.Errorf("id %q of event %d", id, e.Offset)
			}
			if err := f.see(e); err != nil {
				return err
			}
			*last, id, data = id, "", ""
		case field == "id":
			id = value
		case field == "data":
			data = value
		case field == "event":
			event = value
		}
	}
}
