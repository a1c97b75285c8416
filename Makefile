# Everything a developer does with this project. `make help` lists it.

PYTHON ?= python3
UV     ?= uv
ARGS   ?=
VENV   := .venv
BIN    := $(VENV)/bin

# The pure layers, and the tests that alone must cover every branch of them.
PURE       := inmem_pubsub.core,inmem_pubsub.protocol
PURE_TESTS := tests/unit/core tests/unit/protocol

# What clients see, over real sockets.
CONTRACT_TESTS := $(addprefix tests/integration/test_,contract_ws.py wire_table.py slow_consumers.py identity.py)

SHELL := /bin/sh
export PIP_DISABLE_PIP_VERSION_CHECK := 1
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.SUFFIXES:

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

# --- environment ------------------------------------------------------------------------------------------------------

.PHONY: setup
setup: $(VENV)/.ready ## Make .venv with everything at its locked version (at once if it is there)

$(VENV)/.locked: requirements/dev.txt
	@oldest='import sys; sys.exit(sys.version_info < (3, 11))'; \
	for python in $(PYTHON) python3.13 python3.12 python3.11 none; do \
	    $$python -c "$$oldest" 2>/dev/null && break; \
	done; \
	if [ $$python = none ]; then \
	    version=$$($(PYTHON) --version 2>&1) || version="not there"; \
	    echo "inmem-pubsub needs Python 3.11 or later, and $(PYTHON) is $$version." \
	         "Name another: make $(MAKECMDGOALS) PYTHON=/path/to/python3" >&2; \
	    exit 1; \
	fi; \
	echo "Making $(VENV) with $$($$python --version): this takes a moment, once."; \
	$$python -m venv --clear $(VENV)
	@$(BIN)/pip install -qq --require-hashes -r requirements/dev.txt
	@touch $@

$(VENV)/.ready: $(VENV)/.locked pyproject.toml
	@$(BIN)/pip install -qq --no-deps --no-build-isolation -e .
	@touch $@

# The package as a wheel has it: what every publication passes through is compiled, where there is a C compiler.
COMPILED := build/compiled
SOURCES  := $(shell find src -name '*.py')

$(COMPILED)/.ready: $(VENV)/.ready $(SOURCES) pyproject.toml hatch_build.py
	@rm -rf $(COMPILED)
	@$(BIN)/pip install -qq --no-deps --no-build-isolation --target $(COMPILED) .
	@touch $@

.PHONY: run
run: $(COMPILED)/.ready ## Serve on 127.0.0.1:8080; flags go into ARGS, as in make run ARGS="--port 9000"
	@PYTHONPATH=$(COMPILED) exec $(BIN)/python -m inmem_pubsub $(ARGS)

# --- checks -----------------------------------------------------------------------------------------------------------

.PHONY: test
test: setup ## Every check: format, lint, types, tests, and full branch coverage of the pure layers
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(MAKE) --no-print-directory cover
	$(BIN)/pytest -q -n 2 $(addprefix --ignore=,$(PURE_TESTS))
	$(MAKE) --no-print-directory compiled

.PHONY: compiled
compiled: export INMEM_PUBSUB_COMPILE = 1
compiled: $(COMPILED)/.ready ## The tests of the pure layers and of what clients see, on the compiled package
	@PYTHONPATH=$(COMPILED) $(BIN)/python -c 'import sys; from inmem_pubsub.core import hub; sys.exit(hub.__file__[-3:] != ".so")' \
	    || { echo "$(COMPILED) is pure Python: remove it, and have a C compiler and the headers of Python" >&2; exit 1; }
	PYTHONPATH=$(COMPILED) $(BIN)/pytest -q -n 2 -m "not source" $(PURE_TESTS) $(CONTRACT_TESTS)

.PHONY: fmt
fmt: setup ## Format the code and sort its imports
	$(BIN)/ruff check --select I --fix .
	$(BIN)/ruff format .

.PHONY: lint
lint: setup ## Lint
	$(BIN)/ruff check .

.PHONY: types
types: setup ## Check the types
	$(BIN)/mypy

.PHONY: unit
unit: setup ## The tests that start no server; choose some with ARGS="-k drop_oldest"
	$(BIN)/pytest -q -n 2 tests/house tests/unit $(ARGS)

.PHONY: cover
cover: setup ## Branch coverage of core and protocol by their own tests: 100 % or fail
	@rm -f .coverage .coverage.*
	$(BIN)/coverage run --source=$(PURE) -m pytest -q -n 2 $(PURE_TESTS)
	@$(BIN)/coverage combine --quiet
	$(BIN)/coverage report --fail-under=100

.PHONY: stop
stop: setup ## Stop a server for a minute, with its real deadlines: nobody is sent away (takes a minute)
	STOPPED_FOR=60 $(BIN)/pytest -q -n 2 --timeout=300 tests/integration/test_time_faults.py -k stop

.PHONY: mutants
mutants: setup ## Plant bugs and see that the tests notice each of them (takes minutes)
	$(BIN)/python -m tests.mutants.run $(ARGS)

.PHONY: nemesis
nemesis: setup ## Random clients against a real server, judged by an oracle; SECONDS=60, SEED=7 or 7:3, ARGS
	$(BIN)/python -m tests.nemesis --seconds $(or $(SECONDS),60) $(if $(SEED),--seed $(SEED)) $(ARGS)

.PHONY: nemesis-bugs
nemesis-bugs: setup ## Plant old bugs and see that the nemesis finds each of them (takes minutes)
	$(BIN)/python -m tests.nemesis.bugs $(ARGS)

# Coverage-guided where atheris installs, which is not everywhere; it is kept out of .venv, and so of every other check.
FUZZER := build/fuzzer

$(FUZZER)/.ready: $(VENV)/.ready requirements/fuzz.txt
	@rm -rf $(FUZZER)
	@$(BIN)/pip install -qq --require-hashes --target $(FUZZER) -r requirements/fuzz.txt \
	    || { rm -rf $(FUZZER); mkdir -p $(FUZZER); echo "atheris does not install here" >&2; }
	@touch $@

.PHONY: fuzz
fuzz: $(FUZZER)/.ready ## Search for inputs that break something; SECONDS=60 each, TARGET=frames, REPLAY=FILE
	PYTHONPATH=$(FUZZER) $(BIN)/python -m tests.fuzz \
	    $(if $(REPLAY),--replay $(REPLAY),--seconds $(or $(SECONDS),60) $(TARGET)) $(ARGS)

.PHONY: fuzz-bugs
fuzz-bugs: $(FUZZER)/.ready ## Plant bugs and see that the fuzz target of each finds it (takes minutes)
	PYTHONPATH=$(FUZZER) $(BIN)/python -m tests.fuzz.bugs $(ARGS)

.PHONY: conformance
conformance: setup ## Play all of Autobahn's cases on each event loop; the report is build/conformance/report.md
	$(BIN)/python -m tests.conformance.run

.PHONY: floods
floods: setup ## Floods at full size: others' pings, and 100000 visits that must leave nothing; ARGS="SECONDS CYCLES"
	$(BIN)/python -m tests.floods.run $(ARGS)

.PHONY: memory
memory: setup ## Attacks on memory at full size, against the worst case that the server prints; choose some with ARGS=stuck
	$(BIN)/python -m tests.memory.run $(ARGS)

.PHONY: faults
faults: setup ## Faults at full size: SIGTERM under load, and kill -9 twenty times
	$(BIN)/python -m tests.faults.run

.PHONY: worst
worst: setup ## Print how long the server thinks about messages that were made to be slow; choose some with ARGS=exponents
	$(BIN)/python -m tests.hostile.run $(ARGS)

# --- benchmark --------------------------------------------------------------------------------------------------------

BENCH := build/bench

$(BENCH)/floor: benchmarks/floor/floor.c
	@mkdir -p $(@D)
	$(CC) -std=gnu17 -O2 -Wall -Wextra -Werror -o $@ $<

.PHONY: $(BENCH)/load
$(BENCH)/load: # its own makefile knows whether there is anything to do
	@$(MAKE) -s --no-print-directory -C benchmarks/load

$(BENCH)/venv/.ready: $(VENV)/.ready benchmarks/requirements.txt
	@$(BIN)/python -m venv --clear $(BENCH)/venv
	@$(BENCH)/venv/bin/pip install -qq --require-hashes -r benchmarks/requirements.txt
	@touch $@

$(BENCH)/node/.ready: benchmarks/package.json benchmarks/package-lock.json
	@mkdir -p $(@D)
	@cp benchmarks/package.json benchmarks/package-lock.json $(@D)
	@if command -v npm >/dev/null; then \
	    cd $(@D) && npm ci --silent --ignore-scripts --no-audit --no-fund && touch $(@F); \
	else echo "npm is not there, so the peers that are Node.js will not be measured" >&2; fi

.PHONY: bench-setup
bench-setup: $(BENCH)/venv/.ready $(BENCH)/node/.ready ## Install the peers of the benchmark that come from PyPI and npm, into build/bench

.PHONY: bench
bench: setup $(COMPILED)/.ready $(BENCH)/floor $(BENCH)/load ## Measure us and the peers; QUICK=1, ONLY="1:1", PEERS="ours nats", RUNS=5, SEED=7, ARGS
	@$(BIN)/python -m benchmarks $(if $(QUICK),--quick) $(if $(ONLY),--only "$(ONLY)") $(if $(PEERS),--peers $(PEERS)) \
	    $(if $(RUNS),--runs $(RUNS)) $(if $(SEED),--seed $(SEED)) $(ARGS)

.PHONY: churn
churn: setup $(COMPILED)/.ready $(BENCH)/load ## Clients come and go for MINUTES=60: what the server holds meanwhile must not grow
	@$(BIN)/python -m benchmarks.churn --minutes $(or $(MINUTES),60)

.PHONY: idle-memory
idle-memory: setup ## Where the memory of an idle connection goes, line by line
	@$(BIN)/python -m benchmarks.idle_memory $(ARGS)

.PHONY: bench-docs
bench-docs: setup ## Put the last results into docs: charts, and tables into performance.md
	@$(BIN)/python -m benchmarks --from $(BENCH)/results/results.json --docs

# --- releases ---------------------------------------------------------------------------------------------------------

# Annotated, hashed, and silent about where the packages come from. ARGS=--upgrade takes the newest versions.
COMPILE = $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url

.PHONY: lock
lock: ## Compile the locks from pyproject.toml (needs uv); ARGS=--upgrade takes the newest versions
	$(COMPILE) $(ARGS) --extra dev pyproject.toml -o requirements/dev.txt
	$(COMPILE) $(ARGS) --extra cli -c requirements/dev.txt pyproject.toml -o requirements/base.txt
	$(COMPILE) $(ARGS) -c requirements/dev.txt requirements/build.in -o requirements/build.txt
	$(COMPILE) $(ARGS) benchmarks/requirements.in -o benchmarks/requirements.txt
	$(COMPILE) $(ARGS) requirements/fuzz.in -o requirements/fuzz.txt

.PHONY: dist
dist: setup ## Build the wheel and the source archive into dist/
	$(BIN)/hatchling build

.PHONY: clean
clean: ## Remove .venv, builds and caches
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage .coverage.*
	find src tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +
