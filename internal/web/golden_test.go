package web

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/teahouse-chat/teahouse/eventlog"
	"github.com/teahouse-chat/teahouse/feed"
	"github.com/teahouse-chat/teahouse/internal/chat"
	"github.com/teahouse-chat/teahouse/ws"
)

// golden reads a file of examples that the page's tests read too, each compact.
func golden(t testing.TB, name string) map[string]string {
	t.Helper()
	b, err := os.ReadFile("../../testdata/protocol/" + name)
	if err != nil {
		t.Fatal(err)
	}
	var values map[string]jsontext.Value
	if err := json.Unmarshal(b, &values); err != nil {
		t.Fatal(err)
	}
	examples := map[string]string{}
	for key, v := range values {
		if err := v.Compact(); err != nil {
			t.Fatal(err)
		}
		examples[key] = string(v)
	}
	return examples
}

const goldenText = `hi <茶> "&" \ 🍵`

var (
	ann         = chat.Author{ID: "g-5kq", Name: "ann"}
	room123     = chat.Room{Name: "123", Topic: "room.123"}
	goldenState = eventlog.State{Head: 42, Floor: 1}
	goldenEvent = eventlog.Event{
		Entry: eventlog.Entry{
			Topic: room123.Topic, Type: chat.TypePosted, Author: "g-5kq", ID: "c-7f3",
			Data: []byte(`{"name":"ann","text":"hi <茶> \"&\" \\ 🍵"}`),
		},
		Offset: 17,
		Time:   time.Date(2026, 11, 23, 2, 50, 54, 123e6, time.UTC),
	}
)

// goldenThat is an event that is about the golden one, so many offsets and ten times as many seconds after half a minute to.
func goldenThat(kind, id string, n int, data string) *eventlog.Event {
	e := eventlog.Event{Entry: eventlog.Entry{Topic: room123.Topic, Type: kind, Author: ann.ID, ID: id, Data: []byte(data)}, Offset: goldenEvent.Offset + eventlog.Offset(n)}
	e.Time = time.Date(2026, 11, 23, 2, 51, 10*n, 0, time.UTC)
	return &e
}

// goldenSaid is the golden event with other data.
func goldenSaid(data string) *eventlog.Event {
	e := goldenEvent
	e.Data = []byte(data)
	return &e
}

const goldenBody = `"text":"hi **there** @bob","body":[["p","hi ",["b","there"]," ",["@","bob"]]]`

func TestEventsAreTheGoldenOnes(t *testing.T) {
	want := golden(t, "server.json")
	for name, e := range map[string]*eventlog.Event{
		"events": &goldenEvent,
		"events_rich": goldenSaid(`{"name":"ann","hue":210,` + goldenBody + `,"reply":12,"edit":18,"edited":1795402270000,` +
			`"reactions":[{"emoji":"👍","authors":["g-5kq","n-bob"]},{"emoji":"🍵","authors":["n-bob"]}],"first":"x"}`),
		"events_gone":       goldenSaid(`{"deleted":true,"name":"ann","first":"x"}`),
		"events_edited":     goldenThat(chat.TypeEdited, "c-8a1", 1, `{"name":"ann","target":17,`+goldenBody+`}`),
		"events_superseded": goldenThat(chat.TypeEdited, "c-8a1", 1, `{"name":"ann","target":17,"first":"x"}`),
		"events_deleted":    goldenThat(chat.TypeDeleted, "c-8a2", 2, `{"name":"ann","target":17}`),
		"events_reacted":    goldenThat(chat.TypeReacted, "c-8a3", 3, `{"name":"ann","target":17,"emoji":"👍","on":true}`),
		"events_unreacted":  goldenThat(chat.TypeReacted, "c-8a4", 4, `{"name":"ann","target":17,"emoji":"👍"}`),
	} {
		if got := string(appendEvents(nil, "123", e)); got != want[name] {
			t.Errorf("%s: got\n%s, want\n%s", name, got, want[name])
		}
		delete(want, name)
	}
	for name := range want {
		if strings.HasPrefix(name, "events") {
			t.Errorf("%s isn't tested", name)
		}
	}
}

func TestFramesAreTheGoldenOnes(t *testing.T) {
	want := golden(t, "server.json")
	state := stateFields{"123", "k3v9", 42, 1}
	hello := helloFrame{Type: "hello", Author: ann, Ping: pingSeconds}
	inRoom := hello
	inRoom.stateFields = &state
	colored := hello
	colored.Author.Hue = chat.ParseHue("210")
	bob := chat.Author{ID: "n-bob", Name: "bob"}
	coloredBob := bob
	coloredBob.Hue = chat.ParseHue("0")
	for name, got := range map[string][]byte{
		"hello":       encode(hello),
		"hello_room":  encode(inRoom),
		"ok_join":     encode(joinedFrame{Type: "ok", Ref: jsontext.Value("1"), stateFields: state}),
		"ok_leave":    encode(okFrame{Type: "ok", Ref: jsontext.Value("2")}),
		"ok_post":     encode(okFrame{Type: "ok", Ref: jsontext.Value("3"), Room: "123", Offset: 43}),
		"error_rate":  refusal(jsontext.Value("3"), &chat.RateError{RetryAfter: 1410 * time.Millisecond}),
		"error_plain": refusal(nil, errJSON),
		"hello_hue":   encode(colored),
		"ok_me":       encode(okFrame{Type: "ok", Ref: jsontext.Value("7")}),
		"read":        encode(readFrame{Type: "read", Room: "123", Offset: 43, Level: chat.LevelAll}),

		"error_not_yours": refusal(jsontext.Value("4"), chat.ErrNotYours),
		"presence_hue":    encode(presenceFrame{Type: "presence", Room: "123", Count: 2, Joined: []chat.Author{colored.Author, coloredBob}}),
		"reset":           resetFrame("123", "k3v9", goldenState),
		"presence":        encode(presenceFrame{Type: "presence", Room: "123", Count: 3, Joined: []chat.Author{ann}, Left: []chat.Author{bob}}),
		"signal":          encode(signalFrame{Type: "signal", Room: "123", Kind: "typing", Author: ann}),
		"pong":            pongFrame(),
		"bye":             encode(byeFrame{Type: "bye", Code: "restart", RetryAfter: tenths(3200 * time.Millisecond)}),
	} {
		if string(got) != want[name] {
			t.Errorf("%s: got\n%s, want\n%s", name, got, want[name])
		}
		delete(want, name)
	}
	for name := range want {
		if !strings.HasPrefix(name, "events") {
			t.Errorf("%s isn't tested", name)
		}
	}
}

func TestEncodingsCarryTheGoldenEvent(t *testing.T) {
	events, event := golden(t, "server.json")["events"], string(chat.AppendEvent(nil, &goldenEvent))
	if !strings.Contains(events, event) {
		t.Errorf("got %s, want what is in %s", event, events)
	}
	e := NewEncoder("k3v9")
	later := goldenEvent
	later.Type, later.Data = "message.edited", []byte(`{"text":"x"}`)
	text := func(s string) string { return string(ws.AppendFrame(nil, ws.Text, []byte(s))) }
	zipped := func(s string) string { return string(ws.AppendCompressed(nil, ws.Text, []byte(s))) }
	for _, c := range []struct {
		enc         feed.Encoding
		want, reset string
		cursor      eventlog.Offset
	}{
		{encPlain, text(goldenText), "", 0},
		{encPlainZ, zipped(goldenText), "", 0},
		{encV1, text(events), text(golden(t, "server.json")["reset"]), 42},
		{encV1Z, zipped(events), zipped(golden(t, "server.json")["reset"]), 42},
		{encSSE, "id: k3v9:17\ndata: " + event + "\n\n", "event: reset\nid: k3v9:42\ndata: {\"epoch\":\"k3v9\",\"head\":42,\"floor\":1}\n\n", 42},
	} {
		if got := e.AppendEvent([]byte("x"), c.enc, "123", &goldenEvent); string(got) != "x"+c.want {
			t.Errorf("encoding %d: got %q, want %q", c.enc, got, c.want)
		}
		if got, cursor := e.AppendReset([]byte("x"), c.enc, "123", "k3v9", goldenState); string(got) != "x"+c.reset || cursor != c.cursor {
			t.Errorf("encoding %d: got the reset %q and %d", c.enc, got, cursor)
		}
		if got := e.AppendEvent(nil, c.enc, "123", &later); (len(got) == 0) != (c.enc == encPlain || c.enc == encPlainZ) {
			t.Errorf("encoding %d: an event of another kind: %q", c.enc, got)
		}
	}
}

func TestClientsGoldenFramesAreUnderstood(t *testing.T) {
	after, on, off := eventlog.Offset(17), true, false
	want := map[string]clientFrame{
		"join":       {Type: "join", Ref: jsontext.Value("1"), Room: "123", After: &after, Epoch: "k3v9"},
		"join_quiet": {Type: "join", Ref: jsontext.Value("1"), Room: "123", After: &after, Epoch: "k3v9", Quiet: true},
		"post_reply": {Type: "post", Ref: jsontext.Value("3"), Room: "123", ID: "c-7f3", Text: goldenText, Reply: 12},
		"edit":       {Type: "edit", Ref: jsontext.Value("4"), Room: "123", ID: "c-8a1", Target: 17, Text: "hi **there** @bob"},
		"delete":     {Type: "delete", Ref: jsontext.Value("5"), Room: "123", ID: "c-8a2", Target: 17},
		"react":      {Type: "react", Ref: jsontext.Value("6"), Room: "123", ID: "c-8a3", Target: 17, Emoji: "👍", On: &on},
		"unreact":    {Type: "react", Ref: jsontext.Value("6"), Room: "123", ID: "c-8a4", Target: 17, Emoji: "👍", On: &off},
		"read":       {Type: "read", Room: "123", Offset: 43},
		"me":         {Type: "me", Ref: jsontext.Value("7"), Name: "ann", Hue: chat.ParseHue("210")},
		"me_plain":   {Type: "me", Ref: jsontext.Value("7"), Name: "ann"},

		"leave":  {Type: "leave", Ref: jsontext.Value("2"), Room: "123"},
		"post":   {Type: "post", Ref: jsontext.Value("3"), Room: "123", ID: "c-7f3", Text: goldenText},
		"signal": {Type: "signal", Room: "123", Kind: "typing"},
		"ping":   {Type: "ping"},
	}
	for name, example := range golden(t, "client.json") {
		f, err := parseFrame([]byte(example))
		if err != nil || string(encode(f)) != string(encode(want[name])) {
			t.Errorf("%s: got %s, %v", name, encode(f), err)
		}
	}
}

// Every error that is told has a status, a code of its own, a close code that may be sent, and a sentence.
func TestProblemsAreWhole(t *testing.T) {
	codes := map[string]bool{}
	for _, row := range problems {
		p := row.problem
		if p.status < 400 || p.status > 599 || http.StatusText(p.status) == "" || p.close < 1000 || p.code == "" || !strings.HasSuffix(p.detail, ".") {
			t.Errorf("%v: %+v", row.err, p)
		}
		if codes[p.code] && row.err != errBodyTooLong && row.err != errPanic {
			t.Errorf("two errors have the code %s", p.code)
		}
		codes[p.code] = true
		if got, known := describe(row.err); !known || got != p {
			t.Errorf("%v: got %+v", row.err, got)
		}
	}
	if p, known := describe(io.ErrUnexpectedEOF); known || p.status != 500 || strings.Contains(p.detail, "EOF") {
		t.Errorf("got %+v", p)
	}
}

// A frame from outside never panics the parser, and what is understood stays so when it is written again.
func FuzzFrame(f *testing.F) {
	for _, example := range golden(f, "client.json") {
		f.Add([]byte(example))
	}
	for _, s := range []string{
		"", "null", "[]", `{"ref":{}}`, `{"type":5,"ref":"a"}`, `{"after":-1}`, `{"after":9223372036854775808}`, `{"text":"\ud800"}`,
		`{"hue":null}`, `{"hue":360}`, `{"hue":-1}`, `{"hue":1.5}`, `{"target":-1}`, `{"on":1}`, `{"offset":-1}`, `{"reply":-1}`, `{"a":"\"{","b":[[[]]]}`, strings.Repeat(`{"x":`, 16) + "1" + strings.Repeat("}", 16), strings.Repeat("[", 1000), "{\"type\":\"\xff\"}",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		given := bytes.Clone(b)
		frame, err := parseFrame(b)
		if !bytes.Equal(b, given) {
			t.Fatal("the bytes were modified")
		}
		if !short(frame.Ref) {
			t.Fatalf("the ref would be echoed: %s", frame.Ref)
		}
		if !jsontext.Value(refusal(frame.Ref, errFrame)).IsValid() {
			t.Fatalf("the answer isn't JSON: %s", refusal(frame.Ref, errFrame))
		}
		if err != nil {
			if p, known := describe(err); !known || p.status != 400 {
				t.Fatalf("got %v", err)
			}
			return
		}
		if d := depth(b); d > maxDepth {
			t.Fatalf("nested %d deep", d)
		}
		again, err := parseFrame(encode(frame))
		if err != nil || string(encode(again)) != string(encode(frame)) {
			t.Fatalf("got %s, %v, want %s", encode(again), err, encode(frame))
		}
	})
}

// depth is how deeply valid JSON is nested.
func depth(b []byte) int {
	d := jsontext.NewDecoder(bytes.NewReader(b))
	most := 0
	for {
		if _, err := d.ReadToken(); err != nil {
			return most
		}
		most = max(most, d.StackDepth())
	}
}

// Whatever cursor a socket's request names, it is none, a number from 0, or an error.
func FuzzSocketCursor(f *testing.F) {
	for _, s := range []string{"", "after=", "after=0", "after=17&epoch=x", "after=-1", "after=99999999999999999999", "after=-99999999999999999999", "after=%zz", "after=1&after=2"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, query string) {
		r := httptest.NewRequest("GET", "/", nil)
		r.URL.RawQuery = query
		after, err := cursorOf(r)
		if after != nil && (err != nil || *after < 0) {
			t.Fatalf("got %d, %v", *after, err)
		}
		if p, known := describe(err); err != nil && (!known || p.code != "bad_query") {
			t.Fatalf("got %v", err)
		}
	})
}
