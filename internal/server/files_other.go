//go:build !unix

package server

// maxConns is how many connections may be held open.
func maxConns() int { return 9000 }
