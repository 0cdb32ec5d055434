package ws

import (
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Options adjust a [Server]. A nil *Options and the zero value of each field mean the default, which is safe to face the
// internet with. Options are read once, by NewServer.
type Options struct {
	// Subprotocols that the server speaks, preferred first. Default: none.
	Subprotocols []string

	// CheckOrigin reports whether a browser page of the request's Origin may connect. Default: requests without an Origin (programs),
	// and those whose Origin has the same host and port as the Host header.
	CheckOrigin func(r *http.Request) bool

	// Refuse answers a request that isn't upgraded. Default: http.Error with the error's status, header and reason.
	Refuse func(w http.ResponseWriter, r *http.Request, err *HandshakeError)

	// Compress accepts permessage-deflate (RFC 7692) from clients that offer it, always without a context that outlives a
	// message, so that a connection keeps no memory for it. Default: false.
	Compress bool

	// MaxMessage is the largest message taken from a client, in bytes, after reassembly and inflation; a larger one closes with 1009.
	// Default 64 KiB; never more than 1 MiB.
	MaxMessage int

	// MaxFragments is how many frames a message may come in, empty ones included; more close with 1008. Default 256.
	MaxFragments int

	// MaxPartial bounds the memory, in bytes, of all unfinished messages of the server together. A connection that needs more
	// closes with 1013. Default 64 MiB.
	MaxPartial int64

	// ControlRate and ControlBurst bound a client's pings and pongs: so many a second in the long run, so many at once.
	// A client over it closes with 1008. Defaults 10 and 30.
	ControlRate, ControlBurst int

	// HeaderTimeout is the time a client has to finish a frame's header once it has begun one. Over it: 1008. Default 10 s.
	HeaderTimeout time.Duration

	// MessageTimeout is the time a client has to finish a message once it has begun one. Over it: 1008. Default 30 s.
	MessageTimeout time.Duration

	// WriteTimeout is how long a client may take nothing while something waits for it. Over it: 4408. Default 15 s.
	WriteTimeout time.Duration

	// PingInterval is how long a client may be silent before it is pinged, give or take a tenth. Default 25 s; negative:
	// no pings.
	PingInterval time.Duration

	// PongTimeout is how long a pinged client may stay silent before its connection is dropped as lost (1006). Any bytes received
	// count as life. Default 10 s.
	PongTimeout time.Duration

	// CloseTimeout is how long the closing handshake waits for the client. Default 5 s.
	CloseTimeout time.Duration

	// SendBuffer is the size in bytes of the kernel's send buffer of each connection (SO_SNDBUF; Linux doubles it for its own
	// book-keeping). Default 128 KiB.
	SendBuffer int

	// MaxQueue is how many bytes sent by Send may wait for a client; more close with 4408. A single message of up to 1 MiB may always wait.
	// Default 64 KiB.
	MaxQueue int

	// ForceGoroutines gives each connection a goroutine of its own, as happens anyway for connections that a listener wrapped, and on
	// systems without epoll. Default: TCP connections are parked, with TLS or without.
	ForceGoroutines bool

	// Logger gets a record for each panic of a handler. Default slog.Default().
	Logger *slog.Logger

	// Trace, when set, is told what happens.
	Trace *Trace
}

// A Trace is told what happens on a server's connections, for metrics. Any field may be nil. The functions are called from many
// goroutines, must be quick, and must not call the connection.
type Trace struct {
	Opened   func()               // an upgrade succeeded
	Refused  func(status int)     // an upgrade was refused with this HTTP status
	Closed   func(code CloseCode) // a connection that was opened is gone
	Panicked func()               // a handler panicked
}

const messageCeiling = 1 << 20 // of what is taken from a client, and of what can always be sent to one

// withDefaults is a copy of o with every default filled in.
func (o *Options) withDefaults() Options {
	var d Options
	if o != nil {
		d = *o
	}
	d.Subprotocols = slices.Clone(d.Subprotocols)
	if d.CheckOrigin == nil {
		d.CheckOrigin = sameOrigin
	}
	if d.Refuse == nil {
		d.Refuse = refuse
	}
	orDefault(&d.MaxMessage, 64<<10)
	d.MaxMessage = min(d.MaxMessage, messageCeiling)
	orDefault(&d.MaxFragments, 256)
	orDefault(&d.MaxPartial, 64<<20)
	orDefault(&d.ControlRate, 10)
	orDefault(&d.ControlBurst, 30)
	orDefault(&d.HeaderTimeout, 10*time.Second)
	orDefault(&d.MessageTimeout, 30*time.Second)
	orDefault(&d.WriteTimeout, 15*time.Second)
	if d.PingInterval == 0 {
		d.PingInterval = 25 * time.Second
	}
	orDefault(&d.PongTimeout, 10*time.Second)
	orDefault(&d.CloseTimeout, 5*time.Second)
	orDefault(&d.SendBuffer, 128<<10)
	orDefault(&d.MaxQueue, 64<<10)
	if d.Logger == nil {
		d.Logger = slog.Default()
	}
	if d.Trace == nil {
		d.Trace = &Trace{}
	}
	return d
}

func orDefault[T int | int64 | time.Duration](v *T, def T) {
	if *v <= 0 {
		*v = def
	}
}

// tick is how often the sweeper looks at every connection: often enough that the shortest timeout is kept within an eighth.
func (o *Options) tick() time.Duration {
	shortest := min(o.HeaderTimeout, o.MessageTimeout, o.WriteTimeout, o.PongTimeout, o.CloseTimeout)
	if o.PingInterval > 0 {
		shortest = min(shortest, o.PingInterval)
	}
	return max(5*time.Millisecond, min(shortest/8, 500*time.Millisecond))
}

// sameOrigin is the default of Options.CheckOrigin.
func sameOrigin(r *http.Request) bool {
	origin := r.Header.Get("Origin")
	if origin == "" {
		return true
	}
	u, err := url.Parse(origin)
	return err == nil && u.Host != "" && strings.EqualFold(u.Host, r.Host)
}

// refuse is the default of Options.Refuse.
func refuse(w http.ResponseWriter, _ *http.Request, err *HandshakeError) {
	for name, values := range err.Header {
		w.Header()[name] = values
	}
	http.Error(w, err.Reason, err.Status)
}
