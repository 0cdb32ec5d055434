package redislayer

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/redis/rueidis"
)

// InspectPubSub looks at who listens to a pub/sub layer, Teahouse's or channels_redis's. It only reads. Errors: as for InspectCore.
func InspectPubSub(ctx context.Context, o *Options, look *InspectOptions) (*PubSubReport, error) {
	s, err := open(ctx, "pub/sub", o)
	if err != nil {
		return nil, err
	}
	defer s.close()
	r := &PubSubReport{Time: time.Now(), Hosts: s.names(), Prefix: s.Prefix, Groups: []Subscription{}, Channels: []Subscription{}}
	pattern := globQuote(s.Prefix) + "*"
	if look != nil && look.Group != "" {
		pattern = globQuote(s.Prefix + pubsubInfix + look.Group)
	}
	for host := range s.hosts {
		found, err := subscriptions(ctx, s.hosts[host].client, pattern)
		if err != nil {
			return nil, fmt.Errorf("ask %s who listens: %w", r.Hosts[host], err)
		}
		for _, f := range found {
			f.Host = host
			if group, ok := strings.CutPrefix(f.Name, s.Prefix+pubsubInfix); ok {
				f.Name = group
				r.Groups = append(r.Groups, f)
			} else {
				r.Channels = append(r.Channels, f)
			}
		}
	}
	byName := func(a, b Subscription) int { return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Host, b.Host)) }
	slices.SortFunc(r.Groups, byName)
	slices.SortFunc(r.Channels, byName)
	return r, nil
}

// subscriptions are the Redis channels of a pattern that somebody listens to.
func subscriptions(ctx context.Context, client rueidis.Client, pattern string) ([]Subscription, error) {
	names, err := client.Do(ctx, client.B().PubsubChannels().Pattern(pattern).Build()).AsStrSlice()
	if err != nil {
		return nil, err
	}
	var found []Subscription
	for some := range slices.Chunk(names, inspectKeys) {
		counts, err := client.Do(ctx, client.B().PubsubNumsub().Channel(some...).Build()).AsIntMap()
		if err != nil {
			return nil, err
		}
		for name, n := range counts {
			if n > 0 { // else it left meanwhile
				found = append(found, Subscription{Name: name, Subscribers: int(n)})
			}
		}
	}
	return found, nil
}
