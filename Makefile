# The site, the server, the tests. Each target makes .venv and installs what it needs first.
# PYTHON is the interpreter to make .venv from (3.11 or newer); VENV is where it goes.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
export NO_MKDOCS_2_WARNING := 1

.PHONY: site serve test fast-test lint engines bench lock clean

site: $(INSTALLED)
	@"$(BIN)/python" -m mkdocs build --strict
	@echo "The site is in site/: open it with 'make serve', or put the folder on any static host."

serve: $(INSTALLED)
	@"$(BIN)/python" -m mkdocs serve

test: lint site
	@"$(BIN)/python" -m pytest

# What does not need the experiments to have run: seconds instead of minutes.
fast-test: $(INSTALLED)
	@"$(BIN)/python" -m pytest -m "not built"

lint: $(INSTALLED)
	@"$(BIN)/python" -m ruff check --quiet .
	@"$(BIN)/python" -m ruff format --check --quiet .
	@"$(BIN)/python" -m mypy
	@"$(BIN)/lint-imports" --no-cache --no-logo
	@"$(BIN)/typos"

# The same sources by three engines, compared page by page.
engines: $(INSTALLED) .cache/engines/packages/.installed
	@"$(BIN)/python" -m tests.engines

bench: $(INSTALLED) .cache/bench/packages/.installed
	@"$(BIN)/python" -m tests.bench

# What only these two need is laid beside .venv, whose packages it shares; each names its folder in PYTHONPATH.
.cache/%/packages/.installed: tests/%/requirements.txt $(INSTALLED)
	@"$(BIN)/python" -m pip install --quiet --disable-pip-version-check --upgrade --target "$(@D)" -r $< -c requirements.lock
	@touch "$@"

# All that is installed, for every system and Python that we support. Run it after a change of requirements.txt.
lock:
	@"$(BIN)/python" -m uv pip compile --quiet --universal --python-version 3.11 --no-header --no-annotate --no-emit-index-url requirements.txt -o requirements.lock

# The stamp is newer than both lists when all is installed: then this takes no time.
$(INSTALLED): requirements.txt requirements.lock
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 || { \
	  echo "Python 3.11 or newer is needed, and '$(PYTHON)' is older or not there: name another with 'make PYTHON=python3.12'." >&2; exit 1; }
	@"$(PYTHON)" -c 'import venv, ensurepip' >/dev/null 2>&1 || { \
	  echo "This Python has no venv module: on Debian and Ubuntu, 'apt install python3-venv' brings it." >&2; exit 1; }
	@test -x "$(BIN)/python" || "$(PYTHON)" -m venv "$(VENV)"
	@echo "Installing what requirements.txt lists (torch is large; later calls take no time) ..."
	@"$(BIN)/python" -m pip install --quiet --disable-pip-version-check -r requirements.txt -c requirements.lock || { \
	  echo "The packages could not be installed: see pip's message above; most often there is no network. Then run make again." >&2; exit 1; }
	@touch "$(INSTALLED)"

clean:
	rm -rf .cache docs/generated site
