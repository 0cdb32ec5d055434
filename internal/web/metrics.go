package web

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/teahouse-chat/teahouse/internal/chat"
	"github.com/teahouse-chat/teahouse/ws"
)

// metrics counts what happens on the wire. Nothing in them names a room or a person.
type metrics struct {
	posts   *prometheus.CounterVec
	opened  prometheus.Counter
	refused *prometheus.CounterVec
	closed  *prometheus.CounterVec
	panics  prometheus.Counter
}

func newMetrics(reg *prometheus.Registry, h *Handler) *metrics {
	m := &metrics{
		posts:   prometheus.NewCounterVec(prometheus.CounterOpts{Name: "teahouse_web_posts_total", Help: "Posts answered, by whether they were new, repeated or refused."}, []string{"kind"}),
		opened:  prometheus.NewCounter(prometheus.CounterOpts{Name: "teahouse_ws_opened_total", Help: "Sockets opened."}),
		refused: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "teahouse_ws_refused_total", Help: "Upgrades refused, by HTTP status."}, []string{"status"}),
		closed:  prometheus.NewCounterVec(prometheus.CounterOpts{Name: "teahouse_ws_closed_total", Help: "Sockets closed, by close code."}, []string{"code"}),
		panics:  prometheus.NewCounter(prometheus.CounterOpts{Name: "teahouse_ws_panics_total", Help: "Sockets closed because their handler panicked."}),
	}
	reg.MustRegister(m.posts, m.opened, m.refused, m.closed, m.panics,
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "teahouse_web_followers", Help: "Sockets, streams and long-polls held open."}, func() float64 {
			return float64(h.gate.count())
		}),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "teahouse_feed_topics", Help: "Rooms in memory."}, func() float64 {
			return float64(h.opts.Feed.Topics())
		}))
	return m
}

func (m *metrics) posted(answers []chat.Posted) {
	for i := range answers {
		switch {
		case answers[i].Err != nil:
			m.posts.WithLabelValues("refused").Inc()
		case answers[i].Existed:
			m.posts.WithLabelValues("repeated").Inc()
		default:
			m.posts.WithLabelValues("new").Inc()
		}
	}
}

// sockets is what the WebSocket engine tells.
func (m *metrics) sockets() *ws.Trace {
	return &ws.Trace{
		Opened:   m.opened.Inc,
		Closed:   func(code ws.CloseCode) { m.closed.WithLabelValues(closeLabel(code)).Inc() },
		Panicked: m.panics.Inc,
	}
}

func statusClass(status int) string { return string(rune('0'+status/100)) + "xx" }

// closeLabel keeps the labels few, whatever codes clients send.
func closeLabel(code ws.CloseCode) string {
	if code < 1000 || code > 1014 && code != ws.CloseTooSlow {
		return "other"
	}
	return code.String()
}
