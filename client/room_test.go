package client_test

import (
	"encoding/json"
	"errors"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/teahouse-chat/teahouse/client"
)

func TestRoomURLsAreUnderstood(t *testing.T) {
	for _, c := range []struct{ in, url, name string }{
		{"http://localhost:8000/room/123/", "http://localhost:8000/room/123/", "123"},
		{"http://localhost:8000/room/123", "http://localhost:8000/room/123/", "123"},
		{"localhost:8000/room/123", "http://localhost:8000/room/123/", "123"},
		{"tea.example/room/a/", "http://tea.example/room/a/", "a"},
		{"https://tea.example/chat/room/茶馆/?name=ann#x", "https://tea.example/chat/room/%E8%8C%B6%E9%A6%86/", "茶馆"},
		{"ws://[::1]:8000/room/x/", "http://[::1]:8000/room/x/", "x"},
		{"wss://tea.example/room/room/", "https://tea.example/room/room/", "room"},
		{"lobby", "http://localhost:8000/room/lobby/", "lobby"},
	} {
		room, err := client.NewRoom(c.in, nil)
		if err != nil || room.URL() != c.url || room.Name() != c.name {
			t.Errorf("%s: got %v, %v; want %s", c.in, room, err, c.url)
		}
	}
}

func TestOtherURLsAreRefusedWithAGoodOne(t *testing.T) {
	for _, in := range []string{"", "http://localhost:8000/", "localhost:8000", "ftp://h/room/1/", "http:///room/1/", "http://h/room/", "http://%zz/room/1/"} {
		if _, err := client.NewRoom(in, nil); err == nil || !strings.Contains(err.Error(), "http://localhost:8000/room/lobby/") {
			t.Errorf("%q: got %v, want an error with an example", in, err)
		}
	}
}

func TestPagesAreReadFromBothEnds(t *testing.T) {
	f := newFake(t)
	for range 9 {
		f.append("", "bob", "hi")
	}
	room := f.room(t)
	last, err := room.Last(t.Context(), 3)
	if err != nil || len(last.Events) != 3 || last.Events[0].Offset != 7 || last.Cursor() != (client.Cursor{Offset: 9, Epoch: "e1"}) {
		t.Errorf("last: got %v, %v", last, err)
	}
	before, err := room.Before(t.Context(), 7, 2)
	if err != nil || len(before.Events) != 2 || before.Events[1].Offset != 6 {
		t.Errorf("before: got %v, %v", before, err)
	}
	after, err := room.After(t.Context(), client.Cursor{Offset: 8, Epoch: "e1"}, 10, time.Second)
	if err != nil || len(after.Events) != 1 || after.Events[0].Offset != 9 {
		t.Errorf("after: got %v, %v", after, err)
	}
	_, err = room.After(t.Context(), client.Cursor{Offset: 8, Epoch: "e0"}, 10, 0)
	var reset *client.ResetError
	if !errors.As(err, &reset) || *reset != (client.ResetError{Epoch: "e2", Head: 7, Floor: 3}) {
		t.Errorf("other epoch: got %v, want a reset", err)
	}
}

// golden reads one of the project's protocol examples.
func golden(t *testing.T, file, name string) []byte {
	t.Helper()
	b, err := os.ReadFile("../testdata/protocol/" + file)
	if err != nil {
		t.Fatal(err)
	}
	var all map[string]json.RawMessage
	if err := json.Unmarshal(b, &all); err != nil || all[name] == nil {
		t.Fatalf("%s: no %s: %v", file, name, err)
	}
	return all[name]
}

func TestTheServersGoldenFramesAreUnderstood(t *testing.T) {
	url := rawServer(t, func(c *websocket.Conn) {
		send := func(name string) { _ = c.Write(t.Context(), websocket.MessageText, golden(t, "server.json", name)) }
		for _, name := range []string{"hello_room", "pong", "error_plain", "signal", "presence", "events", "reset", "bye"} {
			send(name)
		}
		_, _, _ = c.Read(t.Context())
	})
	var got []string
	note := func(v any) {
		b, _ := json.Marshal(v)
		got = append(got, string(b))
	}
	room, err := client.NewRoom(url+"/room/123/", nil)
	if err != nil {
		t.Fatal(err)
	}
	err = room.NewSession(client.Cursor{Offset: 16}, client.Handler{
		Event:    func(e client.Event) error { note(e.Raw); return nil },
		Presence: func(p client.Presence) { note(p) },
		Signal:   func(kind string, from client.Author) { note([]any{kind, from}) },
		Status:   func(s client.Status) { note(s.Author) },
		Reset:    func(r *client.ResetError) error { note(r); return errEnough },
	}).Run(t.Context())
	want := []string{
		`{"id":"","name":""}`, `{"id":"g-5kq","name":"ann"}`, `["typing",{"id":"g-5kq","name":"ann"}]`,
		`{"Count":3,"Joined":[{"id":"g-5kq","name":"ann"}],"Left":[{"id":"n-bob","name":"bob"}]}`,
		`{"offset":17,"type":"message.posted","id":"c-7f3","author":{"id":"g-5kq","name":"ann"},"text":"hi \u003c茶\u003e \"\u0026\" \\ 🍵","time":"2026-11-23T02:50:54.123Z"}`,
		`{"Epoch":"k3v9","Head":42,"Floor":1}`,
	}
	if err != errEnough || strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got %v\n%s\nwant\n%s", err, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestGoldenPagesAreUnderstood(t *testing.T) {
	var page client.Page
	if err := json.Unmarshal(golden(t, "http.json", "events"), &page); err != nil {
		t.Fatal(err)
	}
	e := page.Events[0]
	if page.Head != 42 || page.Floor != 1 || page.Epoch != "k3v9" || e.Offset != 17 || e.Text != `hi <茶> "&" \ 🍵` || e.Time.UnixMilli() != 1795402254123 {
		t.Errorf("got %+v", page)
	}
}

func TestGoldenEventsOfEveryTypeAreUnderstood(t *testing.T) {
	edited := time.Date(2026, 11, 23, 2, 51, 10, 0, time.UTC)
	for name, want := range map[string]client.Event{
		"events_rich":       {Offset: 17, Type: client.MessagePosted, Text: "hi **there** @bob", Reply: 12, Edited: edited},
		"events_gone":       {Offset: 17, Type: client.MessagePosted, Deleted: true},
		"events_edited":     {Offset: 18, Type: client.MessageEdited, Target: 17, Text: "hi **there** @bob"},
		"events_superseded": {Offset: 18, Type: client.MessageEdited, Target: 17},
		"events_deleted":    {Offset: 19, Type: client.MessageDeleted, Target: 17},
		"events_reacted":    {Offset: 20, Type: client.MessageReacted, Target: 17, Emoji: "👍", On: true},
		"events_unreacted":  {Offset: 21, Type: client.MessageReacted, Target: 17, Emoji: "👍"},
	} {
		var frame struct{ Events []client.Event }
		if err := json.Unmarshal(golden(t, "server.json", name), &frame); err != nil {
			t.Fatal(err)
		}
		got := frame.Events[0]
		if got.Author != (client.Author{ID: "g-5kq", Name: "ann"}) || got.ID == "" || got.Time.IsZero() {
			t.Errorf("%s: got %+v", name, got)
		}
		got.Raw, got.ID, got.Author, got.Time = nil, "", client.Author{}, time.Time{}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %+v, want %+v", name, got, want)
		}
	}
}

func TestTheClientsPostLooksAsTheProtocolSays(t *testing.T) {
	got := make(chan []byte, 1)
	url := rawServer(t, func(c *websocket.Conn) {
		_ = c.Write(t.Context(), websocket.MessageText, golden(t, "server.json", "hello_room"))
		if _, b, err := c.Read(t.Context()); err == nil {
			got <- b
		}
		_ = c.Close(4403, "that will do")
	})
	room, err := client.NewRoom(url+"/room/123/", nil)
	if err != nil {
		t.Fatal(err)
	}
	session := room.NewSession(client.Head, client.Handler{})
	id := session.Post(`hi <茶> "&" \ 🍵`)
	_ = session.Run(t.Context()) // ends with 4403
	var sent, want map[string]any
	if err := errors.Join(json.Unmarshal(<-got, &sent), json.Unmarshal(golden(t, "client.json", "post"), &want)); err != nil {
		t.Fatal(err)
	}
	want["id"], want["ref"] = id, 1.0
	if len(sent) != len(want) {
		t.Errorf("got %v, want %v", sent, want)
	}
	for k, v := range want {
		if sent[k] != v {
			t.Errorf("%s: got %v, want %v", k, sent[k], v)
		}
	}
}
