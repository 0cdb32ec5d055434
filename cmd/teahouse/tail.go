package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/teahouse-chat/teahouse/client"
)

func newTail(std streams) *cobra.Command {
	var (
		after  int64
		asJSON bool
	)
	cmd := &cobra.Command{
		Use:   "tail [--after N] [--json] URL",
		Short: "Follow a room: a message a line",
		Long: "Follow a room and print its messages, one a line, until it is interrupted. It resumes by itself when the connection\n" +
			"breaks. Without --after it starts with what comes from now on; --after 0 prints all that is kept first.",
		Example:               "  teahouse tail --after 0 --json http://localhost:8000/room/123/ | jq .text",
		Args:                  between(1, 1),
		DisableFlagsInUseLine: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			room, err := newRoom(args[0], nil)
			if err != nil {
				return err
			}
			from := client.Head
			if cmd.Flags().Changed("after") {
				if from = (client.Cursor{Offset: after}); after < 0 {
					return wrongUsage("--after %d: an offset is 0 or more", after)
				}
			}
			show := printLine
			if asJSON {
				show = printJSON
			}
			err = tail(cmd.Context(), room, from, std, show)
			if errors.Is(err, context.Canceled) {
				return nil // how one leaves a tail
			}
			return err
		},
	}
	cmd.Flags().Int64Var(&after, "after", 0, "the `offset` of the last message that you have")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print each event as JSON, one a line")
	return cmd
}

func tail(ctx context.Context, room *client.Room, from client.Cursor, std streams, show func(io.Writer, client.Event) error) error {
	// A first request by itself: it fails where following would try again, so that a wrong URL is told at once.
	if _, err := room.Last(ctx, 1); err != nil {
		return err
	}
	say := func(format string, args ...any) {
		fmt.Fprintln(std.err, "teahouse: "+oneLine(fmt.Sprintf(format, args...)))
	}
	away := false
	return room.NewSession(from, client.Handler{
		Event: func(e client.Event) error { return show(std.out, e) },
		Reset: func(r *client.ResetError) error {
			say("some messages can't be had: %v; going on with what comes", r)
			return nil
		},
		Status: func(s client.Status) {
			switch {
			case s.State == client.Waiting && !away:
				say("%s; reconnecting", explain(s.Cause))
				away = true
			case s.State == client.Online && away:
				say("connected again")
				away = false
			}
		},
	}).Run(ctx)
}

// printLine prints what somebody says, for people: "12:03 ann: hi". Its further lines are indented, so that none looks like a message.
func printLine(w io.Writer, e client.Event) error {
	verb, ok := says(e)
	if !ok {
		return nil
	}
	text := strings.ReplaceAll(harmless(e.Text), "\n", "\n      ")
	_, err := fmt.Fprintf(w, "%s %s%s: %s\n", e.Time.Local().Format("15:04"), harmlessName(e.Author.Name), verb, text)
	return err
}

// says reports whether an event is something that is said, and what goes between the name and the text.
func says(e client.Event) (verb string, ok bool) {
	switch e.Type {
	case client.MessagePosted:
		return "", !e.Deleted
	case client.MessageEdited:
		return " edited", e.Text != "" // else another edit came after it
	}
	return "", false
}

// printJSON prints an event as the server wrote it, on one line.
func printJSON(w io.Writer, e client.Event) error {
	var line bytes.Buffer
	if err := json.Compact(&line, e.Raw); err != nil {
		return fmt.Errorf("event %d: %w", e.Offset, err)
	}
	_, err := w.Write(append(harmlessJSON(line.Bytes()), '\n'))
	return err
}
