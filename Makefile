# Everything a newcomer needs: `make demo`, `make test`, `make dev`. uv is used where it is, pip where not.
.DEFAULT_GOAL := help
PYTHON ?= python3
BIN := .venv/bin
UV := $(shell command -v uv 2>/dev/null)
# Compiled once, as pip does: commands and tests start many processes, each of which would compile Dagster anew.
COMPILE := --compile-bytecode
INSTALL := $(if $(UV),uv pip install $(COMPILE) --python $(BIN)/python,$(BIN)/python -m pip install --disable-pip-version-check)
QUIET := --quiet
# Half of what a worker does is to wait: for a process to start, a disk, a server.
WORKERS ?= 4
REPOSITORIES ?= 200

# An environment beside ours, of one lock; not compiled, since few commands of it are run.
define APART
$(if $(UV),uv venv $(QUIET) --clear --python $(PYTHON) $@,$(PYTHON) -m venv --clear $@)
$(if $(UV),uv pip install --python $@/bin/python,$@/bin/python -m pip install --no-compile --disable-pip-version-check) $(QUIET) --require-hashes -r $<
@touch $@
endef

help:  ## show the commands
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 18

.venv/runtime: requirements.lock pyproject.toml
	$(if $(UV),uv venv $(QUIET) --allow-existing --python $(PYTHON) .venv,$(PYTHON) -m venv .venv)
	$(INSTALL) $(QUIET) --require-hashes -r requirements.lock
	$(INSTALL) $(QUIET) --no-build-isolation --no-deps -e .
	@touch $@

.venv/dev: requirements-dev.lock .venv/runtime
	$(INSTALL) $(QUIET) --require-hashes -r requirements-dev.lock
	@touch $@

.venv/launchers: requirements-launchers.lock .venv/dev
	$(INSTALL) $(QUIET) --require-hashes -r requirements-launchers.lock
	@touch $@

demo: .venv/runtime  ## three generated repositories through the whole pipeline, with verdicts and a metric
	$(BIN)/gitpulse demo

init: .venv/runtime  ## your own repositories: asks, checks, says the cost, refreshes (ARGS="owner/name")
	$(BIN)/gitpulse init $(ARGS)

dev: .venv/runtime  ## Dagster's UI on http://127.0.0.1:3000
	$(BIN)/gitpulse ui

test: .venv/dev  ## the test suite
	$(BIN)/pytest -n $(WORKERS) --dist worksteal -m "not slow and not dear" $(ARGS)

# Where a dear test is, in alphabetical order but for what takes longest, beside which the others are done. Those of
# people/ are tests of test_chosen.py, in a process that chose their subject.
LONGEST := $(addprefix gitpulse_assets_tests/,unit/test_chosen.py action/test_action.py)
DEAR = $(LONGEST) $(filter-out $(LONGEST),$(sort $(shell grep -rl --include='test_*.py' --exclude-dir=people 'mark\.dear' gitpulse_assets_tests)))
test-dear: .venv/dev  ## what costs too much for everybody's suite: browsers, recorded repositories, long runs (minutes)
	$(BIN)/pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder -m "dear and not slow" $(DEAR) $(ARGS)

prove: .venv/dev  ## what the suite tries a few times, hundreds of times: kills at any moment, generated histories (hours)
	$(BIN)/pytest -n $(WORKERS) --dist worksteal --hypothesis-profile prove --ignore gitpulse_assets_tests/deployment $(ARGS)

test-deployment: .venv/launchers  ## docker-compose.yml, started as processes: database, S3, Dagster, proxy, browser
	$(BIN)/pytest -n 2 --dist loadfile gitpulse_assets_tests/deployment $(ARGS)

prove-workers: .venv/launchers  ## three workers, 200 repositories, and everything that can die does (half an hour; REPOSITORIES=24)
	$(BIN)/pytest gitpulse_assets_tests/deployment/test_workers.py -s --repositories $(REPOSITORIES) $(ARGS)

.venv-bench/%: bench/peers/%.lock
	$(APART)

bench: .venv/runtime .venv-bench/tap-github .venv-bench/dlt .venv-bench/events  ## measure GitPulse and its peers (an hour; ARGS="--quick", or parts)
	$(BIN)/python -m bench $(ARGS)

readers: .venv/dev .venv-bench/readers  ## read every table with every reader, those too large for the suite too
	$(BIN)/pytest gitpulse_assets_tests/readers -s $(ARGS)

.venv-bench/examples: examples/requirements.lock
	$(APART)

examples: .venv-bench/examples  ## run the notebook and the dbt project of examples/ on the tables of `make demo`
	cd examples/notebook && ../../.venv-bench/examples/bin/marimo export html backlog.py --force --output backlog.html
	cd examples/dbt && ../../.venv-bench/examples/bin/dbt build --profiles-dir .

soak: .venv/dev  ## play a year of refreshes and see that nothing grows (an hour; ARGS="--months 2")
	$(BIN)/python -W ignore -m bench.soak $(ARGS)

lint: .venv/dev  ## lint, format check and type check
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/basedpyright

docs: .venv/runtime  ## trace the lineage, and write from declarations what docs/ has of tables, routes and alerts
	GITPULSE_SUBJECTS= $(BIN)/python -m gitpulse_assets.lineage.project
	GITPULSE_SUBJECTS=contributors $(BIN)/python -m gitpulse_assets.lineage.project
	$(BIN)/python -m gitpulse_assets.bi.reference docs/tables.md
	$(BIN)/python -m gitpulse_assets.serve.reference docs/api.md
	$(BIN)/python -m gitpulse_assets.alerting.handbook docs/operations.md

# An extra stays in the lock: a pip before 23.3 resolves `gql[requests]` apart from `gql`, and refuses it unpinned.
RESOLVE := uv pip compile $(QUIET) --universal --generate-hashes --no-strip-extras --no-annotate --no-header --python-version 3.11
lock:  ## resolve the requirement locks again (needs uv; ARGS=--upgrade for newer versions)
	$(RESOLVE) $(ARGS) pyproject.toml --group build -o requirements.lock
	$(RESOLVE) $(ARGS) pyproject.toml --group build --group dev -c requirements.lock -o requirements-dev.lock
	$(RESOLVE) $(ARGS) pyproject.toml --group build --extra launchers -c requirements-dev.lock -o requirements-launchers.lock
	for peer in tap-github dlt events readers; do $(RESOLVE) $(ARGS) bench/peers/$$peer.in -o bench/peers/$$peer.lock; done
	$(RESOLVE) $(ARGS) examples/requirements.in -o examples/requirements.lock
	$(PYTHON) scripts/list_wheels.py requirements.lock requirements-dev.lock requirements-launchers.lock bench/peers/*.lock examples/requirements.lock > requirements.wheels

clean:  ## remove what the commands above made, the data in .gitpulse/ apart
	rm -rf .venv .venv-bench .pytest_cache .ruff_cache .hypothesis

.PHONY: help demo init dev test test-dear prove test-deployment prove-workers bench readers examples soak lint docs lock clean
