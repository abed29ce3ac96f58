package main

import (
	"net/http"
	"net/http/httptest"
	"sync"
)

// snare stands before a fake. The calls it is set for act, and their answers
// never come: whoever made one is in the middle of it for as long as one likes.
type snare struct {
	handler http.Handler

	mu      sync.Mutex
	catches func(*http.Request) bool // nil: it is not set
	caught  chan struct{}
}

// set makes it catch calls from now on. The channel it returns tells of the
// first.
func (s *snare) set(catches func(*http.Request) bool) <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.catches, s.caught = catches, make(chan struct{}, 1)
	return s.caught
}

// spring takes it away. Calls that were caught stay so until their caller goes.
func (s *snare) spring() { s.set(nil) }

func (s *snare) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	caught := s.caught
	hit := s.catches != nil && s.catches(r)
	s.mu.Unlock()
	if !hit {
		s.handler.ServeHTTP(w, r)
		return
	}
	s.handler.ServeHTTP(httptest.NewRecorder(), r)
	select {
	case caught <- struct{}{}:
	default:
	}
	<-r.Context().Done()
	panic(http.ErrAbortHandler) // there is nobody left to answer
}
