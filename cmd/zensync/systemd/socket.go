package systemd

import (
	"errors"
	"fmt"
	"net"

	"github.com/coreos/go-systemd/v22/activation"
)

// Listener returns the listening socket that the service manager handed over
// under name (FileDescriptorName= in its socket unit), or nil when it handed
// over none. It can be taken once; whoever takes it closes it, which leaves
// the manager's own open: connections that come meanwhile wait in it for the
// next process.
func Listener(name string) (net.Listener, error) {
	files := activation.Files(true)
	defer func() {
		for _, f := range files {
			_ = f.Close() // a listener has a copy of its own
		}
	}()
	switch {
	case len(files) == 0:
		return nil, nil
	case len(files) > 1:
		return nil, fmt.Errorf("systemd handed over %d sockets; the socket unit has to name one address", len(files))
	case files[0].Name() != name:
		return nil, fmt.Errorf("systemd handed over a socket called %q; put FileDescriptorName=%s into its socket unit", files[0].Name(), name)
	}
	l, err := net.FileListener(files[0])
	if err != nil {
		return nil, fmt.Errorf("take the socket that systemd handed over: %w (the socket unit has to have ListenStream= and Accept=no)", plain(err))
	}
	return l, nil
}

// plain is an error of package net without the file it is about, of which only
// a number is known.
func plain(err error) error {
	var op *net.OpError
	if errors.As(err, &op) {
		return op.Err
	}
	return err
}
