package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/teahouse-chat/teahouse/client"
)

// maxUnderWay is how many lines of standard input may wait for the server's answer; more aren't read.
const maxUnderWay = 64

// pipeChat posts lines and prints messages. It leaves when the input has ended, the server has answered every post, and all up to
// the last of them has been printed.
type pipeChat struct {
	std     streams
	session *client.Session
	leave   context.CancelFunc
	room    chan struct{} // a slot for each post under way

	mu      sync.Mutex
	ended   bool  // no more input; guarded by mu
	posted  int64 // offset of the last post that was acknowledged; guarded by mu
	refused int   // guarded by mu
}

// chatOnPipe is chat when the input or the output isn't a terminal.
func chatOnPipe(ctx context.Context, room *client.Room, page client.Page, std streams) error {
	for _, e := range page.Events {
		if err := printLine(std.out, e); err != nil {
			return err
		}
	}
	ctx, leave := context.WithCancel(ctx)
	defer leave()
	c := &pipeChat{std: std, leave: leave, room: make(chan struct{}, maxUnderWay)}
	c.session = room.NewSession(page.Cursor(), client.Handler{
		Event: c.event, Reset: c.reset, Posted: c.acknowledged, Refused: c.rejected, Status: c.status,
	})
	input := make(chan error, 1)
	go func() { input <- c.read(ctx) }() // not waited for: nothing ends a read of standard input but its end
	err := c.session.Run(ctx)
	select {
	case failed := <-input:
		if failed != nil {
			return failed
		}
	default:
	}
	switch n := c.session.Pending(); {
	case !errors.Is(err, context.Canceled):
		return err
	case n > 0:
		return fmt.Errorf("left before the server had answered %d of the messages", n)
	case c.refused > 0:
		return fmt.Errorf("the server refused %d of the messages", c.refused)
	}
	return nil
}

// read posts line by line until the input ends.
func (c *pipeChat) read(ctx context.Context) error {
	lines := bufio.NewReader(c.std.in)
	for {
		line, err := lines.ReadString('\n')
		if line = strings.TrimRight(line, "\r\n"); strings.TrimSpace(line) != "" {
			select {
			case c.room <- struct{}{}:
				c.session.Post(line)
			case <-ctx.Done():
				return nil
			}
		}
		if err == nil {
			continue
		}
		c.mu.Lock()
		c.ended = true
		c.mu.Unlock()
		c.leaveIfDone()
		if err == io.EOF {
			return nil
		}
		c.leave()
		return fmt.Errorf("read standard input: %w", err)
	}
}

func (c *pipeChat) leaveIfDone() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended && c.session.Pending() == 0 && c.session.Cursor().Offset >= c.posted {
		c.leave()
	}
}

func (c *pipeChat) event(e client.Event) error {
	if err := printLine(c.std.out, e); err != nil {
		return err
	}
	c.mu.Lock()
	last := c.ended && c.session.Pending() == 0 && e.Offset >= c.posted // the session's cursor moves after this
	c.mu.Unlock()
	if last {
		c.leave()
	}
	return nil
}

func (c *pipeChat) reset(r *client.ResetError) error {
	c.say("some messages can't be had: %v", r)
	c.mu.Lock()
	c.posted = 0
	c.mu.Unlock()
	c.leaveIfDone()
	return nil
}

func (c *pipeChat) acknowledged(_ string, offset int64) {
	<-c.room
	c.mu.Lock()
	c.posted = max(c.posted, offset)
	c.mu.Unlock()
	c.leaveIfDone()
}

func (c *pipeChat) rejected(_, text string, err error) {
	<-c.room
	c.say("not posted: %s: %s", short(text), err)
	c.mu.Lock()
	c.refused++
	c.mu.Unlock()
	c.leaveIfDone()
}

func (c *pipeChat) status(s client.Status) {
	if s.State == client.Waiting {
		c.say("%s; reconnecting in %.1f s", explain(s.Cause), s.Pause.Seconds())
	}
}

func (c *pipeChat) say(format string, args ...any) {
	fmt.Fprintln(c.std.err, "teahouse: "+oneLine(fmt.Sprintf(format, args...)))
}

// short is the beginning of a text.
func short(text string) string {
	const most = 40
	if r := []rune(text); len(r) > most {
		return string(r[:most]) + "…"
	}
	return text
}
