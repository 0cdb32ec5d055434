package feed_test

import (
	"context"
	"fmt"
	"time"

	"github.com/teahouse-chat/teahouse/eventlog"
	"github.com/teahouse-chat/teahouse/eventlog/memlog"
	"github.com/teahouse-chat/teahouse/feed"
)

type printer struct{ done chan struct{} }

func (p printer) Offer(batch []byte, _ func()) bool {
	fmt.Print(string(batch))
	p.done <- struct{}{}
	return true
}

// A follower that has the first event gets the second from the log, and the third as it happens.
func ExampleFeed() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	log := memlog.New()
	f := feed.New(log, lines{}, nil)
	defer f.Close()

	say := func(text string) {
		if _, err := log.Append(ctx, eventlog.Entry{Topic: "room.1", Author: "ann", ID: text, Data: []byte(text)}); err != nil {
			panic(err)
		}
	}
	say("water")
	say("leaves")
	topic, err := f.Open(ctx, "room.1", "tea")
	if err != nil {
		panic(err)
	}
	defer topic.Close()
	p := printer{make(chan struct{}, 10)}
	member := topic.Follow(p, 0, 1)
	defer member.Leave()
	<-p.done
	say("cups")
	<-p.done
	// Output:
	// tea 2 leaves
	// tea 3 cups
}
