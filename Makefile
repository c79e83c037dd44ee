# What `make` can do here; docs/developing.md says more. `make check` is what CI runs.

DIR     ?= .dialtone
LISTEN  ?= 127.0.0.1:8420
FUZZTIME ?= 10s
VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)

go_build = CGO_ENABLED=0 go build -trimpath -ldflags '-s -w -X main.version=$(VERSION)'

.PHONY: build test lint golden fuzz web e2e bench check run demo clean

build: ## bin/dialtone and bin/dialtone-agent, static and stripped
	$(go_build) -o bin/dialtone ./cmd/dialtone
	$(go_build) -o bin/dialtone-agent ./cmd/dialtone-agent

run: web build ## everything on this machine: make run DIR=/var/lib/dialtone LISTEN=127.0.0.1:8420
	bin/dialtone up --dir $(DIR) --listen $(LISTEN)

demo: web ## kills and breaks a real nginx, tells what happens, leaves the pages open for DIALTONE_DEMO (10m) or until Ctrl-C
	scripts/demo.sh

web: ## the pages' scripts and styles
	scripts/web.sh

test: ## all Go tests with the race detector
	scripts/test.sh ./...

lint: ## the linters of .golangci.yml
	scripts/lint.sh

golden: ## writes the golden files again; read the diff before you commit it
	go test $$(scripts/packages-with.sh '"update"') -update

fuzz: ## every fuzz target for FUZZTIME
	scripts/fuzz.sh $(FUZZTIME)

e2e: web build ## a browser looks at the pages of a running dialtone
	scripts/e2e.sh

bench: build ## the figures of docs/performance.md
	scripts/bench.sh

check: ## everything CI asks for
	scripts/check.sh

clean: ## what was built; the cache of packages stays (docs/developing.md)
	rm -rf bin dashboards/web/node_modules
	find dashboards/web/dist -mindepth 1 ! -name .gitkeep -delete 2>/dev/null || true
