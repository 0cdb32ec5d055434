package server

import (
	"context"
	"runtime"
	"runtime/debug"
	runtimemetrics "runtime/metrics"
	"time"
)

// Go keeps as much memory again as is in use for what comes next, and what a rush of connections took it gives back slowly or never. A server whose
// sockets only wait has no use for it.

const (
	restLook  = time.Minute // how often to look
	restWorth = 4 << 20     // allocated since memory was given back last: else there is little to give
)

// A rest tells when the server is quiet enough to give memory back. The zero value is that of one that has just started.
type rest struct {
	seen  uint64 // allocated in all when it was looked last
	given uint64 // and when memory was given back last
}

// due is asked once in restLook, with the bytes that were allocated since the start and those that the heap has now. It is so when the last minute took
// less than a tenth of the heap.
func (r *rest) due(allocated, heap uint64) bool {
	quiet := allocated-r.seen < heap/10
	r.seen = allocated
	if !quiet || allocated-r.given < restWorth {
		return false
	}
	r.given = allocated
	return true
}

// giveBack gives memory back to the system whenever the server is at rest, until ctx ends. That is two collections, whose length goes with the heap.
func giveBack(ctx context.Context) {
	var r rest
	samples := []runtimemetrics.Sample{{Name: "/gc/heap/allocs:bytes"}, {Name: "/memory/classes/heap/objects:bytes"}}
	tick := time.NewTicker(restLook)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		runtimemetrics.Read(samples)
		if r.due(samples[0].Value.Uint64(), samples[1].Value.Uint64()) {
			runtime.GC() // what pools hold is garbage only by the second collection
			debug.FreeOSMemory()
		}
	}
}
