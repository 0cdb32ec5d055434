//go:build linux

package e2e

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/teahouse-chat/teahouse/internal/redistest"
)

// examples is the module of the programs that are tested here.
const examples = "../../examples"

// A process is one that a test runs beside the server.
type process struct {
	*exec.Cmd
	log buffer
}

// startProcess starts a process that listens on addr, and waits until it does. It is killed with the test.
func startProcess(t *testing.T, addr string, cmd *exec.Cmd) *process {
	t.Helper()
	p := &process{Cmd: cmd}
	cmd.Stdout, cmd.Stderr = &p.log, &p.log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // it may have ended
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("%s said:\n%s", filepath.Base(cmd.Path), p.log.String())
		}
	})
	eventually(t, 30*time.Second, fmt.Sprintf("%s listens on %s", filepath.Base(cmd.Path), addr), func() bool {
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			return false
		}
		return conn.Close() == nil
	})
	return p
}

// A crossing is a Django app under daphne, and a Go server before it. They share rooms through Redis.
type crossing struct {
	django, golang string // host:port
	redis          *redistest.Server
	edge           *process
}

// startCrossing runs the app of examples/djangoedge with one of channels_redis's layers: core or pubsub.
func startCrossing(t *testing.T, layer string) *crossing {
	t.Helper()
	const python = "/usr/bin/python3" // the one that Debian's packages are for, whatever is first in PATH
	if out, err := exec.Command(python, "-c", "import channels_redis, daphne").CombinedOutput(); err != nil {
		t.Fatalf("install python3-channels-redis and python3-daphne (ci/deps does): %v\n%s", err, out)
	}
	c := &crossing{django: freeAddr(t), golang: freeAddr(t), redis: redistest.Start(t)}
	host, port, err := net.SplitHostPort(c.django)
	if err != nil {
		t.Fatal(err)
	}
	daphne := exec.Command(python, "-B", "-m", "daphne", "-b", host, "-p", port, "asgi:application")
	daphne.Dir = filepath.Join(examples, "djangoedge", "django")
	daphne.Env = append(os.Environ(), "LAYER="+layer, "REDIS="+c.redis.URL(), "DATABASE="+filepath.Join(t.TempDir(), "db.sqlite3"))
	startProcess(t, c.django, daphne)

	exe := filepath.Join(t.TempDir(), "djangoedge")
	build := exec.Command("go", "build", "-o", exe, "./djangoedge")
	if raceEnabled {
		build.Args = []string{"go", "build", "-race", "-o", exe, "./djangoedge"}
	}
	build.Dir = examples
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build the edge: %v\n%s", err, out)
	}
	c.edge = startProcess(t, c.golang, exec.Command(exe, "-addr", c.golang, "-django", "http://"+c.django, "-redis", c.redis.URL(),
		fmt.Sprintf("-pubsub=%v", layer == "pubsub")))
	return c
}

// A guest is a socket in a room.
type guest struct {
	t    *testing.T
	conn *websocket.Conn
}

// enter opens a socket in a room.
func enter(t *testing.T, addr, room string) *guest {
	t.Helper()
	var conn *websocket.Conn
	eventually(t, 30*time.Second, addr+" lets in", func() bool {
		var err error
		conn, err = dial(t.Context(), "ws://"+addr+"/room/"+room+"/", "")
		return err == nil
	})
	t.Cleanup(func() { _ = conn.CloseNow() })
	return &guest{t, conn}
}

func (g *guest) say(text string) {
	g.t.Helper()
	if err := g.conn.Write(g.t.Context(), websocket.MessageText, []byte(text)); err != nil {
		g.t.Fatal(err)
	}
}

// hears fails the test unless this is what comes next.
func (g *guest) hears(want string) {
	g.t.Helper()
	ctx, cancel := context.WithTimeout(g.t.Context(), 30*time.Second)
	defer cancel()
	_, got, err := g.conn.Read(ctx)
	if err != nil || string(got) != want {
		g.t.Fatalf("heard %.100q, %v; want %.100q", got, err, want)
	}
}

// onBothLayers runs a test with each layer of channels_redis.
func onBothLayers(t *testing.T, test func(t *testing.T, c *crossing)) {
	for _, layer := range []string{"core", "pubsub"} {
		t.Run(layer, func(t *testing.T) { test(t, startCrossing(t, layer)) })
	}
}

// gathered waits until both sides are in a room, in Redis too: channels_redis's pub/sub layer doesn't wait for its subscriptions.
func (c *crossing) gathered(t *testing.T, room string, members int64) {
	t.Helper()
	eventually(t, 30*time.Second, "both sides are in the room "+room, func() bool {
		subscribers := c.redis.Do(t, "PUBSUB", "NUMSUB", "asgi__group__"+room).([]any)[1]
		return c.redis.Do(t, "ZCARD", "asgi:group:"+room) == members || subscribers == int64(2)
	})
}

func TestSocketsAtGoAndAtDjangoHearEachOther(t *testing.T) {
	onBothLayers(t, func(t *testing.T, c *crossing) {
		guests := []*guest{enter(t, c.golang, "tea"), enter(t, c.django, "tea"), enter(t, c.golang, "tea"), enter(t, c.django, "tea")}
		elsewhere := enter(t, c.golang, "elsewhere")
		c.gathered(t, "tea", 3) // Go is there once, however many are there at it
		for i, text := range []string{"来了呀客官", "hello from Django", "\u0000 é ☕ \"quoted\" <b>", strings.Repeat("茶", 100000)} {
			guests[i].say(text)
			for _, g := range guests {
				g.hears(text)
			}
		}
		for i := range 50 { // what one says stays in order
			guests[i%2].say(fmt.Sprint(i))
			for _, g := range guests {
				g.hears(fmt.Sprint(i))
			}
		}
		_ = guests[2].conn.Close(websocket.StatusNormalClosure, "") // one of Go's: channels_redis may lose messages when one of Django's goes
		guests[0].say("who is left")
		for _, g := range []*guest{guests[0], guests[1], guests[3]} {
			g.hears("who is left")
		}
		elsewhere.say("alone")
		elsewhere.hears("alone") // and nothing before it

		if err := c.edge.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		eventually(t, 20*time.Second, "Go has left its groups", func() bool {
			return c.redis.Do(t, "EXISTS", "asgi:group:elsewhere") == int64(0) && c.redis.Do(t, "PUBSUB", "NUMSUB", "asgi__group__elsewhere").([]any)[1] == int64(0)
		})
		guests[1].say("Django goes on")
		guests[1].hears("Django goes on")
	})
}

func TestAPageOfDjangoTalksThroughGo(t *testing.T) {
	browser := chromium(t)
	onBothLayers(t, func(t *testing.T, c *crossing) {
		ann, bob := openTab(t, browser, "zh-CN"), openTab(t, browser, "zh-CN")
		ann.open("http://" + c.golang + "/room/123/") // Django's page, whose socket Go holds
		bob.open("http://" + c.django + "/room/123/")
		for _, p := range []*tab{ann, bob} {
			p.await(20*time.Second, "connected", `document.querySelector("#messages").innerText.includes("[连接成功]")`)
		}
		c.gathered(t, "123", 2)
		ann.say("来一壶龙井")
		bob.await(20*time.Second, "Django's page shows what Go's guest said", `document.querySelector("#messages").innerText === "[连接成功]\n来一壶龙井"`)
		bob.say("好嘞")
		for _, p := range []*tab{ann, bob} {
			p.await(20*time.Second, "both said something", `document.querySelector("#messages").innerText === "[连接成功]\n来一壶龙井\n好嘞"`)
		}
		ann.click("#close")
		ann.await(20*time.Second, "closed", `document.querySelector("#messages").innerText.endsWith("[断开连接]")`)
	})
}
