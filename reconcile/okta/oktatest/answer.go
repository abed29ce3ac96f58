package oktatest

import (
	"encoding/json"
	"fmt"
	"net/http"
)

// apiError is an error as Okta words it.
type apiError struct {
	status  int
	Code    string  `json:"errorCode"`
	Summary string  `json:"errorSummary"`
	Link    string  `json:"errorLink"`
	ID      string  `json:"errorId"`
	Causes  []cause `json:"errorCauses"`
}

type cause struct {
	Summary string `json:"errorSummary"`
}

func newError(status int, code, summary string, causes ...string) *apiError {
	e := &apiError{status: status, Code: code, Summary: summary, Link: code, Causes: []cause{}}
	for _, c := range causes {
		e.Causes = append(e.Causes, cause{c})
	}
	return e
}

var (
	errToken     = newError(http.StatusUnauthorized, "E0000011", "Invalid token provided")
	errForbidden = newError(http.StatusForbidden, "E0000006", "You do not have permission to perform the requested action")
	errTooMany   = newError(http.StatusTooManyRequests, "E0000047", "You exceeded the maximum number of requests. Try again in a while.")
	errMethod    = newError(http.StatusMethodNotAllowed, "E0000022", "The endpoint does not support the provided HTTP method")
	errNoPath    = newError(http.StatusNotFound, "E0000022", "The endpoint does not support the provided HTTP method")
	errInternal  = newError(http.StatusInternalServerError, "E0000009", "Internal Server Error")
)

// errScope is told from other refusals by a header.
var errScope = newError(errForbidden.status, errForbidden.Code, errForbidden.Summary)

func errNotFound(id, kind string) *apiError {
	return newError(http.StatusNotFound, "E0000007", fmt.Sprintf("Not found: Resource not found: %s (%s)", id, kind))
}

func errInvalid(what string, causes ...string) *apiError {
	return newError(http.StatusBadRequest, "E0000001", "Api validation failed: "+what, causes...)
}

func errSearch(why string) *apiError {
	return newError(http.StatusBadRequest, "E0000031", "Invalid search criteria.", why)
}

// genericError is the error Okta gives with a status when nothing more is known.
func genericError(status int) *apiError {
	switch status {
	case http.StatusBadRequest:
		return errInvalid("request")
	case http.StatusUnauthorized:
		return errToken
	case http.StatusForbidden:
		return errForbidden
	case http.StatusNotFound:
		return newError(status, "E0000007", "Not found: Resource not found")
	case http.StatusMethodNotAllowed:
		return errMethod
	case http.StatusTooManyRequests:
		return errTooMany
	}
	e := *errInternal
	e.status = status
	return &e
}

func writeError(w http.ResponseWriter, e *apiError) {
	if e == errScope {
		w.Header().Set("Www-Authenticate", `Bearer error="insufficient_scope", error_description="The access token provided does not contain the required scopes."`)
	}
	told := *e // the shared ones get an id of their own each time
	told.ID = "oae" + newUUID()[:8]
	writeJSON(w, e.status, told)
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("oktatest: encode answer: %v", err))
	}
	writeBody(w, status, body)
}

func writeBody(w http.ResponseWriter, status int, body []byte) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	write(w, body)
}

// write sends part of an answer. A client that has hung up is not the org's
// concern, so the error is left to the server, which closes the connection.
func write(w http.ResponseWriter, body []byte) { _, _ = w.Write(body) }
