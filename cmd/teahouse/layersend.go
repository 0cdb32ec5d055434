package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/teahouse-chat/teahouse/channels"
)

func newLayerSend(std streams) *cobra.Command {
	var (
		flags     layerFlags
		toChannel bool
	)
	cmd := &cobra.Command{
		Use:   "send [flags] GROUP [JSON]",
		Short: "Send a message to a group, or to a channel",
		Long: "Send a message to all members of a group. The message is a JSON object with a \"type\", which names the consumers' method, from the\n" +
			"argument or, without one, from standard input. {\"$bytes\": \"00ff\"} stands for bytes, and {\"$float\": \"nan\"} for a number that JSON lacks.",
		Example: "  teahouse layer send room-1 '{\"type\": \"chat.message\", \"text\": \"hi\"}'\n" +
			"  teahouse layer send --channel thumbnails '{\"type\": \"generate\", \"id\": 123}'",
		Args:                  between(1, 2),
		DisableFlagsInUseLine: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			check := channels.CheckGroup
			if toChannel {
				check = channels.CheckChannel
			}
			if err := check(args[0]); err != nil {
				return usageError{err}
			}
			if _, err := flags.options(cmd, std); err != nil {
				return err
			}
			text, err := textOf(args[1:], std)
			if err != nil {
				return err
			}
			message, err := parseMessage(text)
			if err != nil {
				return usageError{err}
			}
			layer, err := flags.open(cmd, std)
			if err != nil {
				return err
			}
			send := layer.GroupSend
			if toChannel {
				send = layer.Send
			}
			err = send(cmd.Context(), args[0], message)
			if errors.Is(err, channels.ErrChannelFull) {
				err = fmt.Errorf("%w: nobody reads it fast enough; teahouse layer inspect shows its queue", err)
			}
			return errors.Join(explainRedis(err), layer.Close())
		},
	}
	flags.bind(cmd.Flags())
	cmd.Flags().BoolVar(&toChannel, "channel", false, "the name is a channel's, not a group's")
	return cmd
}
