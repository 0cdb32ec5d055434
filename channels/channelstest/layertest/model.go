package layertest

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/teahouse-chat/teahouse/channels"
)

const modelCapacity = 4

// A model is a layer as the contract describes it, too simple to be wrong. It knows a few channels and groups.
type model struct {
	t        *testing.T
	layer    channels.Layer
	losses   *channels.Losses
	channels []string
	groups   []string
	waiting  map[string][]int           // what a channel holds, by channel
	members  map[string]map[string]bool // by group
	sent     int                        // the number of the latest message
	lost     int64
}

// testModel does what comes to rapid's mind to a layer and to its model, and compares them.
func testModel(t *testing.T, b Backend) {
	losses := newLosses()
	l := b.open(t, Options{Capacity: modelCapacity, Losses: losses})
	run := 0
	rapid.Check(t, func(rt *rapid.T) {
		run++ // its names: runs share a layer
		m := &model{t: t, layer: l, losses: losses, lost: losses.Total(channels.LossFull), waiting: map[string][]int{}, members: map[string]map[string]bool{}}
		for i := range 3 {
			group := fmt.Sprintf("group%d.%d", run, i)
			m.groups = append(m.groups, group)
			m.members[group] = map[string]bool{}
			m.channels = append(m.channels, fmt.Sprintf("open%d.%d", run, i), newChannel(t, l))
		}
		rt.Repeat(map[string]func(*rapid.T){
			"send": m.send, "group send": m.groupSend, "receive": m.receive, "add": m.add, "discard": m.discard, "": m.check,
		})
		m.drain(rt)
	})
}

func (m *model) channel(rt *rapid.T) string { return rapid.SampledFrom(m.channels).Draw(rt, "channel") }
func (m *model) group(rt *rapid.T) string   { return rapid.SampledFrom(m.groups).Draw(rt, "group") }

func (m *model) send(rt *rapid.T) {
	channel := m.channel(rt)
	m.sent++
	err := m.layer.Send(m.t.Context(), channel, message(m.sent))
	if len(m.waiting[channel]) == modelCapacity {
		if !errors.Is(err, channels.ErrChannelFull) {
			rt.Fatalf("send to %s, which is full: got %v, want ErrChannelFull", channel, err)
		}
		return
	}
	if err != nil {
		rt.Fatalf("send to %s: %v", channel, err)
	}
	m.waiting[channel] = append(m.waiting[channel], m.sent)
}

func (m *model) groupSend(rt *rapid.T) {
	group := m.group(rt)
	m.sent++
	if err := m.layer.GroupSend(m.t.Context(), group, message(m.sent)); err != nil {
		rt.Fatalf("send to group %s: %v", group, err)
	}
	for channel := range m.members[group] {
		if len(m.waiting[channel]) == modelCapacity {
			m.lost++
		} else {
			m.waiting[channel] = append(m.waiting[channel], m.sent)
		}
	}
}

func (m *model) receive(rt *rapid.T) {
	if channel := m.channel(rt); len(m.waiting[channel]) > 0 {
		m.take(rt, channel)
	}
}

// take receives a message that waits.
func (m *model) take(rt *rapid.T, channel string) {
	got, _ := receive(m.t, m.layer, channel).Int("n")
	if want := m.waiting[channel][0]; got != int64(want) {
		rt.Fatalf("receive from %s: got %d, want %d", channel, got, want)
	}
	m.waiting[channel] = slices.Delete(m.waiting[channel], 0, 1)
}

func (m *model) add(rt *rapid.T) {
	group, channel := m.group(rt), m.channel(rt)
	join(m.t, m.layer, group, channel)
	m.members[group][channel] = true
}

func (m *model) discard(rt *rapid.T) {
	group, channel := m.group(rt), m.channel(rt)
	leave(m.t, m.layer, group, channel)
	delete(m.members[group], channel)
}

func (m *model) check(rt *rapid.T) {
	if lost := m.losses.Total(channels.LossFull); lost != m.lost {
		rt.Fatalf("losses: got %d, want %d", lost, m.lost)
	}
}

// drain takes what waits, and sees by a last message that nothing else does.
func (m *model) drain(rt *rapid.T) {
	for _, channel := range m.channels {
		for len(m.waiting[channel]) > 0 {
			m.take(rt, channel)
		}
		m.sent++
		send(m.t, m.layer, channel, m.sent)
		m.waiting[channel] = append(m.waiting[channel], m.sent)
		m.take(rt, channel)
	}
}
