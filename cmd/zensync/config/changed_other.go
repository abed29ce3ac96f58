//go:build !linux

package config

import (
	"io/fs"
	"time"
)

// changed is when a file was written. systemd's credentials, for which it
// matters, are Linux's.
func changed(info fs.FileInfo) time.Time { return info.ModTime() }
