//go:build linux

package e2e

import (
	"fmt"
	"io"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/teahouse-chat/teahouse/client"
)

// A program is a command of teahouse that runs while the test does something else.
type program struct {
	t        *testing.T
	cmd      *exec.Cmd
	in       io.WriteCloser
	out, err buffer
}

func runBeside(t *testing.T, args ...string) *program {
	t.Helper()
	p := &program{t: t, cmd: exec.Command(binary, args...)}
	p.cmd.Stdout, p.cmd.Stderr = &p.out, &p.err
	var err error
	if p.in, err = p.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if p.cmd.ProcessState == nil {
			_ = p.cmd.Process.Kill()
			_ = p.cmd.Wait()
		}
		if t.Failed() {
			t.Logf("teahouse %s\nstdout: %s\nstderr: %s", strings.Join(args, " "), p.out.String(), p.err.String())
		}
	})
	return p
}

func (p *program) lines() []string {
	s := p.out.String()
	return strings.SplitAfter(s[:strings.LastIndexByte(s, '\n')+1], "\n")
}

func (p *program) write(format string, args ...any) {
	p.t.Helper()
	if _, err := fmt.Fprintf(p.in, format+"\n", args...); err != nil {
		p.t.Fatal(err)
	}
}

// code waits for the end and returns the exit code.
func (p *program) code() int {
	p.t.Helper()
	timer := time.AfterFunc(30*time.Second, func() { _ = p.cmd.Process.Kill() })
	defer timer.Stop()
	_ = p.cmd.Wait() // the code says it all
	return p.cmd.ProcessState.ExitCode()
}

func (p *program) interrupt() {
	p.t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGINT); err != nil {
		p.t.Fatal(err)
	}
}

func TestSendIsIdempotent(t *testing.T) {
	s := start(t)
	url := s.url("/room/123/")
	for range 2 {
		if out, errs, code := run(t, "", "send", "--name", "ann", "--id", "x-1", url, "hello"); code != 0 || out != "" || errs != "" {
			t.Errorf("exit code %d, %q, %q", code, out, errs)
		}
	}
	if _, errs, code := run(t, "from a pipe\n", "send", url); code != 0 {
		t.Errorf("exit code %d, %s", code, errs)
	}
	log := readAll(t, s, "123")
	if len(log) != 2 || log[0].Text != "hello" || log[0].Author.Name != "ann" || log[1].Text != "from a pipe" {
		t.Errorf("the log is %+v", log)
	}
	for _, wrong := range [][]string{{"send", "--name", "ann", "--id", "x-1", url, "other"}, {"send", url, ""}, {"send", s.url("/room/.hidden/"), "x"}} {
		out, errs, code := run(t, "", wrong...)
		if code == 0 || out != "" || strings.Count(errs, "\n") != 1 {
			t.Errorf("%q: exit code %d, %q, %q; want one line and not 0", wrong, code, out, errs)
		}
	}
}

func TestChatOnAPipe(t *testing.T) {
	s := start(t)
	s.post("123", "carol", "before")
	ann := runBeside(t, "chat", "--name", "ann", s.url("/room/123/"))
	eventually(t, 20*time.Second, "ann sees what was", func() bool { return strings.Contains(ann.out.String(), "carol: before\n") })
	ann.write("hello")
	ann.write("second \033[31mline")
	eventually(t, 20*time.Second, "both are posted", func() bool { return strings.Count(ann.out.String(), " ann: ") == 2 })
	s.post("123", "bob", "good\033]0;evil\a evening")
	eventually(t, 20*time.Second, "ann hears bob", func() bool { return strings.Contains(ann.out.String(), "bob: good") })
	if strings.ContainsAny(ann.out.String(), "\033\a") {
		t.Errorf("control characters reach the terminal: %q", ann.out.String())
	}

	// The server goes away, ann goes on writing, and leaves.
	s.kill()
	eventually(t, 20*time.Second, "the break is told", func() bool { return strings.Contains(ann.err.String(), "reconnecting") })
	ann.write("written while away")
	ann.in.Close()
	s.start()
	if code := ann.code(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	log := readAll(t, s, "123")
	if n := len(log); n != 5 || log[4].Text != "written while away" || log[4].Author.ID != log[1].Author.ID {
		t.Errorf("the log is %+v", log)
	}
	if got := strings.Count(ann.out.String(), "\n"); got != 5 {
		t.Errorf("ann saw %d lines, want 5", got)
	}
}

func TestTailResumesOverARestart(t *testing.T) {
	s := start(t)
	for i := range 3 {
		s.post("123", "ann", fmt.Sprintf("message %d", i+1))
	}
	all := runBeside(t, "tail", "--after", "1", "--json", s.url("/room/123/"))
	fresh := runBeside(t, "tail", s.url("/room/123/"))
	eventually(t, 20*time.Second, "tail shows what was", func() bool { return len(all.lines()) > 2 })
	eventually(t, 20*time.Second, "both follow", func() bool { return s.metric("teahouse_web_followers") == 2 })
	n := 3
	for range 3 {
		for range 5 {
			n++
			s.post("123", "ann", fmt.Sprintf("message %d", n))
		}
		s.kill()
		s.start()
		n++
		s.post("123", "ann", fmt.Sprintf("message %d", n)) // while nobody may be there
	}
	eventually(t, 30*time.Second, "tail shows all", func() bool { return strings.Contains(all.out.String(), fmt.Sprintf(`"message %d"`, n)) })
	eventually(t, 30*time.Second, "the other tail shows all", func() bool { return strings.Contains(fresh.out.String(), fmt.Sprintf(": message %d\n", n)) })
	for i, line := range all.lines()[:n-1] {
		if e := decode[client.Event](t, line); e.Offset != int64(i)+2 || e.Text != fmt.Sprintf("message %d", i+2) {
			t.Errorf("line %d is %s", i, line)
		}
	}
	if got := strings.Count(all.out.String(), "\n"); got != n-1 {
		t.Errorf("%d lines from 1 on, want %d", got, n-1)
	}
	if got := strings.Count(fresh.out.String(), "\n"); got != n-3 {
		t.Errorf("%d lines from the head on, want %d", got, n-3)
	}
	for _, p := range []*program{all, fresh} {
		p.interrupt()
		if code := p.code(); code != 0 {
			t.Errorf("interrupted: exit code %d", code)
		}
	}
}

func TestEchoServesAndConnects(t *testing.T) {
	for _, row := range []struct {
		flags []string
		want  string
	}{
		{nil, "Server received: one\nServer received: \nServer received: 茶\n"},
		{[]string{"--raw", "--deflate"}, "one\n\n茶\n"},
	} {
		addr := freeAddr(t)
		server := runBeside(t, append([]string{"echo", "serve", "--addr", addr}, row.flags...)...)
		eventually(t, 20*time.Second, "echo serves", func() bool { return server.out.String() == "ws://"+addr+"\n" })
		out, errs, code := run(t, "one\n\n茶", "echo", "connect", "ws://"+addr)
		if code != 0 || out != row.want || errs != "" {
			t.Errorf("%q: exit code %d, %q, %q", row.flags, code, out, errs)
		}
		server.interrupt()
		if code := server.code(); code != 0 {
			t.Errorf("echo serve ended with %d", code)
		}
	}
	if _, errs, code := run(t, "", "echo", "connect", "ws://"+freeAddr(t)); code != 1 || strings.Count(errs, "\n") != 1 || !strings.Contains(errs, "echo serve") {
		t.Errorf("without a server: exit code %d, %q", code, errs)
	}
}
