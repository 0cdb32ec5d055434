package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestWrongUsageExitsWith2AndOneLineThatSaysWhatToDo(t *testing.T) {
	for _, c := range []struct{ args, want string }{
		{"brew", "teahouse --help"},
		{"chta x", "did you mean teahouse chat?"},
		{"--adr :1", "see teahouse --help"},
		{"serve extra", "too many arguments"},
		{"serve --limits maybe", "use on or off"},
		{"--cert a.pem", "--cert and --key go together"},
		{"--drain soon", "see teahouse --help"},
		{"--base-path /a//b", "like /chat"},
		{"--public-url example.com", "https://chat.example.com"},
		{"--allow-origin example.com", "https://example.com"},
		{"--trusted-proxy 10.0.0", "10.0.0.0/8"},
		{"send", "use it as teahouse send"},
		{"send http://localhost:8000/ hi", "http://localhost:8000/room/lobby/"},
		{"tail ftp://x/room/1/", "http://localhost:8000/room/lobby/"},
		{"tail --after -1 http://localhost:1/room/1/", "0 or more"},
		{"chat", "use it as teahouse chat"},
		{"echo", "teahouse echo serve"},
		{"echo shout", "teahouse echo serve"},
		{"echo connect ftp://x", "ws://localhost:8765"},
		{"echo serve --max-message 0", "1 or more"},
	} {
		cmd := teahouse(t, strings.Fields(c.args)...)
		code := cmd.code(t)
		if said := cmd.err.String(); code != 2 || strings.Count(said, "\n") != 1 || !strings.HasPrefix(said, "teahouse: ") ||
			!strings.Contains(said, c.want) || cmd.out.Len() > 0 {
			t.Errorf("%s: exit %d, %q; want 2 and %q", c.args, code, said, c.want)
		}
	}
}

func TestFailureExitsWith1AndOneLineThatSaysWhatToDo(t *testing.T) {
	listener, err := net.Listen("tcp", "localhost:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := "http://" + listener.Addr().String() + "/room/123/"
	_ = listener.Close()
	_, room := startServer(t)
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"tail", nobody}, "start one with: teahouse"},
		{[]string{"chat", nobody}, "start one with: teahouse"},
		{[]string{"send", nobody, "hi"}, "start one with: teahouse"},
		{[]string{"echo", "connect", nobody}, "start one with: teahouse echo serve"},
		{[]string{"send", room, strings.Repeat("x", 5000)}, "The text is bad."},
		{[]string{"send", room}, "standard input is empty"},
		{[]string{"tail", strings.Replace(room, "http:", "https:", 1)}, "http://"},
	} {
		cmd := teahouse(t, c.args...)
		code := cmd.code(t)
		if said := cmd.err.String(); code != 1 || strings.Count(said, "\n") != 1 || !strings.Contains(said, c.want) {
			t.Errorf("%.40s: exit %d, %q; want 1 and %q", c.args, code, said, c.want)
		}
	}
}

func TestEveryFlagHasAnEnvironmentVariableAndTheFlagWins(t *testing.T) {
	f, room := startServer(t)
	cmd := teahouse(t, "send", room, "one")
	cmd.Env = append(cmd.Env, "TEAHOUSE_NAME=ann", "TEAHOUSE_ID=c-1")
	if code := cmd.code(t); code != 0 || f.posted("ann", "c-1") != 1 {
		t.Errorf("environment: exit %d, %s, %d events", code, cmd.err.String(), f.head())
	}
	cmd = teahouse(t, "send", "--name", "bob", room, "two")
	cmd.Env = append(cmd.Env, "TEAHOUSE_NAME=ann", "TEAHOUSE_ID=c-2")
	if code := cmd.code(t); code != 0 || f.posted("bob", "c-2") != 2 {
		t.Errorf("flag: exit %d, %s, %d events", code, cmd.err.String(), f.head())
	}
	cmd = teahouse(t)
	cmd.Env = append(cmd.Env, "TEAHOUSE_DRAIN=soon")
	if code := cmd.code(t); code != 2 || !strings.Contains(cmd.err.String(), "TEAHOUSE_DRAIN=soon") {
		t.Errorf("bad value: exit %d, %s", code, cmd.err.String())
	}
}

func TestSendPostsTheArgumentOrStandardInput(t *testing.T) {
	f, room := startServer(t)
	f.refuseNext(2)
	cmd := teahouse(t, "send", "--name", "ann", "--json", "--id", "c-7", room, "茶?")
	if code := cmd.code(t); code != 0 {
		t.Fatalf("exit %d, %s", code, cmd.err.String())
	}
	var event struct {
		Offset   int
		Text, ID string
	}
	if err := json.Unmarshal(cmd.out.Bytes(), &event); err != nil || event.Offset != 1 || event.Text != "茶?" || event.ID != "c-7" {
		t.Errorf("got %s, %v", cmd.out.String(), err)
	}
	cmd = teahouse(t, "send", room)
	cmd.Stdin = strings.NewReader("two\nlines\n")
	if code := cmd.code(t); code != 0 || cmd.out.Len() > 0 || !strings.Contains(string(f.event(2)), `"text":"two\nlines"`) {
		t.Errorf("exit %d, %s, %s", code, cmd.err.String(), f.event(2))
	}
}

// following starts a command and returns the lines of its standard output.
func following(t *testing.T, cmd *command) *bufio.Scanner {
	t.Helper()
	cmd.Stdout = nil
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return bufio.NewScanner(out)
}

func TestTailPrintsEveryMessageOnceAcrossBreaks(t *testing.T) {
	f, room := startServer(t)
	for i := range 5 {
		f.append("ann", "", fmt.Sprint("m", i))
	}
	cmd := teahouse(t, "tail", "--after", "2", "--json", room)
	lines := following(t, cmd)
	for i := 2; i < 20; i++ {
		if i >= 4 {
			f.append("ann", "", fmt.Sprint("m", i+1))
		}
		if i%4 == 0 {
			f.dropAll()
		}
		if !lines.Scan() || lines.Text() != string(f.event(i+1)) {
			t.Fatalf("event %d: got %s, want %s; %s", i+1, lines.Text(), f.event(i+1), cmd.err.String())
		}
	}
	_ = cmd.Process.Signal(syscall.SIGTERM)
	if code := cmd.code(t); code != 0 {
		t.Errorf("exit %d, %s; want 0", code, cmd.err.String())
	}
}

func TestTailForPeopleIsHarmlessToTheirTerminal(t *testing.T) {
	f, room := startServer(t)
	f.append("a\x1b]0;owned\x07nn", "", "hi \x1b[31mred\u009b2J\r\n12:00 bob: no\u202eevil")
	cmd := teahouse(t, "tail", "--after", "0", room)
	lines := following(t, cmd)
	want := []string{"a␛]0;owned␇nn: hi ␛[31mred\ufffd2J", "      12:00 bob: noevil"}
	for i, want := range want {
		if !lines.Scan() {
			t.Fatalf("no line %d: %s", i, cmd.err.String())
		}
		if got := lines.Text(); i == 0 && got[5:] != " "+want || i == 1 && got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	_ = cmd.Process.Signal(os.Interrupt)
	if code := cmd.code(t); code != 0 {
		t.Errorf("exit %d; want 0", code)
	}
}

func TestTailEndsQuietlyWhenItsReaderHasEnough(t *testing.T) {
	f, room := startServer(t)
	f.append("ann", "", "one")
	cmd := teahouse(t, "tail", "--after", "0", room)
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdout = w
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	_ = w.Close()
	_, _ = bufio.NewReader(r).ReadString('\n')
	_ = r.Close()
	f.append("ann", "", "two")
	if code := cmd.code(t); code != 0 || cmd.err.Len() > 0 {
		t.Errorf("exit %d, %q; want 0 and silence", code, cmd.err.String())
	}
}

func TestChatOnAPipePostsEachLineAndLeavesWhenAllIsPosted(t *testing.T) {
	f, room := startServer(t)
	for i := range 25 {
		f.append("bob", "", fmt.Sprint("old ", i))
	}
	cmd := teahouse(t, "chat", "--name", "ann", room)
	var in strings.Builder
	for i := range 200 {
		fmt.Fprintf(&in, "line %d\n\n", i)
	}
	in.WriteString("the last without an end")
	cmd.Stdin = strings.NewReader(in.String())
	go func() {
		for range 10 {
			time.Sleep(5 * time.Millisecond) // real time: this is another process
			f.dropAll()
		}
	}()
	if code := cmd.code(t); code != 0 {
		t.Fatalf("exit %d, %s", code, cmd.err.String())
	}
	lines := strings.Split(strings.TrimSpace(cmd.out.String()), "\n")
	if len(lines) != 20+201 || f.head() != 25+201 {
		t.Fatalf("%d lines, %d events; want 221 and 226", len(lines), f.head())
	}
	if !strings.HasSuffix(lines[0], " bob: old 5") || !strings.HasSuffix(lines[220], " ann: the last without an end") {
		t.Errorf("got %q … %q", lines[0], lines[220])
	}
	for i, line := range lines[20:220] {
		if !strings.HasSuffix(line, fmt.Sprint(" ann: line ", i)) {
			t.Errorf("line %d: got %q", i, line)
		}
	}
}

func TestChatOnAPipeFailsWhenALineWasRefused(t *testing.T) {
	f, room := startServer(t)
	cmd := teahouse(t, "chat", room)
	cmd.Stdin = strings.NewReader(strings.Repeat("x", 5000) + "\nok\n")
	if code := cmd.code(t); code != 1 || !strings.Contains(cmd.err.String(), "too long") || f.head() != 1 {
		t.Errorf("exit %d, %q, %d events; want 1 and one event", code, cmd.err.String(), f.head())
	}
}

func TestEchoServeAnswersEchoConnect(t *testing.T) {
	for raw, prefix := range map[string]string{"--raw=false": "Server received: ", "--raw": ""} {
		server := teahouse(t, "echo", "serve", "--addr", "localhost:0", raw, "--deflate", "--max-message", "100000")
		ready := following(t, server)
		if !ready.Scan() {
			t.Fatalf("not ready: %s", server.err.String())
		}
		cmd := teahouse(t, "echo", "connect", ready.Text())
		long := strings.Repeat("茶", 30000)
		cmd.Stdin = strings.NewReader("hello\n\n" + long + "\nbye")
		want := prefix + "hello\n" + prefix + "\n" + prefix + long + "\n" + prefix + "bye\n"
		if code := cmd.code(t); code != 0 || cmd.out.String() != want {
			t.Errorf("exit %d, %d bytes, %s; want %d", code, cmd.out.Len(), cmd.err.String(), len(want))
		}
		_ = server.Process.Signal(syscall.SIGTERM)
		if code := server.code(t); code != 0 {
			t.Errorf("server: exit %d, %s", code, server.err.String())
		}
	}
}

func TestVersionSaysWhatThisIs(t *testing.T) {
	cmd := teahouse(t, "version")
	if code := cmd.code(t); code != 0 || !strings.HasPrefix(cmd.out.String(), "teahouse ") {
		t.Errorf("exit %d, %q", code, cmd.out.String())
	}
	cmd = teahouse(t, "version", "--json")
	var v struct{ Version, Go, Platform string }
	if code := cmd.code(t); code != 0 || json.Unmarshal(cmd.out.Bytes(), &v) != nil || v.Go == "" || v.Platform == "" {
		t.Errorf("exit %d, %q", code, cmd.out.String())
	}
}
