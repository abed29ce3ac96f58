package simulate

import "time"

const (
	// young is how long the worker acts on what a walk has read (rule K1); after
	// that it reads every user anew.
	young = time.Hour
	// perCall is how many users a worker has in hand for each call of ZenQMS.
	perCall = 2
	// ahead is how many pages of ZenQMS's list are read at the same time.
	ahead = 4
)

// Reckon is about how long a scenario takes, by arithmetic: the pages of both
// sides, read side by side, and then the calls of ZenQMS, as fast as the
// slowest of what holds them allows. It knows nothing of how the program does
// it, and stands beside a simulation to show that the two agree.
func (s Scenario) Reckon() time.Duration {
	count := s.counts()
	accounts := count[lacksLink] + count[inStep]
	lists := float64((s.Users+pageSize-1)/pageSize + 1) // one more for the deprovisioned
	okta := seconds(s.OktaLatency) * lists / answered(s.OktaErrors+s.OktaRefusals)
	if perMinute := s.Share * float64(s.OktaLists); perMinute > 0 {
		okta = max(okta, 60*float64(int((lists-1)/perMinute)))
	}
	pages := float64(accounts/pageSize + 1)
	reading := max(okta, pages/s.rate(float64(min(ahead, s.Concurrency))))

	// Each new user and each who lacks his link takes one call, who is in step
	// none; when the reading is no longer young, who has an account takes one
	// more, to see it as it is, and everybody one of Okta.
	calls := float64(count[isNew] + count[lacksLink])
	rate := s.rate(float64(s.Concurrency)) * answered(s.ZenQMSErrors+s.ZenQMSRefusals)
	if drain := calls / rate; reading+drain <= seconds(young) {
		return time.Duration((reading + drain) * float64(time.Second))
	}
	early := max(0, seconds(young)-reading) * rate // calls
	left := (calls - early) / max(calls, 1)        // of the users
	late := left * (calls + float64(accounts)) / rate
	hands := perCall * float64(s.Concurrency) / (seconds(s.OktaLatency) + seconds(s.ZenQMSLatency))
	late = max(late, left*float64(s.Users)/hands)
	if perMinute := s.Share * float64(s.OktaReads); perMinute > 0 {
		late = max(late, left*float64(s.Users)/perMinute*60)
	}
	return time.Duration((max(reading, seconds(young)) + late) * float64(time.Second))
}

// rate is how many calls a second ZenQMS gets from so many at once.
func (s Scenario) rate(atOnce float64) float64 {
	rate := 1e9
	if s.ZenQMSLatency > 0 {
		rate = atOnce / seconds(s.ZenQMSLatency)
	}
	if s.PerSecond > 0 {
		rate = min(rate, s.PerSecond)
	}
	if s.ZenQMSPerSecond > 0 {
		rate = min(rate, float64(s.ZenQMSPerSecond))
	}
	return rate
}

// answered is the share of calls that do not fail.
func answered(fail float64) float64 { return max(1-fail, 1e-9) }

func seconds(d time.Duration) float64 { return d.Seconds() }
