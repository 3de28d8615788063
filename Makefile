# The two commands are `make run` and `make test`; `make help` lists the rest.
PYTHON ?= python3
BIN := .venv/bin
PIP = $(BIN)/python -m pip install --quiet --disable-pip-version-check
export PATH := $(CURDIR)/$(BIN):$(PATH)
export PYTHONDONTWRITEBYTECODE :=

.PHONY: help setup run up test lint check soak soak-cluster mutants bench bench-cluster demo-erp lock clean
.DEFAULT_GOAL := help

help: ## list these commands
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

.venv/.run-ready: requirements/build.lock requirements/run.lock pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(PIP) --require-hashes --only-binary :all: -r requirements/build.lock -r requirements/run.lock
	@$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

.venv/.test-ready: requirements/test.lock .venv/.run-ready
	@$(PIP) --require-hashes --only-binary :all: -r requirements/test.lock
	@touch $@

setup: .venv/.test-ready ## set everything up in .venv (nothing outside this folder)

run: .venv/.run-ready ## run the main job on sample deliveries and keep serving (ONCE=1: stop when done)
	@$(BIN)/hub run --demo $(if $(ONCE),--once)

up: .venv/.test-ready ## the hub on Kafka and PostgreSQL without containers, two workers (ONCE=1: samples, settle, stop)
	@$(BIN)/python -m tests.cluster.up $(if $(ONCE),--once)

test: .venv/.test-ready ## pass the tests (real servers, real browser where there is one)
	@$(BIN)/python -m pytest

lint: .venv/.test-ready ## ruff, mypy --strict, import contract
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

check: .venv/.run-ready ## check the shipped mapping tables and run their cases
	@$(BIN)/hub check
	@$(BIN)/hub mapping test

soak: .venv/.test-ready ## the long programmes: 10,000 random mapping files, 20,000 simulated seeds, 1,000 closings foretold, 60 rounds of kills …
	@HUB_RANDOM_FILES=10000 $(BIN)/python -m pytest tests/unit/mapping_check/test_random_files.py
	@$(BIN)/python -m tests.mutants.soak
	@HUB_CLOSINGS=1000 $(BIN)/python -m pytest tests/unit/history/test_backtest.py
	@HUB_ROUNDS=60 $(BIN)/python -m pytest -s tests/integration/test_hostile_rounds.py
	@$(BIN)/python -m tests.bench.soak_impact

soak-cluster: .venv/.test-ready ## 50 rounds of faults on three workers, Kafka and PostgreSQL: exact counts (50 minutes)
	@$(BIN)/python -m tests.cluster.soak --rounds 50 --report docs/soak-cluster.md

mutants: .venv/.test-ready ## plant every known bug, one at a time: each must be caught
	@$(BIN)/python -m tests.mutants

bench: .venv/.test-ready ## measure the budgets, each beside its raw limit in the same run
	@$(BIN)/python -m tests.bench

bench-cluster: .venv/.test-ready ## Kafka → engine → PostgreSQL and intake → Kafka, beside raw limits of the same run
	@$(BIN)/python -m tests.bench_cluster --report docs/performance-cluster.md

demo-erp: .venv/.test-ready ## one full loop in a real Tryton ERP, shown step by step
	@$(BIN)/python -m tests.demo_erp

lock: ## renew the lock files (needs uv)
	echo 'setuptools>=80,<82' | uv pip compile - --universal --python-version 3.11 --generate-hashes --no-header -q -o requirements/build.lock
	uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes --no-header -q -o requirements/run.lock
	uv pip compile pyproject.toml --extra test --universal --python-version 3.11 --generate-hashes --no-header -q -o requirements/test.lock

clean: ## remove what setup and runs left here
	rm -rf .venv .hub .mypy_cache .ruff_cache .pytest_cache build *.egg-info
