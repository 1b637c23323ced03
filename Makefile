# The targets are explained by `make help`. The settings are read from the environment by m2m_idp/env.py;
# a variable on make's command line (make serve PORT=9000) is in the environment of every recipe.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
SHELL := /bin/sh

BIN := .venv/bin
PYTHON := $(BIN)/python
RUNTIME := .venv/.requirements
DEVELOPMENT := .venv/.requirements-dev
NPM := tests/interop/npm
NPM_CLIENTS := $(NPM)/node_modules/.package-lock.json
# The MCP SDK brings a web stack of its own: it gets a virtual environment of its own.
MCP := tests/interop/mcp
MCP_CLIENT := $(MCP)/.venv/.requirements
# What make bench-peers measures m2m-idp against.
OIDC_PROVIDER := benchmarks/peers/oidc_provider
OIDC_PROVIDER_PEER := $(OIDC_PROVIDER)/node_modules/.package-lock.json
AUTHLIB := benchmarks/peers/authlib_flask
AUTHLIB_PEER := $(AUTHLIB)/.venv/.requirements
INSTALL := $(PYTHON) -m pip --disable-pip-version-check install --quiet --require-hashes --requirement
MANAGE := $(PYTHON) manage.py

# Those that .venv may be made of: the first that is there, and fit.
PYTHONS ?= python3.13 python3.12 python3.11 python3 python
SUITABLE := import sys, ensurepip; sys.exit(sys.version_info < (3, 11))
# For every Python from the oldest on at once, with markers where they differ, whichever Python .venv has.
COMPILE := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--custom-compile-command 'make requirements'
# Debian's throw-away clusters do not sync by default and take the encoding from the locale; the server refuses
# a database that does not sync or cannot hold every text. Each lies in a directory of its own (-t), so that neither
# one that runs at the same moment nor what is left of one that was killed is in the way.
CLUSTER := env --unset=PGPORT LC_ALL=C.UTF-8 pg_virtualenv -t -o fsync=on
NO_POSTGRESQL := Skipped on PostgreSQL: pg_virtualenv is not installed (Debian: postgresql, postgresql-common).
# A hundred processes that the tests start would each compile the product again.
export PYTHONDONTWRITEBYTECODE :=
PYTEST := $(BIN)/pytest --numprocesses=auto
QUICK := $(PYTEST) -m 'not slow and not nightly'
# ROOM=keys: one room alone, on SQLite.
ROOM ?=
SLOW := $(PYTEST) -m slow
MUTATED := $(filter-out %/__init__.py issuance/migrations/%,$(wildcard issuance/*.py issuance/*/*.py runtime/rate_limit/*.py)) audit/writing/record.py
JUDGES := tests/console tests/fetching tests/mtls tests/protocol tests/audit tests/issuance tests/issuers tests/keys tests/relying_parties tests/runtime tests/upkeep
NIGHTLY := $(BIN)/pytest -n0 -m nightly

.PHONY: help
help: ## List the targets
	@sed -n 's/^\([a-z-]*\):.* ## \(.*\)/\1|\2/p' Makefile | awk -F '|' '{ printf "make %-14s %s\n", $$1, $$2 }'

.PHONY: serve
serve: $(RUNTIME) ## Run the server on 127.0.0.1:8000, with the demo on first start (PORT=, VAR_DIR=)
	@$(MANAGE) migrate --no-input --verbosity 0
	@$(MANAGE) collectstatic --no-input --verbosity 0
	@$(MANAGE) load_demo
	@exec $(BIN)/gunicorn --config m2m_idp/gunicorn.conf.py

.PHONY: install
install: $(RUNTIME) ## Install what the server needs into .venv

.PHONY: setup
setup: $(DEVELOPMENT) ## Install what development needs

.PHONY: hooks
hooks: $(DEVELOPMENT) ## Check style and import rules before each commit in this clone
	git config core.hooksPath .ci/hooks

.PHONY: lint
lint: $(DEVELOPMENT) ## Check style, types, import rules, templates and the Dockerfile
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy .
	$(BIN)/lint-imports
	$(BIN)/djlint --check --lint --quiet templates
	$(BIN)/hadolint Dockerfile
	.ci/plain-words

.PHONY: test
test: $(DEVELOPMENT) ## Run the quick tests on SQLite, and on PostgreSQL where it is installed (ROOM= for one room)
	$(if $(ROOM),$(QUICK) tests/$(ROOM),$(call on_both_databases,$(QUICK)))

.PHONY: test-slow
test-slow: $(DEVELOPMENT) $(NPM_CLIENTS) $(MCP_CLIENT) ## Run the tests that take minutes, on both databases
	$(call on_both_databases,$(SLOW))

.PHONY: test-pythons
test-pythons: $(DEVELOPMENT) ## Install, start and run the quick tests with the oldest and the newest Python found
	.ci/test-pythons

.PHONY: check
check: lint check-deploy test test-slow test-pythons ## Everything that has to pass before a change is merged

.PHONY: check-deploy
check-deploy: $(DEVELOPMENT) ## Check the settings of a real deployment, the migrations and the contract's coverage
	.ci/check-deploy $(PYTHON)
	$(MANAGE) makemigrations --check --dry-run
	$(PYTHON) -m tests.contract_coverage

.PHONY: interop
interop: $(DEVELOPMENT) ## Run the clients, verifiers and servers that need Go, Cargo, Maven or more of Debian (.ci/interop)
	$(NIGHTLY) tests/interop

.PHONY: screenshots
screenshots: $(DEVELOPMENT) ## Write the pictures of docs/console.md
	$(PYTHON) -m tests.browser.screenshots

.PHONY: interop-table
interop-table: $(DEVELOPMENT) ## Write the table of docs/interoperability.md from what the tests declare
	$(PYTHON) -m tests.interop.table

.PHONY: mutants
mutants: $(DEVELOPMENT) ## Break the protocol's code in every small way and see the tests notice (docs/mutants.md; FILE=, TESTS=)
	$(PYTHON) -m pytest -n0 -q -m 'not slow and not nightly' -p no:randomly -p tests.mutants.plugin \
		$(addprefix --mutate ,$(or $(FILE),$(MUTATED))) $(OPTIONS) $(or $(TESTS),$(JUDGES))

.PHONY: bench
bench: $(RUNTIME) ## Measure tokens per second of one worker and two, on both databases (docs/performance.md; CASE=)
	@$(PYTHON) benchmarks/bench.py
	@if command -v pg_virtualenv >/dev/null; then \
		$(call on_postgresql,$(CLUSTER)) $(PYTHON) benchmarks/bench.py; \
	else echo "$(NO_POSTGRESQL)"; fi

.PHONY: bench-peers
bench-peers: $(RUNTIME) $(OIDC_PROVIDER_PEER) $(AUTHLIB_PEER) ## Measure m2m-idp beside other token servers (docs/performance.md)
	@$(if $(shell command -v pg_virtualenv),$(call on_postgresql,$(CLUSTER))) $(PYTHON) benchmarks/bench_peers.py

.PHONY: bench-growth
bench-growth: $(RUNTIME) ## Measure whether a token costs more beside many clients or rows (docs/performance.md; CLIENTS=, ROWS=)
	@$(PYTHON) benchmarks/many_clients.py $(if $(CLIENTS),--clients $(CLIENTS))
	@$(PYTHON) benchmarks/many_rows.py $(if $(ROWS),--rows $(ROWS))
	@if command -v pg_virtualenv >/dev/null; then \
		$(call on_postgresql,$(CLUSTER)) $(PYTHON) benchmarks/many_clients.py $(if $(CLIENTS),--clients $(CLIENTS)) && \
		$(call on_postgresql,$(CLUSTER)) $(PYTHON) benchmarks/many_rows.py $(if $(ROWS),--rows $(ROWS)); \
	else echo "$(NO_POSTGRESQL)"; fi

.PHONY: volume
volume: $(RUNTIME) ## Measure the pages of a record of ten million rows, sealing and verifying (docs/performance.md; ROWS=)
	@$(PYTHON) benchmarks/volume.py $(if $(ROWS),--rows $(ROWS))
	@$(PYTHON) benchmarks/sealing.py
	@if command -v pg_virtualenv >/dev/null; then \
		$(call on_postgresql,$(CLUSTER)) $(PYTHON) benchmarks/volume.py $(if $(ROWS),--rows $(ROWS)) && \
		$(call on_postgresql,$(CLUSTER)) $(PYTHON) benchmarks/sealing.py; \
	else echo "$(NO_POSTGRESQL)"; fi

.PHONY: requirements
requirements: $(DEVELOPMENT) ## Compile the pinned requirements from pyproject.toml
	$(COMPILE) --output-file requirements.txt pyproject.toml
	$(COMPILE) --extra pkcs11 --constraint requirements.txt --output-file requirements-pkcs11.txt pyproject.toml
	$(COMPILE) --extra dev --constraint requirements.txt --output-file requirements-dev.txt pyproject.toml
	$(COMPILE) --output-file $(MCP)/requirements.txt $(MCP)/requirements.in
	$(COMPILE) --output-file $(AUTHLIB)/requirements.txt $(AUTHLIB)/requirements.in

# $(1) starts a throw-away cluster; the words that follow run with its DATABASE_URL.
on_postgresql = $(1) sh -c 'DATABASE_URL="postgres://$$PGUSER:$$PGPASSWORD@$$PGHOST:$$PGPORT/postgres" exec "$$@"' sh

define on_both_databases
$(1)
@if command -v pg_virtualenv >/dev/null; then \
	echo "$(1)  # on PostgreSQL"; $(call on_postgresql,$(CLUSTER)) $(1); \
else echo "$(NO_POSTGRESQL)"; fi
endef

$(PYTHON):
	@for python in $(PYTHONS); do \
		if $$python -c '$(SUITABLE)' 2>/dev/null; then exec $$python -m venv .venv; fi; \
	done; \
	echo "m2m-idp needs Python 3.11 or newer with its venv module (Debian: apt-get install python3-venv)." >&2; exit 1

$(RUNTIME): requirements.txt | $(PYTHON)
	@echo "Installing requirements.txt into .venv"
	@$(INSTALL) requirements.txt
	@touch $@

$(DEVELOPMENT): requirements-dev.txt | $(PYTHON)
	@echo "Installing requirements-dev.txt into .venv"
	@$(INSTALL) requirements-dev.txt
	@touch $@ $(RUNTIME)

$(NPM_CLIENTS) $(OIDC_PROVIDER_PEER): %/node_modules/.package-lock.json: %/package-lock.json | $(DEVELOPMENT)
	@echo "Installing $*/package-lock.json into $*/node_modules"
	@cd $* && $(CURDIR)/$(BIN)/npm ci --silent --no-audit --no-fund
	@touch $@

$(MCP_CLIENT) $(AUTHLIB_PEER): %/.venv/.requirements: %/requirements.txt | $(PYTHON)
	@echo "Installing $*/requirements.txt into $*/.venv"
	@$(PYTHON) -m venv $*/.venv
	@$*/.venv/bin/python -m pip --disable-pip-version-check install --quiet --require-hashes \
		--requirement $*/requirements.txt
	@touch $@
