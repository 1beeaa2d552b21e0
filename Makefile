# `make` alone lists the targets. Needs Python 3.11 or newer, make and git; everything else goes into .venv.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

VENV := .venv
BIN := $(VENV)/bin
DEMO ?= weft-demo
JOBS ?= 2
SIZES ?= 1000
SUBJECTS ?=
SYSTEM_PACKAGES := git postgresql mariadb-server chromium

# Start-up is measured and promised with compiled bytecode, so nothing here runs without it.
unexport PYTHONDONTWRITEBYTECODE
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: help setup setup-system demo check test accept bench docs dev

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s%s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(VENV)/.made-dev  ## make .venv with weft, its example data and the tools for working on it

setup-system:  ## install the system packages that tests need, if any is missing
	@missing=""; \
	for package in $(SYSTEM_PACKAGES); do \
	  command -v "$$package" >/dev/null 2>&1 || dpkg -s "$$package" >/dev/null 2>&1 || missing="$$missing $$package"; \
	done; \
	if [ -z "$$missing" ]; then exit 0; fi; \
	if ! command -v apt-get >/dev/null 2>&1; then echo "please install:$$missing" >&2; exit 1; fi; \
	sudo=""; if [ "$$(id -u)" != 0 ]; then sudo=sudo; fi; \
	$$sudo apt-get update -q && $$sudo apt-get install -q -y --no-install-recommends $$missing

demo: $(VENV)/.made-demo  ## build the example mesh on real data and tell its story, then serve it (folder: DEMO=weft-demo)
	$(BIN)/weft demo $(DEMO) $(DEMO_ARGS)

check: $(VENV)/.made-dev  ## format, lint, types, import order, generated pages
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	PYTHONPATH=src $(BIN)/lint-imports
	$(BIN)/python scripts/make_reference.py --check

test: $(VENV)/.made-dev  ## run all tests (JOBS=2 at a time), except those of `make accept`
	@$(IN_MEMORY); $(BIN)/python -m pytest -n $(JOBS) --dist worksteal -m "not accept" --durations=25 --durations-min=5 \
	  -o tmp_path_retention_policy=failed $(ARGS)

accept:  ## README's tour and the long crash suite, in a fresh clone and environment
	@$(FIND_PYTHON); "$$python" scripts/accept.py

bench: $(VENV)/.made-dev  ## measure weft against its targets and bare DuckDB, into benchmarks/RESULTS*.md
	$(BIN)/python -m compileall -q src $(VENV)/lib || true
	$(BIN)/python benchmarks/run.py $(ARGS)
	$(BIN)/python benchmarks/size.py --models $(SIZES)
	$(BIN)/python benchmarks/every.py $(SUBJECTS)

docs: $(VENV)/.made-dev  ## write the generated pages of docs/reference again
	$(BIN)/python scripts/make_reference.py

dev: $(VENV)/.made-dev  ## like setup, and say what to do next
	@echo
	@echo "weft is installed from this folder, so changes in src/ are live:"
	@echo "  source $(BIN)/activate                     weft and python of this folder"
	@echo "  python -m pytest tests/unit/model          the tests of one room"
	@echo "  make check test                            all that has to hold before a change is proposed"
	@echo "ARCHITECTURE.md shows the rooms, CONTRIBUTING.md the habits."

# Tests wait for the disk as long as they work, so their folders lie in memory where there is room for them. Whoever sets
# TMPDIR says where they lie.
define IN_MEMORY
memory=/dev/shm; \
if [ -z "$${TMPDIR:-}" ] && [ -w "$$memory" ] && ! grep -q " $$memory tmpfs [^ ]*noexec" /proc/mounts \
  && [ "$$(df -Pk "$$memory" | awk 'NR == 2 { print $$4 }')" -ge 4000000 ] \
  && [ "$$(awk '/^MemAvailable:/ { print $$2 }' /proc/meminfo)" -ge 8000000 ]; then export TMPDIR="$$memory"; fi
endef

# --- the environment: made once, and again when pyproject.toml changes ------------------------------------------------

# Sets $$python to PYTHON if it is given, else to the first interpreter that is new enough and can make environments.
define FIND_PYTHON
python=""; \
for candidate in $(or $(PYTHON),python3.13 python3.12 python3.11 python3 python); do \
  if "$$candidate" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then \
    python="$$candidate"; break; \
  fi; \
done; \
if [ -z "$$python" ]; then \
  echo "No Python 3.11 or newer with its venv module was found (tried: $(or $(PYTHON),python3.13 python3.12 python3.11 python3 python))." >&2; \
  echo "Install one (on Debian and Ubuntu: apt install python3 python3-venv), or name it: make PYTHON=/path/to/python3" >&2; \
  exit 1; \
fi
endef

$(BIN)/python:
	@$(FIND_PYTHON); echo "making $(VENV) with $$("$$python" --version)"; "$$python" -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'

$(VENV)/.made-demo: pyproject.toml hatch_build.py $(wildcard portal/*.* portal/scripts/* portal/styles/*) | $(BIN)/python
	@echo "installing weft and the example's data"
	@$(BIN)/python -m pip install --quiet --editable '.[demo,server]'
	@touch $@

$(VENV)/.made-dev: pyproject.toml $(VENV)/.made-demo
	@echo "installing the tools for working on weft"
	@$(BIN)/python -m pip install --quiet --group dev
	@touch $@
