package layertest_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/teahouse-chat/teahouse/channels"
	"github.com/teahouse-chat/teahouse/channels/channelstest/layertest"
	"github.com/teahouse-chat/teahouse/channels/memlayer"
)

// A fault is a layer that does one thing wrong.
type fault struct {
	what  string
	test  string // the one that is to fail
	layer func(layertest.Options) channels.Layer
}

// wrong makes faults of one kind of layer that fail several tests.
func wrong(what string, layer func(layertest.Options) channels.Layer, tests ...string) []fault {
	var faults []fault
	for _, test := range tests {
		faults = append(faults, fault{what, test, layer})
	}
	return faults
}

// with makes a layer of options that were changed.
func with(change func(*layertest.Options)) func(layertest.Options) channels.Layer {
	return func(o layertest.Options) channels.Layer {
		change(&o)
		return newLayer(o)
	}
}

// over makes a layer by laying something over a good one.
func over(lay func(*memlayer.Layer, layertest.Options) channels.Layer) func(layertest.Options) channels.Layer {
	return func(o layertest.Options) channels.Layer { return lay(newLayer(o), o) }
}

var faults = slices.Concat(
	wrong("names are all the same", over(func(l *memlayer.Layer, _ layertest.Options) channels.Layer { return sameName{l} }),
		"NewChannelMakesNamesThatBeginWithAPrefixAndDiffer", "AGroupSendReachesEveryMemberOnce"),
	wrong("long names are refused", over(func(l *memlayer.Layer, _ layertest.Options) channels.Layer { return shortNames{l} }),
		"NamesUpToTheirLimitsWork"),
	wrong("nothing is refused", over(func(l *memlayer.Layer, _ layertest.Options) channels.Layer { return takesAll{l} }),
		"BadNamesAreErrName", "WhatCannotTravelIsErrMessageAndIsNotSent", "MessagesMayBeNestedToTheLimit", "SendToAFullChannelIsErrChannelFull",
		"AFullChannelLosesTheNewestAndCounts", "AContextThatHasEndedSendsAndTakesNothing"),
	wrong("empty messages are refused", over(func(l *memlayer.Layer, _ layertest.Options) channels.Layer { return refusesEmpty{l} }),
		"MessagesMayBeEmptyOrNil"),
	wrong("values are mangled", over(func(l *memlayer.Layer, _ layertest.Options) channels.Layer { return mangles{l} }),
		"EveryKindOfValueArrivesNormalised", "BytesArriveAsBytes", "LargeMessagesArriveWhole"),
	wrong("receivers share messages", over(func(l *memlayer.Layer, _ layertest.Options) channels.Layer { return &shares{Layer: l} }),
		"SenderAndReceiversShareNothing"),
	wrong("messages change places", over(func(l *memlayer.Layer, _ layertest.Options) channels.Layer { return &swaps{Layer: l} }),
		"MessagesArriveFirstInFirstOut", "ManySendersAndReceiversPassEverythingOnce", "ASubscriberIsCalledForEachMessageInOrder", "ALayerIsWhatItsModelIs"),
	wrong("messages are sent twice", over(func(l *memlayer.Layer, _ layertest.Options) channels.Layer { return doubles{l} }),
		"EachMessageGoesToOneReceiver", "AGroupSendReachesEveryMemberOnce", "ManySendersReachEveryMemberInTheirOrder", "ALayerIsWhatItsModelIs"),
	wrong("a receive gives up", over(func(l *memlayer.Layer, _ layertest.Options) channels.Layer { return impatient{l} }),
		"AReceiveThatWaitsGetsWhatIsSent"),
	wrong("a receive whose context ends takes a message with it", over(func(l *memlayer.Layer, _ layertest.Options) channels.Layer { return careless{l} }),
		"AReceiveWhoseContextEndsLosesNothing"),
	wrong("the last capacity rule counts", with(func(o *layertest.Options) { slices.Reverse(o.ChannelCapacity) }),
		"TheFirstCapacityRuleThatMatchesCounts"),
	wrong("nothing expires", with(func(o *layertest.Options) { o.Expiry, o.GroupExpiry = 0, 0 }),
		"MessagesExpire", "ExpiredMessagesTakeNoRoom", "MembershipsExpireAndAreRenewedByGroupAdd"),
	wrong("memberships last from the first GroupAdd, used or not", over(func(l *memlayer.Layer, o layertest.Options) channels.Layer { return mortal{l, o.GroupExpiry} }),
		"MembershipsExpireAndAreRenewedByGroupAdd", "AMembershipInUseDoesNotExpire", "ASubscribersMembershipsDoNotExpire"),
	wrong("losses aren't counted", with(func(o *layertest.Options) { o.Losses = nil }),
		"LossesOfAGroupAreCountedUnderItsName", "AMemberThatIsFullLosesTheMessageAndTheOthersDoNot"),
	wrong("group send fails", over(func(l *memlayer.Layer, _ layertest.Options) channels.Layer { return complains{l} }),
		"AMemberThatIsFullLosesTheMessageAndTheOthersDoNot"),
	wrong("nobody leaves", over(func(l *memlayer.Layer, _ layertest.Options) channels.Layer { return sticky{l} }),
		"ADiscardedMemberGetsNothingMore", "AMemberAddedTwiceGetsAMessageOnce", "AGroupSendToAnEmptyGroupReachesNobody", "AChannelMayBeInSeveralGroups",
		"ASubscriberIsNotCalledAfterUnsubscribe", "UnsubscribeForgetsTheChannel", "FlushForgetsMessagesAndMembers", "CloseEndsReceivesThatWait",
		"AfterCloseEverythingIsErrLayerClosed", "ALayerIsWhatItsModelIs"),
	wrong("to discard a channel discards all", over(func(l *memlayer.Layer, _ layertest.Options) channels.Layer { return &forgetful{Layer: l} }),
		"DiscardOfANonMemberChangesNothing", "ChannelsMayComeAndGoWhileAGroupIsSentTo", "AfterAFlushGroupsReachWhatIsInUse"),
	wrong("open channels aren't members", over(func(l *memlayer.Layer, _ layertest.Options) channels.Layer { return localOnly{l} }),
		"OpenChannelsMayBeMembers"),
	wrong("subscribers are called by goroutines of their own", over(func(l *memlayer.Layer, _ layertest.Options) channels.Layer { return hasty{l} }),
		"ASubscriberIsNeverCalledTwiceAtATime"),
	wrong("what waited isn't delivered", over(func(l *memlayer.Layer, _ layertest.Options) channels.Layer { return fresh{l} }),
		"ASubscriberGetsFirstWhatWaited"),
	wrong("any channel can be subscribed to", over(func(l *memlayer.Layer, _ layertest.Options) channels.Layer { return fresh{l} }),
		"OnlyTheProcessesOwnChannelsCanBeSubscribedTo"),
)

type sameName struct{ *memlayer.Layer }

func (sameName) NewChannel(_ context.Context, prefix string) (string, error) {
	return prefix + "specific.inmemory!same", channels.CheckChannel(prefix + "specific.inmemory!same")
}

type shortNames struct{ *memlayer.Layer }

func (l shortNames) GroupAdd(ctx context.Context, group, channel string) error {
	if len(group) >= channels.MaxName {
		return channels.ErrName
	}
	return l.Layer.GroupAdd(ctx, group, channel)
}

type takesAll struct{ *memlayer.Layer }

func (l takesAll) Send(_ context.Context, channel string, m channels.Message) error {
	_ = l.Layer.Send(context.Background(), channel, m)
	return nil
}

type refusesEmpty struct{ *memlayer.Layer }

func (l refusesEmpty) Send(ctx context.Context, channel string, m channels.Message) error {
	if len(m) == 0 {
		return channels.ErrMessage
	}
	return l.Layer.Send(ctx, channel, m)
}

// mangles writes integers as floats, bytes as a string, and cuts long texts.
type mangles struct{ *memlayer.Layer }

func (l mangles) Receive(ctx context.Context, channel string) (channels.Message, error) {
	m, err := l.Layer.Receive(ctx, channel)
	switch v := m["v"].(type) {
	case int64:
		m["v"] = float64(v)
	case []byte:
		m["v"] = string(v)
	}
	if text := m.Str("text"); len(text) > 1<<20 {
		m["text"] = text[:1<<20]
	}
	return m, err
}

// shares gives the same message to all who receive what looks alike.
type shares struct {
	*memlayer.Layer
	seen map[string]channels.Message
}

func (l *shares) Receive(ctx context.Context, channel string) (channels.Message, error) {
	m, err := l.Layer.Receive(ctx, channel)
	look := fmt.Sprint(m)
	if l.seen[look] == nil {
		l.seen = map[string]channels.Message{look: m}
	}
	return l.seen[look], err
}

// swaps lets number 5 follow the next message.
type swaps struct {
	*memlayer.Layer
	mu   sync.Mutex
	kept map[string]channels.Message
}

func (l *swaps) Send(ctx context.Context, channel string, m channels.Message) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	kept := l.kept[channel]
	delete(l.kept, channel)
	if n, _ := m.Int("n"); n == 5 {
		if l.kept == nil {
			l.kept = map[string]channels.Message{}
		}
		l.kept[channel] = m
		return nil
	}
	err := l.Layer.Send(ctx, channel, m)
	if kept != nil {
		_ = l.Layer.Send(ctx, channel, kept)
	}
	return err
}

// doubles sends number 5 twice.
type doubles struct{ *memlayer.Layer }

func (l doubles) Send(ctx context.Context, channel string, m channels.Message) error {
	if n, _ := m.Int("n"); n == 5 {
		_ = l.Layer.Send(ctx, channel, m)
	}
	return l.Layer.Send(ctx, channel, m)
}

func (l doubles) GroupSend(ctx context.Context, group string, m channels.Message) error {
	if n, _ := m.Int("n"); n == 5 {
		_ = l.Layer.GroupSend(ctx, group, m)
	}
	return l.Layer.GroupSend(ctx, group, m)
}

type impatient struct{ *memlayer.Layer }

func (l impatient) Receive(ctx context.Context, channel string) (channels.Message, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Millisecond)
	defer cancel()
	return l.Layer.Receive(ctx, channel)
}

type careless struct{ *memlayer.Layer }

func (l careless) Receive(ctx context.Context, channel string) (channels.Message, error) {
	m, err := l.Layer.Receive(ctx, channel)
	time.Sleep(time.Nanosecond) // of a synctest bubble: the context has time to end
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	return m, err
}

type mortal struct {
	*memlayer.Layer
	lasts time.Duration
}

func (l mortal) GroupAdd(ctx context.Context, group, channel string) error {
	if l.lasts > 0 {
		time.AfterFunc(l.lasts, func() { _ = l.GroupDiscard(context.Background(), group, channel) })
	}
	return l.Layer.GroupAdd(ctx, group, channel)
}

type complains struct{ *memlayer.Layer }

func (l complains) GroupSend(ctx context.Context, group string, m channels.Message) error {
	before := l.Losses().Total(channels.LossFull)
	err := l.Layer.GroupSend(ctx, group, m)
	if l.Losses().Total(channels.LossFull) > before {
		return channels.ErrChannelFull
	}
	return err
}

// sticky does nothing where it should end something.
type sticky struct{ *memlayer.Layer }

func (sticky) GroupDiscard(context.Context, string, string) error { return nil }
func (sticky) Flush(context.Context) error                        { return nil }
func (sticky) Close() error                                       { return nil }

func (l sticky) Subscribe(channel string, deliver func(channels.Message)) (func(), error) {
	_, err := l.Layer.Subscribe(channel, deliver)
	return func() {}, err
}

// forgetful empties a group where one member leaves, and all groups when all is flushed.
type forgetful struct {
	*memlayer.Layer
	mu      sync.Mutex
	members map[string][]string
}

func (l *forgetful) GroupAdd(ctx context.Context, group, channel string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.members == nil {
		l.members = map[string][]string{}
	}
	l.members[group] = append(l.members[group], channel)
	return l.Layer.GroupAdd(ctx, group, channel)
}

func (l *forgetful) GroupDiscard(ctx context.Context, group, _ string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, channel := range l.members[group] {
		_ = l.Layer.GroupDiscard(ctx, group, channel)
	}
	return nil
}

func (l *forgetful) Flush(ctx context.Context) error {
	for group := range l.members {
		_ = l.GroupDiscard(ctx, group, "")
	}
	return l.Layer.Flush(ctx)
}

type localOnly struct{ *memlayer.Layer }

func (l localOnly) GroupAdd(ctx context.Context, group, channel string) error {
	if !strings.Contains(channel, "!") {
		return errors.New("no such channel")
	}
	return l.Layer.GroupAdd(ctx, group, channel)
}

type hasty struct{ *memlayer.Layer }

func (l hasty) Subscribe(channel string, deliver func(channels.Message)) (func(), error) {
	return l.Layer.Subscribe(channel, func(m channels.Message) { go deliver(m) })
}

// fresh drops what waited for a subscriber, and takes any name.
type fresh struct{ *memlayer.Layer }

func (l fresh) Subscribe(channel string, deliver func(channels.Message)) (func(), error) {
	if !channels.IsLocal(channel) {
		return func() {}, nil
	}
	_ = l.Flush(context.Background())
	return l.Layer.Subscribe(channel, deliver)
}
