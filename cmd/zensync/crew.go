package main

import (
	"context"
	"net"
	"time"

	"github.com/zensync/zensync/cmd/zensync/notify"
	"github.com/zensync/zensync/cmd/zensync/page"
	"github.com/zensync/zensync/reconcile"
	"github.com/zensync/zensync/reconcile/zenqms"
	"github.com/zensync/zensync/store"
)

// crew is a worker with what goes on beside it, by one configuration.
type crew struct {
	*installation
	worker  *reconcile.Worker
	told    []notify.Address // who is told of trouble
	renewal *renewal         // how it came about; nil at the start of the service
}

// work is the worker until ctx ends, or a new configuration is to be followed:
// then next goes on.
func (c *crew) work(ctx context.Context, p *post) (next *crew, err error) {
	endAlerts, err := c.startAlerts(ctx, p.db, c.told)
	if err != nil {
		return nil, err
	}
	defer endAlerts()
	beat := p.part.Beat
	if c.page != nil {
		c.show()
		beat = func() { p.part.Beat(); c.page.Beat() }
	}
	anew := make(chan struct{})
	c.worker.Beat, c.worker.Anew = beat, anew
	if c.renewal == nil {
		err = c.noteInEffect(ctx, p.db, login())
	} else {
		err = c.renewal.done(ctx, p.db)
	}
	if err != nil {
		return nil, err
	}
	p.part.Ready("at work; reconciles at " + c.Sync.Schedule)
	c.log.Info("worker started", "okta", c.Okta.OrgURL, "zenqms", c.ZenQMS.BaseURL, "schedule", c.Sync.Schedule)
	if err := c.sayIdle(ctx, p.db); err != nil {
		return nil, err
	}
	ended := make(chan error, 1)
	go func() { ended <- c.worker.Run(ctx) }()
	for next == nil {
		select {
		case err := <-ended:
			return nil, err
		case <-p.anew:
			next = c.renew(ctx, p)
		}
	}
	p.part.Reloading()
	close(anew)
	return next, drained(ended, beat)
}

// sayIdle logs that nothing is sent to ZenQMS, and what ends that. Nobody would
// learn from a service's log otherwise that its store was lost, for what is made
// anew in its place is like one that nobody has deployed yet.
func (c *crew) sayIdle(ctx context.Context, db *store.DB) error {
	return db.View(ctx, func(tx *store.Tx) error {
		stage, err := reconcile.StageOf(tx)
		if next := stage.Life.GoesOnBy(); err == nil && next != "" {
			c.log.Warn("what Okta sends is stored, and nothing is sent to ZenQMS", "until", next)
		}
		return err
	})
}

// drained waits for a worker that takes no more work to end what it has in its
// hands, which takes a minute at most.
func drained(ended <-chan error, beat func()) error {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case err := <-ended:
			return err
		case <-tick.C:
			beat()
		}
	}
}

// renew makes the crew that goes on by the configuration as it is now, nil when
// that is refused.
func (c *crew) renew(ctx context.Context, p *post) *crew {
	next := new(crew)
	r := c.installation.renew(ctx, p, store.ReloadWorker, []string{"okta", "zenqms", "notify"}, func(r *renewal) (err error) {
		if next.worker, err = r.worker(p.db); err != nil {
			return err
		}
		next.worker.Keep = r.Store.Keep
		next.told, err = r.addresses()
		return err
	})
	if r == nil {
		return nil
	}
	next.installation, next.renewal = r.installation, r
	return next
}

// ailingPause is how long a worker waits before it tries a store again that it
// could not write.
const ailingPause = 5 * time.Second

// afterAilment is the crew that goes on when the disk could not be written, nil
// when ctx ends. A service manager would start the service anew as well, but not
// for as long as a disk may stay full; and with `run` the relay would go with it,
// which has to answer all the while.
func (c *crew) afterAilment(ctx context.Context, p *post, ailment error) (*crew, error) {
	c.log.Error("the worker cannot write the store, and tries again", "pause", ailingPause, "error", ailment)
	p.part.Beat()
	select {
	case <-time.After(ailingPause):
	case <-ctx.Done():
		return nil, nil
	}
	worker, err := c.installation.worker(p.db)
	if err != nil {
		return nil, err
	}
	worker.Keep = c.Store.Keep
	return &crew{installation: c.installation, worker: worker, told: c.told}, nil
}

// show makes the page tell of this worker.
func (c *crew) show() {
	c.worker.Kept = c.page.Kept
	subject := page.Subject{Worker: c.worker, Pace: func() (float64, time.Duration) { return 0, 0 }, Explain: c.explainer(c.worker)}
	if client, ok := c.worker.ZenQMS.(*zenqms.Client); ok {
		subject.Pace = client.Pace
	}
	c.page.Show(subject)
}

// pageOpener shows the page once it is told to.
type pageOpener struct {
	*installation
	opened bool
	close  func() // ends it
}

func (in *installation) pageOpener() *pageOpener {
	return &pageOpener{installation: in, close: func() {}}
}

// open shows the page, if there is one. To open it again does nothing.
func (o *pageOpener) open() error {
	if o.page == nil || o.opened {
		return nil
	}
	address := o.Config.Worker.Listen
	l, err := net.Listen("tcp", address)
	if err != nil {
		return usage("%w (worker.listen has to be an address of this host that no other program has; \"off\" is no page at all)", err)
	}
	o.log.Info("page listens", "address", l.Addr().String())
	if host, ok := l.Addr().(*net.TCPAddr); ok && !host.IP.IsLoopback() {
		o.log.Warn("the page can be reached from other machines, names people and asks for no password", "worker_listen", address)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		o.page.Serve(ctx, l)
	}()
	o.opened, o.close = true, func() {
		stop()
		<-ended
	}
	return nil
}
