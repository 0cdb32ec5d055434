package client

import (
	"context"
	"math/rand/v2"
	"time"
)

// backoff draws the pauses between attempts.
type backoff struct {
	min, max time.Duration
	tries    int
}

// next returns the pause before the next attempt. What the server asked for is kept to, and spread a little: many ask at once.
func (b *backoff) next(asked time.Duration) time.Duration {
	bound := b.max
	if b.tries < 30 && b.min<<b.tries < b.max {
		bound = b.min << b.tries
	}
	b.tries++
	if asked > 0 {
		return asked + rand.N(min(bound, asked/4)+1)
	}
	return rand.N(bound + 1)
}

func (b *backoff) reset() { b.tries = 0 }

// sleep waits for d or for ctx to end, and says with what.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
