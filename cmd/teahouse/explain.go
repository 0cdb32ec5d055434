package main

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"strings"
	"syscall"

	"github.com/teahouse-chat/teahouse/client"
)

// explain says what went wrong and, where we know it, what to do.
func explain(err error) string {
	var (
		refused *client.Error
		dns     *net.DNSError
		cert    *tls.CertificateVerificationError
		noTLS   tls.RecordHeaderError
	)
	switch {
	case errors.Is(err, context.Canceled):
		return "interrupted"
	case errors.As(err, &refused) && refused.Status == 421:
		return err.Error() + ": start the server with --public-url and this address, or use one that it goes by"
	case errors.As(err, &refused) && refused.Code == "" && refused.Status/100 != 3:
		return err.Error() + ": is this a Teahouse server, and the URL a room's page?"
	case errors.Is(err, syscall.ECONNREFUSED):
		return err.Error() + ": is a server running? start one with: teahouse"
	case errors.As(err, &dns) && dns.IsNotFound:
		return err.Error() + ": check the URL's host name"
	case errors.As(err, &cert):
		return err.Error() + ": the server's certificate isn't trusted here"
	case errors.As(err, &noTLS), errors.Is(err, http.ErrSchemeMismatch):
		return err.Error() + ": the server doesn't speak TLS here: try http:// in place of https://"
	}
	return err.Error()
}

// nobodyThere says whether there may be no server at all.
func nobodyThere(err error) bool {
	var dns *net.DNSError
	return errors.Is(err, syscall.ECONNREFUSED) || errors.As(err, &dns)
}

// oneLine keeps a message on one line and harmless: parts of it may come from the network.
func oneLine(s string) string {
	return strings.ReplaceAll(harmless(s), "\n", "; ")
}
