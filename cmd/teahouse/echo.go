package main

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/teahouse-chat/teahouse/client"
	"github.com/teahouse-chat/teahouse/ws"
)

func newEcho(std streams) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "echo serve | connect",
		Short: "A WebSocket server that answers, and a client that asks",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return wrongUsage("echo has no %q: use teahouse echo serve, or teahouse echo connect [URL]", args[0])
			}
			return nil
		},
		RunE: func(*cobra.Command, []string) error {
			return wrongUsage("echo wants to know what to do: teahouse echo serve, or teahouse echo connect [URL]")
		},
	}
	cmd.AddCommand(newEchoServe(std), newEchoConnect(std))
	return cmd
}

// echo is what echo serve does with a message: with "Server received: " before it, or raw, as it came.
type echo struct{ raw bool }

func (echo) Open(*ws.Conn) {}

func (e echo) Message(c *ws.Conn, op ws.Opcode, payload []byte) {
	if !e.raw {
		payload = append([]byte("Server received: "), payload...)
	}
	_ = c.Send(op, payload) // one that is closing, or too slow and therefore closed, has no use for it
}

func (echo) Closed(*ws.Conn, ws.CloseCode, string) {}

func newEchoServe(std streams) *cobra.Command {
	var (
		addr       string
		answer     echo
		maxMessage int
		deflate    bool
	)
	cmd := &cobra.Command{
		Use:                   "serve [--addr localhost:8765] [--raw] [--max-message N] [--deflate]",
		Short:                 "Answer each message with: Server received: <message>",
		Args:                  between(0, 0),
		DisableFlagsInUseLine: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if maxMessage < 1 {
				return wrongUsage("--max-message %d: use a number of bytes, 1 or more", maxMessage)
			}
			sockets := ws.NewServer(&ws.Options{
				MaxMessage: maxMessage, MaxQueue: 4 * maxMessage, Compress: deflate,
				CheckOrigin: func(*http.Request) bool { return true }, // an echo has nothing to protect
			})
			return echoServe(cmd.Context(), addr, std.out, sockets, answer)
		},
	}
	cmd.Flags().StringVar(&addr, "addr", "localhost:8765", "`address` to listen on")
	cmd.Flags().BoolVar(&answer.raw, "raw", false, "send back what came, text or binary")
	cmd.Flags().IntVar(&maxMessage, "max-message", 1<<20, "longest message, in `bytes`")
	cmd.Flags().BoolVar(&deflate, "deflate", false, "accept permessage-deflate")
	return cmd
}

// echoServe serves until ctx ends.
func echoServe(ctx context.Context, addr string, out io.Writer, sockets *ws.Server, answer echo) error {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", addr)
	if err != nil {
		return fmt.Errorf("%w: choose another address with --addr", err)
	}
	server := &http.Server{
		ReadHeaderTimeout: 10 * time.Second,
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = sockets.Upgrade(w, r, answer) // the client has been told, or is gone
		}),
	}
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stop()
	if _, err := fmt.Fprintf(out, "ws://%s\n", listener.Addr()); err != nil {
		return errors.Join(err, server.Close(), listener.Close())
	}
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return errors.Join(err, sockets.Close())
	}
	return sockets.Close()
}

func newEchoConnect(std streams) *cobra.Command {
	return &cobra.Command{
		Use:   "connect [URL]",
		Short: "Read a line, send it, print the response, again and again (default ws://localhost:8765)",
		Args:  between(0, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			url := "ws://localhost:8765"
			if len(args) == 1 {
				url = args[0]
			}
			if s, ok := strings.CutPrefix(url, "http"); ok {
				url = "ws" + s
			}
			if !strings.HasPrefix(url, "ws://") && !strings.HasPrefix(url, "wss://") {
				return wrongUsage("%s isn't the URL of a WebSocket, like ws://localhost:8765", url)
			}
			err := echoConnect(cmd.Context(), url, std)
			if errors.Is(err, context.Canceled) {
				return nil // how one leaves
			}
			if err != nil && strings.Contains(explain(err), "start one with: teahouse") {
				return fmt.Errorf("%s echo serve", explain(err))
			}
			return err
		},
	}
}

// echoConnect asks line by line until the input ends, ctx ends or the server closes.
func echoConnect(ctx context.Context, url string, std streams) error {
	conn, err := client.Dial(ctx, url, nil)
	if err != nil {
		return cmp.Or(ctx.Err(), err)
	}
	defer conn.Abort()
	lines, answers := readLines(ctx, std.in), readAnswers(conn)
	prompt := func() {
		if isTerminal(std.in) && isTerminal(std.out) {
			_, _ = fmt.Fprint(std.out, "> ")
		}
	}
	prompt()
	asked := 0
	for input := lines; input != nil || asked > 0; {
		open := input
		if asked > 0 {
			open = nil // one at a time
		}
		select {
		case line, ok := <-open:
			if !ok {
				input = nil
				continue
			}
			if err := conn.Write([]byte(line), false); err != nil {
				return err
			}
			asked++
		case a := <-answers:
			if a.err != nil {
				return a.err
			}
			if err := a.print(std); err != nil {
				return err
			}
			if asked = max(0, asked-1); asked == 0 {
				prompt()
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return conn.Close()
}

// readLines reads lines until the input ends or can't be read. Its goroutine isn't waited for: nothing else ends a read of
// standard input.
func readLines(ctx context.Context, in io.Reader) <-chan string {
	lines := make(chan string)
	go func() {
		defer close(lines)
		r := bufio.NewReader(in)
		for {
			line, err := r.ReadString('\n')
			if line == "" && err != nil {
				return
			}
			select {
			case lines <- strings.TrimRight(line, "\r\n"):
			case <-ctx.Done():
				return
			}
		}
	}()
	return lines
}

// answer is a message of the server, or the end of them.
type answer struct {
	payload []byte
	binary  bool
	err     error
}

// readAnswers reads messages, and answers pings meanwhile, until the connection ends.
func readAnswers(conn *client.Conn) <-chan answer {
	answers := make(chan answer, 1)
	go func() {
		for {
			payload, binary, err := conn.Read()
			answers <- answer{payload, binary, err}
			if err != nil {
				return
			}
		}
	}()
	return answers
}

func (a answer) print(std streams) error {
	text := string(a.payload)
	switch {
	case a.binary && isTerminal(std.out):
		text = fmt.Sprintf("%d bytes: %q", len(a.payload), a.payload)
	case isTerminal(std.out):
		text = harmless(text)
	}
	_, err := fmt.Fprintln(std.out, text)
	return err
}
