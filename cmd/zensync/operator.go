package main

import (
	"os"
	"os/user"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"
)

// byFlag is --by of every command that the log puts down to a person.
func byFlag() cli.Flag {
	return &cli.StringFlag{Name: "by", Usage: "`NAME` to put into the log as who asked (default: $SUDO_USER, else the login name)"}
}

// actor is who asks: whom --by names, else who called sudo, else whose login
// this is.
func actor(c *cli.Context) string {
	if name := strings.TrimSpace(c.String("by")); name != "" {
		return name
	}
	return login()
}

// login is who called sudo, else whose login this is: of a service, the user
// it runs as.
func login() string {
	if name := strings.TrimSpace(os.Getenv("SUDO_USER")); name != "" {
		return name
	}
	if u, err := user.Current(); err == nil && u.Username != "" {
		return u.Username
	}
	return "uid " + strconv.Itoa(os.Getuid()) // a container may run as a user nobody has named
}
