# Each target sets up .venv by itself when needed. PYTHON chooses the interpreter that .venv is made with.
PYTHON ?= python3
VENV := .venv
FOR_RUNNING := $(VENV)/.for-running
FOR_WORKING := $(VENV)/.for-working
INSTALL := $(VENV)/bin/pip install --quiet --disable-pip-version-check --require-hashes --requirement
DRILLS := $(VENV)/bin/pytest --long --timeout 7200 tests/drills

.PHONY: help setup run demo test drills check bench profile soak lock clean

help:
	@echo "make demo             the live table, fed by the built-in exchange: no account, no network"
	@echo "make run              the live table of the real exchange, by the public DEMO login"
	@echo "make run ARGS='...'   the same with arguments, such as ARGS='--workers 2' (ARGS=--help lists them)"
	@echo "make test             the test suite (ARGS='-k name' for a part of it)"
	@echo "make drills           every fault in its full length, twice in a row, then millions of fuzzed cases (hours)"
	@echo "make check            ruff, mypy --strict, bandit, and pip-audit where its database can be reached"
	@echo "make bench            what a message costs, beside what else one could run (five minutes)"
	@echo "make profile          where its time goes, by py-spy"
	@echo "make soak             its memory and cost over an hour with 6 workers and one with 2 (ARGS='--soak 10': minutes)"
	@echo "make setup            only install, into .venv"
	@echo "make lock             pin the requirements anew, with hashes"
	@echo "make clean            remove .venv and caches"

setup: $(FOR_WORKING)

$(FOR_RUNNING): requirements.txt
	@$(PYTHON) -c 'import sys; v = sys.version_info[:3]; sys.exit(0 if v >= (3, 11, 0) and v != (3, 13, 6) else \
		"Python 3.11 or newer is needed (but not 3.13.6, whose TLS deadlocks), this is %d.%d.%d: make PYTHON=python3.12" % v)'
	$(PYTHON) -m venv --clear $(VENV)
	$(INSTALL) requirements.txt
	@touch $@

$(FOR_WORKING): requirements-dev.txt $(FOR_RUNNING)
	$(INSTALL) requirements-dev.txt
	@touch $@

run: $(FOR_RUNNING)
	@exec $(VENV)/bin/python run.py --workers 6 $(ARGS)

demo: $(FOR_RUNNING)
	@exec $(VENV)/bin/python run.py --simulate $(ARGS)

test: $(FOR_WORKING)
	$(VENV)/bin/pytest $(ARGS)

drills: $(FOR_WORKING)
	$(DRILLS) $(ARGS)
	$(DRILLS) $(ARGS)
	$(VENV)/bin/python -m tests.drills.fuzz split 2000000
	$(VENV)/bin/python -m tests.drills.fuzz body 5000000
	$(VENV)/bin/python -m tests.drills.fuzz page 2000000

check: $(FOR_WORKING)
	$(VENV)/bin/ruff check
	$(VENV)/bin/ruff format --check
	$(VENV)/bin/mypy
	$(VENV)/bin/bandit --quiet --configfile pyproject.toml --recursive run.py collector display shared simulator
	$(VENV)/bin/python -m checks.audit

bench: $(FOR_WORKING)
	@exec $(VENV)/bin/python -m bench $(ARGS)

profile: $(FOR_WORKING)
	@exec $(VENV)/bin/python -m bench --profile $(ARGS)

soak: $(FOR_WORKING)
	@exec $(VENV)/bin/python -m bench --soak 60 $(ARGS)

lock: $(FOR_WORKING)
	$(VENV)/bin/pip install --quiet pip-tools
	$(VENV)/bin/pip-compile --quiet --generate-hashes --strip-extras --no-emit-index-url --no-emit-find-links \
		--no-emit-trusted-host --output-file requirements.txt requirements.in
	$(VENV)/bin/pip-compile --quiet --generate-hashes --strip-extras --no-emit-index-url --no-emit-find-links \
		--no-emit-trusted-host --output-file requirements-dev.txt requirements-dev.in

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis
