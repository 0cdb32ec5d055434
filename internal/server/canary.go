package server

import (
	"context"
	"fmt"
	"log/slog"
	"strconv"
	"sync"
	"time"

	"github.com/teahouse-chat/teahouse/eventlog"
	"github.com/teahouse-chat/teahouse/feed"
)

const (
	canaryTopic   = "canary" // no room's topic: those begin with "room."
	canaryEvery   = time.Second
	canaryTimeout = 3 * time.Second
	canaryKept    = 10
)

// A canary proves that messages flow: it appends an event, and waits until it comes back through the feed. Its methods may be called
// concurrently.
type canary struct {
	log    eventlog.Log
	feed   *feed.Feed
	logger *slog.Logger

	mu   sync.Mutex // held while it sings, so that all who ask share one event
	sang time.Time
	err  error
}

// sing says whether a message came through, at most a second ago.
func (c *canary) sing(ctx context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if time.Since(c.sang) < canaryEvery {
		return c.err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), canaryTimeout)
	defer cancel()
	if c.err = c.try(ctx); c.err != nil {
		c.logger.Warn("not ready", "err", c.err)
	}
	c.sang = time.Now()
	return c.err
}

func (c *canary) try(ctx context.Context) error {
	topic, err := c.feed.Open(ctx, canaryTopic, "")
	if err != nil {
		return fmt.Errorf("open the canary's topic: %w", err)
	}
	defer topic.Close()
	appended, err := c.log.Append(ctx, eventlog.Entry{
		Topic: canaryTopic, Type: "canary", Author: "server", ID: strconv.FormatInt(time.Now().UnixNano(), 36),
	})
	if err != nil {
		return fmt.Errorf("append the canary's event: %w", err)
	}
	offset := appended[0].Offset
	if err := topic.Wait(ctx, offset-1); err != nil {
		return fmt.Errorf("await the canary's event: %w", err)
	}
	if err := c.feed.Trim(ctx, canaryTopic, offset-canaryKept); err != nil {
		return fmt.Errorf("trim the canary's topic: %w", err)
	}
	return nil
}
