//go:build !linux

package ws

import (
	"errors"
	"net"
)

// On systems without epoll nothing is parked: startEngine says so, every connection is a stream with a goroutine, and the methods below are never
// called.

type engine struct{}

func startEngine(*Server) (*engine, error) { return nil, errors.ErrUnsupported }

func (*engine) close() error { return nil }

func (*Server) detach(net.Conn) (fd int, ok bool) { return -1, false }
func (*Server) share(net.Conn) int32              { return -1 }

func (*Conn) read([]byte) (int, error) { return 0, errors.ErrUnsupported }
func (*Conn) write([]byte) int         { return 0 }
func (*Conn) arm() error               { return errors.ErrUnsupported }
func (*Conn) watch()                   {}
func (*Conn) widen(*queue)             {}
func (*Conn) shutdownDescriptor()      {}
func (*Conn) shutdownDescriptorWrite() {}
func (*Conn) closeDescriptor()         {}
