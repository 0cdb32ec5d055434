package redislayer_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/teahouse-chat/teahouse/channels"
	"github.com/teahouse-chat/teahouse/channels/redislayer"
	"github.com/teahouse-chat/teahouse/internal/redistest"
)

// python is the interpreter whose packages ci/deps installs, whatever is first in PATH.
const python = "/usr/bin/python3"

// missing is what Python says when channels_redis isn't there.
var missing = sync.OnceValue(func() error {
	out, err := exec.Command(python, "-c", "import channels_redis, cryptography").CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s can't import channels_redis: install python3-channels-redis (ci/deps does): %w\n%s", python, err, out)
	}
	return nil
})

// interopPatience is how long a test waits for what must come, in another process on a machine with other work.
const interopPatience = 30 * time.Second

// A pythonConfig is the argument of testdata/interop.py.
type pythonConfig struct {
	servers    []*redistest.Server
	Layer      string   `json:"layer"` // core or pubsub
	Hosts      []string `json:"hosts"`
	Prefix     string   `json:"prefix"`
	Keys       []string `json:"keys"`
	Serializer string   `json:"serializer"` // msgpack or json
	Capacity   int      `json:"capacity"`
}

// A pythonProcess is a process with a layer of channels_redis.
type pythonProcess struct {
	t      *testing.T
	config pythonConfig
	cmd    *exec.Cmd
	in     io.WriteCloser
	out    *bufio.Reader
	said   bytes.Buffer // standard error; to be read when the process has ended
}

func startPython(t *testing.T, config pythonConfig) *pythonProcess {
	t.Helper()
	for _, s := range config.servers {
		config.Hosts = append(config.Hosts, s.URL())
	}
	if err := missing(); err != nil {
		t.Fatal(err)
	}
	argument, err := json.Marshal(config)
	if err != nil {
		t.Fatal(err)
	}
	p := &pythonProcess{t: t, config: config, cmd: exec.Command(python, "-B", "testdata/interop.py", string(argument))}
	p.cmd.Stderr = &p.said
	in, err := p.cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p.in, p.out = in, bufio.NewReader(out)
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill() // it may have ended
		_ = p.cmd.Wait()
		if t.Failed() && p.said.Len() > 0 {
			t.Logf("Python said:\n%s", p.said.String())
		}
	})
	return p
}

// arguments of a command.
type arguments map[string]any

// do gives a command and returns its answer, in the spelling of spell.
func (p *pythonProcess) do(op string, args arguments) string {
	p.t.Helper()
	args["op"] = op
	line, err := json.Marshal(args)
	if err != nil {
		p.t.Fatal(err)
	}
	hung := time.AfterFunc(interopPatience, func() { _ = p.cmd.Process.Kill() })
	defer hung.Stop()
	if _, err := p.in.Write(append(line, '\n')); err != nil {
		p.t.Fatalf("Python, %s: %v", op, err)
	}
	said, err := p.out.ReadBytes('\n')
	if err != nil {
		p.t.Fatalf("Python, %s: %v", op, err)
	}
	var answer struct {
		OK    json.RawMessage
		Error string
	}
	if err := json.Unmarshal(said, &answer); err != nil || answer.Error != "" {
		p.t.Fatalf("Python, %s: %v %s", op, err, answer.Error)
	}
	return respell(p.t, answer.OK)
}

// channel makes a channel and returns its name.
func (p *pythonProcess) channel(groups ...string) string {
	p.t.Helper()
	name := strings.Trim(p.do("new_channel", arguments{}), `"`)
	for _, g := range groups {
		p.do("group_add", arguments{"group": g, "channel": name})
	}
	return name
}

func (p *pythonProcess) groupSend(group string, m channels.Message) {
	p.t.Helper()
	p.do("group_send", arguments{"group": group, "message": spell(map[string]any(m), false)})
}

func (p *pythonProcess) send(channel string, m channels.Message) {
	p.t.Helper()
	p.do("send", arguments{"channel": channel, "message": spell(map[string]any(m), false)})
}

func (p *pythonProcess) receive(channel string) string {
	p.t.Helper()
	return p.do("receive", arguments{"channel": channel, "seconds": interopPatience.Seconds() / 2})
}

// subscribed waits until so many clients have subscribed to a channel of Redis: neither Python nor its channels_redis waits for that. A core layer has none.
func (p *pythonProcess) subscribed(name string, clients int) {
	p.t.Helper()
	for deadline := time.Now().Add(interopPatience); p.config.Layer == "pubsub"; time.Sleep(10 * time.Millisecond) {
		for _, server := range p.config.servers {
			if server.Do(p.t, "PUBSUB", "NUMSUB", name).([]any)[1] == int64(clients) {
				return
			}
		}
		if time.Now().After(deadline) {
			p.t.Fatalf("%s never had %d subscribers", name, clients)
		}
	}
}

// spell says a value in JSON that Python understands exactly. In brief, what is said of a long text is its SHA-256, as Python does in its answers.
func spell(v any, brief bool) any {
	switch v := v.(type) {
	case string:
		if brief && len(v) > 10000 {
			return map[string]any{"$sha256": fmt.Sprintf("%x", sha256.Sum256([]byte(v)))}
		}
	case []byte:
		return map[string]any{"$bytes": hex.EncodeToString(v)}
	case float64:
		return map[string]any{"$float": fmt.Sprintf("%016x", math.Float64bits(v))}
	case []any:
		s := make([]any, len(v))
		for i := range v {
			s[i] = spell(v[i], brief)
		}
		return s
	case map[string]any:
		m := make(map[string]any, len(v))
		for k := range v {
			m[k] = spell(v[k], brief)
		}
		return m
	}
	return v
}

// spelled is a message as text, equal for equal messages.
func spelled(t *testing.T, m channels.Message) string {
	t.Helper()
	text, err := json.Marshal(spell(map[string]any(m), true))
	if err != nil {
		t.Fatal(err)
	}
	return respell(t, text)
}

// respell writes JSON in one way: keys sorted, no spaces, numbers as they are.
func respell(t *testing.T, text []byte) string {
	t.Helper()
	var v any
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	if err := dec.Decode(&v); err != nil {
		t.Fatalf("%.100s: %v", text, err)
	}
	same, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(same)
}

// A layerOf is one of ours, with its losses.
type layerOf interface {
	channels.Layer
	Losses() *channels.Losses
}

// startGo opens a layer of ours that matches Python's, but for its keys.
func startGo(t *testing.T, config pythonConfig, keys []string) layerOf {
	t.Helper()
	o := &redislayer.Options{
		Prefix: config.Prefix, Capacity: config.Capacity, SymmetricEncryptionKeys: keys,
		Logger: slog.New(slog.DiscardHandler), Losses: &channels.Losses{Logger: slog.New(slog.DiscardHandler)},
	}
	for _, s := range config.servers {
		o.Hosts = append(o.Hosts, redislayer.Host{URL: s.URL()})
	}
	if config.Serializer == "json" {
		o.Serializer = redislayer.JSON
	}
	var (
		layer layerOf
		err   error
	)
	if config.Layer == "pubsub" {
		layer, err = redislayer.NewPubSub(t.Context(), o)
	} else {
		layer, err = redislayer.NewCore(t.Context(), o)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := layer.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return layer
}

// member makes a channel of ours in a group.
func member(t *testing.T, layer channels.Layer, group string) string {
	t.Helper()
	name, err := layer.NewChannel(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	if err := layer.GroupAdd(t.Context(), group, name); err != nil {
		t.Fatal(err)
	}
	return name
}

// hears fails the test unless the next message of a channel of ours is this one.
func hears(t *testing.T, layer channels.Layer, channel, want string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), interopPatience)
	defer cancel()
	m, err := layer.Receive(ctx, channel)
	if err != nil {
		t.Fatalf("Go: %v, want %.200s", err, want)
	}
	if got := spelled(t, m); got != want {
		t.Fatalf("Go got  %.300s\nwant %.300s", got, want)
	}
}
