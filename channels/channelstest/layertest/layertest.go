// Package layertest is the suite that every [channels.Layer] passes: each line of the contract, tried. A layer's own tests call [Run].
package layertest

import (
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/teahouse-chat/teahouse/channels"
)

// A Backend makes the layers that [Run] tries, and says what they can't do: with every flag false a layer keeps the whole contract in one process.
type Backend struct {
	// New makes a layer that obeys the options. Each call in one test is a process of its own; the first one finds no messages and no groups, whatever other
	// tests left behind: let keys begin with something made of t.Name(). The suite closes it.
	New func(t *testing.T, o Options) channels.Layer

	// Shared says that the layers made in one test reach one another.
	Shared bool

	// LateFull says that Send can't know that a process's own channel is full: the process that receives drops and counts.
	LateFull bool

	// NoOpenChannels says that only channels that NewChannel made can be received from and be in groups, where their own process adds them: Redis pub/sub.
	NoOpenChannels bool

	// Sharded says that messages go by several servers. So each of them has an open channel in part, its capacity for that part, and no part is before another; and
	// what is sent to a channel isn't in order with what is sent to its groups.
	Sharded bool

	// NoExpiry says that messages and memberships stay as long as their process.
	NoExpiry bool

	// NoBytes says that messages have no []byte: JSON.
	NoBytes bool

	// NameStart is what the names of NewChannel begin with, in front of the prefix.
	NameStart string

	// Synctest runs tests in bubbles of testing/synctest, where waiting takes no time. It is for layers that need no network.
	Synctest bool
}

// Options are those that every layer has; zero values mean the layer's defaults.
type Options struct {
	Capacity        int
	ChannelCapacity []channels.CapacityRule
	Expiry          time.Duration // in whole seconds
	GroupExpiry     time.Duration // in whole seconds
	Losses          *channels.Losses
}

// A test tries one line of the contract.
type test struct {
	name string
	when bool // the backend promises it
	run  func(*testing.T, Backend)
}

// Run tries a backend's layers. What is optional, [channels.Subscriber] and [channels.Flusher], it tries when a layer has it.
//
// Tests that wait for an expiry go on, in parallel, after Run has returned: what New needs is to be ended by t.Cleanup, not by defer.
func Run(t *testing.T, b Backend) {
	probe := b.New(t, Options{})
	_, subscriber := probe.(channels.Subscriber)
	_, flusher := probe.(channels.Flusher)
	if err := probe.Close(); err != nil {
		t.Errorf("close of a layer that did nothing: %v", err)
	}
	for _, tests := range [][]test{
		namesAndMessages(), queues(b), groups(b), subscriptions(subscriber), ends(b, flusher), crowds(subscriber), processes(b, flusher),
	} {
		for _, c := range tests {
			b.run(t, c, false)
		}
	}
	for _, c := range expiries(b, subscriber) {
		b.run(t, c, true)
	}
	if !b.LateFull && !b.NoOpenChannels { // outside of a bubble, where rapid can't be
		t.Run("ALayerIsWhatItsModelIs", func(t *testing.T) { testModel(t, b) })
	}
}

// run runs a test, if it is for this backend.
func (b Backend) run(t *testing.T, c test, slow bool) {
	if !c.when {
		return
	}
	t.Run(c.name, func(t *testing.T) {
		switch {
		case b.Synctest:
			synctest.Test(t, func(t *testing.T) { c.run(t, b) })
		case slow:
			t.Parallel()
			fallthrough
		default:
			c.run(t, b)
		}
	})
}

// open makes a layer that is closed when the test has ended.
func (b Backend) open(t *testing.T, o Options) channels.Layer {
	t.Helper()
	if o.Losses == nil {
		o.Losses = newLosses()
	}
	l := b.New(t, o)
	t.Cleanup(func() { _ = l.Close() }) // an error says that the test closed it
	return l
}

// newLosses counts without a word in the test's output.
func newLosses() *channels.Losses {
	return &channels.Losses{Logger: slog.New(slog.DiscardHandler)}
}
