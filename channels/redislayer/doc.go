// Package redislayer shares channels and groups through Redis, byte for byte as Python's channels_redis does: Go and Django processes on one Redis
// are in the same groups, and send to each other's channels.
//
// There are two layers, as in channels_redis, and both ends must use the same one. [Core] keeps messages in sorted sets until they are read: what is
// sent to a process that is busy, or away for a moment, waits there. [PubSub] uses Redis's publish and subscribe: faster, with nothing stored, and
// what nobody listens to is gone.
//
// # From Django's settings
//
//	CHANNEL_LAYERS = {"default": {"BACKEND": …, "CONFIG": {…}}}      Go
//
//	"channels_redis.core.RedisChannelLayer"                          NewCore
//	"channels_redis.pubsub.RedisPubSubChannelLayer"                  NewPubSub
//	"hosts": ["redis://:password@host:6379/0", …]                    Options.Hosts: {URL: …}, …
//	"hosts": [("host", 6379)]                                        {URL: "redis://host:6379"}
//	"hosts": [{"sentinels": [("host", 26379)],
//	           "master_name": "name"}]                               {Sentinels: []string{"host:26379"}, MasterName: "name"}
//	"prefix", "expiry", "group_expiry", "capacity"                   Prefix, Expiry, GroupExpiry, Capacity
//	"channel_capacity": {"http.*": 200}                              ChannelCapacity: {{Pattern: "http.*", Capacity: 200}}
//	"symmetric_encryption_keys": [SECRET_KEY]                        SymmetricEncryptionKeys
//	"serializer_format": "json", "random_prefix_length"              Serializer: JSON, RandomPrefixLength
//
// The defaults are the same. Keys, members, scores, TTLs and payloads were compared with what channels_redis 4.0.0 and 4.3.0 write
// (testdata/channels_redis_vectors.json). The JSON serializer is in channels_redis from 4.2.1 on, and so is encryption in pub/sub: an older one takes
// symmetric_encryption_keys there and writes in the clear.
//
// # What differs
//
// Names are checked in ASCII, in both layers, and without the newline at the end that Python lets by. Messages of over 16 MiB aren't sent, and of over
// 32 MiB not read; a message nested deeper than channels.MaxDepth is neither.
//
// Nothing is lost when channels come and go. Python's core reader may be cancelled between taking a message and delivering it, which loses it for all
// connections of the process; here one reader a host is never interrupted, and nobody who receives can hold it up.
//
// A full channel loses its newest message. Python's core drops the oldest when a process is slow, pub/sub has no bound. The capacity counts twice, as in
// Python: in Redis, where the channels of a process share one queue, and here for each channel that is used with Receive. What is dropped is counted,
// see [channels.Losses]: under the group's name where the sender sees it, else without.
//
// With several hosts, Send to a process's channel goes where that process reads; Python sends half of them elsewhere, so here the queue is read on
// every host. Messages of an open channel go to the hosts in turn, as in Python: each host has its order, and its capacity. In PubSub a channel and a
// group may be on different hosts, and then have no common order.
//
// # When Redis goes away
//
// Whoever sends is told by an error, after which the message may have been sent all the same: nothing is ever sent again without being asked, so
// nothing arrives twice. Connections come back by themselves, and everything is in its groups again within three seconds: after a break, and after
// Redis was restarted, flushed or failed over and forgot them. Core notices by a key of its own, prefix:alive:…, which lives five minutes after its
// process. What may have gone by meanwhile is counted once for each group, as channels.LossDisconnected or channels.LossForgotten. The log has one
// warning when a host can't be reached, and a line when it is back.
//
// A Redis that does not answer, but whose connections stay, is waited for 5 s by those who send with no shorter context, and 15 s by those who
// listen: in a pause of ten seconds nothing is lost that was sent without an error.
//
// Core renews the memberships of its own channels, so they don't end after GroupExpiry while somebody listens; channels that it put into groups for
// others, and open ones, do end. Redis must be 5.0 or newer, as for Python (the tests run on 7.0), and not a cluster.
package redislayer
