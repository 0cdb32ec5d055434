package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/teahouse-chat/teahouse/channels"
	"github.com/teahouse-chat/teahouse/channels/redislayer"
	"github.com/teahouse-chat/teahouse/internal/redistest"
)

func TestWrongUsageOfLayerExitsWith2AndOneLineThatSaysWhatToDo(t *testing.T) {
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{}, "teahouse layer send, listen or inspect"},
		{[]string{"shout"}, "teahouse layer send, listen or inspect"},
		{[]string{"send"}, "use it as teahouse layer send"},
		{[]string{"send", "no group", "{}"}, "ASCII letters"},
		{[]string{"send", "g", "hello"}, `{"type": "chat.message", "text": "hi"}`},
		{[]string{"send", "g", `{"text": "hi"}`}, `no "type"`},
		{[]string{"send", "g", `{"type": "t"} {}`}, "something follows"},
		{[]string{"send", "g", `{"type": "t", "n": 18446744073709551616}`}, "64 bits"},
		{[]string{"send", "g", `{"type": "t", "n": 1e999}`}, "too large"},
		{[]string{"send", "g", `{"type": "t", "b": {"$bytes": "xy"}}`}, "$bytes"},
		{[]string{"send", "g", `{"type": "t", "b": [{"$float": "one"}]}`}, "nan, inf or -inf"},
		{[]string{"send", "g", `{"type": "t", "__asgi_channel__": "c"}`}, "__asgi_channel__"},
		{[]string{"send", "--channel", "a!b!c", `{"type": "t"}`}, "channel"},
		{[]string{"send", "--layer", "ring", "g", `{"type": "t"}`}, "use core or pubsub"},
		{[]string{"listen"}, "use it as teahouse layer listen"},
		{[]string{"listen", "房间"}, "ASCII letters"},
		{[]string{"listen", "-n", "0", "g"}, "1 or more"},
		{[]string{"listen", "--serializer", "xml", "g"}, "use msgpack or json"},
		{[]string{"listen", "--capacity", "0", "g"}, "1 or more"},
		{[]string{"listen", "--expiry", "1500ms", "g"}, "whole seconds"},
		{[]string{"listen", "--master", "m", "g"}, "go together"},
		{[]string{"listen", "--sentinel", "localhost:1", "g"}, "go together"},
		{[]string{"listen", "--sentinel", "localhost", "--master", "m", "g"}, "host:port"},
		{[]string{"listen", "--redis", "http://:s3cret@localhost", "g"}, "redis"},
		{[]string{"listen", "--redis", "redis://:s3cret@localhost:x", "g"}, "redis://user:password@host:port"},
		{[]string{"listen", "--redis", `redis://:s3cret"@`, "--redis", "redis://b", "--sentinel", "a:1", "--master", "m", "g"}, "at most one --redis"},
		{[]string{"listen", "--key", "", "g"}, "see teahouse layer listen --help"},
		{[]string{"inspect", "a", "b"}, "too many arguments"},
		{[]string{"inspect", "--dead-after", "0s"}, "10s"},
	} {
		cmd := teahouse(t, append([]string{"layer"}, c.args...)...)
		code := cmd.code(t)
		if said := cmd.err.String(); code != 2 || strings.Count(said, "\n") != 1 || !strings.HasPrefix(said, "teahouse: ") ||
			!strings.Contains(said, c.want) || strings.Contains(said, "s3cret") || cmd.out.Len() > 0 {
			t.Errorf("%s: exit %d, %q; want 2 and %q", c.args, code, said, c.want)
		}
	}
}

func TestLayerSaysInOneLineWhyRedisCannotBeUsed(t *testing.T) {
	away, locked := redistest.Start(t), redistest.Start(t, "--requirepass", "right")
	away.Stop()
	for _, sub := range [][]string{{"send", "g", `{"type": "t"}`}, {"listen", "g"}, {"inspect"}, {"inspect", "--layer", "pubsub"}} {
		for redis, want := range map[string]string{
			"redis://ann:s3cret@" + away.Addr():   "is Redis running there? say where it is with --redis URL",
			"redis://ann:s3cret@" + locked.Addr(): "put user and password into the URL",
			"redis://" + locked.Addr():            "put user and password into the URL",
		} {
			cmd := teahouse(t, append([]string{"layer"}, sub...)...)
			cmd.Env = append(cmd.Env, "TEAHOUSE_REDIS="+redis)
			code := cmd.code(t)
			if said := cmd.err.String(); code != 1 || strings.Count(said, "\n") != 1 || !strings.Contains(said, want) || strings.Contains(said, "s3cret") {
				t.Errorf("%s of %s: exit %d, %q; want 1 and %q", sub, redis, code, said, want)
			}
		}
	}
}

func TestLayerNeverPrintsWhatMayBeAPassword(t *testing.T) {
	for _, variable := range []string{`TEAHOUSE_REDIS=redis://:s3cret"@localhost:1`, "TEAHOUSE_REDIS=s3cret@localhost", "TEAHOUSE_REDIS=s3cret://localhost,,"} {
		cmd := teahouse(t, "layer", "inspect")
		cmd.Env = append(cmd.Env, variable)
		if code := cmd.code(t); code != 2 || strings.Contains(cmd.err.String(), `"@`) || strings.Contains(cmd.err.String(), "@localhost") {
			t.Errorf("%s: exit %d, %s", variable, code, cmd.err.String())
		}
	}
	cmd := teahouse(t, "layer", "inspect", "--help")
	cmd.Env = append(cmd.Env, "TEAHOUSE_KEY=s3cret")
	if code := cmd.code(t); code != 0 || strings.Contains(cmd.out.String(), "s3cret") {
		t.Errorf("help: exit %d, %s", code, cmd.out.String())
	}
}

// listening starts layer listen with these arguments, of which the last is the group, and waits until it has joined. What it prints is in out once it has ended.
func listening(t *testing.T, args ...string) *command {
	t.Helper()
	cmd := teahouse(t, append([]string{"layer", "listen"}, args...)...)
	cmd.Stderr = nil
	said, err := cmd.StderrPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	want := "listening on " + args[len(args)-1] + "\n"
	got := make([]byte, len(want))
	if n, _ := said.Read(got); string(got[:n]) != want {
		rest := make([]byte, 1000)
		m, _ := said.Read(rest)
		t.Fatalf("it said %s%s; want %s", got[:n], rest[:m], want)
	}
	return cmd
}

func TestLayerListenPrintsWhatLayerSendSends(t *testing.T) {
	one, two := redistest.Start(t), redistest.Start(t)
	sentinel := redistest.StartSentinel(t, "tea", one)
	const sent = `{"b":{"$bytes":"00ff"},"big":18446744073709551615,"f":1.0,"i":-3,"l":[null,true,{"$float":"-inf"},1e+300],"s":"茶<\u009b>","type":"t"}`
	for _, c := range []struct {
		name, key, message string
		flags              []string
	}{
		{"core", "", sent, []string{"--redis", one.URL()}},
		{"pubsub", "", sent, []string{"--layer", "pubsub", "--redis", one.URL()}},
		{"two hosts", "", sent, []string{"--redis", one.URL(), "--redis", two.URL()}},
		{"two hosts in the way of the environment", "", sent, []string{"--redis", one.URL() + "," + two.URL()}},
		{"a prefix", "", sent, []string{"--redis", one.URL(), "--prefix", "other"}},
		{"Sentinel", "", sent, []string{"--sentinel", sentinel.Addr(), "--master", "tea"}},
		{"encrypted", "first\nsecond\n", sent, []string{"--redis", one.URL()}},
		{"encrypted pubsub", "first", sent, []string{"--layer", "pubsub", "--redis", one.URL()}},
		{"JSON", "first", `{"n":[1,2.5],"type":"t"}`, []string{"--serializer", "json", "--redis", one.URL()}},
	} {
		t.Setenv("TEAHOUSE_KEY", c.key)
		listen := listening(t, append(c.flags, "-n", "2", "room-1")...)
		send := teahouse(t, append(append([]string{"layer", "send"}, c.flags...), "room-1", c.message)...)
		if code := send.code(t); code != 0 || send.err.Len()+send.out.Len() > 0 {
			t.Fatalf("%s: exit %d, %s%s", c.name, code, send.err.String(), send.out.String())
		}
		again := teahouse(t, append(append([]string{"layer", "send"}, c.flags...), "room-1")...)
		again.Stdin = strings.NewReader(c.message + "\n")
		if code := again.code(t); code != 0 {
			t.Fatalf("%s: exit %d, %s", c.name, code, again.err.String())
		}
		if code := listen.code(t); code != 0 || listen.out.String() != c.message+"\n"+c.message+"\n" {
			t.Errorf("%s: exit %d, got %s\nwant twice %s", c.name, code, listen.out.String(), c.message)
		}
	}
	if left := one.Do(t, "KEYS", "*"); len(left.([]any)) > 0 {
		t.Errorf("left in Redis: %v", left)
	}
}

func TestLayerListenLeavesItsGroupsWhenItIsInterrupted(t *testing.T) {
	server := redistest.Start(t)
	cmd := listening(t, "--redis", server.URL(), "g")
	if n := server.Do(t, "ZCARD", "asgi:group:g"); n != int64(1) {
		t.Errorf("%d members, want 1", n)
	}
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if code := cmd.code(t); code != 0 {
		t.Errorf("exit %d, want 0", code)
	}
	if n := server.Do(t, "ZCARD", "asgi:group:g"); n != int64(0) {
		t.Errorf("%d members are left", n)
	}
}

func TestLayerSendToAChannelSaysWhenItIsFull(t *testing.T) {
	server := redistest.Start(t)
	send := func() (int, string) {
		cmd := teahouse(t, "layer", "send", "--redis", server.URL(), "--capacity", "2", "--channel", "thumbnails", `{"type": "generate"}`)
		return cmd.code(t), cmd.err.String()
	}
	for range 2 {
		if code, said := send(); code != 0 {
			t.Fatalf("exit %d, %s", code, said)
		}
	}
	if code, said := send(); code != 1 || !strings.Contains(said, "channel is full") || strings.Count(said, "\n") != 1 {
		t.Errorf("exit %d, %q", code, said)
	}
	if n := server.Do(t, "ZCARD", "asgithumbnails"); n != int64(2) {
		t.Errorf("%d messages, want 2", n)
	}
}

func TestLayerInspectShowsWhatStandsOutFirst(t *testing.T) {
	server := redistest.Start(t)
	inspect := func(args ...string) string {
		t.Helper()
		cmd := teahouse(t, append([]string{"layer", "inspect", "--redis", server.URL(), "--capacity", "2"}, args...)...)
		if code := cmd.code(t); code != 0 || cmd.err.Len() > 0 {
			t.Fatalf("exit %d, %s", code, cmd.err.String())
		}
		return cmd.out.String()
	}
	head := fmt.Sprintf("core layer \"asgi\" on %s\n", server.Addr())
	if got, want := inspect(), head+"It has nothing there: no group has a member, no message waits.\n"; got != want {
		t.Errorf("empty: got %s, want %s", got, want)
	}
	now := time.Now().Unix()
	dead, quiet := strings.Repeat("d", 32), strings.Repeat("a", 32)
	for _, command := range [][]any{
		{"ZADD", "asgi:group:a", now, "specific." + quiet + "!1"},
		{"ZADD", "asgi:group:b", now, "specific." + quiet + "!1", now - 90000, "specific." + dead + "!1", now, "evil\x1b[2J\n"},
		{"ZADD", "asgispecific." + dead + "!", now - 70, "1", now - 50, "2"},
		{"ZADD", "asgithumbnails", now - 4000, "1"},
		{"ZADD", "asgispecific." + dead + "!$inflight", now - 100000, "0"},
		{"SET", "asgi other", "1"},
	} {
		server.Do(t, command...)
	}
	want := head + `
GROUP  MEMBERS  DEAF  STALE  PROCESSES  ENDS IN
b            3     1      1          3        -
a            1     -      -          1        -

PROCESS        STATE       WHY                         MEMBERS  QUEUE  OLDEST
dddddddddddd…  looks dead  its queue is full                 1    2/2   1m1Xs
aaaaaaaaaaaa…  quiet       reads, or was sent nothing        2      -       -

OPEN CHANNEL  QUEUE  OLDEST
thumbnails      1/2   1h06m

TAKEN, NEVER DONE                           QUEUE  OLDEST
specific.dddddddddddddddddddddddddddddddd!      1   1d03h

Other keys that begin with "asgi": 1
`
	if got := strings.NewReplacer("1m10s", "1m1Xs", "1m11s", "1m1Xs", "1m12s", "1m1Xs").Replace(inspect()); got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
	if got := inspect("b"); !strings.Contains(got, "\nevil␛[2J;") || strings.Contains(got, "\x1b") || !strings.Contains(got, "\nMEMBER ") {
		t.Errorf("one group: %s", got)
	}
	var report redislayer.CoreReport
	if err := json.Unmarshal([]byte(inspect("--json")), &report); err != nil || len(report.Groups) != 2 || report.Groups[1].Deaf != 1 {
		t.Errorf("JSON: %v, %+v", err, report)
	}
	if got := inspect("--layer", "pubsub"); !strings.Contains(got, "Nobody listens to it.") {
		t.Errorf("pub/sub: %s", got)
	}
}

func TestLayerInspectOfPubSubCountsProcesses(t *testing.T) {
	server := redistest.Start(t)
	listen := listening(t, "--layer", "pubsub", "--redis", server.URL(), "g")
	cmd := teahouse(t, "layer", "inspect", "--layer", "pubsub", "--redis", server.URL())
	if code := cmd.code(t); code != 0 || !strings.Contains(cmd.out.String(), "\nGROUP  PROCESSES\ng              1\n\nCHANNEL ") {
		t.Errorf("exit %d, %s%s", code, cmd.err.String(), cmd.out.String())
	}
	_ = listen.Process.Signal(os.Interrupt)
	if code := listen.code(t); code != 0 {
		t.Errorf("listen: exit %d", code)
	}
}

func TestAReportShowsAScreenfulOfALongTable(t *testing.T) {
	r := &redislayer.CoreReport{Time: time.Now(), Hosts: []string{"a", "b"}}
	for i := range 60 {
		r.Groups = append(r.Groups, redislayer.GroupReport{Group: fmt.Sprint("g", i), Host: i % 2, Members: i})
	}
	r.Processes = []redislayer.ProcessReport{{
		Process: "p", State: redislayer.Quiet, Why: "because", Queues: []redislayer.QueueReport{{Host: 0, Messages: 1, Capacity: 9}, {Host: 1, Messages: 2, Capacity: 9, Misplaced: true}},
	}}
	text := coreText(r)
	for _, want := range []string{
		"  HOST\ng59         59", "… and 10 more: --json shows all\n",
		"\np        quiet  because                        -    1/9       -     0\n                never read on this host             2/9       -     1\n",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in %s", want, text)
		}
	}
}

func TestProgressIsSaidOnlyWhenItTakesLongerThanASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var said strings.Builder
		p := newProgress(streams{err: &said})
		p.say(1, 2)
		time.Sleep(2 * time.Second)
		p.say(2, 2)
		if p.end(); said.Len() > 0 {
			t.Errorf("not a terminal: %q", said.String())
		}
		p = newProgress(streams{err: &said})
		p.w = &said
		p.say(1, 9)
		time.Sleep(time.Second)
		p.say(2, 9)
		p.say(3, 9)
		time.Sleep(time.Second)
		p.say(4, 9)
		p.end()
		if got, want := said.String(), "\rlooked at 2 of 9 keys\x1b[K\rlooked at 4 of 9 keys\x1b[K\r\x1b[K"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}

func TestAMessageInJSONReadsBackAsItWas(t *testing.T) {
	for _, m := range []channels.Message{
		{"type": "t", "nil": nil, "yes": true, "no": false, "s": "a\"\\\n<&>\u2028茶\x00", "": ""},
		{"type": "t", "ints": []any{int64(0), int64(math.MinInt64), int64(math.MaxInt64), uint64(math.MaxUint64)}},
		{"type": "t", "floats": []any{0.0, 1.0, -2.5, 1e100, 5e-324, math.Inf(1), math.Inf(-1), float64(1 << 53)}},
		{"type": "t", "bytes": []byte{0, 255}, "none": []byte{}, "map": map[string]any{"$bytes": int64(1), "b": map[string]any{}}, "list": []any{}},
	} {
		text := string(appendMessage(nil, m))
		got, err := parseMessage(text)
		if err != nil || !reflect.DeepEqual(got, m) {
			t.Errorf("%s: got %#v, %v", text, got, err)
		}
		if !json.Valid([]byte(text)) || strings.Contains(text, "\n") {
			t.Errorf("not a line of JSON: %s", text)
		}
	}
	nan, err := parseMessage(`{"type":"t","f":{"$float":"nan"}}`)
	if f, ok := nan["f"].(float64); err != nil || !ok || !math.IsNaN(f) || string(appendMessage(nil, nan)) != `{"f":{"$float":"nan"},"type":"t"}` {
		t.Errorf("got %v, %v", nan, err)
	}
	if keys := slices.Sorted(maps.Keys(nan)); len(keys) != 2 {
		t.Errorf("keys: %v", keys)
	}
}

func TestSpanIsShort(t *testing.T) {
	now := time.Now()
	for d, want := range map[time.Duration]string{
		-time.Second: "0s", 0: "0s", 59 * time.Second: "59s", 61 * time.Second: "1m01s", time.Hour: "1h00m", 23*time.Hour + 59*time.Minute: "23h59m", 49 * time.Hour: "2d01h",
	} {
		if got := span(now, now.Add(d)); got != want {
			t.Errorf("%v: got %s, want %s", d, got, want)
		}
	}
	if got := span(time.Time{}, now); got != "-" {
		t.Errorf("unknown: got %s", got)
	}
}
