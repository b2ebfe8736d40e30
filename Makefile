# `make` alone prints what there is. Every target sets up what it needs.
SHELL := /bin/bash
VENV ?= .venv
BIN := $(VENV)/bin
PYTHON ?= $(shell for p in python3 python3.12 python3.11 python3.10; do \
	if $$p -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null; then echo $$p; break; fi; done)
export SPARK_LOCAL_IP ?= 127.0.0.1
export PIP_DISABLE_PIP_VERSION_CHECK = 1

.DEFAULT_GOAL := help

.PHONY: help
help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 14

# Java is looked for before anything is installed, so that its absence is one line and not a traceback.
.PHONY: java
java:
	@if [ -z "$$JAVA_HOME" ] && ! command -v java >/dev/null; then \
		echo "Java 17 or newer is needed: apt-get install openjdk-17-jre-headless (Debian, Ubuntu), brew install" \
			"openjdk@17 (macOS), or pip install cjdk && export JAVA_HOME=\$$(cjdk --jdk temurin:17 java-home)"; exit 2; fi

$(VENV)/.installed: setup.py pyproject.toml
	@test -n "$(PYTHON)" || { echo "Python 3.10 or newer is needed and was not found"; exit 2; }
	@echo "setting up $(VENV) with $$($(PYTHON) --version)"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --upgrade pip setuptools wheel
	@PYTHONWARNINGS=ignore $(BIN)/python -m pip install --quiet --editable '.[dev]'
	@touch $@

.PHONY: install
install: java $(VENV)/.installed ## make .venv and install the pinned packages

.PHONY: demo
demo: install ## build the embedded sample end to end, no key and no cluster
	@$(BIN)/phase0 run --config demo

# `real` is another target; what is `slow` (minutes, not seconds) is run by CI, which sets CI, and by test-all.
.PHONY: test
test: install ## the test suite
	@$(BIN)/python -m pytest $(if $(CI),-m 'not real')

.PHONY: test-all
test-all: ## the test suite with the tests that take minutes, as in CI
	@$(MAKE) --no-print-directory test CI=true

.PHONY: test-real
test-real: install ## every real public file beside the repository, whole
	@$(BIN)/python -m pytest -m real

.PHONY: check
check: install ## ruff, mypy --strict, and that imports go one way
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/python -m pytest tests/system/test_architecture.py

.PHONY: bench
bench: install ## measurements: deduplication, scoring agreement, verification memory, paid calls
	@for module in tests/benchmarks/[a-z]*.py; do \
		echo "== $$module"; $(BIN)/python -m tests.benchmarks.$$(basename $$module .py) || exit 1; done

.PHONY: soak
soak: install ## kill paid runs: driver, Python worker, executor, ten times each, and count what was paid twice
	@$(BIN)/python -m tests.support.kills --times 10

.PHONY: wheel
wheel: $(VENV)/.installed ## dist/*.whl for Databricks, and dist/phase0.zip for spark-submit --py-files
	@rm -rf build dist/phase0*
	@PHASE0_SPARK_PROVIDED=1 $(BIN)/python -m pip wheel --quiet --no-deps --no-build-isolation --wheel-dir dist .
	@cp dist/phase0-*.whl dist/phase0.zip
	@ls -1 dist

# venv-pack keeps a link to the Python it was made with; PYTHON_PREFIX names the place of that Python on the cluster
# (/usr for /usr/bin/python3.11) where it is another. The minor version has to be the driver's.
ENV_PACKAGES ?= --requirement requirements-executors.txt
.PHONY: env-archive
env-archive: dist/env.tar.gz ## dist/env.tar.gz, the executors' Python packages for spark-submit --archives
dist/env.tar.gz: requirements-executors.txt | $(VENV)/.installed
	@rm -rf build/executors && mkdir -p dist
	@$(BIN)/python -m venv --without-pip build/executors
	@PHASE0_SPARK_PROVIDED=1 $(BIN)/python -m pip --python build/executors install --quiet --no-compile $(ENV_PACKAGES)
	@$(BIN)/venv-pack --quiet --force --prefix build/executors $(if $(PYTHON_PREFIX),--python-prefix $(PYTHON_PREFIX)) \
		--compress-level 1 --output $@
	@rm -rf build/executors
	@ls -lh $@

.PHONY: clean
clean: ## remove caches and builds, but no workspace
	@rm -rf build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis $(VENV)/.installed
