package redislayer

import (
	"bytes"
	"log/slog"
	"testing"

	"github.com/teahouse-chat/teahouse/channels"
)

// fuzzBodies tries a serializer: whatever it reads it can write, and reads again as the same.
func fuzzBodies(f *testing.F, w *wire) {
	f.Fuzz(func(t *testing.T, body []byte) {
		m, to, err := w.message(body)
		if err != nil {
			return
		}
		p := mustPack(t, w, m)
		if _, err := m.Clone(); err != nil {
			t.Fatalf("%q is read as %v, which can't be cloned: %v", body, m, err)
		}
		var address any
		if len(to) > 0 {
			address = to
		}
		again, _, err := w.message(w.appendMessage(nil, p, address))
		if err != nil || !same(map[string]any(again), map[string]any(m)) {
			t.Errorf("%q is read as %v, and when that was written as %v, %v", body, m, again, err)
		}
	})
}

func FuzzMessagePack(f *testing.F) {
	for _, set := range readVectors(f).Sets {
		for _, v := range set.CoreSend {
			f.Add([]byte(v.Body))
		}
	}
	fuzzBodies(f, testWire(f, Options{}))
}

func FuzzJSON(f *testing.F) {
	for _, v := range readVectors(f).Sets[1].CoreJSONSerializer {
		f.Add([]byte(v.Body))
	}
	fuzzBodies(f, testWire(f, Options{Serializer: JSON}))
}

// FuzzArrived tries all of the way of what is in a sorted set, to the mailbox.
func FuzzArrived(f *testing.F) {
	for _, set := range readVectors(f).Sets {
		for _, v := range append(set.CoreSend, set.CoreEncrypted...) {
			f.Add([]byte(v.Value))
		}
		for _, k := range set.CoreGroupSend.After {
			f.Add([]byte(k.Entries[0].Member))
		}
	}
	v := readVectors(f)
	f.Fuzz(func(t *testing.T, value []byte) {
		for _, keys := range [][]string{nil, v.Sets[0].CoreEncrypted[0].Keys} {
			s, err := resolve(&Options{SymmetricEncryptionKeys: keys})
			if err != nil {
				t.Fatal(err)
			}
			c := &Core{opts: s, wire: newWire(s), losses: &channels.Losses{Logger: slog.New(slog.DiscardHandler)}}
			c.arrived(string(value))
		}
	})
}

// FuzzToken tries tokens: none but one that was made with a key is opened.
func FuzzToken(f *testing.F) {
	v := readVectors(f)
	for _, set := range v.Sets {
		for _, e := range append(set.CoreEncrypted, set.PubsubEncrypted...) {
			f.Add([]byte(e.Fernet.Token), []byte(e.Plaintext))
		}
	}
	w := testWire(f, Options{SymmetricEncryptionKeys: []string{"a key that no vector has"}})
	f.Fuzz(func(t *testing.T, text, body []byte) {
		if got, err := w.unseal(text); err == nil {
			t.Errorf("%q was opened: %q", text, got)
		}
		token, err := w.seal(body)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := w.unseal(token); err != nil || !bytes.Equal(got, body) {
			t.Errorf("%q was sealed, and opened as %q, %v", body, got, err)
		}
	})
}
