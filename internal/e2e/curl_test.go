//go:build linux

package e2e

import (
	"bufio"
	"encoding/json"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/teahouse-chat/teahouse/client"
)

// curl runs curl to its end; -sS makes it say what is wrong and nothing else.
func curl(t *testing.T, args ...string) (stdout string, code int) {
	t.Helper()
	cmd := curlCommand(t, args...)
	out, errs, code := runCommand(t, cmd, "")
	if errs != "" {
		t.Logf("curl: %s", errs)
	}
	return out, code
}

func curlCommand(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	exe, err := exec.LookPath("curl")
	if err != nil {
		t.Skip("no curl: apt-get install curl")
	}
	return exec.CommandContext(t.Context(), exe, append([]string{"-sS", "--noproxy", "*", "--max-time", "30"}, args...)...)
}

func decode[T any](t *testing.T, text string) (v T) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	return v
}

func TestCurlPostsAndPolls(t *testing.T) {
	s := start(t)
	// As one types it: no header, no scheme.
	bare := strings.TrimPrefix(s.url("/room/123/"), "http://")
	out, code := curl(t, "-d", "hi", bare+"messages?name=ann", "-w", " %{http_code}")
	if code != 0 || !strings.HasSuffix(out, " 201") {
		t.Fatalf("curl -d hi: exit code %d, %q", code, out)
	}
	e := decode[client.Event](t, strings.TrimSuffix(out, " 201"))
	if e.Offset != 1 || e.Text != "hi" || e.Author != (client.Author{ID: "n-ann", Name: "ann"}) || e.Type != client.MessagePosted || time.Since(e.Time) > time.Minute {
		t.Errorf("posted %+v", e)
	}

	// JSON, twice with one id, and once with another text.
	post := func(text string) string {
		t.Helper()
		out, code := curl(t, "--json", `{"id":"c-1","text":"`+text+`"}`, bare+"messages?name=ann", "-w", " %{http_code} %{content_type}")
		if code != 0 {
			t.Fatalf("exit code %d", code)
		}
		return out
	}
	first, again, other := post("一"), post("一"), post("二")
	if !strings.HasSuffix(first, " 201 application/json") || strings.TrimSuffix(first, " 201 application/json") != strings.TrimSuffix(again, " 200 application/json") {
		t.Errorf("post: %q, again: %q", first, again)
	}
	if !strings.HasSuffix(other, " 409 application/problem+json") || !strings.Contains(other, `"code":"id_conflict"`) {
		t.Errorf("other text: %q", other)
	}

	out, code = curl(t, bare+"events?after=0")
	page := decode[client.Page](t, out)
	if code != 0 || page.Room != "123" || page.Head != 2 || page.Floor != 1 || len(page.Events) != 2 || page.Events[1].Text != "一" {
		t.Errorf("poll: exit code %d, %s", code, out)
	}
	if out, code = curl(t, "-f", bare+"events?after=7"); code != 22 {
		t.Errorf("a cursor past the head, with -f: exit code %d, %s", code, out)
	}
	out, _ = curl(t, bare+"events?after=7", "-w", "%{http_code}")
	if !strings.HasSuffix(out, "410") || !strings.Contains(out, `"code":"reset"`) || !strings.Contains(out, `"head":2`) {
		t.Errorf("a cursor past the head: %s", out)
	}
	if out, _ = curl(t, "-L", "-o", "/dev/null", "-w", "%{http_code} %{url_effective}", strings.TrimSuffix(bare, "/")); out != "200 "+s.url("/room/123/") {
		t.Errorf("the page without its last slash: %q", out)
	}
}

func TestCurlLongPollIsAnsweredAtOnce(t *testing.T) {
	s := start(t)
	s.post("123", "ann", "before")
	cmd := curlCommand(t, s.url("/room/123/events?after=1&wait=20"))
	var out buffer
	cmd.Stdout = &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	eventually(t, 10*time.Second, "the long-poll is held", func() bool { return s.metric("teahouse_web_followers") == 1 })
	posted := time.Now()
	s.post("123", "ann", "now")
	if err := cmd.Wait(); err != nil {
		t.Fatalf("curl: %v", err)
	}
	if took := time.Since(posted); took > 3*time.Second {
		t.Errorf("answered %v after the post", took)
	}
	page := decode[client.Page](t, out.String())
	if len(page.Events) != 1 || page.Events[0].Text != "now" || page.Head != 2 {
		t.Errorf("answer: %s", out.String())
	}

	// Nothing comes: an empty page when the time is up.
	began := time.Now()
	empty, code := curl(t, s.url("/room/123/events?after=2&wait=1"))
	if page := decode[client.Page](t, empty); code != 0 || len(page.Events) != 0 || !strings.Contains(empty, `"events":[]`) {
		t.Errorf("exit code %d, %s", code, empty)
	}
	if took := time.Since(began); took < time.Second {
		t.Errorf("an empty answer came after %v, want 1 s", took)
	}
}

func TestCurlReadsAStream(t *testing.T) {
	s := start(t)
	s.post("123", "ann", "kept")
	cmd := curlCommand(t, "-N", "-H", "Accept: text/event-stream", s.url("/room/123/events?after=0"))
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	next := func() (id string, e client.Event) {
		t.Helper()
		for lines.Scan() {
			line := lines.Text()
			if v, ok := strings.CutPrefix(line, "id: "); ok {
				id = v
			}
			if v, ok := strings.CutPrefix(line, "data: "); ok {
				return id, decode[client.Event](t, v)
			}
			if strings.HasPrefix(line, "event:") {
				t.Fatalf("an event field: %q", line)
			}
		}
		t.Fatalf("the stream ended: %v", lines.Err())
		return "", e
	}
	if id, e := next(); e.Text != "kept" || !strings.HasSuffix(id, ":1") {
		t.Errorf("%s: %+v", id, e)
	}
	s.post("123", "ann", "live\nin two lines")
	id, e := next()
	if e.Text != "live\nin two lines" || !strings.HasSuffix(id, ":2") {
		t.Errorf("%s: %+v", id, e)
	}
	s.stop(20 * time.Second)
	for lines.Scan() {
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("after a shutdown in good form curl says: %v", err)
	}
	s.start()
	again, _ := curl(t, "-N", "--max-time", "1", "-H", "Accept: text/event-stream", "-H", "Last-Event-ID: "+strings.TrimSuffix(id, "2")+"1", s.url("/room/123/events?after=0"))
	if strings.Contains(again, "kept") || !strings.Contains(again, "live") {
		t.Errorf("from Last-Event-ID 1 on: %q", again)
	}
}
