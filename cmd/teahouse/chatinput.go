package main

import (
	"strings"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"
)

// editor is the line that one types in. It moves by what a reader takes for one character, and knows that some are two cells wide.
type editor struct {
	before, after string // of the cursor
}

func (e *editor) text() string { return e.before + e.after }

func (e *editor) set(text string) { e.before, e.after = text, "" }

// insert puts in what was typed or pasted. Line breaks stay; other controls can't be typed.
func (e *editor) insert(s string) {
	e.before += harmless(strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\r", "\n")) // terminals paste a break as CR
}

// key edits, and says whether the key was one for editing.
func (e *editor) key(k tea.KeyPressMsg) bool {
	switch k.String() {
	case "left", "ctrl+b":
		e.left(e.lastCluster())
	case "right", "ctrl+f":
		e.right(e.firstCluster())
	case "alt+left", "ctrl+left", "alt+b":
		e.left(e.lastWord())
	case "alt+right", "ctrl+right", "alt+f":
		e.right(e.firstWord())
	case "home", "ctrl+a":
		e.left(len(e.before))
	case "end", "ctrl+e":
		e.right(len(e.after))
	case "backspace", "ctrl+h":
		e.before = e.before[:len(e.before)-e.lastCluster()]
	case "delete", "ctrl+d":
		e.after = e.after[e.firstCluster():]
	case "ctrl+w", "alt+backspace":
		e.before = e.before[:len(e.before)-e.lastWord()]
	case "ctrl+u":
		e.before = ""
	case "ctrl+k":
		e.after = ""
	case "alt+enter", "shift+enter", "ctrl+j":
		e.insert("\n")
	default:
		if k.Text == "" {
			return false
		}
		e.insert(k.Text)
	}
	return true
}

func (e *editor) left(n int) {
	at := len(e.before) - n
	e.before, e.after = e.before[:at], e.before[at:]+e.after
}

func (e *editor) right(n int) {
	e.before, e.after = e.before+e.after[:n], e.after[n:]
}

func (e *editor) firstCluster() int {
	cluster, _ := ansi.FirstGraphemeCluster(e.after, ansi.GraphemeWidth)
	return len(cluster)
}

func (e *editor) lastCluster() (n int) {
	for rest := e.before; rest != ""; rest = rest[n:] {
		cluster, _ := ansi.FirstGraphemeCluster(rest, ansi.GraphemeWidth)
		n = len(cluster)
	}
	return n
}

func (e *editor) firstWord() int {
	rest := strings.TrimLeft(e.after, " \n")
	if i := strings.IndexAny(rest, " \n"); i >= 0 {
		rest = rest[i:]
	} else {
		rest = ""
	}
	return len(e.after) - len(rest)
}

func (e *editor) lastWord() int {
	rest := strings.TrimRight(e.before, " \n")
	return len(e.before) - (strings.LastIndexAny(rest, " \n") + 1)
}

// view gives what of the text fits into a width, with the cursor in it, and the cell that the cursor is on.
func (e *editor) view(width int, method ansi.Method) (text string, cursor int) {
	before, after := strings.ReplaceAll(e.before, "\n", "↵"), strings.ReplaceAll(e.after, "\n", "↵")
	ahead := min(method.StringWidth(after), width/4) // what stays in sight after the cursor
	if room, has := max(0, width-1-ahead), method.StringWidth(before); has > room {
		before = method.TruncateLeft(before, has-room+1, "…")
	}
	cursor = method.StringWidth(before)
	return before + method.Truncate(after, max(0, width-1-cursor), ""), cursor
}
