package server

import (
	"crypto/tls"
	"log/slog"
	"time"
)

// LoadKeyPair and what follows let the tests look at a certificate that is read again.
func LoadKeyPair(cert, key string, log *slog.Logger) (*keyPair, error) {
	k := &keyPair{cert: cert, key: key, log: log}
	return k, k.load()
}

func (k *keyPair) Get(h *tls.ClientHelloInfo) (*tls.Certificate, error) { return k.get(h) }

func (k *keyPair) LookAgain() { k.looked = time.Time{} }
