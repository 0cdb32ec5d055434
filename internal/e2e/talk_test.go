//go:build linux

package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// A speaker is a program on a room's socket of teahouse.v1.
type speaker struct {
	room string
	conn *websocket.Conn
}

// speaker comes in under a name. The server has to be one with --limits off if much is to be said.
func (s *teahouse) speaker(ctx context.Context, room, name string) (*speaker, error) {
	conn, err := dial(ctx, s.socketURL("/room/"+url.PathEscape(room)+"/?name="+url.QueryEscape(name)), "teahouse.v1")
	if err != nil {
		return nil, err
	}
	return &speaker{room, conn}, nil
}

// say sends texts without awaiting answers, and returns when all are on disk. It is for one goroutine.
func (p *speaker) say(ctx context.Context, texts ...string) error {
	failed := make(chan error, 1)
	go func() { failed <- p.send(ctx, texts) }()
	err := p.hear(ctx, len(texts))
	if err != nil {
		p.conn.CloseNow()
	}
	if sent := <-failed; err == nil {
		err = sent
	}
	return err
}

func (p *speaker) send(ctx context.Context, texts []string) error {
	for i, text := range texts {
		b, err := json.Marshal(map[string]any{"type": "post", "ref": i, "room": p.room, "text": text})
		if err != nil {
			return err
		}
		if err := p.conn.Write(ctx, websocket.MessageText, b); err != nil {
			return err
		}
	}
	return nil
}

// hear reads until n posts are acknowledged.
func (p *speaker) hear(ctx context.Context, n int) error {
	for n > 0 {
		_, b, err := p.conn.Read(ctx)
		if err != nil {
			return err
		}
		var f struct{ Type, Code, Detail string }
		if err := json.Unmarshal(b, &f); err != nil {
			return err
		}
		switch f.Type {
		case "ok":
			n--
		case "error":
			return fmt.Errorf("%s was refused: %s %s", p.room, f.Code, f.Detail)
		}
	}
	return nil
}

// talk makes n messages in a room, by a few people in turn, as fast as the server can. The i-th, from 1, is line(i).
func talk(t *testing.T, s *teahouse, room string, n int) {
	t.Helper()
	names := []string{"ann", "bob", "小李", "阿茶"}
	const run = 25 // so many of one person in a row
	speakers := make([]*speaker, len(names))
	for i, name := range names {
		p, err := s.speaker(t.Context(), room, name)
		if err != nil {
			t.Fatal(err)
		}
		defer p.conn.CloseNow()
		speakers[i] = p
	}
	began := time.Now()
	for at := 1; at <= n; at += run {
		var texts []string
		for i := at; i < at+run && i <= n; i++ {
			texts = append(texts, line(i))
		}
		if err := speakers[at/run%len(names)].say(t.Context(), texts...); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d messages in %v", n, time.Since(began).Round(time.Millisecond))
}

// line is what stands at an offset of a filled room: of one line and of several, short and long, so that no two heights can be taken for equal.
func line(i int) string {
	switch i % 7 {
	case 0:
		return fmt.Sprintf("%d 茶馆里人来人往，%s。", i, strings.Repeat("说书的正说到紧要处", i%5+1))
	case 3:
		return fmt.Sprintf("%d first\nsecond\nthird", i)
	default:
		return fmt.Sprintf("%d %s", i, strings.TrimSpace(strings.Repeat("a pot of tea ", i%11+1)))
	}
}
