// Package systemd is how a service gets on with the service manager that
// started it: it takes the socket it is handed, says when it is ready, what it
// is at and that it is alive, and writes the process log to the journal with a
// field for each attribute.
//
// Where another program started the process, all of it does nothing. It does
// not decide whether a service is well: each part of the service says that of
// itself, by Beat.
package systemd
