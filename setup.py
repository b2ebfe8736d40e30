"""Package and pinned dependencies of Phase 0; tool settings are in pyproject.toml."""

import os
from pathlib import Path

from setuptools import setup

# Every line has an upper bound, and requirements/lock-3.*.txt (`make lock`) says which files `make install` takes, with
# their hashes. Resolved and installed on Python 3.10, 3.11 and 3.12 with Java 17. great-expectations goes without its
# `spark` extra, which pins pyspark < 4.2; delta-spark 4.4.0 is the newest whose jar resolves.
_LINES = Path(__file__).with_name("requirements-executors.txt").read_text("utf-8").splitlines()
EXECUTORS = [line for line in _LINES if not line.startswith("#")]
SPARK = ["pyspark==4.2.0", "delta-spark==4.4.0", "py4j>=0.10.9,<0.11"]
REQUIRED = [
    *EXECUTORS,
    # `make wheel` sets it: the wheel goes to clusters, which bring a Spark that pip must not put another over.
    *(SPARK if "PHASE0_SPARK_PROVIDED" not in os.environ else []),
    "deltalake==1.6.6",
    "great-expectations==1.24.1",
    "markupsafe>=2.1,<4",
    "packaging>=24,<27",
    "pydantic-core>=2.40,<3",
    "rich==15.0.0",
    "typer==0.29.1",  # 0.29.2 needs Python 3.11
    "huggingface_hub==2.4.0",
    "pooch==1.9.0",
    "requests>=2.32,<3",
    "urllib3>=2,<3",
    "matplotlib>=3.10,<3.12",
]
# What Spark Connect needs on the client, as in pyspark's own extra.
CONNECT = ["grpcio==1.85.3", "grpcio-status==1.85.3", "googleapis-common-protos==1.76.0", "zstandard==0.25.0"]
NOTEBOOK = ["ipykernel>=7.3,<8", "nbclient==0.11.0", "nbformat==5.11.1"]
TEST = [
    "pytest==9.2.0",
    "pytest-xdist==3.8.0",
    "hypothesis==6.168.5",  # later ones need Python 3.11
    "datasets==5.2.0",
    "venv-pack==0.2.0",
    "pillow>=11,<14",
    "markdown-it-py>=3,<5",
    "databricks-bundles==1.22.1",  # the models of databricks.yml, to check ours against
    *CONNECT,
    *NOTEBOOK,
]
# What `make install` builds with, so that the lock has it too.
BUILD = ["setuptools>=69,<90", "wheel>=0.43,<1"]
BENCH = ["rensa==0.5.0", "datasketch==2.0.0"]  # what `make bench` compares `phase0 deduplicate` with
CHECK = ["ruff==0.17.6", "mypy==2.4.1", "types-PyYAML==6.0.12.20261113"]

setup(
    name="phase0",
    version="0.1.0",
    description="Build verified instruction-tuning datasets with PySpark, Delta and Great Expectations",
    long_description="See README.md.",
    license="Apache-2.0",
    python_requires=">=3.10",
    # The mission fixes these top-level names, so they are listed by hand and never discovered.
    packages=[
        "jobs",
        "jobs.answers",
        "jobs.surrogate",
        "jobs.batches",
        "jobs.budget",
        "jobs.calibration",
        "jobs.cli",
        "jobs.config",
        "jobs.curation",
        "jobs.deduplication",
        "jobs.ledger",
        "jobs.models",
        "jobs.online",
        "jobs.publish",
        "jobs.rendering",
        "jobs.reports",
        "jobs.run",
        "jobs.sources",
        "jobs.validation",
        "jobs.verify",
        "jobs.workspace",
        "udfs",
        "udfs.formats",
        "udfs.llm",
        "udfs.scoring",
        "udfs.screen",
        "schemas",
        "conf",
        "conf.expectations",
        "conf.prompts",
        "conf.samples",
        "conf.templates",
    ],
    package_data={
        "conf": ["*.yaml"],
        "conf.expectations": ["*.yaml"],
        "conf.prompts": ["*.yaml"],
        "conf.samples": ["*.json", "*.jsonl", "*.gz", "*.md"],
        "conf.templates": ["*.css", "*.j2"],
    },
    install_requires=REQUIRED,
    extras_require={
        "spark": SPARK,
        "java": ["cjdk==0.5.0"],
        "connect": CONNECT,
        "notebook": NOTEBOOK,
        "test": TEST,
        "bench": BENCH,
        "dev": TEST + CHECK + BUILD,
    },
    entry_points={"console_scripts": ["phase0=jobs.cli.app:main", "phase0-task=jobs.cli.app:task"]},
)
