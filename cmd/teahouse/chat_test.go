package main

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/colorprofile"
	"github.com/charmbracelet/x/ansi"

	"github.com/teahouse-chat/teahouse/client"
)

// screen is a chat screen of 40 by 10 cells on a terminal without colours, and what it has posted.
func screen(t *testing.T) (s *chatScreen, posted *[]string) {
	t.Helper()
	posted = new([]string)
	s = newChatScreen("123", func(text string) string {
		*posted = append(*posted, text)
		return fmt.Sprint("id", len(*posted))
	}, client.Page{})
	s.Update(tea.WindowSizeMsg{Width: 40, Height: 10})
	s.Update(tea.ColorProfileMsg{Profile: colorprofile.ASCII})
	return s, posted
}

func press(s *chatScreen, code rune, mod tea.KeyMod) tea.Cmd {
	_, cmd := s.Update(tea.KeyPressMsg{Code: code, Mod: mod})
	return cmd
}

func typeIn(s *chatScreen, text string) {
	for _, r := range text {
		s.Update(tea.KeyPressMsg{Code: r, Text: string(r)})
	}
}

// drawn gives the bottom of the screen without styles, and the cursor.
func drawn(s *chatScreen) (rows []string, x, y int) {
	v := s.View()
	return strings.Split(ansi.Strip(v.Content), "\n"), v.Cursor.X, v.Cursor.Y
}

func message(offset int64, id, name, text string) client.Event {
	return client.Event{Offset: offset, Type: client.MessagePosted, ID: id, Author: client.Author{ID: "n-" + name, Name: name}, Text: text, Time: time.Now()}
}

func TestTheCursorStandsWhereTheNextWideCharacterGoes(t *testing.T) {
	s, _ := screen(t)
	typeIn(s, "你好ab")
	if rows, x, y := drawn(s); rows[1] != "> 你好ab" || x != 2+6 || y != 1 {
		t.Errorf("got %q, cursor %d,%d", rows, x, y)
	}
	press(s, tea.KeyHome, 0)
	press(s, tea.KeyRight, 0)
	if _, x, _ := drawn(s); x != 2+2 {
		t.Errorf("after one character: got %d, want 4", x)
	}
	typeIn(s, "e\u0301")
	press(s, tea.KeyBackspace, 0)
	press(s, tea.KeyDelete, 0)
	if rows, x, _ := drawn(s); rows[1] != "> 你ab" || x != 4 {
		t.Errorf("after deleting: got %q, cursor %d", rows, x)
	}
}

func TestALongInputShowsWhatIsAroundTheCursor(t *testing.T) {
	s, _ := screen(t)
	typeIn(s, strings.Repeat("茶", 50)+"end")
	rows, x, _ := drawn(s)
	if !strings.HasPrefix(rows[1], "> …") || !strings.HasSuffix(rows[1], "茶end") || ansi.StringWidth(rows[1]) > 40 || x != ansi.StringWidth(rows[1]) {
		t.Errorf("at the end: got %q, cursor %d", rows[1], x)
	}
	press(s, 'a', tea.ModCtrl)
	if rows, x, _ := drawn(s); x != 2 || !strings.HasPrefix(rows[1], "> 茶茶") || ansi.StringWidth(rows[1]) > 40 {
		t.Errorf("at the start: got %q, cursor %d", rows[1], x)
	}
}

func TestAPostIsShownAsPendingUntilItComesBack(t *testing.T) {
	s, posted := screen(t)
	typeIn(s, "  hi there ")
	press(s, tea.KeyEnter, 0)
	if rows, _, _ := drawn(s); len(*posted) != 1 || (*posted)[0] != "hi there" || rows[0] != "    … hi there" || rows[2] != "> " {
		t.Errorf("pending: got %q, posted %q", rows, *posted)
	}
	s.Update(eventMsg(message(1, "id1", "ann", "hi there")))
	s.Update(answeredMsg{"id1"})
	if rows, _, _ := drawn(s); len(rows) != 2 {
		t.Errorf("posted: got %q", rows)
	}
	if got := s.rows(s.queue[0]); len(got) != 1 || !strings.HasSuffix(ansi.Strip(got[0]), " ann: hi there") {
		t.Errorf("to print: got %q", got)
	}
}

func TestARefusedPostComesBackIntoTheInput(t *testing.T) {
	s, _ := screen(t)
	typeIn(s, "too much")
	press(s, tea.KeyEnter, 0)
	s.Update(refusedMsg{"id1", "too much", errors.New("Too \x1blong.")})
	if rows, _, _ := drawn(s); len(rows) != 3 || rows[0] != "not sent: Too ␛long." || rows[2] != "> too much" {
		t.Errorf("got %q", rows)
	}
}

func TestTheStatusSaysHowTheConnectionIs(t *testing.T) {
	s, _ := screen(t)
	says := func(want string) {
		t.Helper()
		if rows, _, _ := drawn(s); !strings.Contains(rows[len(rows)-2], want) {
			t.Errorf("got %q, want %q", rows, want)
		}
	}
	says("123 · connecting…")
	s.Update(statusMsg{State: client.Online, Author: client.Author{ID: "n-ann", Name: "a\x1bnn"}})
	s.Update(presenceMsg{Count: 3})
	says("123 · connected as a␛nn · 3 people")
	if _, cmd := s.Update(statusMsg{State: client.Waiting, Pause: 2500 * time.Millisecond, Cause: errors.New("gone")}); cmd == nil {
		t.Error("no countdown")
	}
	says("reconnecting in 3 s")
}

func TestCtrlDLeavesOnlyFromAnEmptyLine(t *testing.T) {
	s, _ := screen(t)
	typeIn(s, "x")
	press(s, 'd', tea.ModCtrl)
	if s.leaving {
		t.Error("left with a text in the input")
	}
	press(s, tea.KeyBackspace, 0)
	cmd := press(s, 'd', tea.ModCtrl)
	if !s.leaving || cmd == nil {
		t.Error("stayed with an empty input")
	}
}

func TestAPasteKeepsItsLinesAndLosesItsControls(t *testing.T) {
	s, posted := screen(t)
	s.Update(tea.PasteMsg{Content: "a\r\nb\x1b[2J\n"})
	if rows, _, _ := drawn(s); rows[1] != "> a↵b␛[2J" {
		t.Errorf("got %q", rows[1])
	}
	press(s, tea.KeyEnter, 0)
	if (*posted)[0] != "a\nb␛[2J" {
		t.Errorf("posted %q", *posted)
	}
}

func TestMessagesAreBrokenIntoRowsThatFit(t *testing.T) {
	l := look{method: ansi.WcWidth}
	for _, c := range []struct {
		text string
		want []string
	}{
		{"short", []string{"12:03 ann: short"}},
		{"the quick brown fox jumps", []string{"12:03 ann: the quick", "      brown fox", "      jumps"}},
		{"一二三四，五六七八九十", []string{"12:03 ann: 一二三", "      四，五六七八九", "      十"}},
		{"averyveryverylongwordwithoutspaces", []string{"12:03 ann: averyvery", "      verylongwordwi", "      thoutspaces"}},
		{"two\nlines", []string{"12:03 ann: two", "      lines"}},
		{"", []string{"12:03 ann: "}},
	} {
		got := l.wrap("12:03 ann: ", c.text, 20)
		if strings.Join(got, "|") != strings.Join(c.want, "|") {
			t.Errorf("%q:\ngot  %q\nwant %q", c.text, got, c.want)
		}
		for _, row := range got {
			if ansi.StringWidth(row) > 20 {
				t.Errorf("%q is too wide", row)
			}
		}
	}
}

func TestAnAuthorsColourDependsOnTheIDAlone(t *testing.T) {
	for _, dark := range []bool{true, false} {
		l := look{dark: dark}
		a, b := l.name("g-5kq").GetForeground(), l.name("g-5kq").GetForeground()
		if a != b {
			t.Errorf("one id, two colours: %v, %v", a, b)
		}
		seen := map[any]bool{}
		for i := range 100 {
			seen[l.name(fmt.Sprint("g-", i)).GetForeground()] = true
		}
		if len(seen) < 10 {
			t.Errorf("a hundred authors have %d colours", len(seen))
		}
	}
}

func TestNoColorMeansNoColor(t *testing.T) {
	s, _ := screen(t)
	rows := s.rows(entry{event: message(1, "x", "ann", "hi")})
	if got := (look{profile: colorprofile.ASCII}).flatten(rows[0]); strings.Contains(got, "38;") {
		t.Errorf("got %q", got)
	}
}

func TestHarmlessJSONHasTheSameValue(t *testing.T) {
	if got := string(harmlessJSON([]byte("{\"t\":\"a\u009bb\u202ec茶\x7f\"}"))); got != "{\"t\":\"a\\u009bb\\u202ec茶\\u007f\"}" {
		t.Errorf("got %s", got)
	}
}

func FuzzHarmless(f *testing.F) {
	f.Add("a\x1b[31m\u009b\r\n\xff\u202e")
	f.Fuzz(func(t *testing.T, s string) {
		for _, r := range harmless(s) {
			if r != '\n' && (r < 0x20 || r >= 0x7f && r < 0xa0 || turnsDirection(r)) {
				t.Errorf("%q let %U through", s, r)
			}
		}
	})
}

func TestChatShowsWhatBecameOfMessages(t *testing.T) {
	s := newChatScreen("123", func(string) string { return "" }, client.Page{})
	s.width = 80
	show := func(e client.Event) string {
		e.Author, e.Time = client.Author{ID: "g-1", Name: "ann"}, time.Now()
		return ansi.Strip(strings.Join(s.rows(entry{event: e}), "\n"))
	}
	for want, e := range map[string]client.Event{
		" ann edited: hi there":  {Type: client.MessageEdited, Target: 1, Text: "hi there"},
		" ann deleted a message": {Type: client.MessageDeleted, Target: 1},
		" ann: hi":               {Type: client.MessagePosted, Text: "hi", Edited: time.Now()},
		"":                       {Type: client.MessageReacted, Target: 1, Emoji: "👍", On: true},
	} {
		if got := show(e); !strings.HasSuffix(got, want) || want == "" && got != "" {
			t.Errorf("%+v: got %q, want %q", e, got, want)
		}
	}
	for _, e := range []client.Event{{Type: client.MessageEdited, Target: 1}, {Type: client.MessagePosted, Deleted: true}} {
		if got := show(e); got != "" {
			t.Errorf("%+v: got %q", e, got)
		}
	}
}
