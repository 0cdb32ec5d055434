package redislayer

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/redis/rueidis"

	"github.com/teahouse-chat/teahouse/channels"
)

// settings are Options that were checked and have no zero values.
type settings struct {
	Options
	capacities *channels.Capacities
	hosts      []*host
}

// resolve checks options and fills in the defaults.
func resolve(o *Options) (settings, error) {
	var s settings
	if o != nil {
		s.Options = *o
	}
	s.Prefix = cmp.Or(s.Prefix, "asgi")
	s.Expiry = cmp.Or(s.Expiry, time.Minute)
	s.GroupExpiry = cmp.Or(s.GroupExpiry, 24*time.Hour)
	s.RandomPrefixLength = cmp.Or(s.RandomPrefixLength, 12)
	s.RejoinInterval = cmp.Or(s.RejoinInterval, time.Minute)
	s.Logger = cmp.Or(s.Logger, slog.Default())
	if s.Losses == nil {
		s.Losses = &channels.Losses{Logger: s.Logger}
	}
	for name, d := range map[string]time.Duration{"Expiry": s.Expiry, "GroupExpiry": s.GroupExpiry} {
		if d < time.Second || d%time.Second != 0 {
			return s, fmt.Errorf("%s %s: Redis counts whole seconds, from 1 on", name, d)
		}
	}
	switch {
	case s.RejoinInterval < 0:
		return s, fmt.Errorf("RejoinInterval %s: it can't be negative", s.RejoinInterval)
	case s.RandomPrefixLength < 0 || s.RandomPrefixLength > 255:
		return s, fmt.Errorf("RandomPrefixLength %d: it must be 1 to 255 bytes", s.RandomPrefixLength)
	case s.Serializer > JSON:
		return s, fmt.Errorf("Serializer %d: want MessagePack or JSON", s.Serializer)
	}
	for i, k := range s.SymmetricEncryptionKeys {
		if k == "" {
			return s, fmt.Errorf("key %d of SymmetricEncryptionKeys is empty", i+1)
		}
	}
	var err error
	if s.capacities, err = channels.NewCapacities(s.Capacity, s.ChannelCapacity); err != nil {
		return s, err
	}
	s.hosts, err = parseHosts(s.Hosts, s.Logger)
	return s, err
}

// open checks options and connects to all hosts.
func open(ctx context.Context, kind string, o *Options) (settings, error) {
	s, err := resolve(o)
	if err != nil {
		return s, fmt.Errorf("open a %s layer: %w", kind, err)
	}
	for i, h := range s.hosts {
		if err = ctx.Err(); err == nil {
			err = h.connect()
		}
		if err != nil {
			for _, connected := range s.hosts[:i] {
				connected.close()
			}
			return s, fmt.Errorf("open a %s layer: %w", kind, err)
		}
	}
	return s, nil
}

// shard is the host that a name belongs to.
func (s *settings) shard(name string) *host { return s.hosts[shard(name, len(s.hosts))] }

// randomHex is what Python's uuid4().hex is for: 32 digits that nobody else has.
func randomHex() string {
	var b [16]byte
	rand.Read(b[:])
	b[6], b[8] = b[6]&0x0F|0x40, b[8]&0x3F|0x80 // version 4, variant 1
	return hex.EncodeToString(b[:])
}

// ending is the error of a call that waits for ctx, or for the end of the layer.
func ending(ctx, layer context.Context) error {
	if layer.Err() != nil {
		return channels.ErrLayerClosed
	}
	return ctx.Err()
}

// told is err, or ErrLayerClosed when the layer was closed meanwhile.
func told(err error, layer context.Context) error {
	if err != nil && layer.Err() != nil && lost(err) {
		return channels.ErrLayerClosed
	}
	return err
}

// popped reads the answer to BZPOPMIN of one key: the key, the member and its score.
func popped(r rueidis.RedisResult) (z rueidis.ZScore, err error) {
	values, err := r.ToArray()
	if err != nil {
		return z, err
	}
	if len(values) != 3 {
		return z, fmt.Errorf("an answer to BZPOPMIN has %d values, want 3", len(values))
	}
	if z.Member, err = values[1].ToString(); err != nil {
		return z, err
	}
	z.Score, err = values[2].AsFloat64()
	return z, err
}

// wakeUp fills a slot.
func wakeUp(slot chan struct{}) {
	select {
	case slot <- struct{}{}:
	default:
	}
}

var errNotOurs = errors.New("it isn't a channel of this process")
