package chat

import (
	"sync"
	"time"
)

// MaxPresenceNames is how many names a change may list; beyond that only the count is told.
const MaxPresenceNames = 50

const (
	presenceEvery = time.Second            // a room's changes are told at most so often
	presenceSoon  = 100 * time.Millisecond // and not before this, so that those who come together are told together
)

// A PresenceChange is what has changed since a room's last one.
type PresenceChange struct {
	Count  int      // different authors who are here now
	Joined []Author // who came, or has another name or colour now; none when there were more than MaxPresenceNames
	Left   []Author
}

// Presence counts who is in which room. It is lossy by design: who comes and goes within a second is not told. Its methods may be
// called concurrently.
type Presence struct {
	changed func(room Room, c PresenceChange)

	mu    sync.Mutex
	rooms map[string]*roomPresence // by topic
}

type roomPresence struct {
	room   Room
	here   map[string]*visitor // by author id
	before map[string]Author   // of those whose coming or going isn't told yet: who was here at the last change, else the zero Author
	told   time.Time
	timer  *time.Timer // runs while there is something to tell
}

type visitor struct {
	author      Author
	connections int
}

// NewPresence makes a Presence that calls changed, from a goroutine of its own, at most once a second for a room.
func NewPresence(changed func(room Room, c PresenceChange)) *Presence {
	return &Presence{changed: changed, rooms: map[string]*roomPresence{}}
}

// Join counts a connection of an author in a room. An author goes by the name and colour of the newest connection.
func (p *Presence) Join(room Room, a Author) {
	p.mu.Lock()
	defer p.mu.Unlock()
	r := p.rooms[room.Topic]
	if r == nil {
		r = &roomPresence{room: room, here: map[string]*visitor{}, before: map[string]Author{}}
		p.rooms[room.Topic] = r
	}
	v := r.here[a.ID]
	if v == nil {
		v = &visitor{author: a}
		r.here[a.ID] = v
		r.note(a.ID, Author{})
	}
	r.call(v, a)
	v.connections++
	p.tell(r)
}

// Rename gives an author who is in a room another name and colour.
func (p *Presence) Rename(room Room, a Author) {
	p.mu.Lock()
	defer p.mu.Unlock()
	r := p.rooms[room.Topic]
	if r == nil || r.here[a.ID] == nil || r.here[a.ID].author == a {
		return
	}
	r.call(r.here[a.ID], a)
	p.tell(r)
}

// call gives a visitor another name and colour.
func (r *roomPresence) call(v *visitor, a Author) {
	if v.author != a {
		r.note(a.ID, v.author)
		v.author = a
	}
}

// Here returns how many are in a room and some of them, at most MaxPresenceNames, the author with this id first.
func (p *Presence) Here(room Room, first string) (count int, authors []Author) {
	p.mu.Lock()
	defer p.mu.Unlock()
	r := p.rooms[room.Topic]
	if r == nil {
		return 0, nil
	}
	if v := r.here[first]; v != nil {
		authors = append(authors, v.author)
	}
	for id, v := range r.here {
		if len(authors) >= MaxPresenceNames {
			break
		}
		if id != first {
			authors = append(authors, v.author)
		}
	}
	return len(r.here), authors
}

// Leave takes back a Join.
func (p *Presence) Leave(room Room, authorID string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	r := p.rooms[room.Topic]
	if r == nil || r.here[authorID] == nil {
		return
	}
	v := r.here[authorID]
	if v.connections--; v.connections > 0 {
		return
	}
	delete(r.here, authorID)
	r.note(authorID, v.author)
	p.tell(r)
}

// note remembers who an author was at the last change, if this is the first since.
func (r *roomPresence) note(id string, before Author) {
	if _, ok := r.before[id]; !ok {
		r.before[id] = before
	}
}

// tell makes sure that the change is told, soon. p.mu must be held.
func (p *Presence) tell(r *roomPresence) {
	if r.timer == nil {
		wait := max(presenceSoon, presenceEvery-time.Since(r.told))
		r.timer = time.AfterFunc(wait, func() { p.told(r) })
	}
}

func (p *Presence) told(r *roomPresence) {
	p.mu.Lock()
	r.timer = nil
	r.told = time.Now()
	c := r.change()
	if len(r.here) == 0 {
		delete(p.rooms, r.room.Topic)
	}
	p.mu.Unlock()
	p.changed(r.room, c)
}

func (r *roomPresence) change() PresenceChange {
	c := PresenceChange{Count: len(r.here)}
	for id, before := range r.before {
		switch v := r.here[id]; {
		case v != nil && v.author != before:
			c.Joined = append(c.Joined, v.author)
		case v == nil && before.ID != "":
			c.Left = append(c.Left, before)
		}
	}
	clear(r.before)
	if len(c.Joined)+len(c.Left) > MaxPresenceNames {
		c.Joined, c.Left = nil, nil
	}
	return c
}
