package web_test

import (
	"testing"
)

// presence returns the next presence frame; what comes before it is passed over.
func (c *socket) presence() frame {
	c.t.Helper()
	for {
		if f := decode[frame](c.t, c.read()); f.Type == "presence" {
			return f
		}
	}
}

func names(all []author) string {
	s := ""
	for _, a := range all {
		s += a.Name + " "
	}
	return s
}

func TestWhoJoinsIsToldWhoIsThere(t *testing.T) {
	t.Parallel()
	s := open(t)
	a := s.dial("/room/123/?name=ann&hue=210", "teahouse.v1")
	if f := a.next(); f.Author.Hue == nil || *f.Author.Hue != 210 {
		t.Errorf("hello: got %+v", f)
	}
	if f := a.presence(); f.Count != 1 || names(f.Joined) != "ann " || *f.Joined[0].Hue != 210 {
		t.Errorf("got %+v", f)
	}
	b := s.dial("/ws?name=bob", "teahouse.v1")
	b.next()
	b.write(`{"type":"join","ref":1,"room":"123"}`)
	b.next()
	if f := b.presence(); f.Count != 2 || names(f.Joined) != "bob ann " || len(f.Left) != 0 {
		t.Errorf("got %+v", f)
	}
}

func TestQuietFollowersAreNotThere(t *testing.T) {
	t.Parallel()
	s := open(t)
	a := s.dial("/room/123/?name=ann", "teahouse.v1")
	a.next()
	a.presence()
	q := s.dial("/ws?name=eve", "teahouse.v1")
	q.next()
	q.write(`{"type":"join","ref":1,"room":"123","quiet":true}`)
	if f := q.next(); f.Type != "ok" {
		t.Errorf("got %+v", f)
	}
	q.write(`{"type":"signal","room":"123","kind":"typing"}`)
	a.write(`{"type":"signal","kind":"typing"}`)
	a.wantNext(`{"type":"signal","room":"123","kind":"typing","author":{"id":"n-ann","name":"ann"}}`)
	s.say("123", "bob", "hi")
	a.wantEvents("123", 0, "hi")
	if f := decode[frame](t, q.read()); f.Type != "events" { // nothing before it
		t.Errorf("got %+v", f)
	}
	q.write(`{"type":"join","ref":2,"room":"123","after":1}`) // no longer quiet
	q.next()
	if f := q.presence(); f.Count != 2 || names(f.Joined) != "eve ann " {
		t.Errorf("got %+v", f)
	}
	for f := a.presence(); f.Count != 2; f = a.presence() { // that of ann alone comes first
		if f.Count != 1 {
			t.Errorf("got %+v", f)
		}
	}
	q.write(`{"type":"join","ref":3,"room":"123","after":1,"quiet":true}`)
	if f := a.presence(); f.Count != 1 || names(f.Left) != "eve " {
		t.Errorf("got %+v", f)
	}
	q.write(`{"type":"leave","ref":4,"room":"123"}`)
	for f := q.next(); f.Type != "ok" || f.Ref != 4.0; f = q.next() {
	}
}

func TestAnotherNameIsToldAndUsed(t *testing.T) {
	t.Parallel()
	s := open(t)
	cookie := s.guest()
	a, b := s.dial("/room/123/?name=ann", "teahouse.v1", "Cookie", cookie), s.dial("/room/123/?name=bob", "teahouse.v1")
	id := a.next().Author.ID
	b.next()
	for f := b.presence(); f.Count != 2; f = b.presence() {
	}
	a.write(`{"type":"me","ref":7,"name":" anna\u202e ","hue":0}`)
	a.wantNext(`{"type":"ok","ref":7}`)
	a.write(`{"type":"post","ref":8,"id":"1","text":"hi"}`)
	anna := author{}
	for anna.Name != "anna" { // she may be told together with those who came
		f := b.presence()
		for _, joined := range f.Joined {
			if joined.ID == id {
				anna = joined
			}
		}
		if len(f.Left) != 0 || f.Count != 2 {
			t.Errorf("got %+v", f)
		}
	}
	if anna.Hue == nil || *anna.Hue != 0 {
		t.Errorf("got %+v", anna)
	}
	if e := s.message(1); e.Author.ID != id || e.Author.Name != "anna" || *e.Author.Hue != 0 {
		t.Errorf("got %+v", e)
	}
	b.write(`{"type":"me","ref":9,"name":"bobby","hue":null}`) // without a cookie: another author
	for f := a.presence(); ; f = a.presence() {
		if len(f.Left) > 0 {
			if names(f.Joined) != "bobby " || names(f.Left) != "bob " || f.Joined[0].ID != "n-bobby" || f.Joined[0].Hue != nil {
				t.Errorf("got %+v", f)
			}
			break
		}
	}
	for _, bad := range []string{`"hue":360`, `"hue":"red"`, `"name":5`} {
		a.write(`{"type":"me","ref":10,` + bad + `}`)
		for f := a.next(); ; f = a.next() {
			if f.Type == "error" {
				if f.Code != "bad_frame" || f.Ref != 10.0 {
					t.Errorf("%s: got %+v", bad, f)
				}
				break
			}
		}
	}
}
