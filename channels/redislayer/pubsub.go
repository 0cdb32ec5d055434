package redislayer

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/teahouse-chat/teahouse/channels"
)

// A PubSub is a layer over Redis's PUBLISH and SUBSCRIBE, as channels_redis's RedisPubSubChannelLayer is: nothing is stored, so there is nothing to expire
// and nobody to be full but the receiver. Open it with NewPubSub.
//
// Channels belong to the process that NewChannel made them for, though their names have no "!"; any other name can be received from by all processes,
// and each gets every message. A group has only channels of the process that adds them.
type PubSub struct {
	// Static.
	opts      settings
	wire      *wire
	losses    *channels.Losses
	listeners []*listener // by host

	ctx  context.Context // ends with Close
	stop context.CancelFunc
	wg   sync.WaitGroup

	mu     sync.Mutex                          // a listener's, and a mailbox's, may be taken under it, not the reverse
	own    map[string]*subscription            // by channel
	groups map[string]map[string]*subscription // by group and channel
}

// A subscription is a channel that this process receives.
type subscription struct {
	*mailbox
	groups map[string]struct{} // guarded by the layer's mu
}

var (
	_ channels.Layer      = (*PubSub)(nil)
	_ channels.Flusher    = (*PubSub)(nil)
	_ channels.Subscriber = (*PubSub)(nil)
)

// NewPubSub checks the options and connects to all hosts; each has two seconds. Errors name the option, or the host. The caller calls Close.
func NewPubSub(ctx context.Context, o *Options) (*PubSub, error) {
	s, err := open(ctx, "pub/sub", o)
	if err != nil {
		return nil, err
	}
	p := &PubSub{
		opts: s, wire: newWire(s), losses: s.Losses, own: map[string]*subscription{}, groups: map[string]map[string]*subscription{},
	}
	p.ctx, p.stop = context.WithCancel(context.Background())
	for _, h := range s.hosts {
		l := newListener(h, p.heard, p.broke)
		p.listeners = append(p.listeners, l)
		p.wg.Go(func() { l.run(p.ctx) })
	}
	return p, nil
}

// Losses are what the layer counts as lost.
func (p *PubSub) Losses() *channels.Losses { return p.losses }

// listener is that of the host that a Redis channel belongs to.
func (p *PubSub) listener(name string) *listener { return p.listeners[shard(name, len(p.listeners))] }

func (p *PubSub) groupName(group string) string { return p.opts.Prefix + pubsubInfix + group }

// check is the error of a call that can't begin.
func (p *PubSub) check(ctx context.Context) error {
	if p.ctx.Err() != nil {
		return channels.ErrLayerClosed
	}
	return ctx.Err()
}

// checkChannel checks a channel's name. The layer's prefix, which NewChannel's names have before them, may have any characters.
func (p *PubSub) checkChannel(name string) error {
	if rest, ok := strings.CutPrefix(name, p.opts.Prefix); ok && rest != "" && len(name) <= channels.MaxName {
		name = rest
	}
	return channels.CheckChannel(name)
}

// NewChannel makes a name for a channel of this process, which is remembered until its subscription ends, or until Close: Options.Prefix, then
// prefix. It returns when Redis has confirmed that messages come here. Errors: ErrName; that of ctx.
func (p *PubSub) NewChannel(ctx context.Context, prefix string) (string, error) {
	if prefix == "" {
		prefix = "specific"
	}
	name := p.opts.Prefix + prefix + "." + randomHex()
	if err := p.checkChannel(name); err != nil {
		return "", fmt.Errorf("new channel: %w", err)
	}
	if err := p.check(ctx); err != nil {
		return "", err
	}
	if _, err := p.listenTo(ctx, name); err != nil {
		return "", err
	}
	return name, nil
}

// listenTo is the subscription of a channel, which Redis has confirmed.
func (p *PubSub) listenTo(ctx context.Context, name string) (*subscription, error) {
	p.mu.Lock()
	b := p.own[name]
	isNew := b == nil
	if isNew {
		b = &subscription{newMailbox(p.opts.capacities.Of(name), p.opts.Expiry, p.losses), map[string]struct{}{}}
		p.own[name] = b
	}
	p.mu.Unlock()
	err := p.await(ctx, p.listener(name).want(name))
	if err != nil && isNew {
		p.forget(name, b)
	}
	return b, err
}

// await waits for Redis to confirm.
func (p *PubSub) await(ctx context.Context, ready <-chan struct{}) error {
	select {
	case <-ready:
		return nil
	case <-ctx.Done():
		return ending(ctx, p.ctx)
	case <-p.ctx.Done():
		return channels.ErrLayerClosed
	}
}

// subscription is a channel's, nil if there is none.
func (p *PubSub) subscription(channel string) *subscription {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.own[channel]
}

// forget ends a subscription, and takes the channel out of its groups.
func (p *PubSub) forget(channel string, b *subscription) {
	b.unsubscribe()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.own[channel] != b {
		return
	}
	delete(p.own, channel)
	p.listener(channel).drop(channel)
	for group := range b.groups {
		p.discard(group, channel)
	}
}

// discard takes a channel out of a group. mu must be held.
func (p *PubSub) discard(group, channel string) {
	members := p.groups[group]
	if members[channel] == nil {
		return
	}
	delete(members[channel].groups, group)
	delete(members, channel)
	if len(members) == 0 {
		delete(p.groups, group)
		p.listener(p.groupName(group)).drop(p.groupName(group))
	}
}

// GroupAdd puts a channel of this process into a group, until GroupDiscard or Close. It returns when Redis has confirmed that the group's messages
// come here. Errors: ErrName; that it isn't a channel of this process; that of ctx, after which it isn't in the group.
func (p *PubSub) GroupAdd(ctx context.Context, group, channel string) error {
	err := p.check(ctx)
	if err != nil {
		return err
	}
	if err = errors.Join(channels.CheckGroup(group), p.checkChannel(channel)); err == nil {
		err = p.add(ctx, group, channel)
	}
	if err != nil && !errors.Is(err, channels.ErrLayerClosed) {
		return fmt.Errorf("add %s to group %s: %w", channel, group, err)
	}
	return err
}

func (p *PubSub) add(ctx context.Context, group, channel string) error {
	name := p.groupName(group)
	p.mu.Lock()
	b := p.own[channel]
	if b == nil {
		p.mu.Unlock()
		return errNotOurs
	}
	if p.groups[group] == nil {
		p.groups[group] = map[string]*subscription{}
	}
	_, was := b.groups[group]
	p.groups[group][channel], b.groups[group] = b, struct{}{}
	ready := p.listener(name).want(name)
	p.mu.Unlock()
	err := p.await(ctx, ready)
	if err != nil && !was {
		p.mu.Lock()
		p.discard(group, channel)
		p.mu.Unlock()
	}
	return err
}

// GroupDiscard takes a channel out of a group, once it has got what was sent to the group by now; one that isn't there changes nothing. It returns at
// the end of ctx at the latest, and then the channel isn't in the group either. Errors: ErrName.
func (p *PubSub) GroupDiscard(ctx context.Context, group, channel string) error {
	if err := p.check(ctx); err != nil {
		return err
	}
	if err := errors.Join(channels.CheckGroup(group), p.checkChannel(channel)); err != nil {
		return fmt.Errorf("discard %s from group %s: %w", channel, group, err)
	}
	p.mu.Lock()
	_, is := p.groups[group][channel]
	p.mu.Unlock()
	if !is {
		return nil
	}
	select {
	case <-p.listener(p.groupName(group)).pass():
	case <-ctx.Done():
	case <-p.ctx.Done():
		return channels.ErrLayerClosed
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.discard(group, channel)
	return nil
}

// Send sends a message to one channel. Nobody can tell whether it is received: when it isn't known, or full. Errors: ErrName, ErrMessage; those of
// Redis, after which the message may have been sent all the same.
func (p *PubSub) Send(ctx context.Context, channel string, m channels.Message) error {
	return p.publish(ctx, "channel", channel, channel, p.checkChannel(channel), m)
}

// GroupSend sends a message to every channel of a group. Errors: ErrName, ErrMessage; those of Redis, after which the message may have been sent all the same.
func (p *PubSub) GroupSend(ctx context.Context, group string, m channels.Message) error {
	return p.publish(ctx, "group", group, p.groupName(group), channels.CheckGroup(group), m)
}

// publish publishes a message on a Redis channel, for something of a kind whose name was checked.
func (p *PubSub) publish(ctx context.Context, kind, to, name string, badName error, m channels.Message) error {
	err := p.check(ctx)
	if err != nil {
		return err
	}
	err = badName
	var packed packed
	if err == nil {
		packed, err = p.wire.pack(m)
	}
	var payload string
	if err == nil {
		payload, err = p.wire.payload(packed)
	}
	if err == nil {
		h := p.opts.shard(name)
		err = h.client.Do(ctx, h.client.B().Publish().Channel(name).Message(payload).Build()).Error()
	}
	if err = told(err, p.ctx); err != nil && !errors.Is(err, channels.ErrLayerClosed) {
		return fmt.Errorf("send to %s %s: %w", kind, to, err)
	}
	return err
}

// heard hands a payload to whom it is for.
func (p *PubSub) heard(name, payload string) {
	group, to := "", make([]*mailbox, 0, 1)
	p.mu.Lock()
	if b := p.own[name]; b != nil {
		to = append(to, b.mailbox)
	}
	if g, ok := strings.CutPrefix(name, p.opts.Prefix+pubsubInfix); ok {
		group = g
		for _, b := range p.groups[g] {
			to = append(to, b.mailbox)
		}
	}
	p.mu.Unlock()
	if len(to) == 0 {
		return // left a moment ago
	}
	body, err := p.wire.unseal([]byte(payload))
	var m channels.Message
	if err == nil {
		m, _, err = p.wire.message(body)
	}
	if err != nil {
		p.losses.Add(group, channels.LossUndecodable, 1)
		return
	}
	deliver(m, group, to)
}

// broke counts that messages may have gone by, once for each group, and once for what was sent to channels.
func (p *PubSub) broke(names []string) {
	direct := false
	for _, name := range names {
		if group, ok := strings.CutPrefix(name, p.opts.Prefix+pubsubInfix); ok {
			p.losses.Add(group, channels.LossDisconnected, 1)
		} else {
			direct = true
		}
	}
	if direct {
		p.losses.Add("", channels.LossDisconnected, 1)
	}
}

// Receive waits for the next message of a channel. A name that NewChannel didn't make is subscribed to, until Close. Errors: ErrName; that the
// channel is subscribed to by Subscribe.
func (p *PubSub) Receive(ctx context.Context, channel string) (channels.Message, error) {
	if err := p.check(ctx); err != nil {
		return nil, err
	}
	if err := p.checkChannel(channel); err != nil {
		return nil, fmt.Errorf("receive: %w", err)
	}
	b, err := p.listenTo(ctx, channel)
	if err != nil {
		return nil, err
	}
	m, err := b.receive(ctx, p.ctx)
	if errors.Is(err, errSubscribed) {
		return nil, fmt.Errorf("receive from %s: %w", channel, err)
	}
	return m, err
}

// Subscribe implements channels.Subscriber.
func (p *PubSub) Subscribe(channel string, deliver func(channels.Message)) (unsubscribe func(), err error) {
	if p.ctx.Err() != nil {
		return nil, channels.ErrLayerClosed
	}
	if err := p.checkChannel(channel); err != nil {
		return nil, fmt.Errorf("subscribe: %w", err)
	}
	b := p.subscription(channel)
	if b == nil {
		return nil, fmt.Errorf("subscribe to %s: %w", channel, errNotOurs)
	}
	if err := b.subscribe(deliver); err != nil {
		return nil, fmt.Errorf("subscribe to %s: %w", channel, err)
	}
	return sync.OnceFunc(func() { p.forget(channel, b) }), nil
}

// Flush forgets what waits in this process, and takes channels that nobody listens to out of their groups. Nothing else is stored anywhere.
func (p *PubSub) Flush(ctx context.Context) error {
	if err := p.check(ctx); err != nil {
		return err
	}
	now := time.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	for name, b := range p.own {
		b.empty()
		if !b.used(now) {
			for group := range b.groups {
				p.discard(group, name)
			}
		}
	}
	return nil
}

// Close ends all subscriptions and disconnects. Calls that wait return ErrLayerClosed.
func (p *PubSub) Close() error {
	p.stop()
	for _, l := range p.listeners {
		l.interrupt()
	}
	p.wg.Wait()
	for _, h := range p.opts.hosts {
		h.close()
	}
	return nil
}
