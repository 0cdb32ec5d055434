//go:build linux

package e2e

import (
	"fmt"
	"slices"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/heapprofiler"
	"github.com/chromedp/cdproto/runtime"
)

// A moment is a stretch of a page's time, in ms; its beginning is the same clock in all tabs.
type moment struct{ From, Took float64 }

func (m moment) String() string { return fmt.Sprintf("%.0f ms", m.Took) }

// overlaps says whether any of the others shares time with it.
func (m moment) overlaps(others []moment) bool {
	return slices.ContainsFunc(others, func(o moment) bool { return o.From < m.From+m.Took && m.From < o.From+o.Took })
}

// A sample is what a page measured of itself: the time between its frames, and the tasks that took over 50 ms.
type sample struct{ Frames, Tasks []moment }

// sampleFrames has the page measure itself from now on.
func (p *tab) sampleFrames() {
	p.t.Helper()
	look[bool](p, `(() => {
		const sample = { Frames: [], Tasks: [] }, zero = performance.timeOrigin
		let last = performance.now()
		const frame = now => {
			sample.Frames.push({ From: zero + last, Took: now - last })
			last = now
			if (window.sample === sample) requestAnimationFrame(frame)
		}
		requestAnimationFrame(now => { last = now; requestAnimationFrame(frame) })
		new PerformanceObserver(list => {
			for (const e of list.getEntries()) sample.Tasks.push({ From: zero + e.startTime, Took: e.duration })
		}).observe({ type: "longtask" })
		window.sample = sample
		return true
	})()`)
}

// takeSample ends the measuring.
func (p *tab) takeSample() sample {
	p.t.Helper()
	return look[sample](p, `(() => {
		const { Frames, Tasks } = window.sample
		const taken = { Frames: Frames.splice(0), Tasks: Tasks.splice(0) } // its observer holds the rest
		window.sample = null
		return taken
	})()`)
}

// over are the moments longer than limit, past the first ones, in which the page still warms up.
func over(moments []moment, warm time.Duration, limit float64) []moment {
	var found []moment
	for _, m := range moments {
		if m.From-moments[0].From >= float64(warm.Milliseconds()) && m.Took > limit {
			found = append(found, m)
		}
	}
	return found
}

func lengths(moments []moment) []float64 {
	var all []float64
	for _, m := range moments {
		all = append(all, m.Took)
	}
	return all
}

// heap is how much the page's scripts hold, in bytes, once the garbage is gone.
func (p *tab) heap() float64 {
	p.t.Helper()
	for range 2 { // finalizers free more
		call(p, heapprofiler.CollectGarbage, cdp.Empty{})
	}
	return call(p, runtime.GetHeapUsage, cdp.Empty{}).UsedSize
}

// quantile is a value of which so large a part of the values is no larger, 0 < q ≤ 1.
func quantile(values []float64, q float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	return sorted[min(len(sorted)-1, int(q*float64(len(sorted))))]
}
