package server

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// settings are a Config that was understood.
type settings struct {
	Config
	publicURL *url.URL // nil for none
	origins   []*url.URL
	proxies   []netip.Prefix
	limits    bool
}

// Validate says what of the configuration can't be meant, in one line that says what to do. It opens nothing.
func (c Config) Validate() error {
	_, err := c.settle()
	return err
}

// settle fills in the defaults and understands the rest, but for the TLS files. Errors are for people.
func (c Config) settle() (settings, error) {
	orDefault(&c.Addr, "127.0.0.1:8000")
	orDefault(&c.Data, "teahouse-data")
	orDefault(&c.Limits, "on")
	orDefault(&c.Drain, 10*time.Second)
	s := settings{Config: c, limits: c.Limits == "on"}
	switch {
	case c.Limits != "on" && c.Limits != "off":
		return s, fmt.Errorf("--limits %s: use on or off", c.Limits)
	case (c.Cert == "") != (c.Key == ""):
		return s, errors.New("--cert and --key go together: give both, or neither for plain HTTP")
	case !isAddr(c.Addr):
		return s, fmt.Errorf("--addr %s: use host:port, like 127.0.0.1:8000", c.Addr)
	case c.Drain < 0:
		return s, fmt.Errorf("--drain %s: use a time like 10s", c.Drain)
	}
	var err error
	if s.BasePath, err = settleBasePath(c.BasePath); err != nil {
		return s, err
	}
	if s.publicURL, err = settlePublicURL(c.PublicURL); err != nil {
		return s, err
	}
	if p := s.publicURL; p != nil && s.BasePath == "" {
		if s.BasePath, err = settleBasePath(p.Path); err != nil {
			return s, err
		}
	}
	if s.origins, err = settleOrigins(c.AllowOrigins); err != nil {
		return s, err
	}
	for _, proxy := range c.TrustedProxies {
		prefix, err := parsePrefix(proxy)
		if err != nil {
			return s, fmt.Errorf("--trusted-proxy %s: use an address or a range, like 10.0.0.0/8", proxy)
		}
		s.proxies = append(s.proxies, prefix)
	}
	return s, nil
}

func isAddr(s string) bool {
	_, port, err := net.SplitHostPort(s)
	_, convErr := strconv.ParseUint(port, 10, 16)
	return err == nil && convErr == nil
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
			return "", fmt.Errorf("--base-path %s: use a path like /chat, of letters, digits, - _ . and ~", "/"+p)
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
		return nil, fmt.Errorf("--public-url %s: use a whole URL, like https://chat.example.com", s)
	}
	return u, nil
}

func parsePrefix(s string) (netip.Prefix, error) {
	if addr, err := netip.ParseAddr(s); err == nil {
		return netip.PrefixFrom(addr, addr.BitLen()), nil
	}
	return netip.ParsePrefix(s)
}

func settleOrigins(origins []string) (urls []*url.URL, err error) {
	for _, origin := range origins {
		u, err := url.Parse(origin)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" {
			return nil, fmt.Errorf("--allow-origin %s: use scheme and host alone, like https://example.com", origin)
		}
		urls = append(urls, u)
	}
	return urls, nil
}

// roomURL is where to go first: the lobby room, at an address that a person on this machine can open.
func (s settings) roomURL(addr net.Addr) string {
	if s.publicURL != nil {
		return s.publicURL.Scheme + "://" + s.publicURL.Host + s.BasePath + "/room/lobby/"
	}
	scheme := "http"
	if s.Cert != "" {
		scheme = "https"
	}
	host, port, err := net.SplitHostPort(addr.String())
	if err != nil {
		return scheme + "://" + addr.String() + s.BasePath + "/room/lobby/"
	}
	if ip, err := netip.ParseAddr(host); err == nil && (ip.IsUnspecified() || ip.IsLoopback()) {
		host = "localhost"
	}
	return scheme + "://" + net.JoinHostPort(host, port) + s.BasePath + "/room/lobby/"
}
