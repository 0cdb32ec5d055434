package redislayer

import (
	"cmp"
	"fmt"
	"strings"
	"time"
)

// InspectOptions say what an inspection looks at; nil and zero values mean everything.
type InspectOptions struct {
	// Group, when set, is the only group that is looked at, with the names of its members and the processes that these belong to. That
	// costs Redis a few commands; looking at everything goes through all of its keys.
	Group string

	// DeadAfter is how long a message may wait before the process that should have read it looks dead. Default 10 s.
	DeadAfter time.Duration

	// Progress, when set, is called now and then with how many keys were gone through, of about how many.
	Progress func(seen, total int64)
}

// A CoreReport is what InspectCore saw. Redis goes on while it is looked at, so parts of it are from different moments.
type CoreReport struct {
	Time      time.Time       `json:"time"`
	Hosts     []string        `json:"hosts"` // without passwords
	Prefix    string          `json:"prefix"`
	Groups    []GroupReport   `json:"groups"`
	Processes []ProcessReport `json:"processes"`
	Channels  []QueueReport   `json:"channels"`   // open ones, that any process may receive from
	Leftovers []QueueReport   `json:"leftovers"`  // what channels_redis took from a queue and didn't finish: of processes that died then; nothing removes them
	OtherKeys int             `json:"other_keys"` // that begin with the prefix, and aren't the layer's
}

// A GroupReport is one group of a core layer.
type GroupReport struct {
	Group    string         `json:"group"`
	Host     int            `json:"host"` // index of the Redis server
	Members  int            `json:"members"`
	Stale    int            `json:"stale"` // of Members, those that joined longer ago than the group expiry: the next group send removes them
	Deaf     int            `json:"deaf"`  // of Members, those of processes that look dead
	Expires  time.Time      `json:"expires,omitzero"`
	ByOwner  map[string]int `json:"by_owner"`          // members by process, or by open channel
	Channels []MemberReport `json:"channels,omitzero"` // the members themselves, of InspectOptions.Group only
}

// A MemberReport is one channel in a group.
type MemberReport struct {
	Channel string    `json:"channel"`
	Joined  time.Time `json:"joined"` // or was renewed
}

// A ProcessReport is a process that is known by its channels' names: by the part of them before the "!".
type ProcessReport struct {
	Process string        `json:"process"` // the 32 digits that a layer makes for itself, or all before the "!" where there are none
	State   ProcessState  `json:"state"`
	Why     string        `json:"why"`
	Members int           `json:"members"`       // its memberships, in all groups that were looked at
	Seen    time.Time     `json:"seen,omitzero"` // when it last said that it lives; zero: it never did
	Queues  []QueueReport `json:"queues"`
}

// A QueueReport is a queue of messages: all channels of a process with the same beginning share one, an open channel has its own.
type QueueReport struct {
	Channel   string    `json:"channel"` // to the "!" included
	Host      int       `json:"host"`    // index of the Redis server
	Messages  int       `json:"messages"`
	Capacity  int       `json:"capacity,omitzero"` // leftovers have none
	Oldest    time.Time `json:"oldest,omitzero"`   // when the oldest message was sent
	Expires   time.Time `json:"expires,omitzero"`  // when Redis removes the queue, unless another message comes
	Misplaced bool      `json:"misplaced"`         // channels_redis puts messages here and never reads them: see the package's comment on several hosts
}

// ProcessState is what can be told of a process from Redis alone.
type ProcessState string

// The states of a process. A Teahouse process says every second in Redis that it lives; it looks dead when it hasn't for longer than InspectOptions.DeadAfter, and
// than 5 s. One of channels_redis says nothing, so that only messages that it leaves unread betray its death: it looks dead when its queue is full for more than a
// second, or holds a message older than DeadAfter. One that is stopped, or hangs, looks the same.
const (
	Alive     ProcessState = "alive"      // it says so, and no message waits
	Behind    ProcessState = "behind"     // messages wait, but not for long; or for long, and it says that it lives
	Quiet     ProcessState = "quiet"      // it says nothing and no message waits: it reads, or died and nothing was sent to it since
	LooksDead ProcessState = "looks dead" // see above
)

// burst is how long messages may fill a queue that is read.
const burst = time.Second

// minSilence is how long a Teahouse process, which says every second that it lives, may be silent.
const minSilence = 5 * time.Second

// judge sets the state and says why.
func (p *ProcessReport) judge(now time.Time, deadAfter time.Duration) {
	stuck, waiting := "", 0
	for _, q := range p.Queues {
		if q.Misplaced {
			continue
		}
		waiting += q.Messages
		switch age := now.Sub(q.Oldest); {
		case q.Messages >= q.Capacity && age > burst:
			stuck = "its queue is full"
		case age > deadAfter:
			stuck = cmp.Or(stuck, fmt.Sprintf("a message waits for %v", age.Round(time.Second)))
		}
	}
	silence, says := now.Sub(p.Seen), !p.Seen.IsZero()
	switch {
	case says && silence > max(deadAfter, minSilence):
		p.State, p.Why = LooksDead, fmt.Sprintf("silent for %v", silence.Round(time.Second))
	case says && stuck != "":
		p.State, p.Why = Behind, "alive, but "+stuck
	case stuck != "":
		p.State, p.Why = LooksDead, stuck
	case waiting > 0:
		p.State, p.Why = Behind, "reads, or died just now"
	case says:
		p.State, p.Why = Alive, "says so"
	default:
		p.State, p.Why = Quiet, "reads, or was sent nothing"
	}
}

// A PubSubReport is what InspectPubSub saw. Redis knows neither the members of a group nor the channels of a process: only who is subscribed.
type PubSubReport struct {
	Time     time.Time      `json:"time"`
	Hosts    []string       `json:"hosts"` // without passwords
	Prefix   string         `json:"prefix"`
	Groups   []Subscription `json:"groups"`
	Channels []Subscription `json:"channels"`
}

// A Subscription is a group or a channel of a pub/sub layer that somebody listens to.
type Subscription struct {
	Name        string `json:"name"`
	Host        int    `json:"host"`        // index of the Redis server
	Subscribers int    `json:"subscribers"` // processes
}

// ownerOf names whom a channel belongs to: a process, by the 32 digits that its layer made for itself, or by all before the "!" when they aren't there; an open
// channel belongs to itself.
func ownerOf(channel string) (owner string, isProcess bool) {
	before, _, isProcess := strings.Cut(channel, "!")
	if last := before[strings.LastIndexByte(before, '.')+1:]; isProcess && len(last) == 32 {
		return last, true
	}
	return before, isProcess
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// timeOf is the time that a score says.
func timeOf(score float64) time.Time { return time.UnixMicro(int64(score * 1e6)) }
