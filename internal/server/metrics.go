package server

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/teahouse-chat/teahouse/internal/sqlite"
)

// metrics binds what the packages tell to Prometheus.
type metrics struct {
	offers  prometheus.Counter
	commits prometheus.Histogram
	events  prometheus.Counter
	failed  prometheus.Counter
}

func newMetrics(reg *prometheus.Registry) *metrics {
	m := &metrics{
		offers: prometheus.NewCounter(prometheus.CounterOpts{Name: "teahouse_fanout_batches_total", Help: "Batches that followers took."}),
		commits: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "teahouse_sqlite_commit_seconds", Help: "Time of a transaction with its fsync.",
			Buckets: prometheus.ExponentialBuckets(0.0002, 2, 14),
		}),
		events: prometheus.NewCounter(prometheus.CounterOpts{Name: "teahouse_sqlite_events_total", Help: "Events committed."}),
		failed: prometheus.NewCounter(prometheus.CounterOpts{Name: "teahouse_sqlite_failures_total", Help: "Transactions and checkpoints that failed."}),
	}
	reg.MustRegister(m.offers, m.commits, m.events, m.failed)
	return m
}

func (m *metrics) wrote(offers int) { m.offers.Add(float64(offers)) }

func (m *metrics) store() sqlite.Trace {
	return sqlite.Trace{
		Committed: func(events, _ int, took time.Duration) {
			m.commits.Observe(took.Seconds())
			m.events.Add(float64(events))
		},
		Failed: func(error) { m.failed.Inc() },
	}
}
