package redislayer

import (
	"crypto/tls"
	"log/slog"
	"time"

	"github.com/teahouse-chat/teahouse/channels"
)

// Options of a layer; nil and zero values mean the defaults, which are those of channels_redis: Django's CONFIG of the same names.
type Options struct {
	// Hosts are the Redis servers. With several, what belongs to a name is on one of them, by channels_redis's hash; their order must be
	// the same in all processes. Default: redis://localhost:6379.
	Hosts []Host

	// Prefix begins the layer's keys and Redis channels. Default "asgi".
	Prefix string

	// Expiry is how long a message may wait, in whole seconds: in Redis (core), where senders remove what is older, and here for Receive. Default 60 s.
	Expiry time.Duration

	// GroupExpiry is how long a membership lasts after the last GroupAdd, in whole seconds. This layer renews those of its own channels that somebody
	// listens to. Default 86,400 s. Core only.
	GroupExpiry time.Duration

	// Capacity is how many messages a channel holds: in Redis (core), where a process's channels share one queue, and here in front of each channel
	// that Receive is used on. Default 100.
	Capacity int

	// ChannelCapacity gives channels that match a capacity of their own; the first rule that matches counts.
	ChannelCapacity []channels.CapacityRule

	// SymmetricEncryptionKeys encrypt messages (Fernet, with a key derived by SHA-256, as Django's option of this name): the first one encrypts, all decrypt.
	// Default: messages are in the clear.
	SymmetricEncryptionKeys []string

	// Serializer writes messages. Default MessagePack.
	Serializer Serializer

	// RandomPrefixLength is how many random bytes stand before a message in Redis, so that equal ones differ. Default 12. Core only.
	RandomPrefixLength int

	// RejoinInterval is how often all memberships are written again, whether or not they seem to be lost; one that Redis was made to forget is noticed within
	// a second or two anyway. Default 1 minute, and a third of GroupExpiry at most. Core only.
	RejoinInterval time.Duration

	// Losses counts what is lost. Default: one of the layer's own.
	Losses *channels.Losses

	// Logger gets what happens to the connection. Default slog.Default().
	Logger *slog.Logger
}

// Validate reports what is wrong with the options, as far as that can be known without Redis: what NewCore and NewPubSub report too. It names no password.
func (o *Options) Validate() error {
	_, err := resolve(o)
	return err
}

// A Host is one Redis server, or the servers that Sentinels watch under one name.
type Host struct {
	// URL is redis://user:password@host:port/db, rediss:// for TLS, or unix:///path?db=N.
	URL string

	// Sentinels, when set, are host:port addresses that are asked where the master called MasterName is; URL then only gives user, password and database, and
	// may be empty.
	Sentinels  []string
	MasterName string

	// SentinelUsername and SentinelPassword are for the Sentinels themselves.
	SentinelUsername, SentinelPassword string

	// TLS is used for rediss:// in place of Go's defaults.
	TLS *tls.Config
}

// A Serializer is a way to write messages. Both ends must use the same.
type Serializer uint8

// The serializers of channels_redis.
const (
	MessagePack Serializer = iota
	JSON                   // serializer_format "json": no []byte; channels_redis has it from 4.2.1 on
)
