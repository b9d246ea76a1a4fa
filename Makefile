# What README and CI call. Needs make and a Python from 3.11; everything else goes into .venv.

CONFIG =
ARGS =
# Prometheus' own tests of its expressions, which are not part of this project.
PROMQLTEST_DIR ?= ../shared/promqltest
export PROMQLTEST_DIR := $(abspath $(PROMQLTEST_DIR))
VENV = .venv
BIN = $(VENV)/bin
PIP_INSTALL = $(BIN)/python -m pip install --quiet --disable-pip-version-check

.PHONY: help demo run test lint bench clean
.DELETE_ON_ERROR:

help:
	@echo "make demo                a small hospital on this machine, watched"
	@echo "make run CONFIG=file     the agent with your configuration"
	@echo "make test [ARGS=...]     all tests; ARGS go to pytest"
	@echo "make lint                ruff and mypy"
	@echo "make bench               each measurement beside its peers"
	@echo "make clean               remove $(VENV), caches and builds"

demo: $(VENV)/.run
	$(BIN)/pacs-monitor demo $(ARGS)

run: $(VENV)/.run
	@test -n "$(CONFIG)" || { echo "say which configuration: make run CONFIG=pacs-monitor.yml" >&2; exit 1; }
	$(BIN)/pacs-monitor run --config "$(CONFIG)" $(ARGS)

test: $(VENV)/.dev
	tests/install_peers.sh
	$(BIN)/pytest -n 4 --dist loadfile $(ARGS)

lint: $(VENV)/.dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

bench: $(VENV)/.dev
	$(BIN)/python bench/echo.py
	$(BIN)/python bench/peers.py
	$(BIN)/python bench/fleet.py
	$(BIN)/python bench/rules.py
	$(BIN)/python bench/storm.py
	$(BIN)/python bench/reliability.py
	$(BIN)/python bench/soak.py

clean:
	rm -rf $(VENV) dist build .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# uvloop is taken only as a wheel: where there is none the agent uses asyncio's own loop.
NO_UVLOOP = echo "uvloop could not be installed; the agent uses asyncio's own loop, which is slower"

$(VENV)/.run: pyproject.toml | $(BIN)/python
	@echo "Installing pacs-monitor into $(VENV) ..."
	@$(PIP_INSTALL) --editable .
	@$(PIP_INSTALL) --only-binary uvloop --editable '.[fast]' || $(NO_UVLOOP)
	@touch $@

$(VENV)/.dev: pyproject.toml | $(BIN)/python
	@echo "Installing pacs-monitor and its tools into $(VENV) ..."
	@$(PIP_INSTALL) --editable '.[dev]'
	@$(PIP_INSTALL) --only-binary uvloop --editable '.[dev,fast]' || $(NO_UVLOOP)
	@touch $@ $(VENV)/.run

# Debian's python3 comes without ensurepip: another Python on the PATH may have it, or its package is installed.
$(BIN)/python:
	@suits() { command -v "$$1" >/dev/null && "$$1" -c "import sys, venv$$2; sys.exit(sys.version_info < (3, 11))" 2>/dev/null; }; \
	pick() { for python in python3.14 python3.13 python3.12 python3.11 python3; do suits $$python "$$1" && return; done; }; \
	if ! pick ", ensurepip"; then \
		pick "" || { echo "pacs-monitor needs Python 3.11 or newer, and there is none on the PATH" >&2; exit 1; }; \
		package=$$($$python -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])'); \
		sudo=; test "$$(id -u)" = 0 || sudo="sudo -n"; \
		{ command -v apt-get && $$sudo true; } >/dev/null 2>&1 && \
		{ $$sudo apt-get update -qq; $$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y $$package; } >/dev/null; \
		suits $$python ", ensurepip" || { echo "$$python cannot make a virtual environment: apt-get install $$package" >&2; exit 1; }; \
	fi; \
	$$python -m venv --clear $(VENV)
