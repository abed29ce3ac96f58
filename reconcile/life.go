package reconcile

// Life is where an installation stands (rule C1).
type Life string

const (
	New    Life = ""       // nothing was deployed yet: hooks are stored, nothing is sent
	Active Life = "active" // deployed
)
