package fanout_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/teahouse-chat/teahouse/fanout"
)

func TestForgottenEntriesAreAskedForByThoseWhoLackThem(t *testing.T) {
	topic := fanout.NewTopic(0, nil)
	var quick, slow reader
	topic.Join(&quick, 0, 0, never(t))
	var asked []int64
	topic.Join(&slow, 0, 0, func(m *fanout.Membership, cursor int64) {
		asked = append(asked, cursor)
		m.Supply(fmt.Appendf(nil, "[%d to 3 anew]", cursor+1), 3)
	})
	appendN(topic, 0, 1)
	topic.Wait()
	slow.setFull(true)
	appendN(topic, 1, 3)
	topic.Wait()
	topic.Forget(3)
	appendN(topic, 4, 1)
	topic.Wait()
	slow.setFull(false)
	topic.Wait()
	if got, want := quick.String(), "<1><2><3><4><5>"; got != want {
		t.Errorf("at the head: got %q, want %q", got, want)
	}
	if got, want := slow.String(), "<1>[2 to 3 anew]<4><5>"; got != want || !slices.Equal(asked, []int64{1}) {
		t.Errorf("behind: got %q, asked at %v, want %q, asked at 1", got, asked, want)
	}
}

func TestForgettingMoreThanThereIsForgetsAll(t *testing.T) {
	topic := fanout.NewTopic(0, nil)
	var r reader
	topic.Join(&r, 0, 0, never(t))
	appendN(topic, 0, 5)
	topic.Wait()
	for _, upto := range []int64{-1, 0, 99, 5, 3} {
		topic.Forget(upto)
	}
	appendN(topic, 5, 2)
	topic.Wait()
	if got, want := r.String(), entries(0, 0, 7); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// Whatever is forgotten and when, nobody gets an entry twice or never, and what was forgotten comes from elsewhere.
func TestForgettingAtRandomLosesNothing(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	topic := fanout.NewTopic(0, &fanout.Options{TailEntries: 300, TailBytes: 20_000, MembersPerLoop: 3, MaxLoops: 2})
	readers := make([]*reader, 9)
	for i := range readers {
		enc := fanout.Encoding(i % 3)
		readers[i] = &reader{}
		topic.Join(readers[i], enc, 0, func(m *fanout.Membership, cursor int64) {
			upto := min(cursor+50, topic.Head())
			m.Supply([]byte(entries(enc, cursor, upto)), upto)
		})
	}
	head := int64(0)
	for range 500 {
		n := rnd.IntN(20)
		appendN(topic, head, n)
		head += int64(n)
		readers[rnd.IntN(len(readers))].setFull(rnd.IntN(2) == 0)
		if rnd.IntN(4) == 0 {
			topic.Forget(head - rnd.Int64N(200))
		}
	}
	for _, r := range readers {
		r.setFull(false)
	}
	topic.Wait()
	for i, r := range readers {
		if got, want := r.String(), entries(fanout.Encoding(i%3), 0, head); got != want {
			t.Errorf("reader %d: got %d bytes, want %d", i, len(got), len(want))
		}
	}
}
