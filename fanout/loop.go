package fanout

import "runtime"

// yieldEvery is how many offers a loop makes before it lets others run, so that a room of 10,000 doesn't starve a room of two.
const yieldEvery = 128

// A loop offers entries to its members. Its goroutine runs only while there is something to offer.
type loop struct {
	topic *Topic

	// Guarded by topic.mu.
	running  bool
	size     int           // members that joined and haven't left
	arrivals []*Membership // to be looked at: joined, ready, supplied or left
	signals  []*signal
	woken    bool // there is something to look at

	// Owned by the goroutine.
	members []*Membership
	batches [MaxEncodings]batch // the last one computed in this round
	taken   int                 // batches taken in this round
	offers  int                 // offers since the last yield
	spare   []*Membership       // backing of the next arrivals
}

// A batch is what brings a cursor forward: one piece of the tail.
type batch struct {
	bytes []byte
	from  int64
	upto  int64 // 0: not computed
}

// A signal has bytes for each encoding.
type signal [MaxEncodings][]byte

// wake makes sure that the goroutine looks again. topic.mu must be held.
func (l *loop) wake() {
	l.woken = true
	if !l.running {
		l.running = true
		l.topic.wg.Add(1)
		go l.run()
	}
}

func (l *loop) run() {
	defer l.topic.wg.Done()
	served := int64(-1)
	for {
		head, arrivals, signals, ok := l.look()
		if !ok {
			return
		}
		clear(l.batches[:])
		for _, m := range arrivals {
			l.arrive(m, head)
		}
		clear(arrivals)
		l.spare = arrivals[:0]
		if head != served {
			for i := 0; i < len(l.members); i++ {
				l.serve(l.members[i], head)
			}
			served = head
		}
		for _, s := range signals {
			l.signal(s, head)
		}
		if l.taken > 0 && l.topic.opts.Wrote != nil {
			l.topic.opts.Wrote(l.taken)
		}
		l.taken = 0
	}
}

// look takes what there is to do; ok is false when there is nothing, and then the goroutine ends.
func (l *loop) look() (head int64, arrivals []*Membership, signals []*signal, ok bool) {
	t := l.topic
	t.mu.Lock()
	defer t.mu.Unlock()
	if !l.woken {
		l.running = false
		l.spare = nil
		clear(l.batches[:])
		return 0, nil, nil, false
	}
	l.woken = false
	arrivals, l.arrivals = l.arrivals, l.spare
	signals, l.signals = l.signals, nil
	return t.head, arrivals, signals, true
}

// arrive looks at one member that has news.
func (l *loop) arrive(m *Membership, head int64) {
	t := l.topic
	t.mu.Lock()
	m.arrived = false
	left := m.left
	if m.isReady {
		m.isReady = false
		m.busy = false
	}
	if m.supplied != nil {
		m.supply, m.supplied = m.supplied, nil
	}
	t.mu.Unlock()

	switch {
	case left:
		l.remove(m)
		return
	case m.index == 0:
		l.members = append(l.members, m)
		m.index = int32(len(l.members))
	}
	l.serve(m, head)
}

func (l *loop) remove(m *Membership) {
	m.supply = nil
	if m.index <= 0 { // never seen, or removed already
		m.index = -1
		return
	}
	last := len(l.members) - 1
	moved := l.members[last]
	l.members[m.index-1] = moved
	moved.index = m.index
	l.members[last] = nil
	l.members = l.members[:last]
	if cap(l.members) > 64 && len(l.members) < cap(l.members)/4 {
		l.members = append(make([]*Membership, 0, 2*len(l.members)), l.members...)
	}
	m.index = -1
}

// serve offers a member what lies between its cursor and the head.
func (l *loop) serve(m *Membership, head int64) {
	if m.busy {
		return
	}
	if m.supply != nil {
		if len(m.supply.bytes) > 0 && !l.offer(m, m.supply.bytes) {
			return
		}
		m.cursor = m.supply.upto
		m.supply = nil
		m.away = false
	}
	for m.cursor < head && !m.away {
		b := &l.batches[m.enc]
		if b.upto == 0 || b.from != m.cursor {
			*b = l.topic.between(m.enc, m.cursor)
		}
		if b.upto == 0 {
			m.away = true
			m.behind(m, m.cursor)
			return
		}
		if len(b.bytes) > 0 && !l.offer(m, b.bytes) {
			return
		}
		m.cursor = b.upto
	}
}

// signal offers lossy bytes to the members that are at the head.
func (l *loop) signal(s *signal, head int64) {
	for i := 0; i < len(l.members); i++ {
		m := l.members[i]
		if len(s[m.enc]) > 0 && !m.busy && !m.away && m.cursor >= head {
			l.offer(m, s[m.enc])
		}
	}
}

// offer reports whether the member took the bytes; if not, it is passed by until it is ready.
func (l *loop) offer(m *Membership, bytes []byte) bool {
	if l.offers++; l.offers >= yieldEvery {
		l.offers = 0
		runtime.Gosched()
	}
	m.offering.Lock()
	defer m.offering.Unlock()
	if m.gone {
		return true
	}
	m.busy = !m.member.Offer(bytes, m.again)
	if !m.busy {
		l.taken++
	}
	return !m.busy
}

// between returns the piece of the tail that follows a cursor; its upto is 0 when the tail doesn't reach back so far.
func (t *Topic) between(enc Encoding, cursor int64) batch {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.tails[enc] == nil { // the last member of this encoding is leaving
		return batch{from: cursor, upto: t.head}
	}
	return t.tails[enc].between(cursor)
}
