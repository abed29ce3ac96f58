package config

import (
	"io/fs"
	"syscall"
	"time"
)

// changed is when a file was written, or put in its place: unlike the time of
// its content, that is not taken over by `cp -p` and the like.
func changed(info fs.FileInfo) time.Time {
	if stat, is := info.Sys().(*syscall.Stat_t); is {
		return time.Unix(stat.Ctim.Unix())
	}
	return info.ModTime()
}
