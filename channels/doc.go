// Package channels is the programming model of Django Channels for Go.
package channels
