# The front door. `make` alone prints what there is; every target does the set-up that it needs.

.DEFAULT_GOAL := help
MAKEFLAGS += --no-builtin-rules
SHELL := /bin/bash

# A bare machine's locale is POSIX; definitions and pages are UTF-8 whatever the locale says.
export PYTHONUTF8 := 1
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# promtool and amtool that `make setup` fetched come first; there is nothing there when the system has its own.
export PATH := $(CURDIR)/.tools/bin:$(PATH)

PYTHON ?= python3
PYTEST_FLAGS ?= -n auto
BIN := .venv/bin

# Set-up is redone when its inputs change, told by content: a checkout touches every file's time. The Python and the
# place of the checkout belong to the inputs, because a virtual environment holds both as absolute paths.
SETUP_INPUTS := pyproject.toml constraints.txt scripts/common.sh scripts/setup-python.sh scripts/setup-tools.sh
SETUP_KEY = { PATH="$(PATH)"; pwd; command -v "$(PYTHON)"; cat $(SETUP_INPUTS); } | cksum | cut -d " " -f 1
READY := .venv/.ready-$(shell $(SETUP_KEY))
# A stamp can outlive what it stands for: Python was upgraded under .venv, or promtool was removed from the system.
INTACT := $(shell PATH="$(PATH)"; test -x $(BIN)/python && command -v promtool >/dev/null && command -v amtool >/dev/null && echo yes)

.PHONY: help
help: ## Print this help
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

.PHONY: rules
rules: $(READY) ## Compile alerts/ into rules/, runbooks/ and dashboards/
	@$(BIN)/rules-gen build

.PHONY: rules-check
rules-check: $(READY) ## Fail when a definition is wrong or a generated file is stale; writes nothing
	@$(BIN)/rules-gen check

.PHONY: test
test: $(READY) ## Run the quick tests
	@$(BIN)/python -m pytest $(PYTEST_FLAGS)

.PHONY: test-full
test-full: $(READY) ## Run every test, the slow ones too
	@scripts/setup-tools.sh prometheus alertmanager
	@$(BIN)/python -m pytest $(PYTEST_FLAGS) -m ""

.PHONY: soak
soak: $(READY) ## Kill the router a thousand times and count what is lost: hours, by hand
	@$(BIN)/python scripts/soak.py $(SOAK_FLAGS)

.PHONY: lint
lint: $(READY) ## Check style and format with ruff
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

.PHONY: format
format: $(READY) ## Let ruff repair style and format
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

.PHONY: types
types: $(READY) ## Check types with mypy --strict
	@$(BIN)/mypy

.PHONY: arch
arch: $(READY) ## Check who may import whom
	@$(BIN)/lint-imports

.PHONY: coverage
coverage: $(READY) ## Fail when the scenarios show less of the alerts than the policy demands
	@$(BIN)/rules-gen coverage $(COVERAGE_FLAGS)

.PHONY: mutate
mutate: $(READY) ## Make mistakes in the rules, and fail when the scenarios would miss too many of them
	@$(BIN)/rules-gen mutate $(MUTATE_FLAGS)

.PHONY: check
check: lint types arch rules-check coverage mutate ## Run lint, types, arch, rules-check, coverage and mutate

.PHONY: bench
bench: $(READY) ## Measure speed against promtool, as ratios in one run
	@$(BIN)/python -m benchmarks $(BENCH_FLAGS)

.PHONY: setup
setup: $(READY) ## Only set up: virtual environment, packages, promtool and amtool
	@echo "setup: all is in place"

.PHONY: hooks
hooks: $(READY) ## Have git run lint and rules-check before each commit
	@scripts/install-hook.sh

.PHONY: clean
clean: ## Remove .venv, .tools and caches; what is generated from alerts/ stays
	rm -rf .venv .tools .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache .rules-gen build dist
	find rules_gen router tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true

ifneq ($(INTACT),yes)
.PHONY: $(READY)
endif
# The stamp's name is worked out again at the end: set-up may have installed the Python whose path is part of it.
$(READY):
	@scripts/setup-python.sh "$(PYTHON)"
	@scripts/setup-tools.sh
	@rm -f .venv/.ready-*
	@touch .venv/.ready-$$($(SETUP_KEY))
