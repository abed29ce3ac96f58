package main

import (
	"context"
	"fmt"
	"net/url"

	"github.com/urfave/cli/v2"

	"github.com/zensync/zensync/cmd/zensync/notify"
	"github.com/zensync/zensync/cmd/zensync/output"
	"github.com/zensync/zensync/reconcile"
	"github.com/zensync/zensync/store"
)

func notifyCommand() *cli.Command {
	return &cli.Command{
		Name:  "notify",
		Usage: "try the addresses that alerts and the digest go to",
		Subcommands: []*cli.Command{{
			Name:  "test",
			Usage: "send a message to each address of notify.urls and notify.urls_file",
			Description: "Needs no credential of Okta or ZenQMS. Of an address it prints where it stands in the configuration, and its service.\n" +
				"A message that a service has taken may yet be lost behind it: look whether it arrived.",
			Flags:  []cli.Flag{formatFlag()},
			Action: testNotify,
		}},
	}
}

func testNotify(c *cli.Context) error {
	if err := noOperands(c); err != nil {
		return err
	}
	in, err := load(c, commandLevel)
	if err != nil {
		return err
	}
	addresses, err := in.addresses()
	if err != nil {
		return err
	}
	if len(addresses) == 0 {
		return in.Reject("notify.urls", "lists no address", "add those that alerts and the digest are to go to")
	}
	t := output.Table{Columns: []string{"address", "service", "outcome", "error"}}
	failed := 0
	for _, a := range addresses {
		row := []any{a.Key, a.Service, "ok", nil}
		if err := a.Send(notify.Message{
			Title: "zensync " + in.name() + ": a test",
			Text:  "Alerts and the digest of this installation will come here. Nothing is to be done.",
		}); err != nil {
			failed++
			row[2], row[3] = "failed", err.Error()
		}
		t.Rows = append(t.Rows, row)
	}
	if err := output.Write(c.App.Writer, c.String("format"), t); err != nil {
		return err
	}
	if failed > 0 {
		return fmt.Errorf("%d of %d addresses did not take the message", failed, len(addresses))
	}
	return nil
}

// name tells this installation from others, for those who look after several.
func (in *installation) name() string {
	if u, err := url.Parse(in.Okta.OrgURL); err == nil && u.Host != "" {
		return u.Host
	}
	return in.Okta.OrgURL
}

// addresses are those of all who are told.
func (in *installation) addresses() ([]notify.Address, error) {
	recipients, err := in.Recipients()
	if err != nil {
		return nil, err
	}
	all := make([]notify.Address, len(recipients))
	for i, r := range recipients {
		all[i] = notify.NewAddress(r.Key, r.URL)
	}
	return all, nil
}

// startAlerts looks for what people have to be told beside the worker, until
// ctx ends or the worker does: end waits for messages on their way, shortly.
// Without addresses there is nobody to tell.
func (in *installation) startAlerts(ctx context.Context, db *store.DB, to []notify.Address) (end func(), err error) {
	if len(to) == 0 {
		return func() {}, nil
	}
	watcher := &notify.Watcher{DB: db, Addresses: to, Name: in.name(), Log: in.log}
	if in.Notify.Digest != "" {
		if watcher.Digest, err = reconcile.ParseSchedule(in.Notify.Digest); err != nil {
			return nil, usageError{err}
		}
	}
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		watcher.Run(ctx)
	}()
	return func() {
		cancel()
		<-ended
	}, nil
}
