# Each target sets up .venv by itself when needed. PYTHON chooses the interpreter that .venv is made with.
PYTHON ?= python3
VENV := .venv
FOR_RUNNING := $(VENV)/.for-running
FOR_WORKING := $(VENV)/.for-working
INSTALL := $(VENV)/bin/pip install --quiet --disable-pip-version-check --require-hashes --requirement
DRILLS := $(VENV)/bin/pytest --long --timeout 7200 tests/drills
PROPERTIES := $(addprefix tests/collector/test_,bodies.py framing.py hostile_bytes.py intake.py stamps.py \
	stomp_socket_bytes.py trading_calendar.py) $(addprefix tests/shared/test_,book.py printable.py quotes.py wire.py)
# Where `make install` puts the service; DESTDIR is a root folder in place of /, for packages. FROM_VENV names a virtual
# environment that is copied, in place of one that is made from the packages' index.
PREFIX ?= /opt/moex-monitor
CONFIG_DIR ?= /etc/moex-monitor
UNIT_DIR ?= /etc/systemd/system
DESTDIR ?=
FROM_VENV ?=
# Is there where systemd runs, which is told of the unit then.
SYSTEMD_FOLDER ?= /run/systemd/system
PROGRAM := run.py collector display shared simulator deploy LICENSE README.md config.toml requirements.txt

.PHONY: help setup run demo test drills check bench profile soak picture install uninstall lock clean

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
	@echo "make picture          the pictures of the README, from a run of the demo (two minutes)"
	@echo "make setup            only install, into .venv"
	@echo "make install          as a service of systemd (as root; PREFIX, CONFIG_DIR, UNIT_DIR, DESTDIR, FROM_VENV)"
	@echo "make uninstall        take the service away, but not its settings"
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
	$(VENV)/bin/pytest --numprocesses 2 --dist worksteal $(ARGS)

drills: $(FOR_WORKING)
	$(DRILLS) $(ARGS)
	$(DRILLS) $(ARGS)
	$(VENV)/bin/pytest --long --timeout 7200 $(PROPERTIES)
	$(VENV)/bin/python -m tests.drills.fuzz

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

picture: $(FOR_WORKING)
	$(VENV)/bin/python -m docs.picture

lock: $(FOR_WORKING)
	$(VENV)/bin/pip install --quiet pip-tools
	$(VENV)/bin/pip-compile --quiet --generate-hashes --strip-extras --no-emit-index-url --no-emit-find-links \
		--no-emit-trusted-host --output-file requirements.txt requirements.in
	$(VENV)/bin/pip-compile --quiet --generate-hashes --strip-extras --no-emit-index-url --no-emit-find-links \
		--no-emit-trusted-host --output-file requirements-dev.txt requirements-dev.in

install:
	@$(if $(FROM_VENV),$(FROM_VENV)/bin/python,$(PYTHON)) deploy/check_python.py $(if $(DESTDIR),--for-elsewhere)
	install -d $(DESTDIR)$(PREFIX) $(DESTDIR)$(CONFIG_DIR) $(DESTDIR)$(UNIT_DIR)
	cd $(DESTDIR)$(PREFIX) && rm -rf $(PROGRAM) .venv
	tar -cf - --exclude=__pycache__ $(PROGRAM) | tar -xof - -C $(DESTDIR)$(PREFIX)
ifeq ($(FROM_VENV),)
	$(PYTHON) -m venv --clear $(DESTDIR)$(PREFIX)/.venv
	$(DESTDIR)$(PREFIX)/.venv/bin/pip install --quiet --disable-pip-version-check --require-hashes \
		--requirement requirements.txt
else
	cp -R $(FROM_VENV) $(DESTDIR)$(PREFIX)/.venv
endif
	$(DESTDIR)$(PREFIX)/.venv/bin/python -m compileall -q $(if $(DESTDIR),-s $(DESTDIR)) $(DESTDIR)$(PREFIX) -x '[.]venv'
	chmod -R a+rX,go-w $(DESTDIR)$(PREFIX)
	test -e $(DESTDIR)$(CONFIG_DIR)/config.toml || install -m 644 config.toml $(DESTDIR)$(CONFIG_DIR)/config.toml
	ln -sfr $(DESTDIR)$(CONFIG_DIR)/config.toml $(DESTDIR)$(PREFIX)/config.toml
	test -e $(DESTDIR)$(CONFIG_DIR)/env || install -m 600 .env.example $(DESTDIR)$(CONFIG_DIR)/env
	sed -e 's|/opt/moex-monitor|$(PREFIX)|g' -e 's|/etc/moex-monitor|$(CONFIG_DIR)|g' deploy/moex-monitor.service \
		> $(DESTDIR)$(UNIT_DIR)/moex-monitor.service
	chmod 644 $(DESTDIR)$(UNIT_DIR)/moex-monitor.service
	@test -n "$(DESTDIR)" || ! test -d $(SYSTEMD_FOLDER) || systemctl daemon-reload
	@echo "installed; the login is in $(CONFIG_DIR)/env. Begin: systemctl enable --now moex-monitor"

uninstall:
	@test -n "$(DESTDIR)" || ! test -d $(SYSTEMD_FOLDER) || systemctl disable --now moex-monitor
	rm -f $(DESTDIR)$(UNIT_DIR)/moex-monitor.service
	if cd $(DESTDIR)$(PREFIX); then rm -rf $(PROGRAM) .venv __pycache__; fi
	-rmdir $(DESTDIR)$(PREFIX)
	@test -n "$(DESTDIR)" || ! test -d $(SYSTEMD_FOLDER) || systemctl daemon-reload
	@echo "uninstalled; $(CONFIG_DIR) is left, and what it wrote: /var/lib, /var/cache and /var/log/moex-monitor"

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis
