package redislayer_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/teahouse-chat/teahouse/channels"
	"github.com/teahouse-chat/teahouse/channels/redislayer"
	"github.com/teahouse-chat/teahouse/internal/redistest"
)

// inspectCore is InspectCore with the defaults but for these.
func inspectCore(t *testing.T, prefix string, look redislayer.InspectOptions, servers ...*redistest.Server) *redislayer.CoreReport {
	t.Helper()
	o := &redislayer.Options{Prefix: prefix, Capacity: 5}
	for _, s := range servers {
		o.Hosts = append(o.Hosts, redislayer.Host{URL: s.URL()})
	}
	r, err := redislayer.InspectCore(t.Context(), o, &look)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// processOf is the report on the process that a channel belongs to.
func processOf(t *testing.T, r *redislayer.CoreReport, channel string) redislayer.ProcessReport {
	t.Helper()
	for _, p := range r.Processes {
		if strings.Contains(channel, p.Process) {
			return p
		}
	}
	t.Fatalf("no process of %s among %v", channel, r.Processes)
	return redislayer.ProcessReport{}
}

func TestInspectTellsWhichProcessesLookDead(t *testing.T) {
	server := redistest.Start(t)
	config := pythonConfig{servers: []*redistest.Server{server}, Layer: "core", Prefix: "asgi", Serializer: "msgpack", Capacity: 5}
	healthy, stopped, killed := startPython(t, config), startPython(t, config), startPython(t, config)
	ours := startGo(t, config, nil)
	names := map[*pythonProcess]string{}
	for _, p := range []*pythonProcess{healthy, stopped, killed} {
		names[p] = p.channel("g")
		p.do("receive", arguments{"channel": names[p], "seconds": 0}) // goes on receiving
	}
	goChannel := member(t, ours, "g")
	if err := killed.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := stopped.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	look := redislayer.InspectOptions{DeadAfter: time.Second}
	send := func() {
		healthy.groupSend("g", channels.Message{"type": "t"})
		healthy.receive(names[healthy])
	}
	send()
	send() // the first was given to the connection of the stopped one, which can't take it
	r := inspectCore(t, "asgi", redislayer.InspectOptions{DeadAfter: time.Minute}, server)
	if p := processOf(t, r, names[killed]); p.State != redislayer.Behind || p.Members != 1 || r.Groups[0].Deaf != 0 {
		t.Errorf("a moment after: %+v", p)
	}
	time.Sleep(1200 * time.Millisecond) // real time: the ages are of messages in Redis
	check := func(why string) {
		t.Helper()
		r := inspectCore(t, "asgi", look, server)
		for _, p := range []*pythonProcess{stopped, killed} {
			if p := processOf(t, r, names[p]); p.State != redislayer.LooksDead || !strings.Contains(p.Why, why) {
				t.Errorf("got %s, because %s; want dead, because %s", p.State, p.Why, why)
			}
		}
		if p := processOf(t, r, names[healthy]); p.State != redislayer.Quiet || len(p.Queues) > 0 {
			t.Errorf("healthy: %+v", p)
		}
		for r, deadline := r, time.Now().Add(interopPatience); ; r = inspectCore(t, "asgi", look, server) { // it may be reading what was just sent
			p := processOf(t, r, goChannel)
			if p.State == redislayer.Alive && p.Members == 1 {
				break
			}
			if time.Now().After(deadline) {
				t.Fatalf("Go: %+v", p)
			}
		}
		if g := r.Groups[0]; g.Members != 4 || len(g.ByOwner) != 4 || g.Deaf != 2 || g.Stale != 0 || time.Until(g.Expires) < 23*time.Hour {
			t.Errorf("group: %+v", g)
		}
	}
	check("a message waits for 1s")
	for range 6 {
		send()
	}
	check("its queue is full")
	if err := stopped.cmd.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	for stopped.do("receive", arguments{"channel": names[stopped], "seconds": 1}) != "null" {
	}
	if p := processOf(t, inspectCore(t, "asgi", look, server), names[stopped]); p.State != redislayer.Quiet {
		t.Errorf("it has gone on, and is still %+v", p)
	}
}

// fill writes what a layer might have: groups, queues, leftovers, and what isn't its own.
func fill(t *testing.T, server *redistest.Server, prefix string) {
	t.Helper()
	now, client := time.Now().Unix(), strings.Repeat("0123456789abcdef", 2)
	for _, command := range [][]any{
		{"ZADD", prefix + ":group:room-1", now, "specific." + client + "!a", now - 90000, "specific." + client + "!b", now, "open", now, "other!c"},
		{"EXPIRE", prefix + ":group:room-1", 86400},
		{"ZADD", prefix + ":group:room-2", now, "specific." + client + "!a"},
		{"ZADD", prefix + "specific." + client + "!", now - 60, "m", now - 30, "n"},
		{"EXPIRE", prefix + "specific." + client + "!", 60},
		{"ZADD", prefix + "other!", now, "m"},
		{"ZADD", prefix + "open", now - 3, "m"},
		{"ZADD", prefix + "dead!$inflight", now - 100, "m"},
		{"SET", prefix + ":alive:gone", "1", "EX", 260},
		{"SET", prefix + "string", "not a queue"},
		{"SET", prefix + ":group:string", "not a group"},
		{"SET", prefix + " no name", "of another program"},
		{"ZADD", "z" + prefix + "open", now, "of another prefix"},
	} {
		server.Do(t, command...)
	}
}

func TestInspectShowsAllThatALayerHas(t *testing.T) {
	server := redistest.Start(t)
	const prefix = `a[s]*g?i\`
	fill(t, server, prefix)
	fill(t, server, "asgi") // which the pattern would match if its signs weren't quoted
	r := inspectCore(t, prefix, redislayer.InspectOptions{}, server)
	client := strings.Repeat("0123456789abcdef", 2)
	if len(r.Groups) != 2 || r.Groups[0].Group != "room-1" || r.Groups[0].Members != 4 || r.Groups[0].Stale != 1 || r.Groups[0].Deaf != 2 ||
		!maps.Equal(r.Groups[0].ByOwner, map[string]int{client: 2, "open": 1, "other": 1}) || r.Groups[0].Channels != nil || !r.Groups[1].Expires.IsZero() {
		t.Errorf("groups: %+v", r.Groups)
	}
	if len(r.Processes) != 3 || r.Processes[0].Process != client || r.Processes[0].State != redislayer.LooksDead || r.Processes[0].Members != 3 {
		t.Errorf("processes: %+v", r.Processes)
	} else if q := r.Processes[0].Queues; len(q) != 1 || q[0].Messages != 2 || q[0].Capacity != 5 || r.Time.Sub(q[0].Oldest).Round(2*time.Second) != time.Minute ||
		q[0].Expires.Sub(r.Time).Round(2*time.Second) != time.Minute {
		t.Errorf("queues: %+v", q)
	}
	if p := r.Processes[1]; p.Process != "gone" || p.State != redislayer.LooksDead || p.Why != "silent for 40s" {
		t.Errorf("gone: %+v", p)
	}
	if p := r.Processes[2]; p.Process != "other" || p.State != redislayer.Behind || p.Members != 1 {
		t.Errorf("other: %+v", p)
	}
	if len(r.Channels) != 1 || r.Channels[0].Channel != "open" || r.Channels[0].Messages != 1 {
		t.Errorf("channels: %+v", r.Channels)
	}
	if len(r.Leftovers) != 1 || r.Leftovers[0].Channel != "dead!" || r.Leftovers[0].Messages != 1 {
		t.Errorf("leftovers: %+v", r.Leftovers)
	}
	if r.OtherKeys != 3 {
		t.Errorf("%d other keys, want 3", r.OtherKeys)
	}
}

func TestInspectOfOneGroupLooksAtNothingElse(t *testing.T) {
	server := redistest.Start(t)
	fill(t, server, "asgi")
	server.Do(t, "CONFIG", "RESETSTAT")
	r := inspectCore(t, "asgi", redislayer.InspectOptions{Group: "room-1"}, server)
	var members []string
	for _, m := range r.Groups[0].Channels {
		members = append(members, m.Channel[max(0, len(m.Channel)-2):])
	}
	if slices.Sort(members); !slices.Equal(members, []string{"!a", "!b", "!c", "en"}) || len(r.Groups) != 1 {
		t.Errorf("groups: %+v", r.Groups)
	}
	if len(r.Processes) != 2 || r.Processes[0].State != redislayer.LooksDead || r.Groups[0].Deaf != 2 || len(r.Channels) != 1 {
		t.Errorf("processes: %+v, channels: %+v", r.Processes, r.Channels)
	}
	if used := commands(t, server); used["scan"] {
		t.Errorf("used %v", used)
	}
	if r := inspectCore(t, "asgi", redislayer.InspectOptions{Group: "nobody"}, server); len(r.Groups)+len(r.Processes) > 0 {
		t.Errorf("an empty group: %+v", r)
	}
}

// commands are those that a server was given since its statistics were reset.
func commands(t *testing.T, server *redistest.Server) map[string]bool {
	t.Helper()
	used := map[string]bool{}
	for line := range strings.Lines(server.Do(t, "INFO", "commandstats").(string)) {
		if name, ok := strings.CutPrefix(line, "cmdstat_"); ok {
			name, _, _ = strings.Cut(name, ":")
			used[name] = true
		}
	}
	return used
}

// dump is all that a server has, with the times when it ends.
func dump(t *testing.T, server *redistest.Server) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, key := range server.Do(t, "KEYS", "*").([]any) {
		all[fmt.Sprint(key)] = fmt.Sprint(server.Do(t, "PEXPIRETIME", key), server.Do(t, "DUMP", key))
	}
	return all
}

func TestInspectOnlyReads(t *testing.T) {
	server := redistest.Start(t)
	fill(t, server, "asgi")
	before := dump(t, server)
	server.Do(t, "CONFIG", "RESETSTAT")
	inspectCore(t, "asgi", redislayer.InspectOptions{}, server)
	inspectCore(t, "asgi", redislayer.InspectOptions{Group: "room-1"}, server)
	o := &redislayer.Options{Hosts: []redislayer.Host{{URL: server.URL()}}}
	if _, err := redislayer.InspectPubSub(t.Context(), o, nil); err != nil {
		t.Fatal(err)
	}
	reads := []string{"scan", "dbsize", "pttl", "zcard", "zrange", "pubsub|channels", "pubsub|numsub", "hello", "config|resetstat", "info", "ping"}
	for name := range commands(t, server) {
		if !slices.Contains(reads, name) {
			t.Errorf("it used %s", name)
		}
	}
	if after := dump(t, server); !maps.Equal(before, after) {
		t.Errorf("got %v\nwant %v", after, before)
	}
}

func TestInspectGoesThroughManyKeysAndSaysHowFarItIs(t *testing.T) {
	servers := []*redistest.Server{redistest.Start(t), redistest.Start(t)}
	const groups, members = 1500, 2500
	for i := range groups {
		servers[i%2].Do(t, "ZADD", fmt.Sprintf("asgi:group:g%d", i), time.Now().Unix(), "a!b")
	}
	large := []any{"ZADD", "asgi:group:large"}
	for i := range members {
		large = append(large, time.Now().Unix(), fmt.Sprintf("process%d!%d", i%3, i))
	}
	servers[0].Do(t, large...)
	var seen, total int64
	r := inspectCore(t, "asgi", redislayer.InspectOptions{Progress: func(s, of int64) {
		if s < seen || s > of {
			t.Errorf("%d of %d after %d", s, of, seen)
		}
		seen, total = s, of
	}}, servers...)
	if seen != groups+1 || total != groups+1 {
		t.Errorf("ended at %d of %d, want %d", seen, total, groups+1)
	}
	i := slices.IndexFunc(r.Groups, func(g redislayer.GroupReport) bool { return g.Group == "large" })
	if len(r.Groups) != groups+1 || len(r.Processes) != 4 || i < 0 || r.Groups[i].Members != members {
		t.Errorf("%d groups, %d processes", len(r.Groups), len(r.Processes))
	}
}

func TestInspectMarksWhatPythonPutsWhereItNeverReads(t *testing.T) {
	servers := []*redistest.Server{redistest.Start(t), redistest.Start(t)}
	config := pythonConfig{servers: servers, Layer: "core", Prefix: "asgi", Serializer: "msgpack", Capacity: 100}
	p := startPython(t, config)
	first := p.channel()
	p.do("receive", arguments{"channel": first, "seconds": 0}) // it reads its one key, on one of the hosts
	for range 20 {
		p.send(p.channel(), channels.Message{"type": "t"})
	}
	for deadline := time.Now().Add(interopPatience); ; time.Sleep(10 * time.Millisecond) {
		r := processOf(t, inspectCore(t, "asgi", redislayer.InspectOptions{DeadAfter: time.Millisecond}, servers...), first)
		if r.State == redislayer.Quiet && len(r.Queues) == 1 && r.Queues[0].Misplaced && r.Queues[0].Messages > 0 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("got %+v", r)
		}
	}
}

func TestInspectPubSubCountsWhoListens(t *testing.T) {
	servers := []*redistest.Server{redistest.Start(t), redistest.Start(t)}
	config := pythonConfig{servers: servers, Layer: "pubsub", Prefix: "asgi", Serializer: "msgpack"}
	p, layer := startPython(t, config), startGo(t, config, nil)
	names := []string{p.channel("g", "python-only"), p.channel("g"), member(t, layer, "g")}
	p.subscribed("asgi__group__g", 2)
	p.subscribed("asgi__group__python-only", 1)
	o := &redislayer.Options{Hosts: []redislayer.Host{{URL: servers[0].URL()}, {URL: servers[1].URL()}}}
	r, err := redislayer.InspectPubSub(t.Context(), o, nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Groups) != 2 || r.Groups[0].Name != "g" || r.Groups[0].Subscribers != 2 || r.Groups[1].Subscribers != 1 {
		t.Errorf("groups: %+v", r.Groups)
	}
	if slices.Sort(names); !slices.EqualFunc(r.Channels, names, func(s redislayer.Subscription, name string) bool {
		return s.Name == name && s.Subscribers == 1
	}) {
		t.Errorf("channels: %+v, want %v", r.Channels, names)
	}
	r, err = redislayer.InspectPubSub(t.Context(), o, &redislayer.InspectOptions{Group: "g"})
	if err != nil || len(r.Groups) != 1 || r.Groups[0].Subscribers != 2 || len(r.Channels) > 0 {
		t.Errorf("of one group: %+v, %v", r, err)
	}
}
