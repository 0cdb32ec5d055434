package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/teahouse-chat/teahouse/channels"
)

func newLayerListen(std streams) *cobra.Command {
	var (
		flags layerFlags
		n     int
	)
	cmd := &cobra.Command{
		Use:   "listen [-n N] [flags] GROUP…",
		Short: "Print what is sent to groups: a message a line",
		Long: "Join groups with a channel of its own, and print each message as JSON, one a line, until it is interrupted. It says\n" +
			"\"listening on GROUP\" on standard error when it has joined. What JSON lacks is printed as {\"$bytes\": \"00ff\"} or {\"$float\": \"nan\"}.",
		Example:               "  teahouse layer listen room-1 | jq .text",
		DisableFlagsInUseLine: true,
		Args: func(cmd *cobra.Command, args []string) error {
			for _, group := range args {
				if err := channels.CheckGroup(group); err != nil {
					return usageError{err}
				}
			}
			return between(1, 1000)(cmd, args)
		},
		RunE: func(cmd *cobra.Command, groups []string) error {
			if n < 0 || n == 0 && cmd.Flags().Changed("count") {
				return wrongUsage("-n %d: use a number of messages, 1 or more", n)
			}
			layer, err := flags.open(cmd, std)
			if err != nil {
				return err
			}
			err = layerListen(cmd.Context(), layer, groups, n, std)
			if errors.Is(err, context.Canceled) {
				err = nil // how one leaves
			}
			return errors.Join(explainRedis(err), layer.Close())
		},
	}
	flags.bind(cmd.Flags())
	cmd.Flags().IntVarP(&n, "count", "n", 0, "end after so many `messages`")
	return cmd
}

// layerListen prints n messages, or with 0 all until ctx ends.
func layerListen(ctx context.Context, layer channels.Layer, groups []string, n int, std streams) error {
	channel, err := layer.NewChannel(ctx, "")
	if err != nil {
		return err
	}
	for _, group := range groups {
		if err := layer.GroupAdd(ctx, group, channel); err != nil {
			return err
		}
		fmt.Fprintln(std.err, "listening on "+group)
	}
	for printed := 0; n == 0 || printed < n; printed++ {
		m, err := layer.Receive(ctx, channel)
		if err != nil {
			return err
		}
		if _, err := std.out.Write(append(harmlessJSON(appendMessage(nil, m)), '\n')); err != nil {
			return err
		}
	}
	return nil
}
