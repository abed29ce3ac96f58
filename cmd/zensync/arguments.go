package main

import (
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
)

// completion is what the shell's completion appends to an unfinished line.
const completion = "--generate-bash-completion"

// arrange brings a command line into the order that package cli insists on:
// the program's flags, the command, its flags, its operands. People put flags
// wherever they think of them. `help X` becomes `X --help`.
func arrange(app *cli.App, args []string) []string {
	if len(args) == 0 || slices.Contains(args, completion) {
		return args
	}
	l := line{app: app, known: app.Flags, commands: app.Commands}
	l.read(args[1:])
	return slices.Concat(args[:1], l.arranged())
}

// line is a command line, taken apart.
type line struct {
	app                           *cli.App
	known                         []cli.Flag     // of the command so far
	commands                      []*cli.Command // below it
	global, path, flags, operands []string
	help                          bool // the first word was help
}

func (l *line) read(words []string) {
	for len(words) > 0 {
		word := words[0]
		words = words[1:]
		switch {
		case word == "--":
			l.operands = append(l.operands, words...)
			return
		case strings.HasPrefix(word, "-") && word != "-":
			words = l.flag(word, words)
		default:
			l.word(word)
		}
	}
}

// flag takes a flag, with its value if that is the next word, and returns the
// words left.
func (l *line) flag(word string, next []string) []string {
	own, global := lookUp(l.known, word), lookUp(l.app.Flags, word)
	flag, to := own, &l.flags
	switch {
	case global != nil && (own == nil || len(l.path) == 0):
		flag, to = global, &l.global
	case len(l.operands) > 0 && len(l.commands) > 0:
		return next // it is of a command that does not exist, and that is what has to be said
	}
	*to = append(*to, word)
	if flag != nil && takesValue(flag, word) && len(next) > 0 {
		*to = append(*to, next[0])
		next = next[1:]
	}
	return next
}

// word takes a word that is no flag: a command, as long as there are some
// below the last, or an operand.
func (l *line) word(word string) {
	next := find(l.commands, word)
	switch {
	case len(l.operands) == 0 && next != nil:
		l.path, l.known, l.commands = append(l.path, word), next.Flags, next.Subcommands
	case len(l.operands)+len(l.path) == 0 && word == "help":
		l.help = true
	default:
		l.operands = append(l.operands, word)
	}
}

func (l *line) arranged() []string {
	switch {
	case len(l.operands) > 0:
		return slices.Concat(l.global, l.path, l.flags, []string{"--"}, l.operands)
	case l.help:
		l.flags = []string{"--help"}
	}
	return slices.Concat(l.global, l.path, l.flags)
}

func find(commands []*cli.Command, name string) *cli.Command {
	for _, cmd := range commands {
		if cmd.HasName(name) {
			return cmd
		}
	}
	return nil
}

// lookUp returns the flag that word names, nil if none is.
func lookUp(flags []cli.Flag, word string) cli.Flag {
	name, _, _ := strings.Cut(strings.TrimLeft(word, "-"), "=")
	for _, flag := range flags {
		if slices.Contains(flag.Names(), name) {
			return flag
		}
	}
	return nil
}

// takesValue tells whether the value of a flag is the word behind it.
func takesValue(flag cli.Flag, word string) bool {
	_, isSwitch := flag.(*cli.BoolFlag)
	return !isSwitch && !strings.Contains(word, "=")
}
