# credit_eval: events in, credit decisions out. `make help` lists what there is.
SHELL := /bin/bash
.DEFAULT_GOAL := demo
PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin/credit-eval
DATASET ?= simulated
export MPLBACKEND := Agg
export MLFLOW_DISABLE_TELEMETRY := true
export PYTHONWARNINGS := ignore::FutureWarning:mlflow

.PHONY: demo install develop simulate run train validate score report review features docs notebooks lab test test-slow test-faults bench-chain bench-features bench-policy bench-models bench-explain bench-review backtest typecheck lint lock clean help

demo: run ## everything: install, simulate, train, score, report, and a summary (the default)

PIP := $(VENV)/bin/pip install --quiet --disable-pip-version-check --no-deps

install: $(VENV)/.installed ## make .venv and install what a run needs, pinned, every file held against its hash

develop: $(VENV)/.developed ## install what tests, notebooks and benchmarks need besides

$(VENV)/.installed: requirements.lock pyproject.toml
	@command -v $(PYTHON) >/dev/null || { echo "needs Python 3.11: apt-get install python3 python3-venv, or say PYTHON=…"; exit 1; }
	@test -x $(VENV)/bin/python || $(PYTHON) -m venv $(VENV)
	@echo "installing pinned dependencies into $(VENV) …"
	@$(PIP) --require-hashes -r requirements.lock
	@$(PIP) --no-build-isolation -e .
	@$(VENV)/bin/python -c "import lightgbm" 2>/dev/null || { echo "LightGBM needs the OpenMP runtime: apt-get install libgomp1"; exit 1; }
	@touch $@

$(VENV)/.developed: requirements-dev.lock $(VENV)/.installed
	@echo "installing what tests and notebooks need into $(VENV) …"
	@$(PIP) --require-hashes -r requirements-dev.lock
	@touch $@

data/raw/simulated/dataset.json: | install
	@$(RUN) simulate

data/raw/%/dataset.json: | install
	@echo "no data set $*: make one with $(RUN) import $* --from DIR"; exit 10

simulate: install ## simulate the e-commerce data set anew (settings.yaml: size and seed)
	@$(RUN) simulate --replace

run: install data/raw/$(DATASET)/dataset.json ## train, score, report and sum up: make run DATASET=superlender
	@$(RUN) run $(DATASET) $(if $(POLICY),--policy $(POLICY)) $(if $(AS_OF),--as-of $(AS_OF)) $(if $(REPLACE),--replace) $(if $(WHY),--promote-anyway "$(WHY)")

train: install data/raw/$(DATASET)/dataset.json ## train, validate and register the champion of DATASET [WHY=…: even if validation objects]
	@$(RUN) train $(DATASET) $(if $(POLICY),--policy $(POLICY)) $(if $(WHY),--promote-anyway "$(WHY)")

validate: install data/raw/$(DATASET)/dataset.json ## everything a validator asks of the champion of DATASET, as a page that prints
	@$(RUN) validate $(DATASET) $(if $(POLICY),--policy $(POLICY))

score: install data/raw/$(DATASET)/dataset.json ## score and decide: make score DATASET=… AS_OF=YYYY-MM-DD (or COHORT=…, FILE=…) [REPLACE=1]
	@$(RUN) score $(DATASET) $(if $(POLICY),--policy $(POLICY)) $(if $(AS_OF),--as-of $(AS_OF)) $(if $(COHORT),--cohort $(COHORT)) $(if $(FILE),--file $(FILE)) $(if $(MODEL),--model $(MODEL)) $(if $(REPLACE),--replace)

report: install ## write the HTML report of the latest scored run of DATASET
	@$(RUN) report $(DATASET)

review: install ## pages of the latest scored run of DATASET on this machine: a queue, and every customer [PORT=8300]
	@$(RUN) review $(DATASET) $(if $(PORT),--port $(PORT))

features: install ## list the feature catalogue
	@$(RUN) features

backtest: install data/raw/$(DATASET)/dataset.json ## two policies on past outcomes: make backtest ONE=a.yaml OTHER=b.yaml DATASET=…
	@$(RUN) backtest $(or $(ONE),credit_eval/policy/$(DATASET).yaml) $(or $(OTHER),default) --dataset $(DATASET)

docs: install ## write docs/features.md, docs/tables.md and the schema of policies from the declarations
	@$(RUN) features --write docs/features.md
	@$(RUN) tables --write docs/tables.md
	@$(RUN) policy schema --write credit_eval/policy/schema.json

notebooks: develop data/raw/simulated/dataset.json ## run every notebook on the simulated data; copies and HTML in data/reports/notebooks
	@$(VENV)/bin/python notebooks/run.py

lab: install ## open the notebooks in JupyterLab (installs it the first time)
	@$(VENV)/bin/python -c "import jupyterlab" 2>/dev/null || $(VENV)/bin/pip install --quiet --disable-pip-version-check "jupyterlab>=4.4"
	@$(VENV)/bin/jupyter lab notebooks

test: develop ## lint, type check, and every test with its doctests but whole runs
	@$(MAKE) --no-print-directory lint typecheck
	@OMP_NUM_THREADS=1 $(VENV)/bin/pytest -n 2 --dist loadgroup -m "not slow"

test-slow: develop ## whole runs of the command line, killed, refused, in other zones; memory of imports
	@OMP_NUM_THREADS=1 $(VENV)/bin/pytest -n 2 --dist loadgroup -m slow

test-faults: develop ## kill, fill up disks, flip bits, run two at once, over every command [FAULTS="--kills 200 --disks 40 --flips 1000"]
	@OMP_NUM_THREADS=1 $(VENV)/bin/python -m tests.faults $(FAULTS)

bench-chain: develop ## measure wall time and memory of every stage, and of growing imports [CUSTOMERS=200000: the stages alone]
	@$(VENV)/bin/python benchmarks/chain.py $(if $(CUSTOMERS),--customers $(CUSTOMERS) --orders)

bench-policy: develop ## a million decisions beside pandas by hand, and a ledger of twelve months [CUSTOMERS=1000000]
	@$(VENV)/bin/python -m benchmarks.policy $(if $(CUSTOMERS),--customers $(CUSTOMERS))

bench-explain: develop ## contributions beside LightGBM's and woodelf's; what a sealed batch and a proof cost [ROWS=1000000]
	@$(VENV)/bin/python -m benchmarks.explain $(if $(ROWS),--rows $(ROWS))

bench-review: develop ## the review page over a million customers: first page, any filter, memory [ROWS=1000000]
	@$(VENV)/bin/python -m benchmarks.review $(if $(ROWS),--rows $(ROWS))

bench-models: develop ## our training beside LightGBM, CatBoost, a WoE scorecard and an AutoML [ONLY=superlender,simulated]
	@$(VENV)/bin/python -m benchmarks.models $(if $(ONLY),--only $(ONLY))

bench-features: develop ## features beside Polars, DuckDB, featuretools (SCALE=1: over 1 to 100 million events)
	@$(VENV)/bin/python -m benchmarks.features $(if $(SCALE),--scale)

lint: develop ## ruff: style and format
	@$(VENV)/bin/ruff check -q . && $(VENV)/bin/ruff format -q --check .

typecheck: develop ## mypy, strict
	@$(VENV)/bin/mypy

LOCK := $(VENV)/bin/uv pip compile --quiet --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-annotate --no-header pyproject.toml
lock: develop ## pin what pyproject.toml allows, with hashes: requirements-dev.lock, and of it requirements.lock for runs
	@$(LOCK) --extra dev --extra build -o requirements-dev.lock
	@$(LOCK) --extra build --constraint requirements-dev.lock -o requirements.lock

clean: ## remove everything that runs made: data, models, reports, the ledger (not .venv)
	@rm -rf data/raw data/cohorts data/profiles data/scored data/replaced data/reports data/letters data/proofs data/review data/truth data/ledger models/mlflow.db models/artifacts

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z_-]+:.*## / {printf "  %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
