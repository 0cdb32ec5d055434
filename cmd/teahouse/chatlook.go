package main

import (
	"fmt"
	"hash/fnv"
	"math"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"
	"charm.land/lipgloss/v2"
	"github.com/charmbracelet/colorprofile"
	"github.com/charmbracelet/x/ansi"

	"github.com/teahouse-chat/teahouse/client"
)

// look is what there is to know about the terminal for drawing on it.
type look struct {
	profile colorprofile.Profile // which colours it has; none with NO_COLOR
	dark    bool                 // its background
	method  ansi.Method          // how it counts the cells of a character
}

// nameColors tell authors apart on a light and on a dark background.
var nameColors = [...][2]string{
	{"#b3261e", "#ff8a80"},
	{"#1b5e20", "#81c784"},
	{"#0d47a1", "#82b1ff"},
	{"#6a1b9a", "#d59bf6"},
	{"#a14600", "#ffb74d"},
	{"#00606b", "#4dd0e1"},
	{"#ad1457", "#f48fb1"},
	{"#5d4037", "#d7b899"},
	{"#4a6100", "#c5e17a"},
	{"#283593", "#a9b4f5"},
	{"#00695c", "#70d8c4"},
	{"#7a5900", "#ffe082"},
}

func (l look) pick(light, dark string) lipgloss.Style {
	return lipgloss.NewStyle().Foreground(lipgloss.LightDark(l.dark)(lipgloss.Color(light), lipgloss.Color(dark)))
}

// name is the style of an author's name: the same for the same author id, whatever the name.
func (l look) name(id string) lipgloss.Style {
	h := fnv.New32a()
	_, _ = h.Write([]byte(id)) // never fails
	c := nameColors[h.Sum32()%uint32(len(nameColors))]
	return l.pick(c[0], c[1]).Bold(true)
}

func (l look) dim() lipgloss.Style   { return l.pick("#6b6b6b", "#9a9a9a") }
func (l look) good() lipgloss.Style  { return l.pick("#1b5e20", "#81c784") }
func (l look) alarm() lipgloss.Style { return l.pick("#b3261e", "#ff8a80") }

// flatten turns colours into those that the terminal has.
func (l look) flatten(s string) string {
	var b strings.Builder
	w := colorprofile.Writer{Forward: &b, Profile: l.profile}
	_, _ = w.WriteString(s) // a Builder never fails
	return b.String()
}

// rows draws an entry for the scrollback.
func (s *chatScreen) rows(e entry) []string {
	width := max(20, s.width-1) // the last column stays free: some terminals wrap there
	if e.note != "" {
		return s.styled(s.look.wrap("      ", "— "+e.note+" —", width), s.look.dim())
	}
	verb, says := says(e.event)
	if !says && e.event.Type != client.MessageDeleted {
		return nil
	}
	var rows []string
	at := e.event.Time.Local()
	if day := at.Format("Monday 2 January 2006"); day != s.lastDay {
		if s.lastDay != "" || at.Format(time.DateOnly) != time.Now().Format(time.DateOnly) {
			rows = s.styled([]string{"      — " + day + " —"}, s.look.dim())
		}
		s.lastDay = day
	}
	name := harmlessName(e.event.Author.Name)
	prefix := s.look.dim().Render(at.Format("15:04")) + " " + s.look.name(e.event.Author.ID).Render(name)
	if !says {
		return append(rows, prefix+s.look.dim().Render(" deleted a message"))
	}
	prefix += s.look.dim().Render(verb) + ": "
	return append(rows, s.look.wrap(prefix, harmless(e.event.Text), width)...)
}

func (s *chatScreen) styled(rows []string, style lipgloss.Style) []string {
	for i := range rows {
		rows[i] = style.Render(rows[i])
	}
	return rows
}

// View draws the bottom of the screen: posts under way, the status and the input.
func (s *chatScreen) View() tea.View {
	if s.leaving || s.width == 0 {
		return tea.NewView("")
	}
	rows := s.bottom()
	const prompt = "> "
	text, cursor := s.input.view(max(2, s.width-len(prompt)), s.look.method)
	view := tea.NewView(strings.Join(append(rows, s.look.good().Render(prompt)+text), "\n"))
	view.Cursor = tea.NewCursor(len(prompt)+cursor, len(rows))
	view.WindowTitle = harmlessName(s.roomName) + " - Teahouse"
	return view
}

// bottom gives the rows above the input.
func (s *chatScreen) bottom() []string {
	const most = 3
	var rows []string
	cut := func(row string) string { return s.look.method.Truncate(row, max(1, s.width-1), "…") }
	for i, p := range s.pending {
		if i == most {
			rows = append(rows, s.look.dim().Render(fmt.Sprintf("    … %d more", len(s.pending)-most)))
			break
		}
		rows = append(rows, s.look.dim().Render(cut("    … "+oneLine(p.event.Text))))
	}
	if s.notice != "" {
		rows = append(rows, s.look.alarm().Render(cut(s.notice)))
	}
	return append(rows, s.statusRow())
}

// statusRow gives the room, the connection and how many are there.
func (s *chatScreen) statusRow() string {
	state := s.look.dim().Render("connecting…")
	switch s.status.State {
	case client.Online:
		state = s.look.good().Render("connected") + s.look.dim().Render(" as ") +
			s.look.name(s.status.Author.ID).Render(harmlessName(s.status.Author.Name))
		switch n := s.presence.Count; {
		case n == 1:
			state += s.look.dim().Render(" · only you")
		case n > 1:
			state += s.look.dim().Render(fmt.Sprintf(" · %d people", n))
		}
	case client.Waiting:
		left := max(0, math.Ceil(time.Until(s.retryAt).Seconds()))
		state = s.look.alarm().Render(fmt.Sprintf("reconnecting in %.0f s", left))
	}
	row := s.look.dim().Render("── ") + lipgloss.NewStyle().Bold(true).Render(harmlessName(s.roomName)) + s.look.dim().Render(" · ") + state
	return s.look.method.Truncate(row, max(1, s.width-1), "…") // not as wide as the screen: a narrower one would break it
}
