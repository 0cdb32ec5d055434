package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/mattn/go-isatty"
	"github.com/spf13/cobra"

	"github.com/teahouse-chat/teahouse/client"
)

// How long send tries: with a server that is overloaded or restarts, and with one that may not exist at all.
const (
	patience        = 15 * time.Second
	patienceNothing = 3 * time.Second
)

func newSend(std streams) *cobra.Command {
	var (
		name, id string
		asJSON   bool
	)
	cmd := &cobra.Command{
		Use:   "send [--name NAME] [--id ID] [--json] URL [TEXT]",
		Short: "Post a message: the text from the argument or standard input",
		Long: "Post a message in a room. The text comes from the argument or, without one, from standard input.\n" +
			"It ends when the message is on disk; run again with the same --id and text, it posts nothing new.",
		Example:               "  teahouse send --name ann http://localhost:8000/room/123/ hello\n  date | teahouse send http://localhost:8000/room/123/",
		Args:                  between(1, 2),
		DisableFlagsInUseLine: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			event, err := send(cmd.Context(), args[0], name, id, func() (string, error) { return textOf(args[1:], std) })
			if err != nil || !asJSON {
				return err
			}
			return printJSON(std.out, event)
		},
	}
	cmd.Flags().StringVar(&name, "name", "", "your display `name`")
	cmd.Flags().StringVar(&id, "id", "", "an `id` of your own, so that a repetition is harmless")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the message's event as JSON")
	return cmd
}

// send posts a text, which it asks for when the URL has turned out to be a room's, and tries for as long as it makes sense.
func send(ctx context.Context, url, name, id string, text func() (string, error)) (client.Event, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var (
		began  time.Time
		gaveUp error
	)
	room, err := newRoom(url, &client.Options{Name: name, MaxPause: 2 * time.Second, Retrying: func(cause error, pause time.Duration) {
		if nobodyThere(cause) && time.Since(began)+pause > patienceNothing {
			gaveUp = cause
			cancel()
		}
	}})
	if err != nil {
		return client.Event{}, err
	}
	message, err := text()
	if err != nil {
		return client.Event{}, err
	}
	began = time.Now()
	event, err := room.Post(ctx, message, id)
	if gaveUp != nil {
		err = fmt.Errorf("post to %s: %w", room.URL(), gaveUp)
	}
	return event, err
}

// newRoom is client.NewRoom for a URL of the command line.
func newRoom(url string, opts *client.Options) (*client.Room, error) {
	room, err := client.NewRoom(url, opts)
	if err != nil {
		return nil, usageError{err}
	}
	return room, nil
}

// textOf gives the message: the argument, or standard input without its last line break.
func textOf(args []string, std streams) (string, error) {
	if len(args) > 0 {
		return args[0], nil
	}
	if isTerminal(std.in) {
		fmt.Fprintln(std.err, "teahouse: type the message, and Ctrl-D on a line of its own to send it")
	}
	const tooMuch = 32 << 20 // more than any server or layer takes, which says so
	b, err := io.ReadAll(io.LimitReader(std.in, tooMuch))
	if err != nil {
		return "", fmt.Errorf("read standard input: %w", err)
	}
	text := strings.TrimSuffix(strings.TrimSuffix(string(b), "\n"), "\r")
	if text == "" {
		return "", errors.New("standard input is empty: give the text there or as the last argument")
	}
	return text, nil
}

func isTerminal(f *os.File) bool { return isatty.IsTerminal(f.Fd()) }
