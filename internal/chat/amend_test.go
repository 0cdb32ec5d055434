package chat_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/teahouse-chat/teahouse/eventlog"
	"github.com/teahouse-chat/teahouse/eventlog/memlog"
	"github.com/teahouse-chat/teahouse/internal/chat"
)

var (
	guest = chat.Author{ID: "g-1", Name: "ann"}
	other = chat.Author{ID: "g-2", Name: "eve"}
)

// A talk is a room of a service over a log in memory.
type talk struct {
	t    *testing.T
	log  eventlog.Log
	s    *chat.Service
	room chat.Room
}

func newTalk(t *testing.T) *talk {
	log := memlog.New()
	return &talk{t, log, chat.NewService(log, &store{}, false), roomA}
}

// do makes one post and returns its answer; what is wrong with it at sight is its Err.
func (k *talk) do(p chat.Post) chat.Posted {
	k.t.Helper()
	p.Room = k.room
	if err := k.s.Check(&p); err != nil {
		return chat.Posted{Err: err}
	}
	answers, err := k.s.Post(k.t.Context(), p)
	if err != nil {
		k.t.Fatal(err)
	}
	return answers[0]
}

// want makes a post and checks its answer.
func (k *talk) want(p chat.Post, offset eventlog.Offset, existed bool, err error) {
	k.t.Helper()
	if a := k.do(p); a.Err != err || a.Existed != existed || err == nil && a.Event.Offset != offset {
		k.t.Fatalf("%+v: got %d, existed %v, %v, want %d, %v, %v", p, a.Event.Offset, a.Existed, a.Err, offset, existed, err)
	}
}

// event is the protocol's EVENT at an offset, without its time.
func (k *talk) event(offset eventlog.Offset) string {
	k.t.Helper()
	events, err := k.log.Read(k.t.Context(), k.room.Topic, offset-1, 1)
	if err != nil || len(events) != 1 {
		k.t.Fatalf("read %d: %v, %v", offset, events, err)
	}
	s := string(chat.AppendEvent(nil, &events[0]))
	return s[:strings.LastIndex(s, `,"time":`)]
}

func (k *talk) wantEvents(want ...string) {
	k.t.Helper()
	for i, w := range want {
		if got := k.event(eventlog.Offset(i + 1)); got != w {
			k.t.Errorf("event %d: got\n%s, want\n%s", i+1, got, w)
		}
	}
}

// holds reports whether the log has a text anywhere.
func (k *talk) holds(text string) bool {
	k.t.Helper()
	events, err := k.log.Read(k.t.Context(), k.room.Topic, 0, 1000)
	if err != nil {
		k.t.Fatal(err)
	}
	return slices.ContainsFunc(events, func(e eventlog.Event) bool { return strings.Contains(string(e.Data), text) })
}

func said(a chat.Author, id, text string) chat.Post { return chat.Post{Author: a, ID: id, Text: text} }

func edited(a chat.Author, id string, target eventlog.Offset, text string) chat.Post {
	return chat.Post{Type: chat.TypeEdited, Author: a, ID: id, Target: target, Text: text}
}

func deleted(a chat.Author, id string, target eventlog.Offset) chat.Post {
	return chat.Post{Type: chat.TypeDeleted, Author: a, ID: id, Target: target}
}

func reacted(a chat.Author, id string, target eventlog.Offset, emoji string, on bool) chat.Post {
	return chat.Post{Type: chat.TypeReacted, Author: a, ID: id, Target: target, Emoji: emoji, On: on}
}

func TestAMessageIsWhatBecameOfIt(t *testing.T) {
	k := newTalk(t)
	hued := guest
	hued.Hue = chat.ParseHue("0")
	k.want(said(hued, "1", "hi *there*"), 1, false, nil)
	k.want(chat.Post{Author: other, ID: "1", Text: "ho", Reply: 1}, 2, false, nil)
	k.want(edited(guest, "2", 1, "second"), 3, false, nil)
	k.want(reacted(other, "2", 1, "👍", true), 4, false, nil)
	k.want(reacted(guest, "3", 1, "🍵", true), 5, false, nil)
	k.want(reacted(guest, "4", 1, "👍", true), 6, false, nil)
	k.want(edited(guest, "5", 1, "**third**"), 7, false, nil)
	k.want(reacted(guest, "6", 1, "🍵", false), 8, false, nil)
	first := k.event(1)
	const edit = `,"edited":"`
	i := strings.Index(first, edit)
	if i < 0 {
		t.Fatalf("got %s, want it edited", first)
	}
	first = first[:i] + first[i+len(edit)+len(`2026-11-23T02:51:10.000Z"`):]
	if want := `{"offset":1,"type":"message.posted","id":"1","author":{"id":"g-1","name":"ann","hue":0},"text":"**third**","body":[["p",["b","third"]]],"reactions":[{"emoji":"👍","authors":["g-2","g-1"]}]`; first != want {
		t.Errorf("got\n%s, want\n%s", first, want)
	}
	for offset, want := range map[eventlog.Offset]string{
		2: `{"offset":2,"type":"message.posted","id":"1","author":{"id":"g-2","name":"eve"},"text":"ho","reply":1`,
		3: `{"offset":3,"type":"message.edited","id":"2","author":{"id":"g-1","name":"ann"},"target":1`,
		4: `{"offset":4,"type":"message.reacted","id":"2","author":{"id":"g-2","name":"eve"},"target":1,"emoji":"👍","on":true`,
		7: `{"offset":7,"type":"message.edited","id":"5","author":{"id":"g-1","name":"ann"},"target":1,"text":"**third**","body":[["p",["b","third"]]]`,
		8: `{"offset":8,"type":"message.reacted","id":"6","author":{"id":"g-1","name":"ann"},"target":1,"emoji":"🍵","on":false`,
	} {
		if got := k.event(offset); got != want {
			t.Errorf("got\n%s, want\n%s", got, want)
		}
	}
	if k.holds("hi *there*") || k.holds("second") {
		t.Error("a text that was edited is still in the log")
	}

	k.want(deleted(guest, "7", 1), 9, false, nil)
	k.wantEvents(`{"offset":1,"type":"message.posted","id":"1","author":{"id":"g-1","name":"ann","hue":0},"deleted":true`)
	if got, want := k.event(7), `{"offset":7,"type":"message.edited","id":"5","author":{"id":"g-1","name":"ann"},"target":1`; got != want {
		t.Errorf("got\n%s, want\n%s", got, want)
	}
	if k.holds("third") || k.holds("👍\",\"authors") {
		t.Error("a message that was deleted is still in the log")
	}
	events, _ := k.log.Read(t.Context(), k.room.Topic, 0, 1)
	if _, _, ok := chat.Said(&events[0]); ok || !strings.HasPrefix(string(events[0].Data), chat.DeletedData) {
		t.Errorf("got %s, want a deleted one", events[0].Data)
	}
}

// A retry gets the first event whatever became of the message, and the same id with anything else conflicts.
func TestRetriesAreKnownWhateverBecameOfTheMessage(t *testing.T) {
	k := newTalk(t)
	k.want(said(guest, "1", "hi"), 1, false, nil)
	k.want(chat.Post{Author: guest, ID: "2", Text: "ho", Reply: 1}, 2, false, nil)
	check := func(when string) {
		t.Helper()
		k.want(said(guest, "1", "hi"), 1, true, nil)
		k.want(said(guest, "1", "ho"), 0, true, chat.ErrIDConflict)
		k.want(chat.Post{Author: guest, ID: "1", Text: "hi", Reply: 2}, 0, true, chat.ErrIDConflict)
		k.want(chat.Post{Author: guest, ID: "2", Text: "ho", Reply: 1}, 2, true, nil)
		k.want(said(guest, "2", "ho"), 0, true, chat.ErrIDConflict)
		k.want(edited(guest, "1", 1, "hi"), 0, true, chat.ErrIDConflict)
		if t.Failed() {
			t.Fatal(when)
		}
	}
	check("as it was posted")
	k.want(edited(guest, "3", 1, "second"), 3, false, nil)
	check("edited")
	k.want(edited(guest, "4", 1, "third"), 4, false, nil)
	k.want(edited(guest, "5", 2, "another"), 5, false, nil)
	check("edited twice")
	k.want(reacted(other, "1", 1, "👍", true), 6, false, nil)
	k.want(deleted(guest, "6", 1), 7, false, nil)
	k.want(deleted(guest, "7", 2), 8, false, nil)
	check("deleted")
	k.want(edited(guest, "3", 1, "second"), 3, true, nil)
	k.want(edited(guest, "3", 1, "third"), 0, true, chat.ErrIDConflict)
	k.want(edited(guest, "3", 2, "second"), 0, true, chat.ErrIDConflict)
	k.want(edited(guest, "4", 1, "third"), 4, true, nil)
	k.want(reacted(other, "1", 1, "👍", true), 6, true, nil)
	k.want(reacted(other, "1", 1, "👍", false), 0, true, chat.ErrIDConflict)
	k.want(reacted(other, "1", 1, "🍵", true), 0, true, chat.ErrIDConflict)
	k.want(reacted(other, "1", 2, "👍", true), 0, true, chat.ErrIDConflict)
	k.want(deleted(guest, "6", 1), 7, true, nil)
	k.want(deleted(guest, "6", 2), 0, true, chat.ErrIDConflict)
	k.want(deleted(guest, "3", 1), 0, true, chat.ErrIDConflict)
}

func TestWhoMayDoWhatToWhichMessage(t *testing.T) {
	k := newTalk(t)
	named := chat.NamedAuthor("ann")
	k.want(said(guest, "1", "mine"), 1, false, nil)
	k.want(said(named, "1", "named"), 2, false, nil)
	k.want(said(guest, "2", "gone"), 3, false, nil)
	k.want(deleted(guest, "3", 3), 4, false, nil)
	for i, c := range []struct {
		post chat.Post
		err  error
	}{
		{edited(other, "", 1, "x"), chat.ErrNotYours},
		{deleted(other, "", 1), chat.ErrNotYours},
		{edited(named, "", 2, "x"), chat.ErrNotYours}, // whoever uses the name
		{deleted(named, "", 2), chat.ErrNotYours},
		{edited(chat.NamedAuthor("g-1"), "", 1, "x"), chat.ErrNotYours},
		{edited(guest, "", 2, "x"), chat.ErrNotYours},
		{edited(guest, "", 3, "x"), chat.ErrDeleted},
		{edited(other, "", 3, "x"), chat.ErrNotYours},
		{deleted(guest, "", 3), chat.ErrDeleted},
		{reacted(other, "", 3, "👍", true), chat.ErrDeleted},
		{chat.Post{Author: other, Text: "x", Reply: 3}, chat.ErrDeleted},
		{edited(guest, "", 4, "x"), chat.ErrNoMessage}, // a deletion is no message
		{reacted(guest, "", 4, "👍", true), chat.ErrNoMessage},
		{chat.Post{Author: other, Text: "x", Reply: 4}, chat.ErrNoMessage},
		{edited(guest, "", 5, "x"), chat.ErrNoMessage},
		{edited(guest, "", 0, "x"), chat.ErrNoMessage},
		{deleted(guest, "", -1), chat.ErrNoMessage},
		{reacted(guest, "", 99, "👍", true), chat.ErrNoMessage},
		{chat.Post{Author: other, Text: "x", Reply: 5}, chat.ErrNoMessage},
		{chat.Post{Author: other, Text: "x", Reply: -1}, chat.ErrNoMessage},
		{edited(guest, "", 1, ""), chat.ErrTextEmpty},
		{edited(guest, "", 1, strings.Repeat("x", 4001)), chat.ErrTextTooLong},
		{reacted(guest, "", 1, "x", true), chat.ErrEmoji},
	} {
		c.post.ID = fmt.Sprint("try", i)
		if got := k.do(c.post); got.Err != c.err || got.Existed {
			t.Errorf("%d %+v: got %v, want %v", i, c.post, got.Err, c.err)
		}
	}
	k.want(reacted(named, "5", 1, "👍", true), 5, false, nil) // anybody may
	k.want(reacted(other, "5", 2, "👍", true), 6, false, nil)
	if err := k.log.Trim(t.Context(), k.room.Topic, 3); err != nil {
		t.Fatal(err)
	}
	k.want(edited(guest, "9", 1, "x"), 0, false, chat.ErrNoMessage)
}

func TestReactionsAreBounded(t *testing.T) {
	k := newTalk(t)
	k.want(said(guest, "1", "hi"), 1, false, nil)
	for i := range 20 {
		author := guest
		if i >= 8 {
			author = chat.NamedAuthor(fmt.Sprint("early", i/8))
		}
		k.want(reacted(author, strconv.Itoa(i+2), 1, string(rune('🌀'+i)), true), eventlog.Offset(i+2), false, nil)
		if i == 7 {
			k.want(reacted(guest, "ninth", 1, "👍", true), 0, false, chat.ErrReactions) // one author's are bounded too
		}
	}
	k.want(reacted(guest, "more", 1, "👍", true), 0, false, chat.ErrReactions)
	k.want(reacted(other, "more", 1, "🌀", true), 22, false, nil) // one that is there already
	for i := range 479 {
		k.want(reacted(chat.NamedAuthor(strconv.Itoa(i)), "1", 1, "🌀", true), eventlog.Offset(i+23), false, nil)
	}
	k.want(reacted(chat.NamedAuthor("last"), "1", 1, "🌀", true), 0, false, chat.ErrReactions)
	k.want(reacted(guest, "again", 1, "🌀", true), 502, false, nil) // is on, and stays
	k.want(reacted(guest, "off", 1, "🌀", false), 503, false, nil)
	k.want(reacted(guest, "off again", 1, "🌀", false), 504, false, nil)
	k.want(reacted(chat.NamedAuthor("last"), "2", 1, "🌀", true), 505, false, nil)
}

func TestEmojiAreSymbols(t *testing.T) {
	for emoji, want := range map[string]bool{
		"👍": true, "🍵": true, "❤️": true, "❤": true, "👍🏽": true, "👩‍👧": true, "👨‍👩‍👧‍👦": true, "1️⃣": true, "#️⃣": true, "🇨🇳": true, "🏳️‍🌈": true, "🏴󠁧󠁢󠁥󠁮󠁧󠁿": true,
		"↔️": true, "‼️": true, "ℹ️": true, "〰️": true, "©️": true, "㊗️": true, "✅": true,
		"": false, "a": false, "1": false, "茶": false, " ": false, "👍 ": false, "👍a": false, "👍1": false, "\n": false, "<": false, "+": false, "$": false, "^": false, "👍\u202e": false,
		"\u200d": false, "\ufe0f": false, "🏽": false, "\xff": false, "👍\xff": false, "\ufffd": false, ":-)": false, strings.Repeat("👍", 8): true, strings.Repeat("👍", 9): false,
	} {
		p := reacted(guest, "1", 1, emoji, true)
		if got := p.Validate(); (got == nil) != want {
			t.Errorf("%q: got %v, want %v", emoji, got, want)
		}
	}
}

func TestHueIsAnAngle(t *testing.T) {
	for s, want := range map[string]chat.Hue{"0": 1, "210": 211, "359": 360, "": 0, "360": 0, "-1": 0, "1.5": 0, "x": 0, "99999999999999999999": 0} {
		if got := chat.ParseHue(s); got != want {
			t.Errorf("%q: got %d, want %d", s, got, want)
		}
	}
}
