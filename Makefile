# Every target installs what it needs. Nothing is installed outside this checkout but caches (see tests/services/fetch.py)
# and, where root or sudo without a password is there, the apt packages that are missing.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

BIN := .venv/bin
CODE := $(wildcard airflow_provider_livedata benchmarks dags docs/examples tests tools/*.py)
PINS := $(shell cat pyproject.toml requirements/dev.txt requirements/uv.txt tools/install.sh | sha256sum | cut -c1-16)
STAMP := .venv/.installed-$(PINS)
PYTEST := $(BIN)/python -m pytest
comma := ,
PURE_METASTORE := $(patsubst %,$(comma)airflow_provider_livedata/engine/metastore/%.py,convert databricks_fit databricks_formats databricks_read databricks_sql databricks_types delta_options delta_plan delta_read delta_sql diff glue_convert glue_fit locations names plan report scope sync_options wanted)
PURE_POLICIES := $(patsubst %,$(comma)airflow_provider_livedata/engine/policies/%.py,cells filter_expressions filter_texts grant_plan grants guard_plan guards masks model naming options patterns permissions plan protection ranger_json report review roles scope security_zones sentry tags translate verdicts)
PURE_TWO_WAY := $(patsubst %,$(comma)airflow_provider_livedata/engine/two_way/%.py,acting attributes changes filing merging options report settling table)
PURE := airflow_provider_livedata/configuration/homes.py,airflow_provider_livedata/configuration/paces.py,airflow_provider_livedata/engine/clients/quoting.py,airflow_provider_livedata/engine/deciding/diff.py,airflow_provider_livedata/engine/deciding/fresh.py,airflow_provider_livedata/engine/deciding/guard.py,airflow_provider_livedata/engine/deciding/partitions.py,airflow_provider_livedata/engine/deciding/plan.py,airflow_provider_livedata/engine/deciding/policy.py,airflow_provider_livedata/engine/deciding/refusal.py,airflow_provider_livedata/engine/deciding/renames.py,airflow_provider_livedata/engine/deciding/totals.py,airflow_provider_livedata/engine/report.py,airflow_provider_livedata/engine/restores/choosing.py,airflow_provider_livedata/engine/restores/rows.py,airflow_provider_livedata/engine/restores/sampling.py,airflow_provider_livedata/engine/sharing/shares.py,airflow_provider_livedata/engine/sharing/zone_pace.py,airflow_provider_livedata/engine/timetable.py,airflow_provider_livedata/engine/backups/retention.py,airflow_provider_livedata/engine/backups/retention_policy.py,airflow_provider_livedata/engine/switching/rejoin.py,airflow_provider_livedata/engine/zones/any_fsspec/promises.py,airflow_provider_livedata/engine/zones/any_fsspec/told.py$(subst $() ,,$(PURE_METASTORE))$(subst $() ,,$(PURE_POLICIES))$(subst $() ,,$(PURE_TWO_WAY))
export UV_SYSTEM_CERTS := true
unexport PYTHONDONTWRITEBYTECODE # else every process compiles all that it imports

.PHONY: help install fmt lint types imports drawing servers test-unit test-zones test-crash test-promises test-airflow test-system test check \
        demo demo-hadoop soak bench mutation golden schema requirements clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: $(STAMP) ## Make .venv with the pinned development environment and this package

$(STAMP):
	@tools/install.sh
	@rm -f .venv/.installed-*
	@touch $@

demo: install ## Run the migration DAG on local example data: needs Python only
	$(BIN)/python tools/demo.py

demo-hadoop: install ## Run the migration DAG from a real HDFS to a real S3 server
	@$(BIN)/python tests/services/fetch.py hadoop versitygw
	$(BIN)/python tools/demo.py --hadoop

test: install servers ## Run every test, on real servers where it takes them
	@tools/test.sh

test-unit: install ## Unit, property and golden tests: no server, no Airflow
	$(PYTEST) $(wildcard tests/unit tests/golden) --cov --cov-report=
	$(BIN)/coverage report --include='$(PURE)' --fail-under=100 --show-missing

test-zones: install ## The conformance suite on the zones that need no server
	$(PYTEST) tests/zones

test-crash: install ## Runs that are killed or disturbed at every step, then resumed
	$(PYTEST) tests/crash

test-promises: install servers ## What must hold, a file a promise (docs/testing.md)
	$(PYTEST) tests/promises

test-airflow: install ## DAGs, operators and triggers on a throw-away Airflow
	$(PYTEST) tests/airflow

test-system: install servers ## Tests on real HDFS, S3 and other servers
	$(PYTEST) tests/system

soak: install servers ## The long campaigns: very many files, very large files
	$(PYTEST) tests -m soak --timeout=14400

mutation: install ## Break the pure modules on purpose, and list what their tests do not notice; takes minutes
	$(BIN)/python tools/mutation.py $(subst $(comma), ,$(PURE))

bench: install servers ## Measure against rclone and DistCp, and write docs/benchmarks.md; takes hours; BENCH="--only copies" measures a part
	@$(BIN)/python -m benchmarks.fetch
	$(BIN)/python -m benchmarks $(BENCH)

check: lint types imports servers ## All that CI runs: style, types, layers, then every test, each once
	@MEASURED=1 tools/test.sh

lint: install ## Style, formatting and spelling
	$(BIN)/ruff check $(CODE)
	$(BIN)/ruff format --check $(CODE)
	git ls-files -z -- ':!requirements/*.txt' | xargs -0 $(BIN)/codespell

types: install ## Types, strictly
	$(BIN)/mypy $(CODE)

imports: install ## The layers: who may import whom
	$(BIN)/lint-imports

drawing: install ## Draw the layers anew, from the imports that are there
	$(BIN)/python tools/drawing.py

fmt: install ## Format and fix what can be fixed
	$(BIN)/ruff format $(CODE)
	$(BIN)/ruff check --fix $(CODE)

golden: install ## Write the golden files anew; review the difference
	$(PYTEST) tests/unit $(wildcard tests/golden) --update-golden
	git diff --stat -- tests

schema: install ## Write the JSON Schema of livedata.yaml anew, from the types that check it
	$(BIN)/python -m airflow_provider_livedata.configuration.schema

servers: install ## Fetch what the real servers of the tests run from, once
	@$(BIN)/python tests/services/fetch.py hadoop
	@$(BIN)/python tests/services/fetch.py metastore metastore-2.3 metastore-4.0
	@$(BIN)/python tests/services/fetch.py spark
	@$(BIN)/python tests/services/fetch.py ranger sentry
	@$(BIN)/python tests/services/fetch.py versitygw || [ "$$CI" != true ]
	@$(BIN)/python tests/services/fetch.py fake-gcs-server || true # its tests say that they are skipped, and why
	@$(BIN)/python tests/services/fetch.py azurite || true

requirements: install ## Pin the development environment anew (UPGRADE=1: at the newest versions)
	$(BIN)/uv pip compile pyproject.toml requirements/dev.in --extra hive --extra sentry --override requirements/overrides.txt \
	    $(PIN) -o requirements/dev.txt
	$(BIN)/uv pip compile requirements/uv.in $(PIN) -o requirements/uv.txt
	$(BIN)/uv pip compile requirements/go.in $(PIN) -o requirements/go.txt
PIN = --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate \
      --custom-compile-command "make requirements" $(if $(UPGRADE),--upgrade)

clean: ## Remove the environment and everything that was generated here; the caches stay
	rm -rf .venv build dist demo-data .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
