package feed_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/teahouse-chat/teahouse/eventlog"
	"github.com/teahouse-chat/teahouse/feed"
)

// blank appends an event that takes the data out of an earlier one.
func (n *node) blank(t *testing.T, id string, at eventlog.Offset) {
	t.Helper()
	e := eventlog.Entry{Topic: "room", Type: "deleted", Author: "a", ID: id, Data: []byte(id)}
	e.Amend = func(tx eventlog.Amending) error {
		tx.Replace(at, []byte("gone"))
		return nil
	}
	if _, err := n.Append(t.Context(), e); err != nil {
		t.Fatal(err)
	}
}

func TestWhoComesAfterAnAmendmentReadsWhatIsThereNow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, f := single(t, feed.Options{Recent: 50})
		topic := open(t, f)
		defer topic.Close()
		present, slow := &follower{}, &follower{}
		topic.Follow(present, 0, 0)
		topic.Follow(slow, 0, 0)
		n.post(t, 10)
		synctest.Wait()
		slow.setFull(true)
		n.post(t, 290)
		synctest.Wait()
		early := &follower{} // has the blocks encoded
		topic.Follow(early, 0, 0)
		time.Sleep(time.Second)

		n.blank(t, "x", 299) // in memory, and for who is behind
		n.blank(t, "y", 20)  // in an encoded block
		n.post(t, 1)
		time.Sleep(time.Second)
		slow.setFull(false)
		late := &follower{}
		topic.Follow(late, 0, 0)
		time.Sleep(time.Second)
		events, err := topic.Read(t.Context(), 298, 10)
		if err != nil || len(events) != 5 || string(events[0].Data) != "gone" {
			t.Errorf("got %+v, %v", events, err)
		}
		for name, fl := range map[string]*follower{"present": present, "early": early} {
			if got := fl.String(); !strings.Contains(got, line(299)) || !strings.Contains(got, line(20)) {
				t.Errorf("%s lacks what it was there for", name)
			}
		}
		now := strings.Replace(strings.Replace(wantLines(0, 0, 300), line(299), "room 299 gone\n", 1), line(20), "room 20 gone\n", 1) +
			"room 301 x\nroom 302 y\n" + line(303)
		for name, fl := range map[string]*follower{"slow": slow, "late": late} {
			if got := fl.String(); got != now {
				t.Errorf("%s: got\n%s, want\n%s", name, got, now)
			}
		}
	})
}

// An amendment while nobody here uses the topic is seen by who opens it again.
func TestTopicThatWasAwayReadsWhatIsThereNow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, f := single(t, feed.Options{Linger: time.Second})
		n.post(t, 300)
		topic := open(t, f)
		topic.Follow(&follower{}, 0, 0).Leave()
		reader := &follower{}
		m := topic.Follow(reader, 0, 0)
		time.Sleep(time.Second)
		m.Leave()
		topic.Close()
		time.Sleep(time.Minute)
		n.blank(t, "x", 20)
		topic = open(t, f)
		defer topic.Close()
		again := &follower{}
		topic.Follow(again, 0, 0)
		time.Sleep(time.Second)
		if !strings.Contains(reader.String(), line(20)) || strings.Contains(again.String(), line(20)) || !strings.Contains(again.String(), "room 20 gone\n") {
			t.Errorf("got %.400s", again.String())
		}
	})
}

// Another process's amendment counts once it is heard of.
func TestAmendmentsOfOthersAreHeardOf(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, f := single(t, feed.Options{Recent: 50})
		topic := open(t, f)
		defer topic.Close()
		n.post(t, 20)
		synctest.Wait()
		other := &node{Log: n.Log, told: func([]eventlog.Event) {}}
		other.blank(t, "x", 15)
		if events, err := topic.Read(t.Context(), 14, 1); err != nil || len(events) != 1 {
			t.Fatalf("got %v, %v", events, err)
		}
		n.post(t, 1) // this process learns that it lacks one
		time.Sleep(time.Second)
		if events, err := topic.Read(t.Context(), 14, 1); err != nil || len(events) != 1 || string(events[0].Data) != "gone" {
			t.Errorf("got %+v, %v", events, err)
		}
	})
}
