package memlayer_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/teahouse-chat/teahouse/channels"
	"github.com/teahouse-chat/teahouse/channels/memlayer"
)

// Two channels join a group; what is sent to the group reaches both, what is sent to one only that.
func ExampleNew() {
	ctx := context.Background()
	layer := memlayer.New(&memlayer.Options{Capacity: 2})
	defer layer.Close()

	ann, _ := layer.NewChannel(ctx, "")
	bob, _ := layer.NewChannel(ctx, "")
	for _, channel := range []string{ann, bob} {
		if err := layer.GroupAdd(ctx, "room.123", channel); err != nil {
			panic(err)
		}
	}
	if err := layer.GroupSend(ctx, "room.123", channels.Message{"type": "chat.message", "text": "two teas, please"}); err != nil {
		panic(err)
	}
	if err := layer.Send(ctx, bob, channels.Message{"type": "chat.bill", "cups": 2}); err != nil {
		panic(err)
	}
	err := layer.Send(ctx, bob, channels.Message{"type": "chat.bill"})
	fmt.Println("a third message for bob:", errors.Is(err, channels.ErrChannelFull))

	for range 2 {
		m, _ := layer.Receive(ctx, bob)
		fmt.Println("bob:", m.Type(), m["text"], m["cups"])
	}
	m, _ := layer.Receive(ctx, ann)
	fmt.Println("ann:", m.Type(), m["text"])
	// Output:
	// a third message for bob: true
	// bob: chat.message two teas, please <nil>
	// bob: chat.bill <nil> 2
	// ann: chat.message two teas, please
}
