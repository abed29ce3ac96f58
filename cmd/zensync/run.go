package main

import "github.com/urfave/cli/v2"

func runCommand() *cli.Command {
	return &cli.Command{
		Name:  "run",
		Usage: "relay and worker in one process",
		Description: "Serves and works until SIGINT or SIGTERM. When one of the two fails, the other is stopped in good order.\n" +
			"Two services, `zensync relay` and `zensync worker`, keep the part that faces the internet away from the credentials.",
		Action: func(c *cli.Context) error {
			return serve(c, "run", relayPart, workerPart)
		},
	}
}
