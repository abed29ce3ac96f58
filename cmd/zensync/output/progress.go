package output

import (
	"io"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"
)

// Progress draws how far a long job is. It may be used from several goroutines.
type Progress struct {
	what string

	mu    sync.Mutex
	w     io.Writer // nil: draw nothing
	bar   *progressbar.ProgressBar
	total int64 // of bar; unknown if the total is not known
}

// unknown is the total of a job of which nobody knows the length.
const unknown = -1

// NewProgress returns a progress that draws on w if w is a terminal, and nothing
// otherwise. what says what is counted.
func NewProgress(w io.Writer, what string) *Progress {
	if !IsTerminal(w) {
		w = nil
	}
	return &Progress{w: w, what: Escape(what)}
}

// Set shows done of total. A total of 0 or less is not known (yet); it may change
// from call to call.
func (p *Progress) Set(done, total int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.w == nil {
		return
	}
	if total <= 0 {
		total = unknown
	} else {
		done = min(done, total)
	}
	switch {
	case p.bar == nil || total < p.total || total > p.total && (p.total == unknown || p.bar.IsFinished()):
		p.clear() // a bar can grow, but not shrink, nor begin to count
		p.bar = newBar(p.w, p.what, total)
	case total > p.total:
		p.bar.ChangeMax64(total)
	}
	p.total = total
	_ = p.bar.Set64(done) // a bar that cannot be drawn must not stop the job
}

// Close takes the bar off the screen. It may be called twice.
func (p *Progress) Close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.clear()
	p.w = nil
}

func (p *Progress) clear() {
	if p.bar == nil {
		return
	}
	_ = p.bar.Clear()
	_ = p.bar.Exit()
	p.bar = nil
}

func newBar(w io.Writer, what string, total int64) *progressbar.ProgressBar {
	return progressbar.NewOptions64(total,
		progressbar.OptionSetWriter(w),
		progressbar.OptionSetDescription(what),
		progressbar.OptionShowCount(),
		progressbar.OptionSetWidth(30),
		progressbar.OptionThrottle(100*time.Millisecond), // faster than that nobody reads
		progressbar.OptionSetSpinnerChangeInterval(0),    // no goroutine of its own
		progressbar.OptionClearOnFinish(),
	)
}
