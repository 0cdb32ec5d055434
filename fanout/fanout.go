// Package fanout is the hot loop: it gives every member of a topic the same bytes, once and in order, and keeps the recent
// ones for those who lag.
//
// A [Topic] holds a tail, the recent entries as ready-made bytes, once for each [Encoding] in use, and members with cursors. A
// loop offers each member what lies between its cursor and the head. While it writes one round to all members new entries gather, and
// the next round gives them all in one piece; so batches appear exactly when there is load, and there is no delay when there is none.
//
// A member never has a queue. One that refuses is passed by until it says that it can take more, and then gets what it missed from
// the tail; one that has fallen behind the tail is handed to its Behind function, whose caller knows where older entries are.
//
// The package knows no sockets and no logs, and imports only the standard library.
package fanout

import (
	"runtime"
	"sync"
)

// An Encoding is one way of writing entries as bytes; what the numbers mean is the user's. They index a small table:
// keep them small.
type Encoding uint8

// MaxEncodings is the number of encodings that a topic can have.
const MaxEncodings = 16

// A Member takes bytes: a connection.
type Member interface {
	// Offer gives the member a batch of whole frames. It returns true when the member took all of it, and then the member may keep
	// the slice, but not change it. It returns false when the member took nothing, and then again must be called, once and from
	// any goroutine (also before Offer returns), when it would take more. It is called by one goroutine at a time and must not block.
	//
	// A member that has ended takes and drops everything until its Leave.
	Offer(batch []byte, again func()) bool
}

// Options of a topic; nil and zero values mean the defaults.
type Options struct {
	TailEntries    int              // entries kept for those who lag; default 1,024
	TailBytes      int              // bytes kept of each encoding; default 1 MiB
	MembersPerLoop int              // members a loop serves before the topic gets another; default 4,096
	MaxLoops       int              // loops of one topic at most; default GOMAXPROCS
	Wrote          func(offers int) // called after each round with the number of batches taken; default none
}

func (o *Options) withDefaults() Options {
	var d Options
	if o != nil {
		d = *o
	}
	if d.TailEntries <= 0 {
		d.TailEntries = 1024
	}
	if d.TailBytes <= 0 {
		d.TailBytes = 1 << 20
	}
	if d.MembersPerLoop <= 0 {
		d.MembersPerLoop = 4096
	}
	if d.MaxLoops <= 0 {
		d.MaxLoops = runtime.GOMAXPROCS(0)
	}
	return d
}

// A Topic is what members follow. Its methods may be called concurrently.
type Topic struct {
	opts Options

	mu    sync.Mutex // guards what follows, and the fields of loop and Membership that say so
	head  int64
	tails [MaxEncodings]*tail // nil for an encoding that nobody uses
	loops []*loop
	wg    sync.WaitGroup // running loops
}

// NewTopic makes a topic whose newest entry so far has offset head.
func NewTopic(head int64, opts *Options) *Topic {
	return &Topic{opts: opts.withDefaults(), head: head}
}

// Head returns the offset of the newest entry.
func (t *Topic) Head() int64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.head
}

// Members returns how many members use an encoding.
func (t *Topic) Members(enc Encoding) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.tails[enc] == nil {
		return 0
	}
	return t.tails[enc].members
}

// Len returns the number of members.
func (t *Topic) Len() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := 0
	for _, tail := range t.tails {
		if tail != nil {
			n += tail.members
		}
	}
	return n
}

// Append adds the entries after the head, n of them. encode appends the bytes of the i-th entry to dst; it may append none (an
// entry which that encoding doesn't show). It is called once an entry for each encoding in use, with the topic locked: it must be
// quick and not call the topic.
func (t *Topic) Append(n int, encode func(dst []byte, enc Encoding, i int) []byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for enc, tail := range t.tails {
		if tail == nil {
			continue
		}
		for i := range n {
			tail.scratch = encode(tail.scratch[:0], Encoding(enc), i)
			tail.append(tail.scratch)
		}
		tail.trim(t.opts.TailEntries, t.opts.TailBytes)
	}
	t.head += int64(n)
	t.wake()
}

// wake makes every loop look again. t.mu must be held.
func (t *Topic) wake() {
	for _, l := range t.loops {
		l.wake()
	}
}

// Skip moves the head without entries: what lay between can't be had any more. Members that lack it are behind the tail.
func (t *Topic) Skip(head int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.head = head
	for enc, old := range t.tails {
		if old != nil {
			t.tails[enc] = &tail{members: old.members, first: head + 1}
		}
	}
	t.wake()
}

// Forget drops the entries up to an offset from the tail: members that lack them are behind it. What a member was offered already, or is being offered in
// this round, it keeps.
func (t *Topic) Forget(upto int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, tail := range t.tails {
		if tail != nil {
			tail.forget(min(upto, t.head))
		}
	}
}

// Signal offers bytes outside the order of entries to the members that are not busy; the others never get them. encode is
// called once for each encoding in use, as in Append, and may append none.
func (t *Topic) Signal(encode func(dst []byte, enc Encoding) []byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	var s signal
	for enc, tail := range t.tails {
		if tail != nil {
			s[enc] = encode(nil, Encoding(enc))
		}
	}
	for _, l := range t.loops {
		l.signals = append(l.signals, &s)
		l.wake()
	}
}

// Join adds a member that has everything up to cursor. It is offered what lies past it, at once and from then on.
//
// behind is called when the cursor is older than the tail: it must arrange that Supply is called, later and from any goroutine, and not
// block. It is called again when what was supplied doesn't reach the tail.
func (t *Topic) Join(m Member, enc Encoding, cursor int64, behind func(m *Membership, cursor int64)) *Membership {
	ms := &Membership{member: m, enc: enc, cursor: cursor, behind: behind}
	ms.again = ms.ready
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.tails[enc] == nil {
		t.tails[enc] = &tail{first: t.head + 1}
	}
	t.tails[enc].members++
	ms.loop = t.leastLoop()
	ms.loop.size++
	ms.arrive()
	return ms
}

// leastLoop returns the loop for one more member. t.mu must be held.
func (t *Topic) leastLoop() *loop {
	var least *loop
	for _, l := range t.loops {
		if least == nil || l.size < least.size {
			least = l
		}
	}
	if least == nil || least.size >= t.opts.MembersPerLoop && len(t.loops) < t.opts.MaxLoops {
		least = &loop{topic: t}
		t.loops = append(t.loops, least)
	}
	return least
}

// Wait returns when no loop of the topic is running: everything that members would take has been offered.
func (t *Topic) Wait() { t.wg.Wait() }

// A Membership is a member in a topic. Its methods may be called concurrently.
//
// Every idle socket has one, so its fields stand in the order that makes it small.
type Membership struct {
	loop   *loop
	member Member
	again  func() // ready, made once
	behind func(*Membership, int64)
	enc    Encoding

	// Owned by the loop, as are index, cursor and supply.
	busy bool // refused: waits for ready
	away bool // behind the tail: waits for Supply

	// Guarded by topic.mu, as is supplied.
	arrived bool // is in loop.arrivals
	left    bool //
	isReady bool // ready was called

	gone     bool       // guarded by offering
	offering sync.Mutex // held while the member is offered something: none comes after Leave; before topic.mu

	index    int32 // place in loop.members, plus 1; 0 before the loop has seen it
	cursor   int64
	supply   *supply // supplied and not yet taken
	supplied *supply // Supply was called
}

// Encoding is the one that the member joined with.
func (m *Membership) Encoding() Encoding { return m.enc }

func (m *Membership) topic() *Topic { return m.loop.topic }

type supply struct {
	bytes []byte
	upto  int64
}

// Leave takes the member out: it is offered nothing after Leave has returned. It waits for an Offer that is under way, so the member
// must not call it from there. Leaving again changes nothing.
func (m *Membership) Leave() {
	m.offering.Lock()
	m.gone = true
	m.offering.Unlock()
	t := m.topic()
	t.mu.Lock()
	defer t.mu.Unlock()
	if m.left {
		return
	}
	m.left = true
	m.loop.size--
	tail := t.tails[m.enc]
	if tail.members--; tail.members == 0 {
		t.tails[m.enc] = nil
	}
	m.arrive()
}

// Supply answers behind: bytes bring the member up to an offset at or past its cursor. The slice may be shared and is not
// to be changed.
func (m *Membership) Supply(bytes []byte, upto int64) {
	t := m.topic()
	t.mu.Lock()
	defer t.mu.Unlock()
	if !m.left {
		m.supplied = &supply{bytes, upto}
		m.arrive()
	}
}

// Left reports whether the member has left.
func (m *Membership) Left() bool {
	t := m.topic()
	t.mu.Lock()
	defer t.mu.Unlock()
	return m.left
}

func (m *Membership) ready() {
	t := m.topic()
	t.mu.Lock()
	defer t.mu.Unlock()
	m.isReady = true
	m.arrive()
}

// arrive asks the loop to look at the member. topic.mu must be held.
func (m *Membership) arrive() {
	if !m.arrived {
		m.arrived = true
		m.loop.arrivals = append(m.loop.arrivals, m)
	}
	m.loop.wake()
}
