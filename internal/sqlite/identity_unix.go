//go:build unix && !linux

package sqlite

import (
	"fmt"
	"os"
	"syscall"
)

// identity says where a file lives: which device and inode. It stays when the file is renamed and differs for a copy.
func identity(path string) (string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return path, nil
	}
	return fmt.Sprintf("%d:%d", st.Dev, st.Ino), nil
}
