//go:build unix

package server

import "golang.org/x/sys/unix"

// maxConns is how many connections may be held open: nine tenths of the descriptors that the process may have; a tenth
// is for plain HTTP and files.
func maxConns() int {
	const otherwise = 9000
	var l unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &l); err != nil || l.Cur > 1<<31 {
		return otherwise
	}
	return int(l.Cur) / 10 * 9
}
