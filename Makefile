# Everything runs in .venv, which the first target that needs it creates.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: help quickstart test test-slow faults lint mutants build-file clean

help:
	@echo "make quickstart  train three classifiers on digits, attack them, compare"
	@echo "make test        set up and pass the tests"
	@echo "make test-slow   MNIST runs and other long tests (an hour or more)"
	@echo "make faults      kill, starve and disconnect runs (forty minutes)"
	@echo "make lint        ruff and mypy"
	@echo "make mutants     break each law on purpose; its test must notice"
	@echo "make build-file  write BUILD from the tree"
	@echo "PYTHON=python3.12 chooses another interpreter (3.11 to 3.13)"

quickstart: $(VENV)/installed
	@$(BIN)/python -m tools.quickstart

test: $(VENV)/installed-dev
	@$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder -m "not slow"

test-slow: $(VENV)/installed-dev
	@$(BIN)/python -m tests.slow_run

faults: $(VENV)/installed-dev
	@$(BIN)/python -m tests.faults

lint: $(VENV)/installed-dev
	@$(BIN)/ruff check .
	@$(BIN)/mypy

mutants: $(VENV)/installed-dev
	@$(BIN)/python -m tests.mutants

build-file: $(VENV)/installed-dev
	@$(BIN)/python -m tests.write_build

clean:
	rm -rf $(VENV) build dist .pytest_cache .ruff_cache .mypy_cache

WANTED = import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))

$(VENV)/created:
	@$(if $(shell $(PYTHON) -c '$(WANTED)' 2>/dev/null && echo yes),,$(error tfrobust needs Python 3.11 to 3.13, but $(PYTHON) is $(or $(shell $(PYTHON) --version 2>/dev/null),not there); try make PYTHON=python3.12))
	@$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/installed: requirements.txt $(VENV)/created
	@echo "Installing into $(VENV), once; this takes a minute or two."
	@$(BIN)/pip install -qq --disable-pip-version-check -r requirements.txt
	@$(BIN)/pip install -qq --disable-pip-version-check --no-deps \
		--config-settings editable_mode=compat -e .
	@touch $@

$(VENV)/installed-dev: requirements-dev.txt $(VENV)/installed
	@$(BIN)/pip install -qq --disable-pip-version-check -r requirements-dev.txt
	@touch $@
