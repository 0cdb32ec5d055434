package sqlite

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// identity says where a file lives: which device, which inode, and when that inode was made, since a number is
// used again when a file was removed. It stays when the file is renamed and differs for a copy.
func identity(path string) (string, error) {
	var st unix.Statx_t
	err := unix.Statx(unix.AT_FDCWD, path, 0, unix.STATX_INO|unix.STATX_BTIME, &st)
	if err != nil {
		return "", fmt.Errorf("stat %s: %w", path, err)
	}
	id := fmt.Sprintf("%d.%d:%d", st.Dev_major, st.Dev_minor, st.Ino)
	if st.Mask&unix.STATX_BTIME != 0 {
		id += fmt.Sprintf(":%d.%09d", st.Btime.Sec, st.Btime.Nsec)
	}
	return id, nil
}
