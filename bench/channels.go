//go:build linux

package main

import (
	"fmt"
	"slices"
	"time"
)

// channelsSuite measures rooms made with package channels.
var channelsSuite = slices.Concat(
	groupMeasures(1, "≥ 0.7 × limit"),
	groupMeasures(16, "≥ 0.75 × limit"),
	redisMeasures("core"),
	redisMeasures("pubsub"),
)

// groupMeasures compare a group of 1,000 sockets, by both ways that a message can take to them, with what the system allows and with Django Channels.
// All keep messages in the process.
func groupMeasures(inFlight int, byEncoder string) []measure {
	const sockets = 1000
	name := func(of string) string {
		return fmt.Sprintf("group of 1,000, %d in flight: deliveries per CPU second, %s", inFlight, of)
	}
	return []measure{
		{what: name("limit"), unit: "/s", run: fanOut(limit, sockets, inFlight)},
		{what: name("by encoder"), unit: "/s", target: byEncoder, base: name("limit"), run: fanOut(node("-way", "encoder"), sockets, inFlight)},
		{what: name("by handler"), unit: "/s", target: "≥ 25 × Django", base: name("Django"), run: fanOut(node("-way", "handler"), sockets, inFlight)},
		{what: name("Django"), unit: "/s", run: fanOut(django, sockets, inFlight)},
	}
}

// redisMeasures are of nodes that share groups by a layer over Redis.
func redisMeasures(layer string) []measure {
	return []measure{
		{what: "two nodes, " + layer + ": group messages from one that reach the other", unit: "/s", target: "≥ 20,000 /s", run: twoNodes(layer)},
		{what: "10,000 sockets of a node join a group, " + layer + ": commands to Redis", target: "≤ 10", run: groupJoin(layer, 10000)},
	}
}

// twoNodes measures messages a second that sockets at one node send to a group, and that reach a member at the other. A member at the node of
// the senders gets them too.
func twoNodes(layer string) func(config) (float64, error) {
	return func(cfg config) (v float64, err error) {
		redis, err := startRedis()
		if err != nil {
			return 0, err
		}
		defer redis.stop(&err)
		launch := node("-layer", layer, "-redis", "redis://"+redis.addr)
		near, err := launch(cfg)
		if err != nil {
			return 0, err
		}
		defer near.stop(&err)
		far, err := launch(cfg)
		if err != nil {
			return 0, err
		}
		defer far.stop(&err)
		w, err := newSwarm()
		if err != nil {
			return 0, err
		}
		defer w.close()
		return w.relay(near.addr, far.addr, cfg.seconds)
	}
}

// relay has senders at one node that each have a message in flight, and a member at either node. It returns messages a second.
func (w *swarm) relay(near, far string, d time.Duration) (float64, error) {
	const inFlight = 64 // under the 100 that a channel holds
	members, err := w.open(far, "/room/bench/", 1)
	if err != nil {
		return 0, err
	}
	own, err := w.open(near, "/room/bench/", 1)
	if err != nil {
		return 0, err
	}
	senders, err := w.open(near, "/send/bench/", inFlight)
	if err != nil {
		return 0, err
	}
	members = append(members, own...)
	if err := w.keepInFlight(inFlight, textFrame(), members, members, senders); err != nil {
		return 0, err
	}
	if err := w.run(time.Second); err != nil { // warm
		return 0, err
	}
	began, came := time.Now(), w.load.came
	if err := w.run(d); err != nil {
		return 0, err
	}
	took, got := time.Since(began), w.load.came-came
	return float64(got) / took.Seconds(), w.drain()
}

// groupJoin measures how many commands it costs Redis that sockets of one node join a group, beyond what the node sends at rest in such a time. Whole seconds
// are compared, since a node sees every second whether Redis is there.
func groupJoin(layer string, sockets int) func(config) (float64, error) {
	return func(cfg config) (v float64, err error) {
		redis, err := startRedis()
		if err != nil {
			return 0, err
		}
		defer redis.stop(&err)
		s, err := node("-layer", layer, "-redis", "redis://"+redis.addr)(cfg)
		if err != nil {
			return 0, err
		}
		defer s.stop(&err)
		w, err := newSwarm()
		if err != nil {
			return 0, err
		}
		defer w.close()
		time.Sleep(1500 * time.Millisecond) // until the node is at rest
		before, err := redis.commands()
		if err != nil {
			return 0, err
		}
		began := time.Now()
		if _, err := w.open(s.addr, "/room/bench/", sockets); err != nil {
			return 0, err
		}
		window := time.Since(began).Truncate(time.Second) + time.Second
		time.Sleep(window - time.Since(began))
		joined, err := redis.commands()
		if err != nil {
			return 0, err
		}
		time.Sleep(window)
		after, err := redis.commands()
		return float64((joined - before) - (after - joined)), err
	}
}
