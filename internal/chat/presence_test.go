package chat_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/teahouse-chat/teahouse/internal/chat"
)

// A told is one change and when it was told.
type told struct {
	at   time.Duration
	room string
	chat.PresenceChange
}

func (c told) String() string {
	names := func(all []chat.Author) (s []string) {
		for _, a := range all {
			s = append(s, a.Name)
		}
		slices.Sort(s)
		return s
	}
	return fmt.Sprintf("%v %s %d +%v -%v", c.at, c.room, c.Count, names(c.Joined), names(c.Left))
}

// presence runs a story on fake time and checks what is told by the end of it.
func presence(t *testing.T, story func(p *chat.Presence), want ...string) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		var mu sync.Mutex
		var got []string
		p := chat.NewPresence(func(r chat.Room, c chat.PresenceChange) {
			mu.Lock()
			defer mu.Unlock()
			got = append(got, told{time.Since(began), r.Name, c}.String())
		})
		story(p)
		time.Sleep(time.Minute)
		mu.Lock()
		defer mu.Unlock()
		slices.Sort(got) // two rooms may be told at once
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("got\n%q, want\n%q", got, want)
		}
	})
}

var (
	roomA, _      = chat.ParseRoom("a")
	roomB, _      = chat.ParseRoom("b")
	ann, bob, cid = chat.NamedAuthor("ann"), chat.NamedAuthor("bob"), chat.NamedAuthor("cid")
)

func TestThoseWhoComeTogetherAreToldTogether(t *testing.T) {
	presence(t, func(p *chat.Presence) {
		p.Join(roomA, ann)
		p.Join(roomA, bob)
		p.Join(roomB, cid)
	}, "100ms a 2 +[ann bob] -[]", "100ms b 1 +[cid] -[]")
}

func TestARoomIsToldOnceASecondAtMost(t *testing.T) {
	presence(t, func(p *chat.Presence) {
		p.Join(roomA, ann)
		time.Sleep(160 * time.Millisecond)
		for i := range 20 { // one each 50 ms
			p.Join(roomA, chat.NamedAuthor(fmt.Sprint(i)))
			time.Sleep(50 * time.Millisecond)
		}
		time.Sleep(5 * time.Second)
		p.Leave(roomA, ann.ID)
	},
		"100ms a 1 +[ann] -[]",
		"1.1s a 20 +[0 1 10 11 12 13 14 15 16 17 18 2 3 4 5 6 7 8 9] -[]",
		"2.1s a 21 +[19] -[]",
		"6.26s a 20 +[] -[ann]")
}

func TestWhoComesAndGoesWithinASecondIsNotTold(t *testing.T) {
	presence(t, func(p *chat.Presence) {
		p.Join(roomA, ann)
		time.Sleep(time.Second)
		p.Join(roomA, bob)
		p.Leave(roomA, bob.ID)
		p.Leave(roomA, ann.ID) // as when a page is loaded again
		p.Join(roomA, ann)
	}, "100ms a 1 +[ann] -[]", "1.1s a 1 +[] -[]")
}

func TestAnAuthorWithManyConnectionsIsOne(t *testing.T) {
	presence(t, func(p *chat.Presence) {
		p.Join(roomA, ann)
		p.Join(roomA, ann)
		time.Sleep(2 * time.Second)
		p.Leave(roomA, ann.ID)
		time.Sleep(2 * time.Second)
		p.Leave(roomA, ann.ID)
		p.Leave(roomA, ann.ID) // once too often changes nothing
		p.Leave(roomB, ann.ID)
	}, "100ms a 1 +[ann] -[]", "4.1s a 0 +[] -[ann]")
}

func TestOverFiftyNamesOnlyTheCountIsTold(t *testing.T) {
	for n, names := range map[int]int{50: 50, 51: 0} {
		synctest.Test(t, func(t *testing.T) {
			var got []chat.PresenceChange
			var mu sync.Mutex
			p := chat.NewPresence(func(_ chat.Room, c chat.PresenceChange) {
				mu.Lock()
				defer mu.Unlock()
				got = append(got, c)
			})
			for i := range n {
				p.Join(roomA, chat.NamedAuthor(fmt.Sprint(i)))
			}
			time.Sleep(2 * time.Second)
			p.Join(roomA, ann)
			time.Sleep(2 * time.Second)
			mu.Lock()
			defer mu.Unlock()
			if len(got) != 2 || got[0].Count != n || len(got[0].Joined) != names || got[1].Count != n+1 || len(got[1].Joined) != 1 {
				t.Errorf("%d: got %+v", n, got)
			}
		})
	}
}

func TestAnotherNameIsToldAsThoseWhoCome(t *testing.T) {
	anna := chat.Author{ID: ann.ID, Name: "anna"}
	presence(t, func(p *chat.Presence) {
		p.Join(roomA, ann)
		p.Join(roomA, bob)
		time.Sleep(time.Second)
		p.Rename(roomA, anna)
		p.Rename(roomB, anna) // isn't there
		p.Rename(roomA, cid)
		time.Sleep(2 * time.Second)
		p.Rename(roomA, ann)
		p.Rename(roomA, anna) // and back before it is told
		time.Sleep(2 * time.Second)
		p.Rename(roomA, anna) // the same
		hued := anna
		hued.Hue = chat.ParseHue("210")
		p.Join(roomA, hued) // of another connection
		time.Sleep(2 * time.Second)
		p.Leave(roomA, ann.ID)
		p.Leave(roomA, ann.ID)
	},
		"100ms a 2 +[ann bob] -[]",
		"1.1s a 2 +[anna] -[]",
		"3.1s a 2 +[] -[]",
		"5.1s a 2 +[anna] -[]",
		"7.1s a 1 +[] -[anna]")
}

func TestHereAreOneselfAndSomeOfTheOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := chat.NewPresence(func(chat.Room, chat.PresenceChange) {})
		if n, here := p.Here(roomA, ann.ID); n != 0 || len(here) != 0 {
			t.Errorf("got %d, %v", n, here)
		}
		p.Join(roomA, bob)
		p.Join(roomA, ann)
		if n, here := p.Here(roomA, ann.ID); n != 2 || !slices.Equal(here, []chat.Author{ann, bob}) {
			t.Errorf("got %d, %v", n, here)
		}
		for i := range 60 {
			p.Join(roomA, chat.NamedAuthor(fmt.Sprint(i)))
		}
		if n, here := p.Here(roomA, ann.ID); n != 62 || len(here) != 50 || here[0] != ann {
			t.Errorf("got %d, %v", n, here)
		}
		time.Sleep(time.Second)
	})
}
