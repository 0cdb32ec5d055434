package channels

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"slices"
	"sync"
	"time"
)

// A Worker does what is asked of it on named channels, in any process that shares the layer: Django's runworker. Several workers on one channel share its
// messages.
type Worker struct {
	Layer Layer

	// Tasks are what to do for messages, by their type. A message of another type is logged and dropped.
	Tasks map[string]func(ctx context.Context, m Message) error

	// Logger gets a record for each task that fails. Default slog.Default().
	Logger *slog.Logger
}

// workerPause is how long a worker waits before it receives again after the layer failed.
const workerPause = time.Second

// Run receives from channels until ctx ends, and returns nil then; each channel's messages are done one at a time, in order. A task that fails, or panics, is
// logged, and its message is not tried again. Errors: ErrLayerClosed; ErrName.
func (w *Worker) Run(ctx context.Context, channels ...string) error {
	channels = slices.Compact(slices.Sorted(slices.Values(channels)))
	for _, name := range channels {
		if err := CheckChannel(name); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	errs := make([]error, len(channels))
	var running sync.WaitGroup
	for i, name := range channels {
		running.Go(func() {
			errs[i] = w.serve(ctx, name)
			cancel()
		})
	}
	running.Wait()
	return errors.Join(errs...)
}

// serve does the messages of one channel.
func (w *Worker) serve(ctx context.Context, channel string) error {
	log := w.Logger
	if log == nil {
		log = slog.Default()
	}
	for {
		m, err := w.Layer.Receive(ctx, channel)
		switch {
		case ctx.Err() != nil && err != nil:
			return nil
		case errors.Is(err, ErrLayerClosed):
			return fmt.Errorf("receive from %s: %w", channel, err)
		case err != nil:
			log.Warn("channel can't be received from, trying again", slog.String("channel", channel), slog.Any("err", err))
			select {
			case <-time.After(workerPause):
			case <-ctx.Done():
			}
		default:
			if err := w.do(ctx, m); err != nil {
				log.Error("task failed", slog.String("channel", channel), slog.String("type", m.Type()), slog.Any("err", err))
			}
		}
	}
}

// do does what a message asks for.
func (w *Worker) do(ctx context.Context, m Message) (err error) {
	task := w.Tasks[m.Type()]
	if task == nil {
		return errors.New("no task of this type")
	}
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	return task(ctx, m)
}
