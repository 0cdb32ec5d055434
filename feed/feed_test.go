package feed_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/teahouse-chat/teahouse/eventlog"
	"github.com/teahouse-chat/teahouse/eventlog/memlog"
	"github.com/teahouse-chat/teahouse/feed"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// lines writes an event as a line, and in encoding 1 hides every third.
type lines struct{}

func (lines) AppendEvent(dst []byte, enc feed.Encoding, title string, e *eventlog.Event) []byte {
	if enc == 1 && e.Offset%3 == 0 {
		return dst
	}
	return fmt.Appendf(dst, "%s %d %s\n", title, e.Offset, e.Data)
}

func (lines) AppendReset(dst []byte, enc feed.Encoding, title, epoch string, s eventlog.State) ([]byte, eventlog.Offset) {
	if enc == 1 {
		return dst, s.Floor - 1
	}
	return fmt.Appendf(dst, "%s reset %d\n", title, s.Head), s.Head
}

func line(offset eventlog.Offset) string { return fmt.Sprintf("room %d m%d\n", offset, offset) }

func wantLines(enc feed.Encoding, after, upto eventlog.Offset) string {
	var b strings.Builder
	for o := after + 1; o <= upto; o++ {
		if enc != 1 || o%3 != 0 {
			b.WriteString(line(o))
		}
	}
	return b.String()
}

// A node is a process's view of a log that others write too. Reads fail while failing is set.
type node struct {
	eventlog.Log
	mu      sync.Mutex
	told    func([]eventlog.Event)
	failing bool
	reads   int
}

func (n *node) OnCommit(fn func([]eventlog.Event)) { n.told = fn }

func (n *node) Append(ctx context.Context, entries ...eventlog.Entry) ([]eventlog.Appended, error) {
	n.mu.Lock() // one writer a process: commits are told in order
	defer n.mu.Unlock()
	appended, err := n.Log.Append(ctx, entries...)
	if err != nil {
		return nil, err
	}
	events := make([]eventlog.Event, len(appended))
	for i := range appended {
		events[i] = appended[i].Event
	}
	n.told(events)
	return appended, nil
}

func (n *node) Read(ctx context.Context, topic string, after eventlog.Offset, limit int) ([]eventlog.Event, error) {
	n.mu.Lock()
	n.reads++
	failing := n.failing
	n.mu.Unlock()
	if failing {
		return nil, fmt.Errorf("read: %w", eventlog.ErrUnavailable)
	}
	time.Sleep(time.Millisecond) // a read takes a while, and others come meanwhile
	return n.Log.Read(ctx, topic, after, limit)
}

func (n *node) fail(failing bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.failing = failing
}

func (n *node) post(t testing.TB, k int) {
	t.Helper()
	states, err := n.States(t.Context(), "room")
	if err != nil {
		t.Fatal(err)
	}
	for i := range k {
		name := fmt.Sprintf("m%d", states[0].Head+1+eventlog.Offset(i))
		if _, err := n.Append(t.Context(), eventlog.Entry{Topic: "room", Type: "posted", Author: "a", ID: name, Data: []byte(name)}); err != nil {
			t.Fatal(err)
		}
	}
}

// A follower remembers what it took, and refuses while it is full.
type follower struct {
	mu    sync.Mutex
	full  bool
	again func()
	got   strings.Builder
}

func (f *follower) Offer(batch []byte, again func()) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.full {
		f.again = again
		return false
	}
	f.got.Write(batch)
	return true
}

func (f *follower) setFull(full bool) {
	f.mu.Lock()
	again := f.again
	f.full = full
	f.again = nil
	f.mu.Unlock()
	if !full && again != nil {
		again()
	}
}

func (f *follower) String() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.got.String()
}

func quiet() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

func open(t *testing.T, f *feed.Feed) *feed.Topic {
	t.Helper()
	topic, err := f.Open(t.Context(), "room", "room")
	if err != nil {
		t.Fatal(err)
	}
	return topic
}

func single(t *testing.T, opts feed.Options) (*node, *feed.Feed) {
	n := &node{Log: memlog.New()}
	opts.Logger = quiet()
	f := feed.New(n, lines{}, &opts)
	t.Cleanup(f.Close)
	return n, f
}

func TestFollowersSeeEveryEventOnceFromAnyCursor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, f := single(t, feed.Options{Recent: 50})
		n.post(t, 700)
		topic := open(t, f)
		var followers []*follower
		var cursors []eventlog.Offset
		for cursor := eventlog.Offset(0); cursor <= 700; cursor += 50 {
			fl := &follower{}
			topic.Follow(fl, feed.Encoding(cursor/50%2), cursor)
			followers, cursors = append(followers, fl), append(cursors, cursor)
		}
		n.post(t, 30)
		synctest.Wait()
		time.Sleep(time.Second) // reads take a while
		for i, fl := range followers {
			if got, want := fl.String(), wantLines(feed.Encoding(i%2), cursors[i], 730); got != want {
				t.Errorf("from %d: got %d bytes, want %d", cursors[i], len(got), len(want))
			}
		}
	})
}

func TestManyWhoComeBackAtOnceCostFewReads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, f := single(t, feed.Options{})
		n.post(t, 2000)
		topic := open(t, f)
		followers := make([]follower, 5000)
		for i := range followers {
			topic.Follow(&followers[i], 0, 100)
		}
		time.Sleep(time.Second)
		want := wantLines(0, 100, 2000)
		for i := range followers {
			if got := followers[i].String(); got != want {
				t.Fatalf("follower %d got %d bytes, want %d", i, len(got), len(want))
			}
		}
		if n.reads > 20 {
			t.Errorf("%d reads for 8 blocks, want about one a block", n.reads)
		}
	})
}

func TestFollowingGoesOnFromMemoryWhileTheLogFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, f := single(t, feed.Options{})
		topic := open(t, f)
		n.post(t, 10)
		n.fail(true)
		var fl follower
		topic.Follow(&fl, 0, 4)
		synctest.Wait()
		if got, want := fl.String(), wantLines(0, 4, 10); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
		if events, err := topic.Read(t.Context(), 4, 3); err != nil || len(events) != 3 || events[0].Offset != 5 {
			t.Errorf("read: got %v, %v", events, err)
		}
	})
}

func TestCatchingUpHealsByItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, f := single(t, feed.Options{})
		n.post(t, 300)
		topic := open(t, f)
		n.fail(true)
		var fl follower
		topic.Follow(&fl, 0, 0)
		time.Sleep(10 * time.Second)
		if fl.String() != "" {
			t.Errorf("got %q from a log that fails", fl.String())
		}
		n.fail(false)
		n.post(t, 5)
		time.Sleep(3 * time.Second)
		if got, want := fl.String(), wantLines(0, 0, 305); got != want {
			t.Errorf("got %d bytes, want %d", len(got), len(want))
		}
	})
}

func TestFollowerOfTrimmedEventsIsReset(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, f := single(t, feed.Options{Recent: 10})
		n.post(t, 600)
		topic := open(t, f)
		if err := f.Trim(t.Context(), "room", 300); err != nil {
			t.Fatal(err)
		}
		if got, want := topic.State(), (eventlog.State{Head: 600, Floor: 300}); got != want {
			t.Errorf("state: got %v, want %v", got, want)
		}
		var told, clamped, inside follower
		topic.Follow(&told, 0, 20)
		topic.Follow(&clamped, 1, 20)
		topic.Follow(&inside, 0, 299) // right before the floor, in the middle of a block
		n.post(t, 1)
		time.Sleep(time.Second)
		if got, want := told.String(), "room reset 601\n"; got != want && got != "room reset 600\n"+line(601) {
			t.Errorf("got %q, want %q", got, want)
		}
		if got, want := clamped.String(), wantLines(1, 299, 601); got != want {
			t.Errorf("clamped: got %d bytes, want %d", len(got), len(want))
		}
		if got, want := inside.String(), wantLines(0, 299, 601); got != want {
			t.Errorf("inside: got %d bytes, want %d", len(got), len(want))
		}
	})
}

func TestWaitEndsWhenTheTopicGrows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, f := single(t, feed.Options{})
		topic := open(t, f)
		began := time.Now()
		go func() {
			time.Sleep(time.Second)
			n.post(t, 1)
		}()
		if err := topic.Wait(t.Context(), 0); err != nil || time.Since(began) != time.Second {
			t.Errorf("got %v after %v, want nil after 1s", err, time.Since(began))
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := topic.Wait(ctx, 1); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v, want the context's error", err)
		}
	})
}

func TestTopicLeavesMemoryAfterItsLastUser(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, f := single(t, feed.Options{Linger: 30 * time.Second})
		a, b := open(t, f), open(t, f)
		a.Close()
		time.Sleep(time.Minute)
		if f.Topics() != 1 {
			t.Errorf("%d topics, want the one in use", f.Topics())
		}
		b.Close()
		time.Sleep(29 * time.Second)
		open(t, f).Close()
		time.Sleep(29 * time.Second)
		if f.Topics() != 1 {
			t.Errorf("%d topics, want the one that lingers", f.Topics())
		}
		time.Sleep(2 * time.Second)
		if f.Topics() != 0 {
			t.Errorf("%d topics, want none", f.Topics())
		}
	})
}

func TestSlowFollowerGetsAllOnceItReads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, f := single(t, feed.Options{Recent: 20})
		f2 := &follower{full: true}
		topic := open(t, f)
		topic.Follow(f2, 0, 0)
		for range 30 {
			n.post(t, 100)
			synctest.Wait()
		}
		f2.setFull(false)
		time.Sleep(time.Second)
		if got, want := f2.String(), wantLines(0, 0, 3000); got != want {
			t.Errorf("got %d bytes, want %d", len(got), len(want))
		}
	})
}

// A bell between nodes that loses, doubles and delays.
type bell struct {
	rnd *rand.Rand
	mu  sync.Mutex
	on  map[*ear]func(string, eventlog.Offset)
}

type ear struct {
	*bell
	breaks time.Duration // Listen fails after so long
}

func (e *ear) Ring(_ context.Context, topic string, head eventlog.Offset) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	for other, heard := range e.on {
		if other == e {
			continue
		}
		for range e.rnd.IntN(3) { // none, one or two
			time.AfterFunc(time.Duration(e.rnd.IntN(3000))*time.Millisecond, func() { heard(topic, head) })
		}
	}
	return nil
}

func (e *ear) Listen(ctx context.Context, heard func(string, eventlog.Offset)) error {
	e.mu.Lock()
	e.on[e] = heard
	e.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, e.breaks)
	defer cancel()
	<-ctx.Done()
	return errors.New("connection lost")
}

// Nodes that share a log write, follow, and hear of each other by a bad bell, while reads fail now and then.
func TestNodesWithABadBellAreLateButNeverWrong(t *testing.T) {
	for seed := range uint64(10) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { nodes(t, rand.New(rand.NewPCG(seed, 2))) })
		})
	}
}

func nodes(t *testing.T, rnd *rand.Rand) {
	shared := memlog.New()
	b := &bell{rnd: rand.New(rand.NewPCG(rnd.Uint64(), 3)), on: map[*ear]func(string, eventlog.Offset){}}
	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	type place struct {
		node  *node
		topic *feed.Topic
	}
	type joined struct {
		*follower
		enc    feed.Encoding
		cursor eventlog.Offset
	}
	var places []place
	var followers []joined
	for range 3 {
		n := &node{Log: shared}
		f := feed.New(n, lines{}, &feed.Options{Bell: &ear{b, 7 * time.Second}, Recent: 30, Logger: quiet()})
		running.Go(func() { _ = f.Run(ctx) })
		defer f.Close()
		places = append(places, place{n, open(t, f)})
	}
	for range 300 {
		p := places[rnd.IntN(len(places))]
		switch rnd.IntN(6) {
		case 0, 1, 2:
			p.node.post(t, 1+rnd.IntN(10))
		case 3:
			cursor := eventlog.Offset(rnd.Int64N(int64(p.topic.State().Head) + 1))
			fl := joined{&follower{}, feed.Encoding(rnd.IntN(2)), cursor}
			p.topic.Follow(fl, fl.enc, cursor)
			followers = append(followers, fl)
		case 4:
			p.node.fail(rnd.IntN(2) == 0)
		default:
			time.Sleep(time.Duration(rnd.IntN(500)) * time.Millisecond)
		}
	}
	for _, p := range places {
		p.node.fail(false)
	}
	time.Sleep(6 * time.Second) // two sweeps and a pause after a failed read
	states, err := shared.States(t.Context(), "room")
	if err != nil {
		t.Fatal(err)
	}
	for i, fl := range followers {
		if got, want := fl.String(), wantLines(fl.enc, fl.cursor, states[0].Head); got != want {
			t.Errorf("follower %d from %d: got %d bytes, want %d", i, fl.cursor, len(got), len(want))
		}
	}
	stop()
	running.Wait()
	time.Sleep(5 * time.Second) // doorbells under way
}

// A told log commits nothing; what it is said to have committed is told.
type toldLog struct {
	*memlog.Log
	told func([]eventlog.Event)
}

func (l *toldLog) OnCommit(fn func([]eventlog.Event)) { l.told = fn }

func TestRecentEventsAreBoundedInBytes(t *testing.T) {
	l := &toldLog{Log: memlog.New()}
	f := feed.New(l, lines{}, &feed.Options{Logger: quiet()})
	defer f.Close()
	topic := open(t, f)
	defer topic.Close()
	heap := func() int64 {
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	before := heap()
	for i := range eventlog.Offset(3000) {
		l.told([]eventlog.Event{{Entry: eventlog.Entry{Topic: "room", Data: make([]byte, 16<<10)}, Offset: i + 1}})
	}
	if grown := heap() - before; grown > 4<<20 {
		t.Errorf("an open topic holds %d KiB, want about 1 MiB", grown>>10)
	}
	if events, err := topic.Read(t.Context(), 2990, 100); err != nil || len(events) != 10 {
		t.Errorf("got %d events, %v, want the 10 newest from memory", len(events), err)
	}
}

func TestLargeEventsAreSuppliedInSmallPieces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, f := single(t, feed.Options{Recent: 1})
		var want strings.Builder
		for i := range 300 {
			text := strings.Repeat(string(rune('a'+i%26)), 9000)
			fmt.Fprintf(&want, "room %d %s\n", i+1, text)
			if _, err := n.Append(t.Context(), eventlog.Entry{Topic: "room", Author: "a", ID: fmt.Sprint(i), Data: []byte(text)}); err != nil {
				t.Fatal(err)
			}
		}
		topic := open(t, f)
		var fl largest
		topic.Follow(&fl, 0, 0)
		time.Sleep(time.Second)
		synctest.Wait()
		if fl.got.String() != want.String() {
			t.Errorf("got %d bytes, want %d", fl.got.Len(), want.Len())
		}
		if fl.most > 300<<10 {
			t.Errorf("one batch had %d KiB, want at most some 256", fl.most>>10)
		}
	})
}

type largest struct {
	got  strings.Builder
	most int
}

func (l *largest) Offer(batch []byte, _ func()) bool {
	l.got.Write(batch)
	l.most = max(l.most, len(batch))
	return true
}

// A reader may know more than the process that it asks now: it read from another, or straight from the log.
func TestCursorAheadOfTheTailIsServedOnceTheLogHasIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shared := memlog.New()
		a, b := &node{Log: shared}, &node{Log: shared}
		here := feed.New(a, lines{}, &feed.Options{Logger: quiet(), Recent: 1})
		defer here.Close()
		b.OnCommit(func([]eventlog.Event) {}) // another process, whose doorbell is lost
		topic := open(t, here)
		b.post(t, 5)
		if events, err := topic.Read(t.Context(), 0, 100); err != nil || len(events) != 0 {
			t.Errorf("read %d events past the head that is told, %v", len(events), err)
		}
		if s, err := topic.StateFor(t.Context(), 3); err != nil || s.Head != 5 || !s.Serves(3) {
			t.Errorf("got %+v, %v, want a state that serves 3", s, err)
		}
		if events, err := topic.Read(t.Context(), 0, 100); err != nil || len(events) != 5 {
			t.Errorf("read %d events, %v, want 5", len(events), err)
		}
		if s, err := topic.StateFor(t.Context(), 6); err != nil || s.Serves(6) {
			t.Errorf("got %+v, %v for a cursor that nobody has", s, err)
		}
		a.fail(true)
		b.post(t, 1)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := topic.StateFor(ctx, 6); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v from a log that can't be read, want the context's error", err)
		}
		a.fail(false)
	})
}
