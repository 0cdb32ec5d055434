package server

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"sync"
	"syscall"
	"time"
)

// listen opens the address, so that a wrong one is told before anything else happens.
func (s settings) listen(log *slog.Logger) (net.Listener, error) {
	var keys *keyPair
	if s.Cert != "" {
		keys = &keyPair{cert: s.Cert, key: s.Key, log: log}
		if err := keys.load(); err != nil {
			return nil, fmt.Errorf("--cert %s --key %s: %w", s.Cert, s.Key, err)
		}
	}
	l, err := net.Listen("tcp", s.Addr)
	if err != nil {
		return nil, listenError(s.Addr, err)
	}
	if keys == nil {
		return l, nil
	}
	// HTTP/1.1 only: a WebSocket over HTTP/2 would share its connection with others.
	return tls.NewListener(l, &tls.Config{GetCertificate: keys.get, MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"}}), nil
}

// listenError says what to do about an address that can't be listened on.
func listenError(addr string, err error) error {
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Errorf("%s is in use: stop the other program, or choose another address with --addr", addr)
	case errors.Is(err, syscall.EACCES):
		return fmt.Errorf("%s may not be listened on without more rights: choose a port over 1023 with --addr", addr)
	}
	return fmt.Errorf("--addr %s can't be listened on, use host:port like 127.0.0.1:8000: %v", addr, err) // not wrapped: what helps a client with its URL doesn't help here
}

// A keyPair is a certificate and its key, read again when the certificate's file has changed.
type keyPair struct {
	cert, key string
	log       *slog.Logger

	mu      sync.Mutex // guards what follows
	pair    *tls.Certificate
	changed time.Time // of the certificate's file, when it was read
	looked  time.Time
}

const lookAtKeys = time.Minute

// load reads both files. Only listen calls it, and get with mu held.
func (k *keyPair) load() error {
	info, err := os.Stat(k.cert)
	if err != nil {
		return err
	}
	pair, err := tls.LoadX509KeyPair(k.cert, k.key)
	if err != nil {
		return err
	}
	k.pair, k.changed, k.looked = &pair, info.ModTime(), time.Now()
	return nil
}

// get is the certificate for a handshake. One that can't be read leaves the one before in use.
func (k *keyPair) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if time.Since(k.looked) < lookAtKeys {
		return k.pair, nil
	}
	k.looked = time.Now()
	if info, err := os.Stat(k.cert); err != nil || info.ModTime().Equal(k.changed) {
		return k.pair, nil
	}
	if err := k.load(); err != nil {
		k.log.Error("the new certificate can't be read, the old one stays", "err", err)
	}
	return k.pair, nil
}
