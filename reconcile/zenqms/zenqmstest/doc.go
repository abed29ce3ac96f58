// Package zenqmstest is a fake ZenQMS account that speaks the API's HTTP
// contract, for tests and for the demo command. It keeps users and roles in
// memory, journals every call, and fails on demand.
//
// It is never more lenient than a strict server: an unknown field is 422, a
// wrong method 405, a wrong content type 415, a missing token 401. What the
// contract leaves open (whether external ids are unique, whether a title is
// required, whether a filter is honoured) is an option, so that both answers
// can be tested.
//
// It has no call that deletes a user, as ZenQMS is given none to make; Remove
// is the hand of an administrator. It imports the standard library only. The
// contract that it shares with the real API is in the package contract below.
package zenqmstest
