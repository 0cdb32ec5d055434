package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/colorprofile"
	"github.com/charmbracelet/x/ansi"

	"github.com/teahouse-chat/teahouse/client"
)

// What the session tells the screen.
type (
	eventMsg    client.Event
	statusMsg   client.Status
	presenceMsg client.Presence
	answeredMsg struct{ id string } // a post is on disk
	refusedMsg  struct {
		id, text string
		err      error
	}
	resetMsg struct{}
	overMsg  struct{ err error }
)

// What the screen tells itself.
type (
	printMsg   struct{} // the bottom has been drawn as it is now: print
	printedMsg struct{} // what was to be printed has been
	secondMsg  struct{} // the countdown goes on
)

// printDelay is more than a frame of the renderer takes. What is printed before the first frame lands in the wrong place, and
// a bottom that shrinks after a print, not before it, leaves empty rows below.
const printDelay = 50 * time.Millisecond

// entry is a line for the scrollback: a message, or a note of our own.
type entry struct {
	event client.Event
	note  string
}

// chatScreen is the terminal client. Messages are printed above it, into the terminal's own scrollback; what it draws is the
// bottom: posts under way, a status line and the input.
type chatScreen struct {
	roomName string
	post     func(text string) (id string)

	width, height int // 0 until the terminal has said
	look          look

	input    editor
	pending  []entry // own posts that haven't come back
	queue    []entry // to be printed
	printing bool    // a print is due or under way: one at a time keeps them in order
	lastDay  string  // of the last message that was printed

	status   client.Status
	retryAt  time.Time
	presence client.Presence
	notice   string
	leaving  bool
	err      error // what ended the session
}

// chatOnScreen is chat on a terminal.
func chatOnScreen(ctx context.Context, room *client.Room, page client.Page, std streams) error {
	sessionCtx, leave := context.WithCancel(ctx)
	defer leave()
	var program *tea.Program
	session := room.NewSession(page.Cursor(), client.Handler{
		Event:    func(e client.Event) error { program.Send(eventMsg(e)); return nil },
		Reset:    func(*client.ResetError) error { program.Send(resetMsg{}); return nil },
		Status:   func(s client.Status) { program.Send(statusMsg(s)) },
		Presence: func(p client.Presence) { program.Send(presenceMsg(p)) },
		Posted:   func(id string, _ int64) { program.Send(answeredMsg{id}) },
		Refused:  func(id, text string, err error) { program.Send(refusedMsg{id, text, err}) },
	})
	screen := newChatScreen(room.Name(), session.Post, page)
	program = tea.NewProgram(screen, tea.WithContext(ctx), tea.WithInput(std.in), tea.WithOutput(std.out), tea.WithoutSignalHandler())
	over := make(chan struct{})
	go func() {
		defer close(over)
		program.Send(overMsg{session.Run(sessionCtx)})
	}()
	_, err := program.Run()
	leave()
	<-over
	switch n := session.Pending(); {
	case err != nil && ctx.Err() == nil:
		return err
	case screen.err != nil:
		return screen.err
	case n > 0:
		return fmt.Errorf("left before the server had answered %d of your messages", n)
	}
	return nil
}

func newChatScreen(room string, post func(string) string, page client.Page) *chatScreen {
	s := &chatScreen{roomName: room, post: post, look: look{profile: colorprofile.ANSI256, dark: true, method: ansi.WcWidth}}
	for _, e := range page.Events {
		s.queue = append(s.queue, entry{event: e})
	}
	return s
}

// Init asks the terminal whether it is dark.
func (s *chatScreen) Init() tea.Cmd { return tea.RequestBackgroundColor }

// Update takes in what happened.
func (s *chatScreen) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	var cmd tea.Cmd
	switch msg := msg.(type) {
	case tea.KeyPressMsg:
		cmd = s.key(msg)
	case tea.PasteMsg:
		s.input.insert(strings.TrimRight(msg.Content, "\r\n"))
	case tea.WindowSizeMsg:
		s.width, s.height = msg.Width, msg.Height
	case tea.BackgroundColorMsg:
		s.look.dark = msg.IsDark()
	case tea.ColorProfileMsg:
		s.look.profile = msg.Profile
	case tea.ModeReportMsg:
		if msg.Mode == ansi.ModeUnicodeCore && !msg.Value.IsNotRecognized() && !msg.Value.IsPermanentlyReset() {
			s.look.method = ansi.GraphemeWidth // as the renderer does
		}
	case printMsg:
		return s, s.print()
	case printedMsg:
		s.printing = false
	default:
		cmd = s.session(msg)
	}
	return s, tea.Batch(cmd, s.printSoon())
}

// session takes in what the session tells.
func (s *chatScreen) session(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case eventMsg:
		s.forget(msg.ID)
		s.queue = append(s.queue, entry{event: client.Event(msg)})
	case statusMsg:
		s.status = client.Status(msg)
		if s.status.State == client.Waiting {
			s.retryAt = time.Now().Add(s.status.Pause)
			return nextSecond()
		}
	case secondMsg:
		if s.status.State == client.Waiting {
			return nextSecond()
		}
	case presenceMsg:
		s.presence = client.Presence(msg)
	case answeredMsg:
		s.forget(msg.id)
	case refusedMsg:
		s.forget(msg.id)
		s.notice = "not sent: " + oneLine(msg.err.Error())
		if s.input.text() == "" {
			s.input.set(msg.text)
		}
	case resetMsg:
		s.queue = append(s.queue, entry{note: "some messages can't be had: the room's log was changed; here is what comes now"})
	case overMsg:
		if !errors.Is(msg.err, context.Canceled) {
			s.err = msg.err
		}
		s.leaving = true
		return tea.Quit
	}
	return nil
}

func nextSecond() tea.Cmd {
	return tea.Tick(time.Second/4, func(time.Time) tea.Msg { return secondMsg{} })
}

func (s *chatScreen) key(k tea.KeyPressMsg) tea.Cmd {
	switch k.String() {
	case "ctrl+c":
		s.leaving = true
		return tea.Quit
	case "ctrl+d":
		if s.input.text() == "" {
			s.leaving = true
			return tea.Quit
		}
	case "ctrl+z":
		return tea.Suspend
	case "ctrl+l":
		return tea.ClearScreen
	case "enter":
		if text := strings.TrimSpace(s.input.text()); text != "" {
			s.pending = append(s.pending, entry{event: client.Event{ID: s.post(text), Text: text}})
			s.input.set("")
			s.notice = ""
		}
		return nil
	}
	s.input.key(k)
	return nil
}

// forget takes a post off those that are under way.
func (s *chatScreen) forget(id string) {
	for i, p := range s.pending {
		if p.event.ID == id {
			s.pending = append(s.pending[:i:i], s.pending[i+1:]...)
			return
		}
	}
}

// printSoon has the queue printed, unless that is on its way.
func (s *chatScreen) printSoon() tea.Cmd {
	if s.printing || len(s.queue) == 0 || s.width == 0 {
		return nil
	}
	s.printing = true
	return tea.Tick(printDelay, func(time.Time) tea.Msg { return printMsg{} })
}

// print prints the queue in pieces that fit above the bottom: more at once would leave gaps in the scrollback.
func (s *chatScreen) print() tea.Cmd {
	var rows []string
	for _, e := range s.queue {
		rows = append(rows, s.rows(e)...)
	}
	s.queue = nil
	var prints []tea.Cmd
	most := max(1, s.height-len(s.bottom())-1)
	for len(rows) > 0 {
		n := min(most, len(rows))
		prints = append(prints, tea.Println(s.look.flatten(strings.Join(rows[:n], "\n"))))
		rows = rows[n:]
	}
	return tea.Sequence(append(prints, func() tea.Msg { return printedMsg{} })...)
}
