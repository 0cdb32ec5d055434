package chat_test

import (
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/teahouse-chat/teahouse/eventlog"
	"github.com/teahouse-chat/teahouse/internal/chat"
)

func TestSpellingsOfOneNameAreOneRoom(t *testing.T) {
	for _, c := range []struct{ spelling, name string }{
		{"123", "123"},
		{"Tea-House_1.0", "tea-house_1.0"},
		{"Ärger", "ärger"},
		{"A\u0308rger", "ärger"},
		{"茶馆", "茶馆"},
		{"\u212Aelvin", "kelvin"},
		{"ΣΟΦΟΣ", "σοφοσ"},
		{"हिन्दी", "हिन्दी"},
		{"٣", "٣"},
		{"a..", "a.."},
		{strings.Repeat("Ä", 64), strings.Repeat("ä", 64)},
		{strings.Repeat("A\u0308", 64), strings.Repeat("ä", 64)},
	} {
		r, err := chat.ParseRoom(c.spelling)
		if err != nil || r.Name != c.name {
			t.Errorf("%s: got %s, %v, want %s", c.spelling, r.Name, err, c.name)
		}
		if !regexp.MustCompile(`^room\.[A-Z2-7]{26}$`).MatchString(r.Topic) {
			t.Errorf("%s: got the topic %s", c.spelling, r.Topic)
		}
	}
	// printf 123 | sha256sum | cut -c1-64 | xxd -r -p | base32 | cut -c1-26
	if r, _ := chat.ParseRoom("123"); r.Topic != "room.UZS2IWJAIIXZ2QL6JBT67XCPXC" {
		t.Errorf("got the topic %s", r.Topic)
	}
}

func TestWhatIsNoRoomHasANearestOne(t *testing.T) {
	for _, c := range []struct{ name, nearest string }{
		{"", "lobby"},
		{".", "lobby"},
		{"..", "lobby"},
		{".x", "x"},
		{"-.-x", "-.-x"},
		{"a b", "a-b"},
		{"a/b", "ab"},
		{" a ", "a"},
		{"a\u200bb", "ab"},
		{"a\u202eb", "ab"},
		{"🍵", "lobby"},
		{"a\xffb", "ab"},
		{"½", "lobby"},
		{"a\x00", "a"},
		{strings.Repeat("ab", 33), strings.Repeat("ab", 32)},
	} {
		if c.name == c.nearest {
			continue
		}
		if _, err := chat.ParseRoom(c.name); err != chat.ErrRoomName {
			t.Errorf("%q: got %v", c.name, err)
		}
		if r := chat.NearestRoom(c.name); r.Name != c.nearest {
			t.Errorf("%q: got %s, want %s", c.name, r.Name, c.nearest)
		}
	}
}

func FuzzRoomName(f *testing.F) {
	for _, s := range []string{"", "123", "Ä", "A\u0308", ".a", "a b", "İstanbul", "ΣΑΣ", "ǅ", "\u212a", "\u03d2\u0308", "ᾼ", "\u1fbc", "a\xff", strings.Repeat("A\u0308", 70), "-\u0301a", "\u0345"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		near := chat.NearestRoom(s)
		if again, err := chat.ParseRoom(near.Name); err != nil || again != near {
			t.Fatalf("the nearest of %q is %q, which is %q, %v", s, near.Name, again.Name, err)
		}
		r, err := chat.ParseRoom(s)
		if err != nil {
			return
		}
		if again, err := chat.ParseRoom(r.Name); err != nil || again != r {
			t.Fatalf("%q is %q is %q, %v", s, r.Name, again.Name, err)
		}
		if near != r {
			t.Fatalf("%q is the room %q, but the nearest is %q", s, r.Name, near.Name)
		}
		if n := utf8.RuneCountInString(r.Name); n < 1 || n > chat.MaxRoomName || !norm.NFC.IsNormalString(r.Name) || r.Name != strings.ToLower(r.Name) {
			t.Fatalf("%q is the room %q", s, r.Name)
		}
	})
}

func TestDisplayNameIsCleaned(t *testing.T) {
	for _, c := range []struct{ given, want string }{
		{"ann", "ann"},
		{"", "guest"},
		{"  ann  lee ", "ann  lee"},
		{"a\nn\tn", "ann"},
		{"a\u202enn\u2066", "ann"},
		{"a\u200bnn", "ann"},
		{"\ufeffann", "ann"},
		{"a\u00a0b", "a b"},
		{"a\u2028b", "ab"},
		{"e\u0301", "é"},
		{"e\u200b\u0301", "é"},
		{"👩\u200d👧", "👩\u200d👧"},
		{"a\xffb", "ab"},
		{"\u200d", "guest"},
		{" \u0301 ", "guest"},
		{"\x00", "guest"},
		{"<b>", "<b>"},
		{strings.Repeat("茶", 33), strings.Repeat("茶", 32)},
		{strings.Repeat("a", 31) + " b", strings.Repeat("a", 31)},
	} {
		if got := chat.DisplayName(c.given); got != c.want {
			t.Errorf("%q: got %q, want %q", c.given, got, c.want)
		}
	}
}

func FuzzDisplayName(f *testing.F) {
	for _, s := range []string{"", "ann", " a\n", "\u202e", "e\u200b\u0301", "\u0344\u200d", strings.Repeat("e\u0301", 40), "\xff", "\u2000\u3000x", "\ue000"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		name := chat.DisplayName(s)
		if n := utf8.RuneCountInString(name); n < 1 || n > chat.MaxNameRunes || !utf8.ValidString(name) || !norm.NFC.IsNormalString(name) {
			t.Fatalf("%q became %q", s, name)
		}
		for _, r := range name {
			if unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || unicode.IsSpace(r) && r != ' ' {
				t.Fatalf("%q became %q with %U", s, name, r)
			}
		}
		if again := chat.DisplayName(name); again != name {
			t.Fatalf("%q became %q became %q", s, name, again)
		}
		if a := chat.NamedAuthor(s); a.ID != "n-"+name || a.Name != name {
			t.Fatalf("%q is %v", s, a)
		}
	})
}

func TestTextIsChecked(t *testing.T) {
	for _, c := range []struct {
		id, text string
		want     error
	}{
		{"1", "hi", nil},
		{"1", strings.Repeat("茶", 4000), nil},
		{"1", strings.Repeat("🍵", 4000), nil},
		{strings.Repeat("~", 64), " ", nil},
		{"1", strings.Repeat("a", 4001), chat.ErrTextTooLong},
		{"1", "", chat.ErrTextEmpty},
		{"1", "\x00", chat.ErrTextNUL},
		{"1", "\xc0\x80", chat.ErrTextMalformed},
		{"1", "\xed\xa0\x80", chat.ErrTextMalformed},
		{"", "hi", chat.ErrID},
		{"\x7f", "hi", chat.ErrID},
		{"é", "hi", chat.ErrID},
		{strings.Repeat("a", 65), "hi", chat.ErrID},
	} {
		p := chat.Post{Room: roomA, Author: ann, ID: c.id, Text: c.text}
		if got := p.Validate(); got != c.want {
			t.Errorf("%q %.20q: got %v, want %v", c.id, c.text, got, c.want)
		}
	}
}

func TestEventOfALaterKindIsWrittenWithoutText(t *testing.T) {
	e := eventlog.Event{Entry: eventlog.Entry{Type: "message.pinned", Author: "g-1", ID: "1", Data: []byte(`{"pin":"🍵"}`)}, Offset: 3, Time: time.UnixMilli(0)}
	if got := string(chat.AppendEvent(nil, &e)); got != `{"offset":3,"type":"message.pinned","id":"1","author":{"id":"g-1","name":""},"time":"1970-01-01T00:00:00.000Z"}` {
		t.Errorf("got %s", got)
	}
	if _, _, ok := chat.Said(&e); ok {
		t.Error("it has a text")
	}
}
