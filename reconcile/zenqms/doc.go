// Package zenqms is all that zensync knows of ZenQMS's HTTP API: where it is,
// how to sign in, what a user looks like on the wire, and what its refusals
// mean.
//
// It makes calls and reads answers. It does not decide what a user should
// look like, does not repeat a call that failed, and keeps nothing between
// calls beyond its pace: those belong to package reconcile. It has no call
// that deletes a user, and none may be added.
//
// ZenQMS describes its API in prose and publishes no schema. Known from its
// help pages: the base URLs, the method and path of each call (wire.go), that
// users can be searched by id, name, email and status, that an address is
// unique over all ZenQMS accounts, and that non-ASCII addresses are refused.
// Assumed, each in one place:
//
//   - the credential travels as "Authorization: Bearer KEY"; Config.AuthHeader
//     and Config.AuthPrefix say otherwise (client.go)
//   - field names in JSON: id, email, first_name, last_name, title, is_active,
//     external_id, roles (wire.go)
//   - ids are JSON numbers or strings; either way they are opaque text here,
//     and a role's id goes back in the kind it came in (wire.go, role.go)
//   - a search is {"page", "page_size"} with an optional "id", "email" or
//     "external_id" as text, answered by {"data", "page_size", "total"}; pages
//     count from 1 and hold at most 100 (wire.go, page.go)
//   - every user in a search says whether he is active: one that does not is
//     an answer that cannot be read, not an inactive user (page.go)
//   - a filter is exact, but may match more than was asked for or be ignored,
//     so only rows that carry the value count (search.go)
//   - whoever made the key is a user whom a search without a filter shows: one
//     that shows nobody says of nobody that he is gone (search.go)
//   - a write is answered by the whole user; one answered by less is read
//     again by id (user.go)
//   - "external_id": null clears the link (wire.go)
//   - a taken address is 409, an invalid value 422 with {"message", "errors":
//     [{"field", "message"}]} (answer.go)
//   - roles are listed by POST /v2/roles/search; they are given and taken with
//     {"role_ids": [...]}, the latter in the body of a DELETE; giving a role
//     already held, or taking one not held, is no error (role.go)
//   - 429 carries Retry-After, in seconds or as a date (pace.go)
//   - a user that does not exist reads 404 with a JSON or an empty body; any
//     other 404 is a wrong address, not a verdict on a user (answer.go)
//
// Client.Check compares those that can be read with a real account.
package zenqms
