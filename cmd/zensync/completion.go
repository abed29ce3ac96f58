package main

import (
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"
)

// completions are the scripts by which a shell completes what is typed, and
// what makes them.
var completions = map[string]func(*cli.App) (string, error){
	"bash": func(*cli.App) (string, error) { return bashCompletion, nil },
	"zsh":  func(*cli.App) (string, error) { return zshCompletion, nil },
	"fish": (*cli.App).ToFishCompletion,
}

// Both ask the program, which answers a word that begins with a dash with all
// its flags, and leave files to the shell where it has no answer.
const (
	bashCompletion = `# bash completion of zensync
_zensync() {
	local cur=${COMP_WORDS[COMP_CWORD]} IFS=$'\n'
	local words=("${COMP_WORDS[@]:0:COMP_CWORD}")
	[[ $cur == -* ]] && words+=(-)
	COMPREPLY=($(compgen -W "$("${words[@]}" ` + completion + ` 2>/dev/null)" -- "$cur"))
}
complete -o default -F _zensync zensync
`
	zshCompletion = `#compdef zensync
_zensync() {
	local -a line answers
	line=("${words[@]:0:$((CURRENT - 1))}")
	[[ $PREFIX == -* ]] && line+=(-)
	answers=("${(@f)$("${line[@]}" ` + completion + ` 2>/dev/null)}")
	if [[ -n ${answers[1]} ]]; then
		compadd -- "${answers[@]}"
	else
		_files
	fi
}
if [[ $funcstack[1] == _zensync ]]; then
	_zensync "$@"
else
	compdef _zensync zensync
fi
`
)

func completionCommand() *cli.Command {
	return &cli.Command{
		Name:        "completion",
		Usage:       "print the script that completes zensync's commands and flags in a shell",
		ArgsUsage:   "bash|zsh|fish",
		Description: "For the shell at hand: `source <(zensync completion bash)`. The packages bring the scripts where the shells look for them.",
		Action: func(c *cli.Context) error {
			script, known := completions[c.Args().First()]
			if !known || c.NArg() != 1 {
				return usage("completion: name one shell: bash, zsh or fish")
			}
			text, err := script(c.App)
			if err != nil {
				return fmt.Errorf("make the completion: %w", err)
			}
			_, err = fmt.Fprint(c.App.Writer, text)
			return err
		},
	}
}

// manualTail is what the manual page says beyond what package cli knows of the
// commands.
const manualTail = `
.SH EXIT STATUS
.PP
0 done; 1 failed; 2 the command line or the configuration cannot be followed; 3 done, but somebody needs a person;
4 done, but the brake held something new. Of a plan: 0 nothing to do, 3 something, 4 the brake would hold a part of it.
.SH FILES
.TP
.I /etc/zensync/zensync.yaml
the configuration; beside it the files with the secrets it names
.TP
.I /var/lib/zensync/zensync.db
the database, readable by the user zensync alone
.TP
.IR zensync-relay.socket ", " zensync-relay.service ", " zensync-worker.service
the units
.SH ENVIRONMENT
.TP
.B ZENSYNC_CONFIG
the configuration to read, where --config names none
.TP
.B CREDENTIALS_DIRECTORY
where systemd hands over secrets; looked into before the folder of the configuration
.SH EXAMPLES
.PP
Whatever reads the database or a secret is run as its owner:
.PP
.EX
sudo \-u zensync zensync status
sudo \-u zensync zensync report
.EE
`

// manualCommand makes the page for section 8 that the packages bring.
func manualCommand() *cli.Command {
	return &cli.Command{
		Name:   "man",
		Usage:  "print the manual page, in troff",
		Hidden: true,
		Action: func(c *cli.Context) error {
			if err := noOperands(c); err != nil {
				return err
			}
			page, err := c.App.ToManWithSection(8)
			if err != nil {
				return fmt.Errorf("make the manual page: %w", err)
			}
			_, err = fmt.Fprint(c.App.Writer, strings.TrimRight(page, "\n"), manualTail)
			return err
		},
	}
}
