package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/teahouse-chat/teahouse/channels/redislayer"
)

// reportRows is how many rows of a table are shown.
const reportRows = 50

// A page is a report for people: paragraphs and tables.
type page struct {
	strings.Builder
	hosts []string
}

func (p *page) say(format string, args ...any) {
	p.WriteString(oneLine(fmt.Sprintf(format, args...)) + "\n")
}

// table shows rows under a header, with an empty line before. The first columns are flush left, as many as left says, the others flush right. Without rows there
// is no table.
func (p *page) table(left int, header []string, rows [][]string) {
	if len(rows) == 0 {
		return
	}
	more := len(rows) - reportRows
	rows = append([][]string{header}, rows[:min(len(rows), reportRows)]...)
	widths := make([]int, len(header))
	for _, row := range rows {
		for i := range row {
			row[i] = oneLine(row[i])
			widths[i] = max(widths[i], utf8.RuneCountInString(row[i]))
		}
	}
	p.WriteString("\n")
	for _, row := range rows {
		line := ""
		for i, cell := range row {
			pad := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell))
			if i >= left {
				cell, pad = pad+cell, ""
			}
			line += cell + pad + "  "
		}
		p.WriteString(strings.TrimRight(line, " ") + "\n")
	}
	if more > 0 {
		p.say("… and %d more: --json shows all", more)
	}
}

// host is a column for the index of a host, when there are several.
func (p *page) host(cells []string, host any) []string {
	if len(p.hosts) > 1 {
		cells = append(cells, fmt.Sprint(host))
	}
	return cells
}

// coreText shows what stands out first: groups with deaf members, processes that look dead.
func coreText(r *redislayer.CoreReport) string {
	p := &page{hosts: r.Hosts}
	p.say("core layer %q on %s", r.Prefix, strings.Join(r.Hosts, ", "))
	if len(r.Groups)+len(r.Processes)+len(r.Channels)+len(r.Leftovers) == 0 {
		p.say("It has nothing there: no group has a member, no message waits.")
	}
	p.groups(r)
	for _, g := range r.Groups {
		p.members(r, g)
	}
	p.processes(r)
	p.queues(r, "OPEN CHANNEL", r.Channels)
	p.queues(r, "TAKEN, NEVER DONE", r.Leftovers)
	if r.OtherKeys > 0 {
		p.WriteString("\n")
		p.say("Other keys that begin with %q: %d", r.Prefix, r.OtherKeys)
	}
	return p.String()
}

func (p *page) groups(r *redislayer.CoreReport) {
	groups := slices.SortedStableFunc(slices.Values(r.Groups), func(a, b redislayer.GroupReport) int {
		return cmp.Or(cmp.Compare(b.Deaf, a.Deaf), cmp.Compare(b.Members, a.Members))
	})
	var rows [][]string
	for _, g := range groups {
		rows = append(rows, p.host([]string{
			g.Group, fmt.Sprint(g.Members), count(g.Deaf), count(g.Stale), fmt.Sprint(len(g.ByOwner)), span(r.Time, g.Expires),
		}, g.Host))
	}
	p.table(1, p.host([]string{"GROUP", "MEMBERS", "DEAF", "STALE", "PROCESSES", "ENDS IN"}, "HOST"), rows)
}

// members shows the members of a group that was asked for.
func (p *page) members(r *redislayer.CoreReport, g redislayer.GroupReport) {
	var rows [][]string
	for _, m := range g.Channels {
		age := span(m.Joined, r.Time)
		rows = append(rows, []string{m.Channel, age[:strings.IndexAny(age, "dhms-")+1]}) // of two units, one fits into 80 columns
	}
	p.table(1, []string{"MEMBER", "AGE"}, rows)
}

func (p *page) processes(r *redislayer.CoreReport) {
	order := []redislayer.ProcessState{redislayer.LooksDead, redislayer.Behind, redislayer.Alive, redislayer.Quiet}
	processes := slices.SortedStableFunc(slices.Values(r.Processes), func(a, b redislayer.ProcessReport) int {
		return cmp.Or(cmp.Compare(slices.Index(order, a.State), slices.Index(order, b.State)), cmp.Compare(b.Members, a.Members))
	})
	var rows [][]string
	for _, each := range processes {
		name, state, members, why := brief(each.Process), string(each.State), count(each.Members), each.Why
		if len(each.Queues) == 0 {
			rows = append(rows, p.host([]string{name, state, why, members, "-", "-"}, "-"))
		}
		for _, q := range each.Queues {
			of := why
			if q.Misplaced {
				of = "never read on this host"
			} else {
				why = ""
			}
			rows = append(rows, p.host([]string{name, state, of, members, depth(q), span(q.Oldest, r.Time)}, q.Host))
			name, state, members = "", "", ""
		}
	}
	p.table(3, p.host([]string{"PROCESS", "STATE", "WHY", "MEMBERS", "QUEUE", "OLDEST"}, "HOST"), rows)
}

func (p *page) queues(r *redislayer.CoreReport, title string, queues []redislayer.QueueReport) {
	var rows [][]string
	for _, q := range queues {
		rows = append(rows, p.host([]string{q.Channel, depth(q), span(q.Oldest, r.Time)}, q.Host))
	}
	p.table(1, p.host([]string{title, "QUEUE", "OLDEST"}, "HOST"), rows)
}

func pubSubText(r *redislayer.PubSubReport) string {
	p := &page{hosts: r.Hosts}
	p.say("pub/sub layer %q on %s", r.Prefix, strings.Join(r.Hosts, ", "))
	p.subscriptions("GROUP", r.Groups)
	p.subscriptions("CHANNEL", r.Channels)
	if len(r.Groups)+len(r.Channels) == 0 {
		p.say("Nobody listens to it.")
	}
	return p.String()
}

func (p *page) subscriptions(title string, subscriptions []redislayer.Subscription) {
	var rows [][]string
	for _, s := range subscriptions {
		rows = append(rows, p.host([]string{s.Name, fmt.Sprint(s.Subscribers)}, s.Host))
	}
	p.table(1, p.host([]string{title, "PROCESSES"}, "HOST"), rows)
}

// brief is the beginning of a process's name, enough to find it by.
func brief(process string) string {
	if len(process) > 13 {
		return process[:12] + "…"
	}
	return process
}

func depth(q redislayer.QueueReport) string {
	if q.Capacity == 0 {
		return fmt.Sprint(q.Messages)
	}
	return fmt.Sprintf("%d/%d", q.Messages, q.Capacity)
}

// count is a number that is best seen when it isn't 0.
func count(n int) string {
	if n == 0 {
		return "-"
	}
	return fmt.Sprint(n)
}

// span is the time from one moment to another in at most two units, - when one of them isn't known.
func span(from, to time.Time) string {
	d := to.Sub(from).Round(time.Second)
	days, hours, minutes, seconds := d/(24*time.Hour), d/time.Hour%24, d/time.Minute%60, d/time.Second%60
	switch {
	case from.IsZero() || to.IsZero():
		return "-"
	case d <= 0:
		return "0s"
	case days > 0:
		return fmt.Sprintf("%dd%02dh", days, hours)
	case hours > 0:
		return fmt.Sprintf("%dh%02dm", hours, minutes)
	case minutes > 0:
		return fmt.Sprintf("%dm%02ds", minutes, seconds)
	}
	return fmt.Sprintf("%ds", seconds)
}
