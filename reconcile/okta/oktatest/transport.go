package oktatest

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"net/http"
	"strconv"
)

// Transport returns a RoundTripper that hands requests to the org in the
// caller's own goroutine: no sockets, so it may be used in a synctest bubble.
func (o *Org) Transport() http.RoundTripper { return InProcess(o) }

// InProcess returns a RoundTripper that answers with h. A request whose
// context ends gets the context's error; a handler that cuts the connection
// (http.ErrAbortHandler) looks to the client as it does over a socket: io.EOF
// before the header, io.ErrUnexpectedEOF within the body.
func InProcess(h http.Handler) http.RoundTripper { return inProcess{h} }

type inProcess struct{ handler http.Handler }

func (t inProcess) RoundTrip(req *http.Request) (resp *http.Response, err error) {
	ctx := req.Context()
	if err := ctx.Err(); err != nil {
		closeBody(req)
		return nil, err
	}
	in := req.Clone(ctx)
	if in.Body == nil {
		in.Body = http.NoBody
	}
	defer closeBody(req)
	if in.Host == "" {
		in.Host = req.URL.Host
	}
	in.RequestURI = req.URL.RequestURI()
	in.RemoteAddr = "192.0.2.1:1234"
	in.TLS = nil
	if req.URL.Scheme == "https" {
		in.TLS = &tls.ConnectionState{HandshakeComplete: true, ServerName: req.URL.Hostname()}
	}

	rec := &recorder{header: http.Header{}}
	cut := rec.run(t.handler, in)
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if cut && !rec.flushed {
		return nil, io.EOF
	}
	return rec.response(req, cut), nil
}

func closeBody(req *http.Request) {
	if req.Body != nil {
		_ = req.Body.Close() // the caller has no use for its own body's error
	}
}

// recorder is the server's side of an exchange.
type recorder struct {
	header  http.Header
	sent    http.Header // header as it was at WriteHeader
	status  int
	body    bytes.Buffer
	flushed bool
}

// run serves the request and reports whether the handler cut the connection.
func (rec *recorder) run(h http.Handler, r *http.Request) (cut bool) {
	defer func() {
		if v := recover(); v != nil {
			if err, ok := v.(error); !ok || !errors.Is(err, http.ErrAbortHandler) {
				panic(v)
			}
			cut = true
		}
	}()
	h.ServeHTTP(rec, r)
	return false
}

func (rec *recorder) Header() http.Header { return rec.header }

func (rec *recorder) WriteHeader(status int) {
	if rec.status == 0 {
		rec.status, rec.sent = status, rec.header.Clone()
	}
}

func (rec *recorder) Write(p []byte) (int, error) {
	rec.WriteHeader(http.StatusOK)
	return rec.body.Write(p)
}

func (rec *recorder) Flush() {
	rec.WriteHeader(http.StatusOK)
	rec.flushed = true
}

func (rec *recorder) response(req *http.Request, cut bool) *http.Response {
	rec.WriteHeader(http.StatusOK)
	resp := &http.Response{
		StatusCode: rec.status, Status: strconv.Itoa(rec.status) + " " + http.StatusText(rec.status),
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: rec.sent, Request: req,
		ContentLength: int64(rec.body.Len()),
		Body:          io.NopCloser(&rec.body),
	}
	if cut {
		resp.ContentLength = -1
		resp.Body = io.NopCloser(io.MultiReader(&rec.body, broken{}))
	}
	return resp
}

// broken is the rest of a body that never came.
type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }
