package demo

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/zensync/zensync/reconcile/okta/oktatest"
	"github.com/zensync/zensync/reconcile/zenqms/zenqmstest"
)

// recorded are users of test orgs as Okta's API returned them, recorded by the
// tests of a public Terraform provider. Several recordings hold the same login.
//
//go:embed recorded.json
var recorded []byte

const (
	employees = 260 // generated people
	known     = 60  // of them, the first, who have a ZenQMS account already
)

// cast is who plays a part that the story tells of.
type cast struct {
	leaver   oktatest.User   // left before zensync came; still active in ZenQMS
	rehire   oktatest.User   // came back under a new Okta id
	old      zenqmstest.User // the rehire's account, linked to his former id
	nameless oktatest.User   // has no last name
	first    oktatest.User   // has an address ...
	second   oktatest.User   // ... that this one has as well
	stranger zenqmstest.User // an account of somebody whom Okta does not know
	hired    oktatest.User   // joins during the demo

	employee oktatest.User   // the first of the generated people ...
	account  zenqmstest.User // ... and the account he has had all along

	recorded int // how many of Okta's users are recorded
}

// populate fills Okta and ZenQMS: always the same people.
func populate(org *oktatest.Org, account *zenqmstest.Account) (cast, error) {
	users, err := unique(recorded)
	if err != nil {
		return cast{}, err
	}
	loaded, err := org.Load(users)
	if err != nil {
		return cast{}, err
	}
	c := cast{recorded: len(loaded)}
	for i := range employees {
		p, status := employee(i)
		u := org.Seed(p, status)
		if i >= known {
			continue
		}
		if a := account.AddUser(oldAccount(i, p)); i == 0 {
			c.employee, c.account = u, a
		}
	}
	c.addParts(org, account)
	return c, nil
}

// unique leaves of users with the same id or login the first: an org has each
// only once.
func unique(raw []byte) ([]byte, error) {
	var all, kept []json.RawMessage
	if err := json.Unmarshal(raw, &all); err != nil {
		return nil, fmt.Errorf("read the recorded users: %w", err)
	}
	seen := map[string]bool{}
	for _, object := range all {
		var u struct {
			ID      string
			Profile struct{ Login string }
		}
		if err := json.Unmarshal(object, &u); err != nil {
			return nil, fmt.Errorf("read the recorded users: %w", err)
		}
		login := strings.ToLower(u.Profile.Login)
		if seen[u.ID] || seen[login] {
			continue
		}
		seen[u.ID], seen[login] = true, true
		kept = append(kept, object)
	}
	return json.Marshal(kept)
}

// The lengths of firstNames and lastNames have no common divisor, so that the
// first 420 pairs differ.
var (
	firstNames = []string{
		"Amara", "Björn", "Chloe", "Daniel", "Elena", "Farid", "Greta", "Hugo", "Ines", "Jonas",
		"Kavya", "Łukasz", "Mei", "Noah", "Olga", "Priya", "Quentin", "Rosa", "Samuel", "Zoë",
	}
	lastNames = []string{
		"Adler", "Bennett", "Castro", "Dubois", "Eriksen", "Fischer", "García", "Hansen", "Ito", "Jansen", "Khan",
		"Lindqvist", "Moreau", "Novák", "Okafor", "Patel", "Quinn", "Rossi", "Schmidt", "Tanaka", "Walsh",
	}
	titles = []string{
		"Document Control Specialist", "QA Analyst", "Validation Engineer", "Laboratory Technician",
		"Regulatory Affairs Manager", "Clinical Research Associate", "", "Supplier Quality Engineer",
	}
	// ascii spells the names in addresses: ZenQMS refuses any other letters there.
	ascii = strings.NewReplacer("ö", "o", "ł", "l", "ë", "e", "í", "i", "á", "a")
)

// employee is the i-th of the generated people. Some of those without an
// account have left or are suspended.
func employee(i int) (oktatest.Profile, string) {
	first, last := firstNames[i%len(firstNames)], lastNames[i%len(lastNames)]
	p := oktatest.Profile{FirstName: first, LastName: last, Title: titles[i%len(titles)], Email: address(first, last)}
	switch {
	case i < known:
		return p, oktatest.Active
	case i%26 == 25:
		return p, oktatest.Deprovisioned
	case i%40 == 39:
		return p, oktatest.Suspended
	}
	return p, oktatest.Active
}

func address(first, last string) string {
	return ascii.Replace(strings.ToLower(first + "." + last + "@example.com"))
}

// oldAccount is what ZenQMS has of an employee from before: in some the title
// is out of date, in some the address is spelled in capitals.
func oldAccount(i int, p oktatest.Profile) zenqmstest.User {
	u := zenqmstest.User{Email: p.Email, FirstName: p.FirstName, LastName: p.LastName, Title: p.Title, Active: true}
	if i%3 == 0 {
		u.Title = "Trainee"
	}
	if i%4 == 0 {
		u.Email = strings.ToUpper(u.Email)
	}
	return u
}

// addParts adds those whom the story tells of.
func (c *cast) addParts(org *oktatest.Org, account *zenqmstest.Account) {
	leaver := oktatest.Profile{FirstName: "Lena", LastName: "Vogel", Title: "QA Director", Email: "lena.vogel@example.com"}
	c.leaver = org.Seed(leaver, oktatest.Deprovisioned)
	account.AddUser(zenqmstest.User{Email: leaver.Email, FirstName: leaver.FirstName, LastName: leaver.LastName, Title: leaver.Title, Active: true})

	rehire := oktatest.Profile{FirstName: "Ruth", LastName: "Amsel", Title: "Auditor", Email: "ruth.amsel@example.com"}
	former := rehire
	former.Login = "ruth.amsel.former@example.com"
	before := org.Seed(former, oktatest.Deprovisioned)
	c.rehire = org.Seed(rehire, oktatest.Active)
	c.old = account.AddUser(zenqmstest.User{Email: rehire.Email, FirstName: rehire.FirstName, LastName: rehire.LastName,
		Title: "Intern", ExternalID: before.ID})

	c.nameless = org.Seed(oktatest.Profile{FirstName: "Prince", Email: "prince@example.com"}, oktatest.Active)

	c.first = org.Seed(oktatest.Profile{Login: "lab.east@example.com", FirstName: "Eve", LastName: "Ost", Email: "lab@example.com"}, oktatest.Active)
	c.second = org.Seed(oktatest.Profile{Login: "lab.west@example.com", FirstName: "Will", LastName: "West", Email: "lab@example.com"}, oktatest.Active)

	c.stranger = account.AddUser(zenqmstest.User{Email: "auditor@example.org", FirstName: "Nora", LastName: "Field", Title: "External Auditor", Active: true})
}
