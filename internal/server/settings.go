package server

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strings"
	"syscall"
	"time"
)

// settings are a Config that was understood.
type settings struct {
	Config
	publicURL *url.URL // nil for none
	proxies   []netip.Prefix
	tls       *tls.Config // nil for plain HTTP
	limits    bool
}

// settle fills in the defaults and understands the rest. Errors are for people.
func (c Config) settle() (settings, error) {
	orDefault(&c.Addr, "127.0.0.1:8000")
	orDefault(&c.Data, "teahouse-data")
	orDefault(&c.Limits, "on")
	orDefault(&c.Drain, 10*time.Second)
	s := settings{Config: c, limits: c.Limits == "on"}
	if c.Limits != "on" && c.Limits != "off" {
		return s, fmt.Errorf("--limits %q: want on or off", c.Limits)
	}
	var err error
	if s.BasePath, err = settleBasePath(c.BasePath); err != nil {
		return s, err
	}
	if s.publicURL, err = settlePublicURL(c.PublicURL); err != nil {
		return s, err
	}
	if p := s.publicURL; p != nil && s.BasePath == "" {
		s.BasePath = strings.TrimSuffix(p.Path, "/")
	}
	for _, proxy := range c.TrustedProxies {
		prefix, err := parsePrefix(proxy)
		if err != nil {
			return s, fmt.Errorf("--trusted-proxy %q: want an address or a range like 10.0.0.0/8", proxy)
		}
		s.proxies = append(s.proxies, prefix)
	}
	s.tls, err = settleTLS(c.Cert, c.Key)
	return s, err
}

func orDefault[T comparable](v *T, d T) {
	var zero T
	if *v == zero {
		*v = d
	}
}

// settleBasePath makes /chat of chat, /chat and /chat/.
func settleBasePath(p string) (string, error) {
	p = strings.Trim(p, "/")
	if p == "" {
		return "", nil
	}
	for segment := range strings.SplitSeq(p, "/") {
		if segment == "" || segment == "." || segment == ".." || strings.Trim(segment, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.~") != "" {
			return "", fmt.Errorf("--base-path %q: want a path like /chat of letters, digits, - _ . and ~", "/"+p)
		}
	}
	return "/" + p, nil
}

func settlePublicURL(s string) (*url.URL, error) {
	if s == "" {
		return nil, nil
	}
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.RawQuery != "" || u.Fragment != "" {
		return nil, fmt.Errorf("--public-url %q: want a URL like https://chat.example.com", s)
	}
	return u, nil
}

func parsePrefix(s string) (netip.Prefix, error) {
	if addr, err := netip.ParseAddr(s); err == nil {
		return netip.PrefixFrom(addr, addr.BitLen()), nil
	}
	return netip.ParsePrefix(s)
}

func settleTLS(cert, key string) (*tls.Config, error) {
	if cert == "" && key == "" {
		return nil, nil
	}
	if cert == "" || key == "" {
		return nil, errors.New("--cert and --key go together: give both, or neither for plain HTTP")
	}
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		return nil, fmt.Errorf("--cert %s, --key %s: %w", cert, key, err)
	}
	// HTTP/1.1 only: a WebSocket over HTTP/2 would share its connection with others.
	return &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"}}, nil
}

// roomURL is where to go first: the lobby room, at an address that a person on this machine can open.
func (s settings) roomURL(addr net.Addr) string {
	if s.publicURL != nil {
		return strings.TrimSuffix(originURL(s.publicURL.Scheme, s.publicURL.Host), "/") + s.BasePath + "/room/lobby/"
	}
	scheme := "http"
	if s.tls != nil {
		scheme = "https"
	}
	host, port, err := net.SplitHostPort(addr.String())
	if err != nil {
		return originURL(scheme, addr.String()) + s.BasePath + "/room/lobby/"
	}
	if ip, err := netip.ParseAddr(host); err == nil && (ip.IsUnspecified() || ip.IsLoopback()) {
		host = "localhost"
	}
	return originURL(scheme, net.JoinHostPort(host, port)) + s.BasePath + "/room/lobby/"
}

func originURL(scheme, host string) string { return scheme + "://" + host }

// listenError says what to do about an address that can't be listened on.
func listenError(addr string, err error) error {
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Errorf("%s is in use: stop the other program, or choose another address with --addr", addr)
	case errors.Is(err, syscall.EACCES):
		return fmt.Errorf("%s may not be listened on without more rights: choose a port over 1023 with --addr", addr)
	}
	return fmt.Errorf("--addr %q can't be listened on, want host:port like 127.0.0.1:8000: %w", addr, err)
}
