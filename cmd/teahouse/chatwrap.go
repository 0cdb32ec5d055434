package main

import (
	"strings"

	"github.com/charmbracelet/x/ansi"
)

// indent is what the further rows of a message begin with; it is as wide as the time.
const indent = "      "

// wrap breaks a text into rows: the first begins with the prefix, which may be styled, the others with the indent.
func (l look) wrap(prefix, text string, width int) []string {
	var rows []string
	if l.method.StringWidth(prefix) > width*2/3 { // a long name on a small screen
		rows, prefix = []string{l.method.Truncate(prefix, width, "…")}, indent
	}
	for _, line := range strings.Split(text, "\n") {
		broken := l.breakLine(line, width-l.method.StringWidth(prefix), width-len(indent))
		for _, row := range broken {
			rows = append(rows, prefix+row)
			prefix = indent
		}
	}
	return rows
}

// breakLine breaks one line, of text without escape sequences, at spaces and beside wide characters, or anywhere when it must.
func (l look) breakLine(line string, first, others int) (rows []string) {
	var (
		row     string
		width   int
		mayAt   int // where row may be broken; 0 for nowhere
		last    string
		lastTwo bool // last is wide
		limit   = first
	)
	for rest := line; rest != ""; {
		cluster, cells := ansi.FirstGraphemeCluster(rest, l.method)
		rest = rest[len(cluster):]
		if last == " " && cluster != " " || (lastTwo || cells > 1) && !strings.Contains(notFirst, cluster) && !strings.Contains(notLast, last) {
			mayAt = len(row)
		}
		if width+cells > limit && row != "" {
			at := mayAt
			if cluster == " " || at == 0 {
				at = len(row)
			}
			rows = append(rows, strings.TrimRight(row[:at], " "))
			row, mayAt, limit = row[at:], 0, others
			if cluster == " " {
				cluster, cells = "", 0 // the break stands for it
			}
			width = l.method.StringWidth(row)
		}
		row += cluster
		width += cells
		last, lastTwo = cluster, cells > 1
	}
	return append(rows, row)
}

// What a row of Chinese or Japanese doesn't begin with, and doesn't end with.
const (
	notFirst = "，。、；：！？）》〉」』】〕”’…—,.;:!?)"
	notLast  = "（《〈「『【〔“‘("
)
