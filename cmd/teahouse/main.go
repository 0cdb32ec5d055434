// Command teahouse serves live rooms for the web, and talks in them from a terminal. Run it without arguments to serve.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

func main() {
	os.Exit(run())
}

// run returns the exit code: 0 done, 1 failed, 2 wrong usage.
func run() int {
	signal.Ignore(syscall.SIGPIPE) // a reader that has enough is told by EPIPE, on which we end quietly
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends the process at once

	err := newRoot(streams{os.Stdin, os.Stdout, os.Stderr}).ExecuteContext(ctx)
	var wrong usageError
	switch {
	case err == nil, errors.Is(err, syscall.EPIPE):
		return 0
	case errors.As(err, &wrong):
		fmt.Fprintln(os.Stderr, "teahouse: "+oneLine(wrong.Error()))
		return 2
	default:
		fmt.Fprintln(os.Stderr, "teahouse: "+oneLine(explain(err)))
		return 1
	}
}

// streams are the process's own three.
type streams struct {
	in  *os.File
	out *os.File
	err io.Writer
}

// usageError is a command line that can't be meant: exit code 2, and a line that says what to do.
type usageError struct{ error }

func wrongUsage(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

func newRoot(std streams) *cobra.Command {
	root := newServe(std, "teahouse")
	root.Short = "Live rooms for the web"
	root.Long = "Teahouse is live rooms for the web: one server, and the commands to talk in its rooms from a terminal.\n" +
		"Without a command it serves.\n\nEvery flag can be set by an environment variable: TEAHOUSE_PUBLIC_URL for --public-url."
	root.SilenceErrors, root.SilenceUsage = true, true
	root.SuggestionsMinimumDistance = 2
	root.CompletionOptions.HiddenDefaultCmd = true
	root.Args = func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return nil
		}
		if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
			return wrongUsage("no command is called %q: did you mean teahouse %s?", args[0], near[0])
		}
		return wrongUsage("no command is called %q: teahouse --help lists them", args[0])
	}
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		said, _, _ := strings.Cut(err.Error(), ": strconv.") // Go's own words help nobody here
		return wrongUsage("%s: see %s --help", said, cmd.CommandPath())
	})
	root.PersistentPreRunE = func(cmd *cobra.Command, _ []string) error { return flagsFromEnv(cmd.Flags()) }
	root.SetOut(std.out)
	root.SetErr(std.err)
	root.AddCommand(newServe(std, "serve"), newChat(std), newSend(std), newTail(std), newEcho(std), newLayer(std), newVersion(std))
	return root
}

// flagsFromEnv gives the flags that weren't given the values of their environment variables. An empty variable is none.
func flagsFromEnv(flags *pflag.FlagSet) (err error) {
	flags.VisitAll(func(f *pflag.Flag) {
		name := "TEAHOUSE_" + strings.ToUpper(strings.ReplaceAll(f.Name, "-", "_"))
		value := os.Getenv(name)
		if f.Changed || f.Name == "help" || value == "" || err != nil {
			return
		}
		if flags.Set(f.Name, value) != nil {
			err = wrongUsage("%s=%s: --%s can't be that, see teahouse --help", name, value, f.Name)
		}
	})
	return err
}

// between demands min to max arguments, and otherwise says how the command is used.
func between(min, max int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		switch {
		case len(args) < min:
			return wrongUsage("too few arguments: use it as %s", cmd.UseLine())
		case len(args) > max:
			return wrongUsage("too many arguments, from %q on (quote a text with spaces): use it as %s", args[max], cmd.UseLine())
		}
		return nil
	}
}
