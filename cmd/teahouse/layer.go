package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/teahouse-chat/teahouse/channels"
	"github.com/teahouse-chat/teahouse/channels/redislayer"
)

func newLayer(std streams) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "layer send | listen | inspect",
		Short: "Talk in a channel layer on Redis, Django's too, and look at what is in it",
		Long: "Talk in a channel layer on Redis, and look at what is in it. The layer is one of Django's channels_redis as well as one of\n" +
			"Teahouse: both put the same into Redis.",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return wrongUsage("layer has no %q: use teahouse layer send, listen or inspect", args[0])
			}
			return nil
		},
		RunE: func(*cobra.Command, []string) error {
			return wrongUsage("layer wants to know what to do: teahouse layer send, listen or inspect")
		},
	}
	cmd.AddCommand(newLayerSend(std), newLayerListen(std), newLayerInspect(std))
	return cmd
}

// layerFlags say which layer is meant. They must be Django's settings of the same names, but for --redis, --layer and --key.
type layerFlags struct {
	redis, sentinels                  []string
	master, layer, prefix, serializer string
	keys                              secrets
	capacity                          int
	expiry                            time.Duration
}

func (f *layerFlags) bind(flags *pflag.FlagSet) {
	flags.SortFlags = false
	flags.StringArrayVar(&f.redis, "redis", []string{"redis://localhost:6379"}, "`URL` of Redis, redis://user:password@host:port/db, rediss:// or unix:// (repeatable, in the order of Django's hosts)")
	flags.StringVar(&f.layer, "layer", "core", "the kind of layer, `core or pubsub`")
	flags.StringVar(&f.prefix, "prefix", "asgi", "what the layer's `names` in Redis begin with")
	flags.Var(&f.keys, "key", "a symmetric encryption `key` (repeatable: the first encrypts, all decrypt). Others on this machine can see a\ncommand line: TEAHOUSE_KEY is better, with a line for each key")
	flags.StringVar(&f.serializer, "serializer", "msgpack", "how messages are written, `msgpack or json`")
	flags.IntVar(&f.capacity, "capacity", channels.DefaultCapacity, "`messages` that a channel holds")
	flags.DurationVar(&f.expiry, "expiry", time.Minute, "how long a message may wait, in whole `seconds` like 60s")
	flags.StringSliceVar(&f.sentinels, "sentinel", nil, "`host:port` of a Sentinel that knows where Redis is (repeatable), with --master")
	flags.StringVar(&f.master, "master", "", "`name` of the master that the Sentinels watch")
}

// options are the layer's, checked as far as they can be without Redis.
func (f *layerFlags) options(cmd *cobra.Command, std streams) (*redislayer.Options, error) {
	o := &redislayer.Options{
		Prefix: f.prefix, Capacity: f.capacity, Expiry: f.expiry, SymmetricEncryptionKeys: f.keys,
		Logger: slog.New(saidLog{std.err}), Losses: &channels.Losses{Logger: slog.New(saidLog{std.err})},
	}
	switch {
	case f.layer != "core" && f.layer != "pubsub":
		return nil, wrongUsage("--layer %s: use core or pubsub", f.layer)
	case f.serializer != "msgpack" && f.serializer != "json":
		return nil, wrongUsage("--serializer %s: use msgpack or json", f.serializer)
	case f.capacity < 1:
		return nil, wrongUsage("--capacity %d: use a number of messages, 1 or more", f.capacity)
	case f.expiry < time.Second || f.expiry%time.Second != 0:
		return nil, wrongUsage("--expiry %v: use whole seconds, like 60s", f.expiry)
	case (len(f.sentinels) == 0) != (f.master == ""):
		return nil, wrongUsage("--sentinel and --master go together: where the Sentinels are, and what they call the master")
	}
	if f.serializer == "json" {
		o.Serializer = redislayer.JSON
	}
	for url := range strings.SplitSeq(strings.Join(f.redis, ","), ",") { // an environment variable has several so
		o.Hosts = append(o.Hosts, redislayer.Host{URL: url})
	}
	if len(f.sentinels) > 0 {
		if len(o.Hosts) > 1 {
			return nil, wrongUsage("--sentinel goes with at most one --redis, which gives user, password and database")
		}
		o.Hosts[0].Sentinels, o.Hosts[0].MasterName = f.sentinels, f.master
		if !cmd.Flags().Changed("redis") {
			o.Hosts[0].URL = ""
		}
	}
	if err := o.Validate(); err != nil {
		return nil, usageError{err}
	}
	return o, nil
}

// open connects to the layer.
func (f *layerFlags) open(cmd *cobra.Command, std streams) (channels.Layer, error) {
	o, err := f.options(cmd, std)
	if err != nil {
		return nil, err
	}
	var layer channels.Layer
	if f.layer == "pubsub" {
		layer, err = redislayer.NewPubSub(cmd.Context(), o)
	} else {
		layer, err = redislayer.NewCore(cmd.Context(), o)
	}
	if err != nil {
		return nil, explainRedis(err)
	}
	return layer, nil
}

// explainRedis says what to do about a Redis that can't be used. No error stays none.
func explainRedis(err error) error {
	if err == nil || errors.Is(err, context.Canceled) {
		return err
	}
	said := err.Error()
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		said += ": is Redis running there? say where it is with --redis URL"
	case strings.Contains(said, "NOAUTH"), strings.Contains(said, "WRONGPASS"):
		said += ": put user and password into the URL, redis://user:password@host:port, which TEAHOUSE_REDIS keeps from others' eyes"
	}
	return errors.New(said)
}

// secrets are what is never printed. A value may have several, a line each.
type secrets []string

func (s *secrets) Set(value string) error {
	before := len(*s)
	for line := range strings.Lines(value) {
		if line = strings.TrimRight(line, "\r\n"); line != "" {
			*s = append(*s, line)
		}
	}
	if len(*s) == before {
		return errors.New("it is empty")
	}
	return nil
}

func (s *secrets) String() string { return "" }
func (s *secrets) Type() string   { return "key" }

// saidLog is a log for people: a line for each record.
type saidLog struct{ w io.Writer }

func (saidLog) Enabled(_ context.Context, level slog.Level) bool { return level >= slog.LevelInfo }

func (l saidLog) Handle(_ context.Context, r slog.Record) error {
	said := r.Message
	r.Attrs(func(a slog.Attr) bool {
		said += fmt.Sprintf(", %s %v", a.Key, a.Value)
		return true
	})
	_, err := fmt.Fprintln(l.w, "teahouse: "+oneLine(said))
	return err
}

func (l saidLog) WithAttrs([]slog.Attr) slog.Handler { return l }
func (l saidLog) WithGroup(string) slog.Handler      { return l }
