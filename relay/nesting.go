package relay

// maxNesting is how deep a delivery is read that is nested deeper than
// encoding/json goes (10,000). Okta's events take less than ten levels.
const maxNesting = 100

// cutDeep returns body with null in place of whatever is nested deeper than
// maxNesting, and false when nothing is. It counts brackets, and does not look
// whether they enclose JSON.
//
// encoding/json refuses a body as a whole that is nested too deep in one place,
// and with it the events beside that place.
func cutDeep(body []byte) ([]byte, bool) {
	var kept []byte
	depth, quoted, from := 0, false, 0
	for i := 0; i < len(body); i++ {
		switch c := body[i]; {
		case quoted && c == '\\':
			i++ // whatever is escaped ends no text
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '[' || c == '{':
			if depth++; depth == maxNesting+1 {
				kept = append(append(kept, body[from:i]...), "null"...)
			}
		case c == ']' || c == '}':
			if depth--; depth == maxNesting {
				from = i + 1
			}
		}
	}
	if kept == nil {
		return nil, false
	}
	if depth <= maxNesting { // else what is too deep has no end
		kept = append(kept, body[from:]...)
	}
	return kept, true
}
