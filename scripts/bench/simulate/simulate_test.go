package simulate

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"testing"
	"time"
)

var (
	scenarios = flag.String("scenarios", "", "file with the scenarios to simulate, a JSON array; without it a small one is")
	outcomes  = flag.String("outcomes", "", "file for what comes of them")
)

// TestGiven is what the command simulate runs.
func TestGiven(t *testing.T) {
	all := []Scenario{Usual(100)}
	if *scenarios != "" {
		text, err := os.ReadFile(*scenarios)
		if err != nil {
			t.Fatal(err)
		}
		if all = nil; json.Unmarshal(text, &all) != nil {
			t.Fatalf("%s holds no scenarios: %s", *scenarios, text)
		}
	}
	var done []Outcome
	for _, s := range all {
		out := Run(t, s)
		if out.Linked+out.Failed != s.Users {
			t.Fatalf("of %d users %d are linked and %d given up", s.Users, out.Linked, out.Failed)
		}
		done = append(done, out)
	}
	if *outcomes == "" {
		return
	}
	text, err := json.Marshal(done)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(*outcomes, text, 0o600); err != nil {
		t.Fatal(err)
	}
}

// swift has no latency and no limit anywhere.
func swift(users int) Scenario {
	return Scenario{Users: users, New: 1, Concurrency: 8, PerSecond: -1, Share: 1, Seed: 1}
}

// near wants a time to be what was reckoned, but for 3 % and two seconds: the
// worker looks once a second, and the last calls do not fill a round.
func near(t *testing.T, what string, got, want time.Duration) {
	t.Helper()
	if slack := want*3/100 + 2*time.Second; got < want-slack || got > want+slack {
		t.Errorf("%s: %s instead of about %s", what, got, want)
	}
}

func TestAtARateTheTimeIsCallsByRate(t *testing.T) {
	s := swift(400)
	s.PerSecond = 5
	out := Run(t, s)
	near(t, "401 calls at 5 a second", out.Took, 80*time.Second)
	if out.ZenQMS.All != 401 || out.Linked != 400 || out.Accounts != 400 {
		t.Errorf("one call for each new user and one page: %+v", out)
	}
}

func TestWithoutARateTheTimeIsCallsByLatencyAndConcurrency(t *testing.T) {
	for _, concurrency := range []int{2, 8} {
		s := swift(240)
		s.Concurrency, s.ZenQMSLatency = concurrency, 4*time.Second
		out := Run(t, s)
		near(t, fmt.Sprintf("240 calls of four seconds, %d at once", concurrency), out.Took, time.Duration(240/concurrency+1)*4*time.Second)
	}
}

func TestWhoIsInStepCostsNoCall(t *testing.T) {
	s := swift(400)
	s.New, s.Link, s.ZenQMSLatency = 0.25, 0.5, time.Second
	out := Run(t, s)
	n := s.counts()
	if calls := out.ZenQMS.All - out.ZenQMS.Lists; calls != n[isNew]+n[lacksLink] || out.ZenQMS.Lists != (n[lacksLink]+n[inStep])/pageSize+1 ||
		n[inStep] < 90 || out.Linked != 400 || out.Accounts != 400 {
		t.Errorf("a call for each who is new or lacks his link, of %v, and the pages of the list: %+v", n, out)
	}
}

func TestOktaIsReadAtOurShareOfItsLimit(t *testing.T) {
	s := swift(400) // 4 pages, and that of the deprovisioned
	s.OktaLists, s.Share = 2, 0.5
	out := Run(t, s)
	near(t, "5 pages at 1 a minute", out.Reading, 4*time.Minute)
	if out.Okta.Refused != 0 {
		t.Errorf("a share of a limit never meets the limit: %+v", out.Okta)
	}
}

func TestWhatFailsIsTriedAgainUntilItGoesThrough(t *testing.T) {
	calm, stormy := swift(300), swift(300)
	calm.PerSecond, stormy.PerSecond = 20, 20
	stormy.ZenQMSErrors, stormy.ZenQMSRefusals, stormy.OktaErrors = 0.05, 0.02, 0.2
	a, b := Run(t, calm), Run(t, stormy)
	if b.ZenQMS.Failed == 0 || b.ZenQMS.Refused == 0 || b.Okta.Failed == 0 {
		t.Errorf("something fails: %+v", b)
	}
	if b.Took <= a.Took || b.Linked != 300 || b.Accounts != 300 {
		t.Errorf("everybody is linked, once, and later than the %s of a calm day: %+v", a.Took, b)
	}
}

func TestALimitOfZenQMSItselfIsWaitedOut(t *testing.T) {
	s := swift(300)
	s.ZenQMSPerSecond, s.ZenQMSLatency = 10, 50*time.Millisecond
	out := Run(t, s)
	if out.ZenQMS.Refused == 0 || out.Linked != 300 || out.Took < 28*time.Second {
		t.Errorf("300 calls at 10 a second, some of them refused: %+v", out)
	}
}

func TestK1_BeyondTheFirstHourANewUserTakesOneCallStill(t *testing.T) {
	s := swift(400)
	s.PerSecond = 0.1
	out := Run(t, s)
	near(t, "401 calls, one in ten seconds", out.Took, 4010*time.Second)
	if reads := out.Okta.All - out.Okta.Lists; out.ZenQMS.All != 401 || reads < 10 || reads > 40 {
		t.Errorf("a call for each, and the last 40, but for whom the worker has in hand, are read in Okta: %+v", out)
	}
}

func TestArithmeticAgrees(t *testing.T) {
	mixed := Usual(500)
	mixed.New, mixed.Link = 0.3, 0.4
	unlimited := Usual(500)
	unlimited.PerSecond = -1
	for name, s := range map[string]Scenario{"usual": Usual(300), "mixed": mixed, "unlimited": unlimited} {
		near(t, name, Run(t, s).Took, s.Reckon())
	}
}

func TestNonsenseIsRefused(t *testing.T) {
	for name, change := range map[string]func(*Scenario){
		"more than all":  func(s *Scenario) { s.New, s.Link = 0.7, 0.4 },
		"nobody":         func(s *Scenario) { s.Users = 0 },
		"no concurrency": func(s *Scenario) { s.Concurrency = 0 },
		"no rate":        func(s *Scenario) { s.PerSecond = 0 },
		"below nothing":  func(s *Scenario) { s.OktaErrors = -0.1 },
		"back in time":   func(s *Scenario) { s.ZenQMSLatency = -1 },
	} {
		s := Usual(10)
		if change(&s); s.Check() == nil {
			t.Errorf("%s was accepted", name)
		}
	}
}
