# make run     send a mail through an embedded server and show it
# make test    all checks and all tests        make lint    the checks alone
# make format  lay out the Python files        make grammar the rc tables, after a change of grammar/
# make bench   measure, beside msmtp           make build   wheel and sdist, into dist/
# make clean   remove what the others made
#
# The only thing they need is Python 3.11 or newer; what else there is goes into .venv.

PYTHON ?= python3
PYTEST_FLAGS ?=

bin := .venv/bin
pip := $(bin)/python -m pip install --quiet --disable-pip-version-check
shell_files = $(shell grep -rlE '^\#!.*\b(ba|da)?sh$$' .ci scripts bench)

.PHONY: run test lint format bench build grammar clean

run: .venv/for-run
	@$(bin)/python -m tests.server.demo

test: lint
	$(bin)/python -m pytest -n auto --dist loadgroup $(PYTEST_FLAGS)

lint: .venv/for-test
	$(bin)/ruff check .
	$(bin)/ruff format --check .
	$(bin)/mypy
	$(bin)/lint-imports --no-logo
	$(if $(shell_files),$(bin)/shellcheck $(shell_files))
	@if command -v mandoc >/dev/null; then \
	    echo mandoc -T lint man/*; ! mandoc -T lint -W style man/* | grep -v 'STYLE: referenced manual not found'; \
	elif [ -n "$$CI" ]; then echo "mandoc is missing" >&2; exit 1; \
	else echo "mandoc is missing: the man pages are not checked"; fi

format: .venv/for-test
	$(bin)/ruff check --fix-only .
	$(bin)/ruff format .

bench: .venv/for-test
	$(bin)/python bench/run

build: .venv/for-test
	rm -rf dist
	$(bin)/python -m build

grammar: .venv/for-run
	$(bin)/python -m esmtp_py.grammar

clean:
	rm -rf dist build .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name .venv -prune -o -name __pycache__ -type d -exec rm -rf {} +

# Installed editable: the commands in .venv/bin are those of this tree.
.venv/for-run: pyproject.toml | .venv/bin/python
	$(pip) --editable '.[demo]'
	@touch $@

.venv/for-test: pyproject.toml | .venv/bin/python
	$(pip) --editable '.[dev]'
	@touch $@ .venv/for-run

# A current pip, because the command files of old ones import re at every start.
.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	    echo "esmtp needs Python 3.11 or newer, $(PYTHON) is not: make PYTHON=/path/to/python3" >&2; exit 1; }
	@$(PYTHON) -m venv .venv || { \
	    rm -rf .venv; echo "no .venv: this Python lacks its venv module (Debian: apt install python3-venv)" >&2; exit 1; }
	$(pip) --upgrade pip
