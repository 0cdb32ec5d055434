package channels

import (
	"log/slog"
	"maps"
	"sync"
	"time"
)

// A LossReason says why a message was lost. Reasons are few: they fit the label of a metric.
type LossReason string

// Why messages are lost.
const (
	LossFull         LossReason = "channel full"           // a channel was at its capacity
	LossSlowHandler  LossReason = "handler too slow"       // a connection's handlers were behind by its inbox
	LossSlowReader   LossReason = "reader too slow"        // a client's place fell behind what a group keeps of its frames
	LossNotEncoded   LossReason = "not encoded"            // an encoder refused a message
	LossUndecodable  LossReason = "undecodable"            // what came isn't a message: garbage, wrongly keyed, too large
	LossExpired      LossReason = "expired"                // it waited longer than the expiry
	LossDisconnected LossReason = "disconnected"           // the connection to the backend broke, and messages went by: an unknown number, counted once a group
	LossForgotten    LossReason = "forgotten by the store" // the backend lost its data, and messages with it: an unknown number, counted once a group
)

// A Loss is a number of messages that were lost.
type Loss struct {
	Group  string // "" where it isn't known, and for what was sent to one channel
	Reason LossReason
	Count  int64
}

// maxLossGroups bounds the groups that are counted apart; the losses of further ones count under the group "".
const maxLossGroups = 1000

// Losses counts lost messages by group and reason, and logs them at most once a second. The zero value is ready for use, and its methods may be called
// concurrently; the fields are set before.
type Losses struct {
	// Logger gets a warning for each group and reason, at most once a second altogether. Default slog.Default().
	Logger *slog.Logger

	// Counted, when set, is called for each loss, for metrics. It must be quick and not use layers or connections, which may be locked.
	Counted func(Loss)

	mu     sync.Mutex
	counts map[lossKey]int64 // since the start
	groups map[string]bool   // that are counted apart
	unsaid map[lossKey]int64 // since the last record
	said   time.Time
	timer  *time.Timer // runs while something is unsaid
}

type lossKey struct {
	group  string
	reason LossReason
}

// Add counts n lost messages of a group, "" for none.
func (l *Losses) Add(group string, reason LossReason, n int) {
	if n <= 0 {
		return
	}
	l.mu.Lock()
	if l.counts == nil {
		l.counts, l.groups, l.unsaid = map[lossKey]int64{}, map[string]bool{}, map[lossKey]int64{}
	}
	counted := group
	if !l.groups[group] && len(l.groups) >= maxLossGroups {
		counted = ""
	}
	l.groups[counted] = true
	key := lossKey{counted, reason}
	l.counts[key] += int64(n)
	l.unsaid[key] += int64(n)
	if l.timer == nil {
		l.timer = time.AfterFunc(max(0, time.Second-time.Since(l.said)), l.say)
	}
	l.mu.Unlock()
	if l.Counted != nil {
		l.Counted(Loss{group, reason, int64(n)})
	}
}

// Total is the number of messages lost so far for a reason, of all groups.
func (l *Losses) Total(reason LossReason) int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	total := int64(0)
	for key, n := range l.counts {
		if key.reason == reason {
			total += n
		}
	}
	return total
}

// All are the losses so far, one for each group and reason, in no order.
func (l *Losses) All() []Loss {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := make([]Loss, 0, len(l.counts))
	for key, n := range l.counts {
		all = append(all, Loss{key.group, key.reason, n})
	}
	return all
}

// say logs what is unsaid: a record for the group that lost the most, which names how many others did.
func (l *Losses) say() {
	l.mu.Lock()
	unsaid := maps.Clone(l.unsaid)
	clear(l.unsaid)
	l.timer = nil
	l.said = time.Now()
	l.mu.Unlock()
	log := l.Logger
	if log == nil {
		log = slog.Default()
	}
	var most lossKey
	total := int64(0)
	for key, n := range unsaid {
		total += n
		if n > unsaid[most] {
			most = key
		}
	}
	log.Warn("messages lost", slog.String("group", most.group), slog.String("reason", string(most.reason)),
		slog.Int64("count", unsaid[most]), slog.Int64("total", total))
}
