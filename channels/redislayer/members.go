package redislayer

import "time"

// members are channels in groups, found by either. Their methods aren't for concurrent use.
type members struct {
	byGroup   map[string]map[string]time.Time // group -> channel -> when it was added, or in use last
	byChannel map[string]map[string]struct{}  // channel -> groups
}

// A member is one of a group.
type member struct {
	channel string
	at      time.Time
}

func newMembers() members {
	return members{map[string]map[string]time.Time{}, map[string]map[string]struct{}{}}
}

func (m members) add(group, channel string, at time.Time) {
	if m.byGroup[group] == nil {
		m.byGroup[group] = map[string]time.Time{}
	}
	if m.byChannel[channel] == nil {
		m.byChannel[channel] = map[string]struct{}{}
	}
	m.byGroup[group][channel] = at
	m.byChannel[channel][group] = struct{}{}
}

func (m members) remove(group, channel string) {
	delete(m.byGroup[group], channel)
	if len(m.byGroup[group]) == 0 {
		delete(m.byGroup, group)
	}
	delete(m.byChannel[channel], group)
	if len(m.byChannel[channel]) == 0 {
		delete(m.byChannel, channel)
	}
}

// keep removes all channels but those of which so says true.
func (m members) keep(so func(channel string) bool) {
	for channel, groups := range m.byChannel {
		if so(channel) {
			continue
		}
		for group := range groups {
			m.remove(group, channel)
		}
	}
}
