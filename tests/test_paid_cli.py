"""A paid run from the command line, with a key: to its end, and the key is nowhere."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from jobs.load_settings import load_settings
from tests.paid import MODELS, PRICES, prompts, write_config

ROOT = Path(__file__).resolve().parents[1]
KEY = "sk-test-0123456789abcdefghij"  # no word that Spark itself would redact


@pytest.fixture
def config(provider, tmp_path):
    provider.behave(key=KEY, models=list(MODELS), answer_words=12, shares={"500": 0.1, "429": 0.1})
    test = {
        "base_url": provider.base_url,
        "api_key_env": "PHASE0_TEST_KEY",
        "models": {name: {"prices": PRICES} for name in MODELS},
    }
    events = tmp_path / "events"
    events.mkdir()
    log = {"enabled": "true", "dir": events.as_uri(), "compress": "false"}
    conf = {**load_settings("demo").spark.conf, **{f"spark.eventLog.{name}": value for name, value in log.items()}}
    spark = {"master": "local[2]", "driver_memory": "1g", "shuffle_partitions": 2, "conf": conf}
    return write_config(tmp_path, provider, prompts(20), providers={"test": test}, spark=spark)


def phase0(config, *arguments):
    command = [sys.executable, "-m", "jobs.cli", *arguments, "--config", str(config)]
    environment = {**os.environ, "PHASE0_TEST_KEY": KEY, "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, cwd=config.parent, env=environment, capture_output=True, text=True, timeout=600)


def test_a_key_is_used_and_is_nowhere_to_be_found(spark, config, provider, tmp_path):
    done = phase0(config, "run", "--yes")

    assert done.returncode == 0, done.stdout + done.stderr
    assert {call.what for call in provider.calls()} <= {"ok", "500", "429"}
    assert len((tmp_path / "workspace" / "output" / "dataset.jsonl").read_text().splitlines()) == 20
    events = tmp_path / "events"
    while list(events.rglob("*.inprogress")):  # the JVM ends a little later than the command
        time.sleep(0.1)
    (log,) = (path for path in events.rglob("events_*") if path.is_file())
    assert b"spark.app.name" in log.read_bytes(), "Spark wrote its events, to be read"
    holders = [path for path in tmp_path.rglob("*") if path.is_file() and KEY.encode() in path.read_bytes()]
    assert holders == []
    for table in (tmp_path / "workspace" / "tables").iterdir():  # whose files are compressed
        assert KEY not in str(spark.read.format("delta").load(str(table)).collect())
    assert KEY not in done.stdout + done.stderr
    status = phase0(config, "status")
    assert KEY not in status.stdout + status.stderr
    assert "of $10.00" in status.stdout
