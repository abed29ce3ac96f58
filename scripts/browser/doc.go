// Package browser is a test of the status page in a real browser: headless
// Chromium looks at what the program shows, as people do, and axe-core at what
// keeps some of them from reading it. It is a module of its own, so that zensync
// does not depend on what drives a browser.
//
//	make browser
//
// Without Chromium, or without axe-core from npm, it says so and leaves out what
// needs them.
package browser
