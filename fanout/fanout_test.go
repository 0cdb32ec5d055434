package fanout_test

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"go.uber.org/goleak"

	"github.com/teahouse-chat/teahouse/fanout"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A reader is a member that refuses whenever its slot is full and remembers what it took.
type reader struct {
	mu    sync.Mutex
	slot  bool // full
	again func()
	got   []byte
}

func (r *reader) Offer(batch []byte, again func()) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.slot {
		r.again = again
		return false
	}
	r.got = append(r.got, batch...)
	return true
}

func (r *reader) setFull(full bool) {
	r.mu.Lock()
	r.slot = full
	again := r.again
	if !full {
		r.again = nil
	}
	r.mu.Unlock()
	if !full && again != nil {
		again()
	}
}

func (r *reader) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return string(r.got)
}

// entry is what the i-th entry looks like in an encoding: encoding 1 shows only even ones, encoding 2 is long.
func entry(enc fanout.Encoding, offset int64) string {
	switch {
	case enc == 1 && offset%2 == 1:
		return ""
	case enc == 2:
		return fmt.Sprintf("<%d:%s>", offset, strings.Repeat("x", int(offset*37%900)))
	}
	return fmt.Sprintf("<%d>", offset)
}

func entries(enc fanout.Encoding, after, upto int64) string {
	var b strings.Builder
	for o := after + 1; o <= upto; o++ {
		b.WriteString(entry(enc, o))
	}
	return b.String()
}

func appendN(t *fanout.Topic, head int64, n int) {
	t.Append(n, func(dst []byte, enc fanout.Encoding, i int) []byte {
		return append(dst, entry(enc, head+int64(i)+1)...)
	})
}

func never(t *testing.T) func(*fanout.Membership, int64) {
	return func(_ *fanout.Membership, cursor int64) { t.Errorf("behind at %d", cursor) }
}

func TestMembersAtTheHeadGetTheSameBytes(t *testing.T) {
	topic := fanout.NewTopic(0, nil)
	var a, b reader
	topic.Join(&a, 0, 0, never(t))
	topic.Join(&b, 0, 0, never(t))
	appendN(topic, 0, 3)
	topic.Wait()
	if want := "<1><2><3>"; a.String() != want || b.String() != want {
		t.Errorf("got %q and %q, want %q", a.String(), b.String(), want)
	}
}

func TestRefusingMemberIsPassedByAndGetsTheRestLater(t *testing.T) {
	topic := fanout.NewTopic(0, nil)
	var slow, quick reader
	topic.Join(&slow, 0, 0, never(t))
	topic.Join(&quick, 0, 0, never(t))
	slow.setFull(true)
	for i := range 5 {
		appendN(topic, int64(i), 1)
		topic.Wait()
	}
	if got, want := quick.String(), entries(0, 0, 5); got != want {
		t.Errorf("quick got %q, want %q", got, want)
	}
	if slow.String() != "" {
		t.Errorf("slow got %q while it refused", slow.String())
	}
	slow.setFull(false)
	topic.Wait()
	if got, want := slow.String(), entries(0, 0, 5); got != want {
		t.Errorf("slow got %q, want %q", got, want)
	}
}

func TestMemberBehindTheTailIsSupplied(t *testing.T) {
	topic := fanout.NewTopic(0, &fanout.Options{TailEntries: 2, TailBytes: 16})
	var early reader
	topic.Join(&early, 2, 0, never(t))
	for i := range int64(100) {
		appendN(topic, i, 1)
		topic.Wait()
	}
	var late reader
	var asked []int64
	topic.Join(&late, 2, 3, func(m *fanout.Membership, cursor int64) {
		asked = append(asked, cursor)
		upto := min(cursor+40, 100)
		m.Supply([]byte(entries(2, cursor, upto)), upto)
	})
	topic.Wait()
	if got, want := late.String(), entries(2, 3, 100); got != want {
		t.Errorf("got %d bytes, want %d", len(got), len(want))
	}
	if len(asked) < 2 || asked[0] != 3 {
		t.Errorf("behind was called for %v, want twice or more, first for 3", asked)
	}
}

func TestEncodingBeginsWithItsFirstMember(t *testing.T) {
	topic := fanout.NewTopic(0, nil)
	appendN(topic, 0, 10) // nobody uses an encoding, so nothing is kept
	var r reader
	var asked atomic.Int64
	m := topic.Join(&r, 0, 0, func(m *fanout.Membership, cursor int64) {
		asked.Add(1)
		m.Supply([]byte(entries(0, cursor, 10)), 10)
	})
	topic.Wait()
	appendN(topic, 10, 2)
	topic.Wait()
	if got, want := r.String(), entries(0, 0, 12); got != want || asked.Load() != 1 {
		t.Errorf("got %q, asked %d times, want %q, once", got, asked.Load(), want)
	}
	if topic.Members(0) != 1 || topic.Len() != 1 {
		t.Errorf("members %d, len %d, want 1", topic.Members(0), topic.Len())
	}
	m.Leave()
	m.Leave()
	topic.Wait()
	appendN(topic, 12, 1)
	topic.Wait()
	if got, want := r.String(), entries(0, 0, 12); got != want || topic.Len() != 0 {
		t.Errorf("after leaving: got %q, len %d, want %q, 0", got, topic.Len(), want)
	}
}

func TestSkippedEntriesAreAskedFor(t *testing.T) {
	topic := fanout.NewTopic(0, nil)
	var r reader
	topic.Join(&r, 0, 0, func(m *fanout.Membership, cursor int64) { m.Supply([]byte(fmt.Sprintf("[reset at %d]", cursor)), 50) })
	appendN(topic, 0, 2)
	topic.Wait()
	topic.Skip(50)
	topic.Wait()
	appendN(topic, 50, 1)
	topic.Wait()
	if got, want := r.String(), "<1><2>[reset at 2]<51>"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestSignalsSkipBusyMembersAndOtherEncodings(t *testing.T) {
	topic := fanout.NewTopic(0, nil)
	var here, busy, other reader
	topic.Join(&here, 0, 0, never(t))
	topic.Join(&busy, 0, 0, never(t))
	topic.Join(&other, 1, 0, never(t))
	busy.setFull(true)
	topic.Signal(func(dst []byte, enc fanout.Encoding) []byte {
		if enc == 0 {
			dst = append(dst, "typing"...)
		}
		return dst
	})
	topic.Wait()
	busy.setFull(false)
	topic.Wait()
	if here.String() != "typing" || busy.String() != "" || other.String() != "" {
		t.Errorf("got %q, %q, %q, want only the first to be told", here.String(), busy.String(), other.String())
	}
}

func TestLargeTopicIsServedByAllItsLoops(t *testing.T) {
	topic := fanout.NewTopic(0, &fanout.Options{MembersPerLoop: 10, MaxLoops: 3})
	readers := make([]reader, 100)
	for i := range readers {
		topic.Join(&readers[i], 0, 0, never(t))
	}
	for i := range int64(20) {
		appendN(topic, i, 1)
	}
	topic.Wait()
	for i := range readers {
		if got, want := readers[i].String(), entries(0, 0, 20); got != want {
			t.Fatalf("member %d got %q, want %q", i, got, want)
		}
	}
}

// A crowd of members that come, go, refuse and lag, each checked to the byte.
func TestEveryMemberGetsEveryEntryOnceInOrder(t *testing.T) {
	for seed := range uint64(20) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { crowd(t, rand.New(rand.NewPCG(seed, 1))) })
		})
	}
}

func crowd(t *testing.T, rnd *rand.Rand) {
	topic := fanout.NewTopic(0, &fanout.Options{TailEntries: 20, TailBytes: 2000, MembersPerLoop: 8, MaxLoops: 4})
	var head atomic.Int64
	type follower struct {
		reader
		enc    fanout.Encoding
		cursor int64
		m      *fanout.Membership
	}
	var followers []*follower
	join := func() {
		f := &follower{enc: fanout.Encoding(rnd.IntN(3)), cursor: rnd.Int64N(head.Load() + 1)}
		f.m = topic.Join(f, f.enc, f.cursor, func(m *fanout.Membership, cursor int64) {
			upto := min(cursor+1+cursor%7, head.Load())
			go m.Supply([]byte(entries(f.enc, cursor, upto)), upto)
		})
		followers = append(followers, f)
	}
	for range 400 {
		switch n := rnd.IntN(10); {
		case n < 5:
			k := 1 + rnd.IntN(5)
			topic.Append(k, func(dst []byte, enc fanout.Encoding, i int) []byte {
				return append(dst, entry(enc, head.Load()+int64(i)+1)...)
			})
			head.Add(int64(k))
		case n < 7:
			join()
		case len(followers) == 0:
		case n < 9:
			followers[rnd.IntN(len(followers))].setFull(rnd.IntN(2) == 0)
		default:
			i := rnd.IntN(len(followers))
			f := followers[i]
			followers = append(followers[:i], followers[i+1:]...)
			f.m.Leave()
		}
		if rnd.IntN(4) == 0 {
			synctest.Wait()
		}
	}
	for _, f := range followers {
		f.setFull(false)
	}
	synctest.Wait()
	for i, f := range followers {
		if got, want := f.String(), entries(f.enc, f.cursor, head.Load()); got != want {
			t.Fatalf("follower %d of encoding %d from %d to %d: got %d bytes, want %d", i, f.enc, f.cursor, head.Load(), len(got), len(want))
		}
	}
}

type sink struct{}

func (sink) Offer([]byte, func()) bool { return true }

func TestDeliveryAllocatesNothingPerMember(t *testing.T) {
	topic := fanout.NewTopic(0, nil)
	for range 1000 {
		topic.Join(sink{}, 0, 0, never(t))
	}
	topic.Wait()
	text := []byte("hello, everyone in this room")
	allocs := testing.AllocsPerRun(200, func() {
		topic.Append(1, func(dst []byte, _ fanout.Encoding, _ int) []byte { return append(dst, text...) })
		topic.Wait()
	})
	if allocs > 4 {
		t.Errorf("%v allocations for one entry to 1,000 members, want at most 4", allocs)
	}
}

func BenchmarkDelivery(b *testing.B) {
	topic := fanout.NewTopic(0, nil)
	for range 1000 {
		topic.Join(sink{}, 0, 0, nil)
	}
	text := make([]byte, 128)
	b.ReportAllocs()
	for b.Loop() {
		topic.Append(1, func(dst []byte, _ fanout.Encoding, _ int) []byte { return append(dst, text...) })
		topic.Wait()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/1000, "ns/delivery")
}

type printer string

func (p printer) Offer(batch []byte, _ func()) bool {
	fmt.Printf("%s got %s\n", string(p), batch)
	return true
}

func ExampleTopic() {
	topic := fanout.NewTopic(0, nil)
	words := []string{"tea ", "is ", "ready"}
	topic.Join(printer("ann"), 0, 0, nil)
	topic.Append(len(words), func(dst []byte, _ fanout.Encoding, i int) []byte { return append(dst, words[i]...) })
	topic.Wait()
	// Output: ann got tea is ready
}

// A door is a member that holds the loop up in the middle of a round.
type door struct{ in, out chan struct{} }

func (d *door) Offer([]byte, func()) bool {
	d.in <- struct{}{}
	<-d.out
	return true
}

func TestNothingIsOfferedAfterLeaveHasReturned(t *testing.T) {
	topic := fanout.NewTopic(0, nil)
	d := &door{make(chan struct{}), make(chan struct{})}
	var leaves reader
	topic.Join(d, 0, 0, never(t))
	m := topic.Join(&leaves, 0, 0, never(t))
	topic.Wait()
	appendN(topic, 0, 1)
	<-d.in // the round has begun and hasn't come to the other yet
	m.Leave()
	close(d.out)
	topic.Wait()
	if leaves.String() != "" {
		t.Errorf("got %q after leaving", leaves.String())
	}
}

func TestTailHoldsNoMoreThanItsBounds(t *testing.T) {
	topic := fanout.NewTopic(0, nil) // 1 MiB
	topic.Join(sink{}, 0, 0, never(t))
	topic.Join(sink{}, 1, 0, never(t))
	grow := func(entries, size int) {
		for range entries {
			topic.Append(1, func(dst []byte, enc fanout.Encoding, _ int) []byte {
				if enc == 1 { // shows nothing of all that
					return dst
				}
				return append(dst, make([]byte, size)...)
			})
			topic.Wait()
		}
	}
	grow(40_000, 1)
	before := heap()
	grow(5_000, 16<<10)
	if grown := heap() - before; grown > 4<<20 {
		t.Errorf("the heap grew by %d KiB, want about 1 MiB", grown>>10)
	}
	runtime.KeepAlive(topic)
}

func heap() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
