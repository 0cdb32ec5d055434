package sqlite

import (
	"fmt"
	"os"

	"golang.org/x/sys/windows"
)

// identity says where a file lives: which volume and file index. It stays when the file is renamed and differs for a
// copy.
func identity(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	var info windows.ByHandleFileInformation
	if err := windows.GetFileInformationByHandle(windows.Handle(f.Fd()), &info); err != nil {
		return "", fmt.Errorf("stat %s: %w", path, err)
	}
	return fmt.Sprintf("%d:%d.%d", info.VolumeSerialNumber, info.FileIndexHigh, info.FileIndexLow), nil
}
