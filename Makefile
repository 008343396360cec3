# make demo · make test · make serve · make check · make evidence
# Each target does the set-up that it needs, in .venv, from requirements.lock.

SHELL := /bin/sh
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/ready
DEMO_HOME ?= $(CURDIR)/.firstcall/demo

# the first Python on the path that is new enough
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11 python; do \
	$$p -c 'import sys; raise SystemExit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$p; break; }; done)

export OMP_WAIT_POLICY := PASSIVE
export PYTHONHASHSEED := 0
export PYTHONUTF8 := 1
export DO_NOT_TRACK := 1
export MLFLOW_DISABLE_TELEMETRY := true
export BENTOML_DO_NOT_TRACK := True

.PHONY: help demo worklist serve mlflow test check format evidence stress mutants bench lock clean

help:  ## this list
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

demo: $(READY)  ## invent a population, train both models, run its nights, print the worklist
	@FIRSTCALL_HOME="$(DEMO_HOME)" $(BIN)/firstcall demo

worklist: $(READY)  ## the whole list that the demo published
	@FIRSTCALL_DATABASE= FIRSTCALL_HOME="$(DEMO_HOME)" $(BIN)/firstcall worklist --top 100

serve: $(READY)  ## the scoring service on what the demo made (http, this machine only)
	@FIRSTCALL_DATABASE= FIRSTCALL_HOME="$(DEMO_HOME)" $(BIN)/firstcall serve

mlflow: $(READY)  ## the MLflow pages on what the demo made
	@FIRSTCALL_HOME="$(DEMO_HOME)" $(BIN)/firstcall mlflow

test: check  ## make check, then every test and notebook
	@env -u PYTHONDONTWRITEBYTECODE $(BIN)/python -m pytest -n 2 --dist loadfile tests

check: $(READY)  ## lint, format, types, the law of imports
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/basedpyright
	@$(BIN)/lint-imports --no-logo

format: $(READY)  ## put the code into its form
	@$(BIN)/ruff check --fix . && $(BIN)/ruff format .

evidence: $(READY)  ## the figures of the README at full size (100,000, 200,000 and 500,000 members; two hours or more)
	@$(BIN)/python -m tests.evidence

stress: $(READY)  ## features against the oracle on ten times as many histories, and compiled with bounds checked
	@FIRSTCALL_EXAMPLES=10 $(BIN)/python -m pytest -n 2 -q tests/features/test_engine_equals_oracle.py \
		tests/features/test_evidence.py $(wildcard tests/features/test_properties_*.py)
	@scratch=$$(mktemp -d) && trap 'rm -rf "$$scratch"' EXIT && NUMBA_BOUNDSCHECK=1 NUMBA_CACHE_DIR="$$scratch" \
		$(BIN)/python -m pytest -q tests/features --deselect tests/features/test_compiled.py

mutants: $(READY)  ## takes out or turns each rule of cohorts, labels and scores; a test has to fail (an hour or two)
	@$(BIN)/python -m tests.mutants

bench: $(READY)  ## speed on a million patients, as ratios measured in one run (some twenty minutes, 20 GB of disk)
	@$(BIN)/python -m tests.bench

lock: $(READY)  ## compile both locks anew (needs uv on the path)
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		--no-header --all-extras pyproject.toml --output-file requirements.lock > /dev/null
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		--no-header --constraint requirements.lock pyproject.toml \
		--output-file serving/requirements.lock > /dev/null

clean:  ## remove the environment and the demo's folder
	rm -rf "$(VENV)" "$(DEMO_HOME)"

$(READY): requirements.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "firstcall needs Python 3.11 or newer on the path; or say make PYTHON=/path/to/python."; exit 2; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { \
		echo "$(PYTHON) cannot make an environment: install its venv module (Debian: apt-get install python3-venv)."; exit 2; }
	@echo "Making the environment in $(VENV) from requirements.lock (a few minutes, once) ..."
	@$(PYTHON) -m venv --clear "$(VENV)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-index --no-deps --no-build-isolation -e .
	@$(BIN)/python -W ignore -c 'import lightgbm' 2>/dev/null || { \
		echo "LightGBM cannot start: install the system's OpenMP library (Debian: apt-get install libgomp1; macOS: brew install libomp)."; exit 2; }
	@touch "$(READY)"
