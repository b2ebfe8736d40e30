"""How much memory and time verification takes: `python -m tests.benchmarks.verify_memory --rows 600000`.

Writes a synthetic file (about 1,450 characters a row, the size of 600,000 rows in 870 MB), or with `--package` the same
rows as a package with chat messages and a validation split; verifies it in a process of its own and deletes it. Words
follow Zipf's law, and a quarter of the sentences come from a stock of phrases, as real texts repeat themselves; one
row in 200 is a near-duplicate of an earlier one, and all of them must be found.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

import numpy as np
import pyarrow as pa

from jobs.config.settings import PackageConfig
from jobs.publish.content import write_content
from tests.support import packages

VALIDATION_EVERY = 50
VOCABULARY = 200_000
PHRASES = 20_000
PHRASE_SHARE = 0.25
SENTENCE_WORDS = 12
NEAR_EVERY = 200
LETTERS = np.array(list("etaoinshrdlucmfwypvbgkjqxz"))
CHILD = (
    "import sys; from pathlib import Path; from jobs.verify.file import main_verify;"
    "sys.exit(main_verify(Path(sys.argv[1]), {}, json=True))"
)


def rows(count: int, seed: int = 7) -> Iterator[dict[str, object]]:
    """Rows of the file; the same for the same arguments."""
    chance = np.random.default_rng(seed)
    words = ["".join(LETTERS[np.minimum(chance.exponential(7, size), 25).astype(int)]) for size in _word_sizes(chance)]
    weights = np.cumsum(1 / np.arange(1, VOCABULARY + 1))
    weights /= weights[-1]

    def sentences(number: int) -> list[str]:
        drawn = np.searchsorted(weights, chance.random((number, SENTENCE_WORDS)))
        return [" ".join(map(words.__getitem__, sentence)) + "." for sentence in drawn.tolist()]

    phrases = sentences(PHRASES)
    original: dict[str, object] = {}
    for number in range(count):
        if number % NEAR_EVERY == NEAR_EVERY - 1:
            yield {**original, "response": f"{original['response']} Indeed {number}."}
            continue
        own = sentences(int(np.clip(chance.lognormal(2.58, 0.6), 3, 150)))
        stock = chance.random(len(own)) < PHRASE_SHARE
        picked = chance.integers(PHRASES, size=len(own))
        text = [phrases[p] if s else o for o, s, p in zip(own, stock.tolist(), picked.tolist(), strict=True)]
        row: dict[str, object] = {
            "instruction": text[0],
            "response": " ".join(text[1:]),
            "source": f"source-{number % 7}",
            "quality_score": 7.1 + number % 29 / 10,
            "category": ("general", "code", "reasoning", "creative", "other")[number % 5],
        }
        if number % NEAR_EVERY == 0:
            original = row
        yield row


def write_jsonl(path: Path, count: int) -> Path:
    """The rows as one file."""
    with path.open("w", encoding="utf-8") as handle:
        handle.writelines(json.dumps(row) + "\n" for row in rows(count))
    return path


def write_as_package(folder: Path, count: int) -> Path:
    """The rows as a package, every fiftieth drawn for validation."""

    def batches() -> Iterator[pa.RecordBatch]:
        for _, batch in groupby(enumerate(rows(count)), lambda numbered: numbered[0] // 1_000):
            yield from packages.batches([_packable(number, row) for number, row in batch])

    validation = -(-count // VALIDATION_EVERY)
    expected = {
        (config, split): number
        for config in ("default", "messages")
        for split, number in (("train", count - validation), ("validation", validation))
    }
    folder.mkdir()
    config = PackageConfig(messages=True)
    packages.write_manifest(folder, write_content(batches(), folder, config, expected), config)
    return folder


def _packable(number: int, row: dict[str, object]) -> dict[str, object]:
    split = "train" if number % VALIDATION_EVERY else "validation"
    known = {name: row[name] for name in ("instruction", "response", "source", "category")}
    return packages.packable(number, split, **known)


def _word_sizes(chance: np.random.Generator) -> list[int]:
    # Frequent words are short.
    sizes = 2 + np.log10(np.arange(1, VOCABULARY + 1)) * 1.2 + chance.random(VOCABULARY) * 3
    return [int(size) for size in sizes]


def measure(path: Path) -> tuple[dict[str, object], float, float, float]:
    """Verify in a child process.

    Returns:
        The result, seconds, seconds of processor time, and the peak resident memory in MiB.
    """
    started = time.monotonic()
    with path.with_suffix(".json").open("w+b") as out:
        child = subprocess.Popen([sys.executable, "-c", CHILD, str(path)], stdout=out)
        _, status, usage = os.wait4(child.pid, 0)
        seconds = time.monotonic() - started
        code = child.returncode = os.waitstatus_to_exitcode(status)
        if code not in (0, 1):
            raise SystemExit(f"verification ended with {code}")
        out.seek(0)
        result = json.load(out)
    # Linux counts in KiB, macOS in bytes.
    peak = usage.ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)
    return result, seconds, usage.ru_utime + usage.ru_stime, peak


def main() -> None:
    """Generate, verify, print, delete."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=50_000)
    parser.add_argument("--package", action="store_true", help="verify a package")
    parser.add_argument("--folder", type=Path, default=None, help="where to write the file; default a temporary one")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        write = write_as_package if arguments.package else write_jsonl
        path = write(Path(folder) / ("package" if arguments.package else "dataset.jsonl"), arguments.rows)
        result, seconds, processor, peak = measure(path)
        megabytes = sum(file.stat().st_size for file in (path.rglob("*") if arguments.package else [path])) / 1e6
    found = result["measures"]["duplicates"]  # type: ignore[index]
    planted = arguments.rows // NEAR_EVERY
    print(f"{arguments.rows:,} rows, {megabytes:,.0f} MB, {result['status']}")
    print(f"{seconds:.0f} s, of processor time {processor:.0f} s, peak memory {peak:,.0f} MiB")
    print(f"near-duplicates planted {planted:,}, found {found['near']:,} and {found['exact']:,} exact")
    if arguments.package:
        split = result["split"]
        print(f"validation rows {split['validation_rows']:,}, {split['resembling']:,} of them resemble one of train")  # type: ignore[index]
    if found["near"] != planted or found["exact"]:
        raise SystemExit("the duplicates found are not those planted")


if __name__ == "__main__":
    main()
