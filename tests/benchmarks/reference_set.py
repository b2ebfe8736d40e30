"""`phase0 deduplicate --against` with a reference set: the first run, which signs it, and later ones, which read it.

    python -m tests.benchmarks.reference_set [--reference ROWS] [--new ROWS ...]

Texts are those of `tests.benchmarks.near_duplicates`, the reference the first of them and the new rows those after it.
Prints CPU and wall seconds of each run, all its processes and its start included; the first number of new rows is run
twice, so that its second run finds the signatures.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from tests.benchmarks.near_duplicates import Family, generated


def measured(file: Path, reference: Path, folder: Path) -> tuple[float, float, str]:
    """CPU and wall seconds of one run, and what it says."""
    options = ["--input", str(file), "--output", str(folder / "out"), "--text-column", "text"]
    options += ["--against", str(reference), "--signatures", str(folder / "signatures")]
    started = time.monotonic()
    command = [sys.executable, "-m", "jobs.cli", "deduplicate", *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    family, done = Family(process.pid), threading.Event()
    watcher = threading.Thread(target=family.watch, args=(done,))
    watcher.start()
    said, _ = process.communicate()
    done.set()
    watcher.join()
    if process.returncode:
        raise SystemExit(f"the command ended with {process.returncode}")
    kept = next(line for line in said.splitlines() if "rows in" in line)
    return sum(family.cpu_s.values()), time.monotonic() - started, kept


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--reference", type=int, default=100_000)
    parser.add_argument("--new", type=int, nargs="*", default=[1_000, 100_000])
    given = parser.parse_args()
    texts = generated(given.reference + max(given.new))
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        reference = folder / "reference.jsonl"
        reference.write_text("".join(json.dumps({"text": one}) + "\n" for one in texts[: given.reference]), "utf-8")
        for number, rows in enumerate([given.new[0], *given.new]):
            file = folder / f"new-{number}.jsonl"
            new = texts[given.reference : given.reference + rows]
            file.write_text("".join(json.dumps({"text": one}) + "\n" for one in new), "utf-8")
            cpu_s, wall_s, said = measured(file, reference, folder)
            run = "first" if not number else "later"
            print(
                f"{rows:,} against {given.reference:,}, {run} run: {cpu_s:.1f} CPU s, {wall_s:.1f} s; {said}",
                flush=True,
            )


if __name__ == "__main__":
    main()
