package main

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
)

// run runs a program of the host and returns what it printed.
func run(name string, args ...string) (string, error) {
	out, err := exec.Command(name, args...).CombinedOutput()
	text := strings.TrimSpace(string(out))
	if err != nil {
		return text, fmt.Errorf("%s %s: %w: %s", name, strings.Join(args, " "), err, text)
	}
	return text, nil
}

// runAll runs programs one after the other, each a line of words.
func runAll(lines ...string) error {
	for _, line := range lines {
		words := strings.Fields(line)
		if _, err := run(words[0], words[1:]...); err != nil {
			return err
		}
	}
	return nil
}

// operator runs a command of zensync as operators do.
func operator(args ...string) (string, error) {
	return run("runuser", append([]string{"-u", "zensync", "--", "zensync"}, args...)...)
}

// property is what systemd says of a unit.
func property(unit, name string) (string, error) {
	return run("systemctl", "show", "--value", "--property="+name, unit)
}

// expect holds a unit's property to a value.
func expect(unit, name, want string) error {
	got, err := property(unit, name)
	if err == nil && got != want {
		err = fmt.Errorf("%s of %s is %q instead of %q", name, unit, got, want)
	}
	return err
}

// absent holds paths to be gone.
func absent(paths ...string) error {
	for _, path := range paths {
		if _, err := os.Lstat(path); !os.IsNotExist(err) {
			return fmt.Errorf("%s is there (%v)", path, err)
		}
	}
	return nil
}

// present holds paths to be there.
func present(paths ...string) error {
	for _, path := range paths {
		if _, err := os.Lstat(path); err != nil {
			return err
		}
	}
	return nil
}
