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

# One lock a minor version of Python: what `make lock` resolved, with the hashes of all files that pip may take.
LOCKED := 3.10 3.11 3.12
lock_of = requirements/lock-$(1).txt
MINOR = $(shell $(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])')

$(VENV)/.installed: setup.py pyproject.toml requirements-executors.txt $(foreach minor,$(LOCKED),$(call lock_of,$(minor)))
	@test -n "$(PYTHON)" || { echo "Python 3.10 or newer is needed and was not found"; exit 2; }
	@echo "setting up $(VENV) with $$($(PYTHON) --version)"
	@$(PYTHON) -m venv $(VENV)
	@if [ -f $(call lock_of,$(MINOR)) ]; then \
		PYTHONWARNINGS=ignore $(BIN)/python -m pip install --quiet --require-hashes --requirement $(call lock_of,$(MINOR)) && \
		PYTHONWARNINGS=ignore $(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .; \
	else \
		echo "there is no lock for Python $(MINOR) (only for $(LOCKED)): packages are resolved now, within the bounds of" \
			"setup.py and without hashes; PYTHON=python3.12 make install takes a locked one"; \
		$(BIN)/python -m pip install --quiet --upgrade pip setuptools wheel && \
		PYTHONWARNINGS=ignore $(BIN)/python -m pip install --quiet --editable '.[dev]'; \
	fi
	@touch $@

# Spark is started twice so that it starts quickly from then on; without it everything works as well, only slower.
$(VENV)/.quick: $(VENV)/.installed
	@echo "having Java write down what it loads, so that Spark starts quickly: a minute, once"
	@$(BIN)/python -m jobs.cli.quick_start >$(VENV)/quick_start.log 2>&1 || \
		echo "it did not work, so Spark starts as slowly as ever; $(VENV)/quick_start.log says why"
	@touch $@

.PHONY: install
install: java $(VENV)/.installed $(VENV)/.quick ## make .venv and install the locked packages, by their hashes

.PHONY: demo
demo: install ## build the embedded sample end to end, no key and no cluster
	@$(BIN)/phase0 run --config demo

# `real` is another target; what is `slow` (minutes, not seconds) is run by CI, which sets CI, and by test-all. A process
# for each core, each with a session of its own and 3 GB; the files go to them in order, since those of minutes come early.
.PHONY: test
test: install ## the test suite
	@$(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder \
		$(if $(CI),-m 'not real and not soak')

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

# Of deduplication: make bench BENCH_ROWS="50000 200000" BENCH_DATA=../shared/data
BENCH_ROWS ?= 20000
BENCH_DATA ?=
.PHONY: bench
bench: install ## measurements: deduplication and its peers, scoring agreement, verification memory, paid calls
	@PYTHONWARNINGS=ignore $(BIN)/python -m pip install --quiet --editable '.[bench]'
	@echo "== tests/benchmarks/near_duplicates.py"; $(BIN)/python -m tests.benchmarks.near_duplicates \
		--rows $(BENCH_ROWS) $(if $(BENCH_DATA),--data $(BENCH_DATA))
	@for module in $(filter-out %/near_duplicates.py %/job.py,$(wildcard tests/benchmarks/[a-z]*.py)); do \
		echo "== $$module"; $(BIN)/python -m tests.benchmarks.$$(basename $$module .py) || exit 1; done

ROWS ?= 20000
.PHONY: bench-job
bench-job: install ## seconds, CPU and memory of each stage of the whole job: make bench-job ROWS=100000
	@$(BIN)/python -m tests.benchmarks.job --rows $(ROWS)

KILLS ?= 200
FUZZ_MINUTES ?= 10
.PHONY: soak
soak: install ## kill runs, KILLS=200 in all, and compare bytes and bills; mutate replies and files, FUZZ_MINUTES=10
	@$(BIN)/python -m pytest -m soak
	@$(BIN)/python -m tests.support.kills --times 3
	@$(BIN)/python -m tests.support.kill_matrix --kills $(KILLS)
	@$(BIN)/python -m tests.support.fuzz --minutes $(FUZZ_MINUTES)

# uv resolves for a Python that need not be here, for all systems at once. No file names the host of a registry.
UV := uv>=0.9,<1
.PHONY: lock
lock: $(VENV)/.installed ## resolve setup.py anew: requirements/lock-3.*.txt with hashes, and docs/LICENCES.md
	@$(PYTHON) -m venv build/lock && build/lock/bin/python -m pip install --quiet '$(UV)'
	@for minor in $(LOCKED); do \
		echo "resolving for Python $$minor"; \
		build/lock/bin/uv pip compile setup.py --extra dev --universal --python-version $$minor --generate-hashes --upgrade \
			--no-emit-index-url --no-emit-find-links --no-annotate --quiet --custom-compile-command 'make lock' \
			--output-file requirements/lock-$$minor.txt || exit 1; \
	done
	@rm -rf build/lock
	@$(MAKE) --no-print-directory licences

.PHONY: licences
licences: install ## docs/LICENCES.md out of what the installed packages say of themselves
	@$(BIN)/python -m tests.support.licences

# Its exit code is 1 where a package has a known hole, and 2 where nobody could be asked: that is no "all well".
AUDIT := pip-audit>=2.9,<3
.PHONY: audit
audit: install ## known holes of the locked packages, asked of the public database
	@test -x build/audit/bin/pip-audit || { $(BIN)/python -m venv build/audit && \
		build/audit/bin/python -m pip install --quiet '$(AUDIT)'; }
	@build/audit/bin/python tests/support/audit.py requirements/lock-*.txt

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
	@rm -rf build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis $(VENV)/.installed $(VENV)/.quick
