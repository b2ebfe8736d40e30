"""Paid calls against a provider on the loopback: `python -m tests.benchmarks.calls`.

- speed: 100 words each way, 200 ms latency, 200 in flight, no limits: requests a second from the first request to the
  last answer and CPU of the calling processes a row, beside a plain `AsyncOpenAI` script. Journals are written.
- limits: 3,000 requests in any 10 s, then tokens for as many, from 1, 2 and 8 tasks: the most in any window, the share
  that was used, and the refusals.
- faults: 429, 500, dropped, torn and unreadable answers: every row in one state, none swapped, none paid twice beyond
  those whose answer never arrived. Ends with an error where that is not so.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pyspark.sql import SparkSession

from jobs.config.spark import SparkConfig
from jobs.online.task_slots import tasks_of, with_task
from jobs.workspace.session import get_session
from schemas.calls import OUTCOMES, WAVE
from tests.support.demo import demo_conf
from tests.support.provider_process import ProviderProcess
from tests.support.waves import asked_at_length, context, endpoint, wave_rows
from udfs.arrow_groups import ArrowBatches
from udfs.llm.journal_reader import journal_records
from udfs.llm.map_calls import call_batches
from udfs.llm.models import Endpoint, RateLimits
from udfs.llm.request import Request
from udfs.llm.retries import RetryPolicy
from udfs.llm.wave import WaveContext

FAULTS = {"429": 0.02, "500": 0.03, "dropped": 0.01, "torn": 0.01, "not_json": 0.01}
ARRIVED = {"ok"}
WINDOW = 10.0
PER_WINDOW = 3_000
PARTS = ("speed", "limits", "faults")


def run_wave(spark: SparkSession, requests: Sequence[Request], wave: WaveContext) -> tuple[Counter[str], float]:
    """Run a wave on executors.

    Returns:
        Requests by state, and the CPU seconds of the Python workers.
    """
    call, folder = call_batches(wave), Path(wave.journal)

    def measured(batches: ArrowBatches) -> ArrowBatches:
        before = time.process_time()
        yield from call(batches)
        with (folder / f"cpu-{os.getpid()}-{time.time_ns()}").open("w", encoding="ascii") as file:
            file.write(str(time.process_time() - before))

    folder.mkdir(parents=True)
    dealt = WAVE.select_from(with_task(wave_rows(spark, requests), wave.tasks))
    outcomes = dealt.repartitionById(wave.task_count, "task").mapInArrow(measured, OUTCOMES.schema)
    states = Counter(row.state if row.state != "returned" else row.reason for row in outcomes.collect())
    return states, sum(float(path.read_text("ascii")) for path in folder.glob("cpu-*"))


def requests_of(rows: int) -> list[Request]:
    """Requests of 100 words."""
    return [asked_at_length(f"t{number}") for number in range(rows)]


def wave_of(folder: Path, name: str, target: Endpoint, tasks: int) -> WaveContext:
    """A wave whose requests are dealt to so many tasks."""
    dealt = tasks_of([target], tasks, {target.key: 1_000})
    return context(folder, [target], tasks=dealt, journal=str(folder / name), retries=RetryPolicy())


def report_speed(spark: SparkSession, provider: ProviderProcess, folder: Path, rows: int) -> None:
    """Print rows a second and CPU a row, side by side."""
    target = endpoint(provider.base_url, limits=RateLimits(max_in_flight=200))

    def measure(name: str, tasks: int | None) -> None:
        provider.behave(latency_seconds=0.2, answer_words=100)
        if tasks is None:
            command = [sys.executable, "-m", "tests.support.plain_script", provider.base_url, str(rows)]
            seconds = float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        else:
            states, seconds = run_wave(spark, requests_of(rows), wave_of(folder, name, target, tasks))
            assert states == {"answered": rows}, states
        seen = provider.summary()
        rate = rows / (seen["last_ended_at"] - seen["first_at"])
        print(f"{name:<28}{rate:>8.0f} rows/s{seconds / rows * 1000:>8.2f} ms of CPU a row")

    print(f"{rows:,} rows, 200 ms latency, 200 in flight (at most 1,000 rows/s):")
    measure("plain AsyncOpenAI script", None)
    measure("engine, 1 task", 1)
    measure("engine, 2 tasks", 2)


def report_limits(spark: SparkSession, provider: ProviderProcess, folder: Path, rows: int) -> None:
    """Print how well limits are kept and used."""
    sent = requests_of(rows)
    # What the provider will count for one of them; the window fits as many as with the limit on requests.
    tokens = len(sent[0].messages_json) // 4 + 300
    kinds: dict[str, dict[str, Any]] = {"rpm": {"rpm": PER_WINDOW}, "tpm": {"tpm": PER_WINDOW * tokens}}
    print(f"{rows:,} rows, {PER_WINDOW:,} in any {WINDOW:g} s:")
    for kind, limit in kinds.items():
        limits = RateLimits(**limit, max_in_flight=200, window_seconds=WINDOW)
        for tasks in (1, 2, 8):
            provider.behave(latency_seconds=0.2, answer_words=100, window_seconds=WINDOW, **limit)
            target = endpoint(provider.base_url, limits=limits)
            states, _ = run_wave(spark, sent, wave_of(folder, f"{kind}-{tasks}", target, tasks))
            assert states == {"answered": rows}, states
            seen = provider.summary()
            most = seen["most_requests_in_a_window"] if kind == "rpm" else seen["most_tokens_in_a_window"]
            refused = seen["by_what"].get("limited", 0)
            calls = provider.calls()
            got = len(calls) - refused if kind == "rpm" else sum(c.prompt_tokens + c.max_tokens for c in calls)
            used = got / limit[kind] / ((seen["last_at"] - seen["first_at"]) / WINDOW)
            print(
                f"{kind}, {tasks} tasks:{most / limit[kind]:>8.1%} of the limit in the fullest window,{used:>7.1%} used"
                f" from first to last,{refused:>5} refused ({refused / len(calls):.2%})"
            )


def report_faults(spark: SparkSession, provider: ProviderProcess, folder: Path, rows: int) -> None:
    """Print what became of rows and money.

    Raises:
        SystemExit: a row was lost, swapped or paid for twice.
    """
    provider.behave(latency_seconds=0.2, answer_words=100, shares=FAULTS)
    target = endpoint(provider.base_url, limits=RateLimits(max_in_flight=200))
    wave = wave_of(folder, "faults", target, 2)
    states, _ = run_wave(spark, requests_of(rows), wave)
    responses = [record for record in journal_records(wave.journal) if record["kind"] == "response"]
    swapped = sum(f"#{record['request_id']}#" not in (record["text"] or "") for record in responses)
    calls = provider.calls()
    arrived = Counter(call.token for call in calls if call.what in ARRIVED)
    twice = sum(arrived.values()) - len(arrived)
    lost = sum(call.is_paid and call.what not in ARRIVED for call in calls)
    print(f"{rows:,} rows with {', '.join(f'{share:.0%} {what}' for what, share in FAULTS.items())}:")
    print(f"states {dict(states)}, answers stored {len(responses):,}, swapped {swapped}")
    print(f"calls {len(calls):,}, answers that never arrived whole {lost}, paid twice beyond them {twice}")
    if twice or swapped or sum(states.values()) != rows or len(responses) != states["answered"]:
        raise SystemExit("a row was lost, swapped or paid for twice")


def main() -> None:
    """Start Spark and a provider, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=PARTS, action="append", help="a part; default all")
    parser.add_argument("--rows", type=int, default=5_000)
    arguments = parser.parse_args()
    reports = {"speed": report_speed, "limits": report_limits, "faults": report_faults}
    with tempfile.TemporaryDirectory() as name, ProviderProcess() as provider:
        folder = Path(name)
        conf = demo_conf()
        spark = get_session(
            SparkConfig(master="local[8]", driver_memory="2g", shuffle_partitions=4, conf=conf), folder / "log"
        )
        provider.behave()
        run_wave(spark, requests_of(16), wave_of(folder, "warm", endpoint(provider.base_url), 8))
        for part in arguments.only or PARTS:
            reports[part](spark, provider, folder, arguments.rows)
        spark.stop()


if __name__ == "__main__":
    main()
