package redislayer_test

import (
	"context"
	"fmt"
	"log"
	"os"

	"github.com/teahouse-chat/teahouse/channels"
	"github.com/teahouse-chat/teahouse/channels/redislayer"
	"github.com/teahouse-chat/teahouse/internal/redistest"
)

// startRedis stands for the Redis that a site has.
func startRedis() (url string, stop func()) {
	dir, err := os.MkdirTemp("", "redislayer")
	if err != nil {
		log.Fatal(err)
	}
	server, err := redistest.New(dir)
	if err != nil {
		log.Fatal(err)
	}
	return server.URL(), func() {
		server.Close()
		os.RemoveAll(dir)
	}
}

// Two processes share a group; either could be a Django process that uses channels_redis.core with the same settings.
func ExampleNewCore() {
	url, stop := startRedis()
	defer stop()
	ctx := context.Background()
	o := &redislayer.Options{
		Hosts:                   []redislayer.Host{{URL: url}},
		SymmetricEncryptionKeys: []string{"Django's SECRET_KEY"},
	}
	one, err := redislayer.NewCore(ctx, o)
	if err != nil {
		log.Fatal(err)
	}
	defer one.Close()
	other, err := redislayer.NewCore(ctx, o)
	if err != nil {
		log.Fatal(err)
	}
	defer other.Close()

	channel, err := one.NewChannel(ctx, "")
	if err != nil {
		log.Fatal(err)
	}
	if err := one.GroupAdd(ctx, "room-1", channel); err != nil {
		log.Fatal(err)
	}
	if err := other.GroupSend(ctx, "room-1", channels.Message{"type": "chat.message", "text": "来了呀客官"}); err != nil {
		log.Fatal(err)
	}
	m, err := one.Receive(ctx, channel)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(m.Type(), m.Str("text"))
	// Output: chat.message 来了呀客官
}

// A subscriber is called for each message: no goroutine waits.
func ExamplePubSub_Subscribe() {
	url, stop := startRedis()
	defer stop()
	ctx := context.Background()
	layer, err := redislayer.NewPubSub(ctx, &redislayer.Options{Hosts: []redislayer.Host{{URL: url}}})
	if err != nil {
		log.Fatal(err)
	}
	defer layer.Close()
	channel, err := layer.NewChannel(ctx, "")
	if err != nil {
		log.Fatal(err)
	}
	heard := make(chan string)
	unsubscribe, err := layer.Subscribe(channel, func(m channels.Message) { heard <- m.Type() })
	if err != nil {
		log.Fatal(err)
	}
	defer unsubscribe()
	if err := layer.Send(ctx, channel, channels.Message{"type": "chat.message"}); err != nil {
		log.Fatal(err)
	}
	fmt.Println(<-heard)
	// Output: chat.message
}
