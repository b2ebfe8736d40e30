"""`phase0 deduplicate` beside its peers, on the same file, against exact truth.

    python -m tests.benchmarks.near_duplicates [--rows N ...] [--data FOLDER] [--only NAME ...]

For each corpus one table in Markdown: wall and CPU seconds and peak memory of each contender, all its processes and
its start included, the true pairs of twins that it leaves, and the rows that it removes without one. Corpora are
generated texts of 1.2 KB, one in seven a variant of an earlier one with 0 to 20 of its words replaced, and with
`--data` the prompts of the real files. The truth is the exact join of `udfs.exact_join`. Contenders are separate
processes, one after another:

- `phase0`: the command, from the file to the written result;
- `rensa+exact`: rensa's min-hashes (128 in 32 bands) over our shingles propose, exact Jaccard disposes, by hand;
- `rensa`: the same, taken at its word where its estimate reaches the threshold;
- `datasketch`: `MinHashLSH` at the threshold with 128 permutations, taken at its word; up to 50,000 rows.
"""

import argparse
import contextlib
import json
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq

from tests.support.exact_pairs import jaccard, similar_pairs
from udfs.exact_join import ShingleSets
from udfs.shingles import Shingles, shingles

THRESHOLD = 0.8
SLOW_ROWS = 50_000
"""Most rows for contenders that take milliseconds a row."""


def generated(count: int) -> list[str]:
    """Texts of 40 to 290 words of a Zipf distribution; every seventh is a variant of one of the 100,000 before it."""
    chance = random.Random(1)
    letters = "abcdefghijklmnopqrstuvwxyz"
    words = ["".join(chance.choices(letters, k=chance.randint(2, 10))) for _ in range(20_000)]
    weights = [1 / (rank + 10) for rank in range(len(words))]
    texts: list[str] = []
    for number in range(count):
        if number % 7 == 6:
            tokens = texts[chance.randrange(max(0, number - 100_000), number)].split(" ")
            for _ in range(chance.choice([0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 15, 20])):
                tokens[chance.randrange(len(tokens))] = chance.choice(words)
        else:
            tokens = chance.choices(words, weights, k=chance.randint(40, 290))
        texts.append(" ".join(tokens))
    return texts


def real(folder: Path) -> list[str]:
    """Prompts of the Alpaca-like JSON arrays below a folder."""
    records = [
        row for path in sorted(folder.rglob("alpaca_format/*.json")) for row in json.loads(path.read_text("utf-8"))
    ]
    return [f"{row['instruction']}\n{row.get('input') or ''}" for row in records]


def read(file: str) -> list[str]:
    return [json.loads(line)["text"] for line in Path(file).read_text("utf-8").splitlines()]


def walk(texts: list[str], candidates: Callable[[int, Shingles], Iterable[tuple[int, bool]]]) -> list[tuple[int, int]]:
    """Rows removed in file order, each with a kept row; a candidate comes with whether it is to be believed."""
    kept: dict[int, Shingles] = {}
    removed = []
    for row, text in enumerate(texts):
        mine = shingles(text)
        for other, is_sure in candidates(row, mine):
            if other in kept and (is_sure or jaccard(kept[other], mine) >= THRESHOLD):
                removed.append((row, other))
                break
        else:
            kept[row] = mine
    return removed


def by_rensa(texts: list[str], is_exact: bool) -> list[tuple[int, int]]:
    from rensa import RMinHash, RMinHashLSH

    index = RMinHashLSH(threshold=THRESHOLD, num_perm=128, num_bands=32)
    sketches = {}

    def candidates(row: int, mine: Shingles) -> Iterable[tuple[int, bool]]:
        sketch = RMinHash(num_perm=128, seed=1)
        sketch.update([str(shingle) for shingle in mine.tolist()])
        found = sorted(index.query(sketch))
        index.insert(row, sketch)
        sketches[row] = sketch
        if is_exact:
            return [(other, False) for other in found]
        return [(other, True) for other in found if sketches[other].jaccard(sketch) >= THRESHOLD]

    return walk(texts, candidates)


def by_datasketch(texts: list[str]) -> list[tuple[int, int]]:
    from datasketch import MinHash, MinHashLSH

    index = MinHashLSH(threshold=THRESHOLD, num_perm=128)

    def candidates(row: int, mine: Shingles) -> Iterable[tuple[int, bool]]:
        sketch = MinHash(num_perm=128, seed=1)
        sketch.update_batch([shingle.tobytes() for shingle in mine])
        found = sorted(index.query(sketch))
        index.insert(row, sketch)
        return [(other, True) for other in found]

    return walk(texts, candidates)


CONTENDERS: dict[str, Callable[[list[str]], list[tuple[int, int]]]] = {
    "rensa+exact": lambda texts: by_rensa(texts, is_exact=True),
    "rensa": lambda texts: by_rensa(texts, is_exact=False),
    "datasketch": by_datasketch,
}


@dataclass(frozen=True)
class Run:
    """What one contender took, and the rows it removed with the row named for each."""

    wall_s: float
    cpu_s: float
    peak_mb: float
    removed: dict[int, int]


def run(name: str, file: Path, folder: Path) -> Run:
    output = folder / name
    if name == "phase0":
        options = [
            "--input",
            str(file),
            "--output",
            str(output),
            "--text-column",
            "text",
            "--threshold",
            str(THRESHOLD),
        ]
        command = [sys.executable, "-m", "jobs.cli", "deduplicate", *options]
    else:
        command = [
            sys.executable,
            "-m",
            "tests.benchmarks.near_duplicates",
            "--contender",
            name,
            str(file),
            str(output),
        ]
    started = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    family, done = Family(process.pid), threading.Event()
    watcher = threading.Thread(target=family.watch, args=(done,))
    watcher.start()
    code = process.wait()
    seconds = time.monotonic() - started
    done.set()
    watcher.join()
    if code:
        raise SystemExit(f"{name} ended with {code}")
    if name == "phase0":
        rows = pq.read_table(output / "duplicates.parquet").to_pylist()
        removed = {int(row["id"]): int(row["duplicate_of"]) for row in rows}
    else:
        removed = dict(json.loads(output.read_text("utf-8")))
    return Run(seconds, sum(family.cpu_s.values()), family.peak_mb, removed)


class Family:
    """CPU and memory of a process and its descendants, read from /proc twice a second; Linux only."""

    def __init__(self, root: int) -> None:
        self.members = {root}
        self.cpu_s: dict[int, float] = {}
        self.peak_mb = 0.0

    def watch(self, done: threading.Event) -> None:
        tick_s, page_mb = 1 / os.sysconf("SC_CLK_TCK"), os.sysconf("SC_PAGE_SIZE") / 1e6
        while not done.wait(0.5):
            fields: dict[int, list[str]] = {}
            for path in Path("/proc").glob("[0-9]*/stat"):
                with contextlib.suppress(OSError):
                    fields[int(path.parent.name)] = path.read_text("utf-8").rpartition(")")[2].split()
            while grown := {pid for pid, one in fields.items() if int(one[1]) in self.members} - self.members:
                self.members |= grown
            present = self.members & fields.keys()
            self.cpu_s |= {pid: (int(fields[pid][11]) + int(fields[pid][12])) * tick_s for pid in present}
            self.peak_mb = max(self.peak_mb, sum(int(fields[pid][21]) for pid in present) * page_mb)


def compare(title: str, texts: list[str], names: list[str]) -> None:
    """Run the contenders on a corpus and print their table."""
    sets = ShingleSets()
    for text in texts:
        sets.append(shingles(text), text)
    pairs = [(row, later) for row, later, _ in similar_pairs(sets, THRESHOLD)]
    twins = {row for pair in pairs for row in pair}
    print(f"\n{title}: {len(texts):,} texts, {sum(map(len, texts)) / 1e6:.0f} MB, {len(pairs):,} true pairs\n")
    print("| | wall s | CPU s | peak MB | removed | true pairs left | removed without a twin |\n|---|" + "---:|" * 6)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "corpus.jsonl"
        file.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts), "utf-8")
        for name in names:
            if name == "datasketch" and len(texts) > SLOW_ROWS:
                continue
            one = run(name, file, Path(folder))
            left = sum(a not in one.removed and b not in one.removed for a, b in pairs)
            false = len(set(one.removed) - twins)
            figures = f"{one.wall_s:.1f} | {one.cpu_s:.1f} | {one.peak_mb:,.0f} | {len(one.removed):,}"
            print(f"| {name} | {figures} | {left:,} ({left / max(len(pairs), 1):.3%}) | {false:,} |", flush=True)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, nargs="*", default=[20_000])
    parser.add_argument("--data", type=Path)
    parser.add_argument("--only", nargs="*", default=["phase0", *CONTENDERS])
    parser.add_argument("--contender", nargs=3, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.contender:
        name, file, output = given.contender
        Path(output).write_text(json.dumps(CONTENDERS[name](read(file))), "utf-8")
        return
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, Python {sys.version.split()[0]}")
    for rows in given.rows:
        compare("generated", generated(rows), given.only)
    if given.data:
        compare("real prompts", real(given.data), given.only)


if __name__ == "__main__":
    main()
