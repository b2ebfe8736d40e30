"""A paid run from the command line, with a key: to its end, and the key is nowhere."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from jobs.load_settings import load_settings
from tests.paid import MODELS, PRICES, prompts, write_config

ROOT = Path(__file__).resolve().parents[1]
KEY = "sk-test-0123456789abcdefSECRET"


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
    conf = {**load_settings("demo").spark.conf, "spark.eventLog.enabled": "true", "spark.eventLog.dir": events.as_uri()}
    spark = {"master": "local[2]", "driver_memory": "1g", "shuffle_partitions": 2, "conf": conf}
    return write_config(tmp_path, provider, prompts(20), providers={"test": test}, spark=spark)


def phase0(config, *arguments):
    command = [sys.executable, "-m", "jobs.cli", *arguments, "--config", str(config)]
    environment = {**os.environ, "PHASE0_TEST_KEY": KEY, "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, cwd=config.parent, env=environment, capture_output=True, text=True, timeout=600)


def test_a_key_is_used_and_is_nowhere_to_be_found(config, provider, tmp_path):
    done = phase0(config, "run", "--yes")

    assert done.returncode == 0, done.stdout + done.stderr
    assert {call.what for call in provider.calls()} <= {"ok", "500", "429"}
    assert len((tmp_path / "workspace" / "output" / "dataset.jsonl").read_text().splitlines()) == 20
    events = [path for path in (tmp_path / "events").rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in events) > 10_000, "Spark wrote its events"
    holders = [path for path in tmp_path.rglob("*") if path.is_file() and KEY.encode() in path.read_bytes()]
    assert holders == []
    assert KEY not in done.stdout + done.stderr
    status = phase0(config, "status")
    assert KEY not in status.stdout + status.stderr
    assert "of $10.00" in status.stdout
