package chat

import (
	"crypto/hmac"
	"crypto/rand"
	"strconv"
	"strings"
	"sync"
	"time"
)

// PassTime is how long a pass is good.
const PassTime = 10 * time.Minute

// Passes lets a guest be the same one on another device: a pass is a token that is good once, and for a short time. What was used is known to this process alone: a restart within
// a pass's time makes it good again. Its methods may be called concurrently.
type Passes struct {
	guests *Guests

	mu   sync.Mutex
	used map[string]time.Time // by what is unique in a pass: when it ends
}

// NewPasses makes Passes of guests.
func NewPasses(g *Guests) *Passes { return &Passes{guests: g, used: map[string]time.Time{}} }

// New makes a pass for a guest.
func (p *Passes) New(id string) (pass string, ends time.Time) {
	ends = time.Now().Add(PassTime)
	pass = id + "." + strconv.FormatInt(ends.UnixMilli(), 36) + "." + strings.ToLower(rand.Text())
	return pass + "." + p.guests.sign("pass", pass), ends
}

// Use returns the guest that a pass is for and the token that proves it, and ends the pass. ok is false for a pass that was used, or is too old, or isn't one.
func (p *Passes) Use(pass string) (id, token string, ok bool) {
	id, ends, ok := p.check(pass)
	if !ok {
		return "", "", false
	}
	now := time.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	for other, ends := range p.used {
		if now.After(ends) {
			delete(p.used, other)
		}
	}
	if _, twice := p.used[pass]; twice {
		return "", "", false
	}
	p.used[pass] = ends
	return id, p.guests.token(id), true
}

// Good reports whether Use would take a pass now.
func (p *Passes) Good(pass string) bool {
	_, _, ok := p.check(pass)
	p.mu.Lock()
	defer p.mu.Unlock()
	_, used := p.used[pass]
	return ok && !used
}

// check is what a pass says, if this server made it and its time isn't over.
func (p *Passes) check(pass string) (id string, ends time.Time, ok bool) {
	at := strings.LastIndexByte(pass, '.')
	if at < 0 || len(pass) > 256 || !hmac.Equal([]byte(pass[at+1:]), []byte(p.guests.sign("pass", pass[:at]))) {
		return "", time.Time{}, false
	}
	parts := strings.Split(pass[:at], ".")
	ms, err := strconv.ParseInt(parts[1], 36, 64)
	if err != nil {
		return "", time.Time{}, false
	}
	ends = time.UnixMilli(ms)
	return parts[0], ends, time.Now().Before(ends)
}
