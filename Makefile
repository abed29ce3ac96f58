# What a developer types. Go and make are enough; `make help` lists the targets.

GO      ?= go
PREFIX  ?= /usr/local
BIN     := bin/zensync
VERSION := $(shell git describe --tags --always --dirty 2>/dev/null)
COMMIT  := $(shell git rev-parse --short HEAD 2>/dev/null)
LDFLAGS := -s -w -X main.version=$(VERSION) -X main.commit=$(COMMIT)

# Pinned: another version finds other things.
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2

.DEFAULT_GOAL := build

## build: the program, one static file: bin/zensync
.PHONY: build
build:
	CGO_ENABLED=0 $(GO) build -trimpath -buildvcs=false -ldflags '$(LDFLAGS)' -o $(BIN) ./cmd/zensync

## demo: show it at work between imitations of Okta and ZenQMS, and check every step
.PHONY: demo
demo: build
	./$(BIN) demo

# How long the tests of one package may take: they wait for the disk, and some disks
# take milliseconds for a flush.
PATIENCE ?= 20m

## test: all tests, with the race detector where there is a C compiler and it fits
# SQLite is five times as slow under the race detector. The packages that live in
# it go without, but for what they do at the same time; test-race has it all. What
# waits for bad networks has little to say about that, and is left aside.
# Building the package of the standard library tries the compiler for real.
PLAIN := ./cmd/zensync ./cmd/zensync/qualify ./reconcile ./store
AT_ONCE := TestE3|TestE4|TestC2|TestC5|TestHistories|Turn|Wake|Lock|Batch|Sort
BESIDE  := Network|Answers|Storm|Revoked
.PHONY: test
test:
	$(GO) test -timeout $(PATIENCE) $(PLAIN)
	@if $(GO) build -race runtime/cgo >/dev/null 2>&1; then \
		echo '$(GO) test -race: all other packages'; \
		$(GO) test -race -timeout $(PATIENCE) $$($(GO) list ./... | grep -vE '/(cmd/zensync|qualify|reconcile|store)$$') && \
		echo "$(GO) test -race -run '$(AT_ONCE)' -skip '$(BESIDE)' ./reconcile ./store" && \
		$(GO) test -race -timeout $(PATIENCE) -run '$(AT_ONCE)' -skip '$(BESIDE)' ./reconcile ./store; \
	else \
		echo 'The race detector needs cgo and a C compiler; testing without it.'; \
		$(GO) test -timeout $(PATIENCE) $$($(GO) list ./... | grep -vE '/(cmd/zensync|qualify|reconcile|store)$$'); \
	fi
	$(GO) -C scripts/bench test ./measure ./crowd ./curve ./simulate

## test-race: all tests with the race detector, the scripts as well; it takes its time
.PHONY: test-race
test-race:
	$(GO) test -race -timeout 60m ./...

# How many relays and workers are killed, and what is drawn: 0 is something else
# every time, and the seed that a failure names is the same again.
KILLS ?= 200
SEED  ?= 0

## crash: kill relay and worker 200 times amid their work, and find nothing lost, doubled or broken; KILLS=20 SEED=4711 is a part of it
.PHONY: crash
crash:
	$(GO) test -tags crash -count=1 -timeout 60m -run '^TestCrash_' -v ./cmd/zensync -crash.kills=$(KILLS) -crash.seed=$(SEED)

## disks: disks that fail, are full or read-only, and files that are damaged, locked or gone; some of it needs root, some strace
.PHONY: disks
disks:
	@command -v strace >/dev/null || echo 'There is no strace: errors of the disk are left out.'
	@[ "$$(id -u)" = 0 ] || echo 'This is not root: small disks are left out.'
	$(GO) test -tags crash -count=1 -timeout 20m -run '^TestDisks_' ./cmd/zensync

# How long a soak lasts.
MINUTES ?= 20

## soak: relay and worker under load while faults come and go; what they hold must not grow; MINUTES=20
.PHONY: soak
soak:
	$(GO) test -tags crash -count=1 -timeout 0 -run '^TestSoak_' -v ./cmd/zensync -soak.minutes=$(MINUTES)

# How long each target is fuzzed, as go test takes it. To make an input that leads to
# new code as short as it can be may take a second: Go's minute for each would be most
# of the time, and ends in an error where time is up amid it.
FUZZTIME ?= 1m

## fuzz: feed each Fuzz target what leads to code that is new; FUZZTIME=1m is for each. What fails is kept below testdata/fuzz, and fails from then on
.PHONY: fuzz
fuzz:
	@grep -rE '^func Fuzz' --include='*_test.go' cmd reconcile relay store schema scripts | \
	sed -E 's|^(.*)/[^/]*:func (Fuzz[A-Za-z]*).*|./\1 \2|' | while read -r package target; do \
		echo "$(GO) test $$package -fuzz $$target"; \
		$(GO) test $$package -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 1s </dev/null || exit; \
	done

## lint: format, vet, staticcheck
.PHONY: lint
lint:
	@unformatted=$$("$$($(GO) env GOROOT)/bin/gofmt" -l cmd reconcile relay store schema scripts) || exit; \
	if [ -n "$$unformatted" ]; then echo 'Not formatted, run gofmt -w on:'; echo "$$unformatted"; exit 1; fi
	$(GO) vet ./...
	$(GO) vet -tags crash ./store ./cmd/zensync
	$(GO) run $(STATICCHECK) ./...

## lint-scripts: vet and staticcheck of the modules below scripts, whose dependencies take their time to compile
.PHONY: lint-scripts
lint-scripts:
	$(GO) -C scripts/bench vet ./...
	cd scripts/bench && $(GO) run $(STATICCHECK) ./...
	$(GO) -C scripts/browser vet ./...
	cd scripts/browser && $(GO) run $(STATICCHECK) ./...

## mutants: change one thing after the other in reconcile/decide.go, and expect a test to fail each time; it takes its time
.PHONY: mutants
mutants:
	$(GO) run ./scripts/mutants

## licences: list anew, in scripts/licences, what is linked in, at which versions and under which licences; a test says when it is time
.PHONY: licences
licences:
	$(GO) run ./scripts/licences > scripts/licences/licences.csv.new && mv scripts/licences/licences.csv.new scripts/licences/licences.csv

## package: deb, rpm and tarball in dist/, the same bytes for the same commit
.PHONY: package
package:
	GO='$(GO)' scripts/package.sh

## package-check: that they can be made again, what is in them, completions, alerting rules and the units
.PHONY: package-check
package-check:
	GO='$(GO)' scripts/package-check.sh

## smoke: install, run, upgrade and remove deb, rpm and tarball in a Debian container; needs root
.PHONY: smoke
smoke:
	GO='$(GO)' scripts/smoke.sh

## browser: the status page in headless Chromium, with pictures of it in bin/browser; axe-core comes from npm
.PHONY: browser
browser: build
	@mkdir -p bin/browser
	@axe=; \
	if command -v npm >/dev/null; then \
		cp scripts/browser/package.json scripts/browser/package-lock.json bin/browser/ && \
		npm ci --prefix bin/browser --ignore-scripts --no-audit --no-fund >/dev/null && \
		axe='$(CURDIR)/bin/browser/node_modules/axe-core/axe.min.js' || exit; \
	else \
		echo 'There is no npm: what axe-core checks is left out.'; \
	fi; \
	$(GO) -C scripts/browser test -count=1 -v . -args -program '$(CURDIR)/$(BIN)' -axe "$$axe" -screenshots '$(CURDIR)/bin/browser'

# How often, and for how long at a time, each contestant of scripts/bench runs, and
# how many users there are, events of a year, hooks of a storm at most.
ROUNDS  ?= 5
SECONDS ?= 3
PEOPLE  ?= 100000
EVENTS  ?= 300000
STORM   ?= 40000

## bench: all benchmarks, and the comparisons of scripts/bench, with curves; a quick look is make bench ROUNDS=1 SECONDS=1
.PHONY: bench
bench:
	@packages=$$(grep -rl --include='*_test.go' '^func Benchmark' ./cmd ./reconcile ./relay ./store | xargs -rn1 dirname | sort -u); \
	$(GO) test -run '^$$' -bench . -benchmem $$packages
	@mkdir -p bin
	$(GO) -C scripts/bench run . -rounds $(ROUNDS) -seconds $(SECONDS) -people $(PEOPLE) -events $(EVENTS) -storm $(STORM) \
		-curves '$(CURDIR)/scripts/bench/curves' -json '$(CURDIR)/bin/bench.json'

## install: the program to $(DESTDIR)$(PREFIX)/bin
.PHONY: install
install: build
	install -d '$(DESTDIR)$(PREFIX)/bin'
	install -m 0755 $(BIN) '$(DESTDIR)$(PREFIX)/bin/zensync'

## clean: remove what was built
.PHONY: clean
clean:
	rm -rf bin dist

## help: this list
.PHONY: help
help:
	@sed -n 's/^## //p' Makefile
