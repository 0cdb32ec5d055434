// Package ratelimit limits how often each of many keys (an author, an address) may do something, in bounded memory.
package ratelimit

import (
	"math"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// maxKeys bounds each of the two generations of buckets.
const maxKeys = 16384

// Limiter holds a token bucket for each key. A nil *Limiter allows everything. Its methods may be called concurrently.
type Limiter struct {
	rate  rate.Limit
	burst int

	mu      sync.Mutex
	young   map[string]*rate.Limiter // used lately
	old     map[string]*rate.Limiter // used before that; dropped when young is full or a bucket's time has passed
	turned  time.Time
	refills time.Duration // an unused bucket is full again after this, so forgetting it changes nothing
}

// New makes a limiter of n events a second with bursts, for each key.
func New(n float64, burst int) *Limiter {
	return &Limiter{
		rate:    rate.Limit(n),
		burst:   burst,
		young:   map[string]*rate.Limiter{},
		refills: time.Duration(float64(burst) / n * float64(time.Second)),
	}
}

// Allow takes a token of the key, or reports after how long there will be one.
func (l *Limiter) Allow(key string) (ok bool, retryAfter time.Duration) {
	if l == nil {
		return true, 0
	}
	now := time.Now()
	b := l.bucket(key, now)
	if b.AllowN(now, 1) {
		return true, 0
	}
	missing := 1 - b.TokensAt(now)
	wait := time.Duration(missing / float64(l.rate) * float64(time.Second))
	return false, max(wait, 100*time.Millisecond)
}

func (l *Limiter) bucket(key string, now time.Time) *rate.Limiter {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.young) >= maxKeys || now.Sub(l.turned) > l.refills {
		l.old, l.young, l.turned = l.young, map[string]*rate.Limiter{}, now
	}
	b := l.young[key]
	if b == nil {
		if b = l.old[key]; b == nil {
			b = rate.NewLimiter(l.rate, l.burst)
		}
		l.young[key] = b
	}
	return b
}

// Seconds rounds a wait up to whole seconds, as the Retry-After header wants it.
func Seconds(d time.Duration) int { return int(math.Ceil(d.Seconds())) }
