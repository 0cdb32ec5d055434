package main

import (
	"github.com/spf13/cobra"

	"github.com/teahouse-chat/teahouse/client"
)

// recent is how many messages a chat shows at its start.
const recent = 20

func newChat(std streams) *cobra.Command {
	var name string
	cmd := &cobra.Command{
		Use:   "chat [--name NAME] URL",
		Short: "Talk in a room from the terminal",
		Long: "Talk in a room from the terminal. Enter sends, Alt-Enter starts a new line, Ctrl-D on an empty line or Ctrl-C leaves.\n" +
			"On a pipe it posts each line of standard input and prints each message as a line.",
		Example:               "  teahouse chat --name ann http://localhost:8000/room/123/",
		Args:                  between(1, 1),
		DisableFlagsInUseLine: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			room, err := newRoom(args[0], &client.Options{Name: name})
			if err != nil {
				return err
			}
			// A first request by itself: it fails where following would try again, so that a wrong URL is told at once.
			page, err := room.Last(cmd.Context(), recent)
			if err != nil {
				return err
			}
			if isTerminal(std.in) && isTerminal(std.out) {
				return chatOnScreen(cmd.Context(), room, page, std)
			}
			return chatOnPipe(cmd.Context(), room, page, std)
		},
	}
	cmd.Flags().StringVar(&name, "name", "", "your display `name`")
	return cmd
}
