package main

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/teahouse-chat/teahouse/channels"
	"github.com/teahouse-chat/teahouse/examples/internal/peer"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestEachMessageIsAnswered(t *testing.T) {
	server := channels.NewServer(nil, nil)
	site := peer.Serve(t, handler(server), server)
	ann := peer.Dial(t, site.URL, "/", nil)
	ann.Say("茶")
	ann.Say("")
	ann.Hears("Server received: 茶", "Server received: ")
	ann.Show([]byte{0xFF})
	if got, text := ann.Next(); text || string(got) != "Server received: \xFF" {
		t.Errorf("got %q (text: %v)", got, text)
	}
}
