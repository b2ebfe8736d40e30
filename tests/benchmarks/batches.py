"""120,000 requests by batch, on the loopback: files, time, memory of the driver, cost against online.

`python -m tests.benchmarks.batches` runs 12,000 and 120,000 requests of 100 words, each in a process of its own with a
JVM of 1 GB, and prints what they took. The provider runs on the same machine and holds all files in its memory.
"""

import json
import re
import subprocess
import sys
import time
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory

from pyspark.sql import functions as F

from jobs.ledger.batch_table import batches_of
from schemas.calls import ATTEMPTS, REQUESTS, RESPONSES
from tests.support.batch_provider_process import BatchProviderProcess
from tests.support.batch_runs import FakeClock, batch_endpoint, open_workspace, run
from udfs.llm.cost import Usage, cost_of

_WORDS = " ".join(f"word{number}" for number in range(99))
_ROOM = 300


def measure(rows: int) -> dict[str, object]:
    """Ask so many requests and say what it took."""
    with TemporaryDirectory() as folder, BatchProviderProcess() as provider:
        provider.behave(answer_words=100, looks=2)
        # The memory of a small laptop: what grew with the rows would not fit.
        runtime = open_workspace(Path(folder) / "workspace", "spark.driver_memory=1g", "spark.shuffle_partitions=8")
        spark = runtime.spark
        token = F.concat(F.lit("t"), F.lpad(F.col("id").cast("string"), 7, "0"))
        content = F.concat(F.lit("#"), token, F.lit(f"# {_WORDS}"))
        messages = F.concat(F.lit('[{"role":"user","content":"'), content, F.lit('"}]'))
        made = spark.range(rows).select(
            token.alias("request_id"),
            F.lit("test").alias("provider"),
            F.lit("m").alias("model"),
            messages.alias("messages_json"),
            F.lit(_ROOM).alias("max_tokens"),
            F.lit(_ROOM).alias("max_tokens_cap"),
            F.lit(None).cast("double").alias("temperature"),
            F.lit(None).cast("string").alias("schema_json"),
            F.lit(0).alias("sample"),
            F.lit(0).alias("ask"),
            (F.octet_length(messages) + 32).cast("long").alias("prompt_tokens_bound"),
        )
        runtime.replace(REQUESTS, made)
        before, started = _memory_mb(), time.monotonic()
        to = batch_endpoint(provider.base_url)
        ended = run(runtime, to, clock=FakeClock())
        seconds = time.monotonic() - started
        attempts, seen = runtime.read(ATTEMPTS), provider.summary()
        online = _online_cost(attempts, to.prices)
        spent = attempts.agg(F.sum("cost_usd")).first()[0]
        answered = runtime.read(RESPONSES).where("status = 'answered'").count()
        swapped = runtime.read(RESPONSES).where(~F.contains("text", F.concat(F.lit("#"), "request_id"))).count()
        assert not ended.faults and answered == rows and swapped == 0 and seen["paid_twice"] == []
        assert spent * 2 == online
        files = sorted(size for name, size in seen["files"].values() if name.endswith(".jsonl"))
        return {
            "requests": rows,
            "files": [f"{size / 1e6:.1f} MB" for size in files],
            "seconds": round(seconds),
            "python_mb_before": before,
            "python_mb_most": _memory_mb(),
            "jvm_heap_mb_most": _heap_mb(spark),
            "cost_usd": str(spent),
            "online_usd": str(online),
            "batches": len(batches_of(runtime)),
        }


def _online_cost(attempts, prices) -> Decimal:
    sums = attempts.groupBy("prompt_tokens", "cached_tokens", "completion_tokens").count().collect()
    return sum(
        (row["count"] * cost_of(Usage(row[0], row[2], row[1]), prices) for row in sums),
        Decimal(0),
    )


def _memory_mb() -> int:
    """The most that this Python process has used."""
    found = re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text("ascii"))
    return int(found[1]) // 1024 if found else 0


def _heap_mb(spark) -> int:
    """The most that each part of the JVM's heap has used, together."""
    factory = spark._jvm.java.lang.management.ManagementFactory
    pools = [pool for pool in factory.getMemoryPoolMXBeans() if str(pool.getType()) == "Heap memory"]
    return sum(pool.getPeakUsage().getUsed() for pool in pools) // 2**20


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(json.dumps(measure(int(sys.argv[1]))))
    else:
        for rows in (12_000, 120_000):
            command = [sys.executable, "-m", "tests.benchmarks.batches", str(rows)]
            print(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()[-1])
