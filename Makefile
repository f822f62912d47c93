# make demo   see it work        make test   everything CI checks        make help   all targets
#
# Each target sets up what it needs first, into .venv and .tools; a second call starts at once.

.DEFAULT_GOAL := help
.PHONY: help demo test gates serve setup lint format types unit sdk bench lock clean distclean \
        runtime dev tools

BIN := .venv/bin
# Parallel test workers, and further arguments for pytest: make test WORKERS=4 ARGS="-k sse"
WORKERS ?= 2
ARGS ?=
# Options for the gates: make gates GATES="--gate types --no-cache"
GATES ?=
export PYTHON

bootstrap = python="$$(tools/find-python.sh)" && "$$python" tools/bootstrap.py
# Node and npm from PyPI are linked here on machines without them.
test_path = PATH="$(CURDIR)/.tools/bin:$$PATH"

help: ## list the targets
	@sed -n 's/^\([a-z]*\):[^#]*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 20

demo: runtime ## start Lemnos, let the built-in agent mend a small repository, show the result
	@$(BIN)/lemnos demo $(ARGS)

test: setup gates ## all that CI checks: the gates, every test
	@$(test_path) $(BIN)/pytest -n $(WORKERS) --dist loadfile $(ARGS)

gates: dev ## Lemnos judged by its own gates: lemnos.toml
	@$(BIN)/lemnos guard-rails --no-format --drift-check --data .lemnos/gates $(GATES)

serve: runtime ## start the server on http://127.0.0.1:8000
	@$(BIN)/lemnos serve $(ARGS)

setup: ## install everything for development
	@$(bootstrap) dev npm sdk system

runtime:
	@$(bootstrap) runtime

dev:
	@$(bootstrap) dev

lint: dev ## ruff's checks and format, and the import rules
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/lint-imports --no-logo

format: dev ## apply ruff's fixes and format
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

types: dev ## mypy, strict
	$(BIN)/mypy

unit: dev ## the unit tests alone
	@$(BIN)/pytest tests/unit $(ARGS)

sdk: dev ## build both SDKs into dist: the wheel and the npm tarball
	@$(bootstrap) sdk
	@$(test_path) tools/build-sdk.sh dist

bench: dev ## the benchmarks
	@$(BIN)/python -m benchmarks $(ARGS)

lock: dev ## write requirements/*.lock anew (ARGS=--upgrade for the newest versions)
	@tools/lock.sh $(ARGS)

clean: ## remove caches and build output
	rm -rf .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis build dist \
	       sdk/typescript/dist
	find src sdk/python tests tools -name __pycache__ -type d -prune -exec rm -rf {} +

distclean: clean ## remove what setup installed, too
	rm -rf .venv .tools sdk/typescript/node_modules src/lemnos/grpc/generated
