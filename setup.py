"""Package and pinned dependencies of Phase 0; tool settings are in pyproject.toml."""

from setuptools import setup

# Resolved and installed on Python 3.10, 3.11 and 3.12 with Java 17. great-expectations goes without its `spark`
# extra, which pins pyspark < 4.2; delta-spark 4.4.0 is the newest whose jar resolves.
REQUIRED = [
    "pyspark==4.2.0",
    "delta-spark==4.4.0",
    "great-expectations==1.24.1",
    "pyarrow==26.0.1; python_version >= '3.11'",
    "pyarrow==25.0.1; python_version < '3.11'",  # the newest for 3.10
    "pandas==2.3.3",
    "numpy>=1.26,<3",
    "scipy>=1.11,<2",
    "openai==3.54.0",
    "aiohttp==3.14.5",  # the transport of its calls: less than half the CPU of the usual one
    "xxhash==4.1.0",
    "pydantic==2.14.3",
    "PyYAML==6.0.3",
    "jinja2==3.1.6",
    "fsspec==2026.9.0",
    "packaging>=24",
    "rich==15.0.0",
    "typer==0.29.1",  # 0.29.2 needs Python 3.11
    "py3langid==0.4.0",
    "huggingface_hub==2.4.0",
    "httpx2>=2,<3",  # what huggingface_hub speaks with
    "pooch==1.9.0",
    "requests>=2.32,<3",
    "tqdm==4.70.1",
    "matplotlib>=3.10,<3.12",
]
# What Spark Connect needs on the client, as in pyspark's own extra.
CONNECT = ["grpcio==1.85.3", "grpcio-status==1.85.3", "googleapis-common-protos==1.76.0", "zstandard==0.25.0"]
NOTEBOOK = ["ipykernel>=7.3,<8", "nbclient==0.11.0", "nbformat==5.11.1"]
TEST = [
    "pytest==9.2.0",
    "hypothesis==6.168.5",  # later ones need Python 3.11
    "datasets==5.2.0",
    "venv-pack==0.2.0",
    *CONNECT,
    *NOTEBOOK,
]
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
        "udfs.llm",
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
    extras_require={
        "java": ["cjdk==0.5.0"],
        "connect": CONNECT,
        "notebook": NOTEBOOK,
        "test": TEST,
        "dev": TEST + CHECK,
    },
    entry_points={"console_scripts": ["phase0=jobs.cli:main"]},
)
