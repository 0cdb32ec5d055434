package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/teahouse-chat/teahouse/channels"
	"github.com/teahouse-chat/teahouse/channels/redislayer"
)

func newLayerInspect(std streams) *cobra.Command {
	var (
		flags  layerFlags
		asJSON bool
		look   redislayer.InspectOptions
	)
	cmd := &cobra.Command{
		Use:   "inspect [flags] [GROUP]",
		Short: "Show groups and members, queues and their depth, and processes that look dead",
		Long: "Show what a layer has in Redis: groups and their members, how full the processes' queues are, and which processes look dead. It only\n" +
			"reads. With GROUP it looks at that one alone, which is quick in a large Redis, and lists its members.",
		Example:               "  teahouse layer inspect --redis redis://cache:6379/1\n  teahouse layer inspect --json | jq '.processes[] | select(.state == \"looks dead\")'",
		Args:                  between(0, 1),
		DisableFlagsInUseLine: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				if err := channels.CheckGroup(args[0]); err != nil {
					return usageError{err}
				}
				look.Group = args[0]
			}
			if look.DeadAfter <= 0 {
				return wrongUsage("--dead-after %v: use a duration like 10s", look.DeadAfter)
			}
			o, err := flags.options(cmd, std)
			if err != nil {
				return err
			}
			report, text, err := inspect(cmd.Context(), flags.layer, o, &look, std)
			if err != nil {
				return explainRedis(err)
			}
			if asJSON {
				return json.NewEncoder(std.out).Encode(report)
			}
			_, err = io.WriteString(std.out, text)
			return err
		},
	}
	flags.bind(cmd.Flags())
	cmd.Flags().DurationVar(&look.DeadAfter, "dead-after", 10*time.Second, "how long a message may wait before its process looks dead")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print a JSON object")
	return cmd
}

// inspect returns the report, and the same for people.
func inspect(ctx context.Context, layer string, o *redislayer.Options, look *redislayer.InspectOptions, std streams) (report any, text string, err error) {
	progress := newProgress(std)
	defer progress.end()
	look.Progress = progress.say
	if layer == "pubsub" {
		r, err := redislayer.InspectPubSub(ctx, o, look)
		if err != nil {
			return nil, "", err
		}
		return r, pubSubText(r), nil
	}
	r, err := redislayer.InspectCore(ctx, o, look)
	if err != nil {
		return nil, "", err
	}
	return r, coreText(r), nil
}

// A progress says on a terminal how far something is that takes longer than a second.
type progress struct {
	w    io.Writer // nil: there is no terminal
	next time.Time
	said bool
}

func newProgress(std streams) *progress {
	p := &progress{next: time.Now().Add(time.Second)}
	if f, ok := std.err.(*os.File); ok && isTerminal(f) {
		p.w = f
	}
	return p
}

func (p *progress) say(seen, total int64) {
	if now := time.Now(); p.w != nil && !now.Before(p.next) {
		p.next, p.said = now.Add(200*time.Millisecond), true
		fmt.Fprintf(p.w, "\rlooked at %d of %d keys\x1b[K", seen, total)
	}
}

// end clears what was said.
func (p *progress) end() {
	if p.said {
		fmt.Fprint(p.w, "\r\x1b[K")
	}
}
