"""Package and pinned dependencies of Phase 0; tool settings are in pyproject.toml."""

from setuptools import setup

# Checked to work together on Python 3.10 to 3.12 and Java 17. great-expectations goes without its
# `spark` extra, which pins pyspark < 4.2; delta-spark 4.4.0 is the newest whose jar resolves.
REQUIRED = [
    "pyspark==4.2.0",
    "delta-spark==4.4.0",
    "great-expectations==1.24.1",
    "pyarrow==26.0.1",
    "pandas==2.3.3",
    "numpy>=1.26,<3",
    "scipy>=1.11,<2",
    "openai==3.54.0",
    "xxhash==4.1.0",
    "pydantic==2.14.3",
    "PyYAML==6.0.3",
    "jinja2==3.1.6",
    "fsspec==2026.9.0",
    "packaging>=24",
    "rich==15.0.0",
    "typer==0.29.2",
    "py3langid==0.4.0",
]
TEST = ["pytest==9.2.0", "hypothesis==6.170.15"]
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
        "udfs",
        "udfs.formats",
        "udfs.scoring",
        "udfs.screen",
        "schemas",
        "conf",
        "conf.expectations",
        "conf.samples",
        "conf.templates",
    ],
    package_data={
        "conf": ["*.yaml"],
        "conf.expectations": ["*.yaml"],
        "conf.samples": ["*.json", "*.jsonl", "*.gz", "*.md"],
        "conf.templates": ["*.j2"],
    },
    install_requires=REQUIRED,
    extras_require={"java": ["cjdk==0.5.0"], "test": TEST, "dev": TEST + CHECK},
    entry_points={"console_scripts": ["phase0=jobs.cli:main"]},
)
