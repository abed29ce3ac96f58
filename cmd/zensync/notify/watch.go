package notify

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/zensync/zensync/reconcile"
	"github.com/zensync/zensync/store"
)

const (
	// lookEvery is how often the causes are looked at.
	lookEvery = time.Minute
	// settling is how long a cause must last to be told: until the look after
	// the one that found it, which may come a little sooner than lookEvery. What
	// passes meanwhile, as during a deploy, is none, and a count has grown by then.
	settling = lookEvery - 10*time.Second
	// calm is how long a cause must be gone to count as solved: a worker that
	// starts gives a refused credential another try first.
	calm = 5 * time.Minute
	// further is how long after one message of a cause the next may follow.
	further = time.Hour
	// firstRest and lastRest bound the waits for an address that took no
	// message: doubling between them.
	firstRest = time.Minute
	lastRest  = time.Hour
	// lastSends is how long messages on their way are waited for once the
	// program was told to stop.
	lastSends = 5 * time.Second
)

// Watcher looks at what there is to tell, and tells it to every address: each
// cause once, once more when it has grown, and once when it is solved. Only
// one may run on a store: the caller holds the worker's lock.
//
// It compares what is with what each address was told, so what an address did
// not get is told when it can be, as far as it is still true.
type Watcher struct {
	DB        *store.DB
	Addresses []Address
	Digest    reconcile.Schedule // nil: none
	Name      string             // of the installation, for people who look after several
	Log       *slog.Logger

	audience []*listener
}

// listener is an address, with what it was told. What it was told counts even
// when the store cannot note it: a full disk must not become a message a
// minute.
type listener struct {
	*Watcher
	Address
	told  map[string]store.Alert
	seen  map[string]time.Time // since when a cause that was not told has lasted
	gone  map[string]time.Time // since when a cause that was told is none
	rest  time.Duration        // the last wait; 0 when the last message arrived
	until time.Time            // to be left alone until then
}

// Run looks once a minute until ctx ends. What goes wrong is logged: it must
// not end the worker beside it.
func (w *Watcher) Run(ctx context.Context) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		done := make(chan struct{})
		go func() {
			defer close(done)
			if err := w.Look(ctx); err != nil && ctx.Err() == nil {
				w.Log.Error("alerts could not be looked after", "error", err)
			}
		}()
		select {
		case <-done:
		case <-ctx.Done():
			select {
			case <-done:
			case <-time.After(lastSends):
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// Look looks once, and tells what there is to tell. Addresses do not wait for
// one another.
func (w *Watcher) Look(ctx context.Context) error {
	if err := w.remember(ctx); err != nil {
		return err
	}
	var f Facts
	var err error
	if f.Disk, err = DiskOf(w.DB.Path()); err != nil {
		w.Log.Warn("the disk cannot be measured", "error", err)
	}
	if err := w.DB.View(ctx, f.Read); err != nil {
		return err
	}
	causes := f.Causes()
	deployed := f.Stage.Life == reconcile.Active || f.Stage.Life == reconcile.Paused
	errs := make([]error, len(w.audience))
	var group sync.WaitGroup
	for i, l := range w.audience {
		group.Go(func() {
			if !deployed {
				errs[i] = l.forget(ctx)
				return
			}
			errs[i] = l.tell(ctx, f.Now, causes)
		})
	}
	group.Wait()
	return errors.Join(errs...)
}

// remember reads, at the first look, what was told before. What addresses were
// told that the configuration no longer has is forgotten.
func (w *Watcher) remember(ctx context.Context) error {
	if w.audience != nil {
		return nil
	}
	var audience []*listener
	for _, a := range w.Addresses {
		audience = append(audience, &listener{
			Watcher: w, Address: a, told: map[string]store.Alert{}, seen: map[string]time.Time{}, gone: map[string]time.Time{},
		})
	}
	err := w.DB.Update(ctx, func(tx *store.Tx) error {
		alerts, err := tx.Alerts()
		if err != nil {
			return err
		}
		for _, alert := range alerts {
			known := false
			for _, l := range audience {
				if l.channel() == alert.Channel {
					known, l.told[alert.Cause] = true, alert
				}
			}
			if !known {
				if err := tx.DropAlert(alert.Channel, alert.Cause); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err == nil {
		w.audience = audience
	}
	return err
}

// tell sends an address what it does not know yet. The first message that
// does not arrive ends it for a while. Its error is the store's.
func (l *listener) tell(ctx context.Context, now time.Time, causes []Cause) error {
	if now.Before(l.until) {
		return nil
	}
	messages, lowered := l.news(now, causes)
	errs := []error{l.note(ctx, lowered...)}
	if l.Digest != nil {
		due, err := l.digestDue(ctx, now)
		errs = append(errs, err)
		messages = append(messages, due...)
	}
	for _, m := range messages {
		if ctx.Err() != nil {
			break
		}
		if err := l.Send(Message{Title: "zensync " + l.Name + ": " + m.Title, Text: m.Text}); err != nil {
			l.rest = min(max(2*l.rest, firstRest), lastRest)
			l.until = now.Add(l.rest)
			l.Log.Warn("an alert could not be sent", "address", l.Key, "service", l.Service, "cause", m.cause, "again_in", l.rest, "error", err)
			break
		}
		l.rest = 0
		l.Log.Info("an alert was sent", "address", l.Key, "service", l.Service, "cause", m.cause, "solved", m.solved)
		if m.solved {
			errs = append(errs, l.unlearn(ctx, m.cause))
		} else {
			errs = append(errs, l.note(ctx, m.alert))
		}
	}
	return errors.Join(errs...)
}

// news is a message, and what it makes known.
type news struct {
	Message
	cause  string
	solved bool
	alert  store.Alert // of what is not solved
}

// news compares the causes with what the address was told. lowered are causes
// that have become fewer, which is no news.
func (l *listener) news(now time.Time, causes []Cause) (messages []news, lowered []store.Alert) {
	current := map[string]bool{}
	for _, c := range causes {
		current[c.Key] = true
		delete(l.gone, c.Key)
		alert := store.Alert{Channel: l.channel(), Cause: c.Key, Gist: c.Gist, Size: c.Size, Told: now}
		before, told := l.told[c.Key]
		switch {
		case !told:
			if since, known := l.seen[c.Key]; !known {
				l.seen[c.Key] = now
				continue
			} else if now.Sub(since) < settling {
				continue
			}
		case c.Size < before.Size && c.Gist == before.Gist:
			before.Size = c.Size
			lowered = append(lowered, before)
			continue
		case c.Size == before.Size && c.Gist == before.Gist || now.Sub(before.Told) < further:
			continue
		}
		messages = append(messages, news{Message: Message{c.Title, c.Text}, cause: c.Key, alert: alert})
	}
	for key := range l.seen {
		if _, told := l.told[key]; told || !current[key] {
			delete(l.seen, key)
		}
	}
	for key := range l.told {
		if current[key] || key == causeDigest {
			continue
		}
		if since, known := l.gone[key]; !known {
			l.gone[key] = now
		} else if now.Sub(since) >= calm {
			messages = append(messages, news{Message: Message{"solved: " + solved[key], "Nothing is left to be done about it."}, cause: key, solved: true})
		}
	}
	return messages, lowered
}

// digestDue is the digest, when its time has come: counted from the last one,
// or from the first look. Times that passed while no worker was up are made up
// for by one digest.
func (l *listener) digestDue(ctx context.Context, now time.Time) ([]news, error) {
	alert := store.Alert{Channel: l.channel(), Cause: causeDigest, Told: now}
	last, known := l.told[causeDigest]
	if !known {
		return nil, l.note(ctx, alert)
	}
	if next := l.Digest.Next(last.Told.Local()); next.IsZero() || next.After(now) {
		return nil, nil
	}
	var m Message
	if err := l.DB.View(ctx, func(tx *store.Tx) (err error) {
		m, err = digest(tx)
		return err
	}); err != nil {
		return nil, err
	}
	return []news{{Message: m, cause: causeDigest, alert: alert}}, nil
}

// note remembers what the address knows, in the store as well.
func (l *listener) note(ctx context.Context, alerts ...store.Alert) error {
	if len(alerts) == 0 {
		return nil
	}
	for _, a := range alerts {
		l.told[a.Cause] = a
	}
	return l.DB.Update(context.WithoutCancel(ctx), func(tx *store.Tx) error {
		for _, a := range alerts {
			if err := tx.PutAlert(a); err != nil {
				return err
			}
		}
		return nil
	})
}

// unlearn forgets a cause, in the store as well.
func (l *listener) unlearn(ctx context.Context, cause string) error {
	delete(l.told, cause)
	delete(l.gone, cause)
	return l.DB.Update(context.WithoutCancel(ctx), func(tx *store.Tx) error { return tx.DropAlert(l.channel(), cause) })
}

// forget drops every cause without a word: what is not deployed needs nobody.
func (l *listener) forget(ctx context.Context) error {
	var errs []error
	for cause := range l.told {
		if cause != causeDigest {
			errs = append(errs, l.unlearn(ctx, cause))
		}
	}
	clear(l.seen)
	return errors.Join(errs...)
}
