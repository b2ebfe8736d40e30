"""A workspace that is ready to pay: prompts with tokens, teachers and a judge of the provider on the loopback."""

import json
import random
import shutil
from collections.abc import Callable, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import yaml

from jobs.pipeline import stages_between
from jobs.run.leased import leased
from jobs.run.run_stages import run_stages
from jobs.workspace.runtime import Runtime
from schemas.calls import ATTEMPTS
from tests.support.demo import open_quietly
from tests.support.provider_process import ProviderProcess

# 2.5 and 10 dollars per million tokens, as the tests of the engine.
PRICES = {"input": 2.5, "output": 10}
MODELS = ("model-a", "model-b", "judge-1")
WORDS = [f"{first}{second}" for first in "bdfgklmnprst" for second in ("ave", "ine", "oll", "urd", "ent", "ack")]


def prompts(count: int, start: int = 0, response: str = "") -> list[dict[str, str]]:
    """Alpaca records whose instructions hold a token each and share no three words in a row."""
    return [
        {"instruction": f"Explain #t{number}# {_words(number)} in your own words.", "input": "", "output": response}
        for number in range(start, start + count)
    ]


def own_response(number: int) -> str:
    """A response of the source, different for each prompt."""
    return f"The source says {_words(10_000 + number)} about this, which is enough to go on with."


def _words(seed: int) -> str:
    return " ".join(random.Random(seed).sample(WORDS, 8))


def write_config(folder: Path, provider: ProviderProcess, records: Sequence[dict[str, str]], **sections: Any) -> Path:
    """A configuration with two teachers and a judge; sections replace the defaults."""
    (folder / "prompts.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))
    config: dict[str, Any] = {
        "workspace": str(folder / "workspace"),
        "sources": [
            {"name": "ours", "path": "prompts.jsonl", "format": "alpaca", "licence": "MIT", "category": "general"}
            | {"language": "en"}
        ],
        "providers": {
            "test": {
                "base_url": provider.base_url,
                "models": {name: {"prices": PRICES} for name in MODELS},
            }
        },
        "distill": {
            "when": "always",
            "teachers": [
                {"name": "a", "kind": "model", "provider": "test", "model": "model-a", "max_tokens": 100}
                | {"fallbacks": ["b"]},
                {"name": "b", "kind": "model", "provider": "test", "model": "model-b", "max_tokens": 100},
            ],
        },
        "score": {"kind": "judge", "provider": "test", "model": "judge-1"},
        "budget": {"run_usd": 10},
        "calls": {"max_wait_seconds": 5, "lease_seconds": 4, "grace_seconds": 2},
    }
    config.update(sections)
    file = folder / "paid.yaml"
    file.write_text(yaml.safe_dump(config))
    return file


def open_paid(config: Path, *overrides: str) -> Runtime:
    """A runtime for it."""
    return open_quietly(config, *overrides)


def prepare(folder: Path, provider: ProviderProcess, records: Sequence[dict[str, str]]) -> Path:
    """Run records as far as the first deduplication, which no model and no teacher has a part in."""
    run_stages(open_paid(write_config(folder, provider, records)), stages_between(None, "deduplicate-prompts"))
    return folder


def copy_prepared(prepared: Path, folder: Path, **sections: Any) -> Path:
    """Copy a prepared workspace and its configuration, sections of which may be replaced; its file."""
    shutil.copytree(prepared, folder)
    config = folder / "paid.yaml"
    data = {**yaml.safe_load(config.read_text()), "workspace": str(folder / "workspace"), **sections}
    config.write_text(yaml.safe_dump(data))
    return config


def opener(config: Path) -> Callable[..., Runtime]:
    """How to open a workspace with overrides, and with sections of its configuration replaced for good."""

    def open_with(*overrides: str, **sections: Any) -> Runtime:
        config.write_text(yaml.safe_dump({**yaml.safe_load(config.read_text()), **sections}))
        return open_paid(config, *overrides)

    return open_with


def pay(runtime: Runtime, first: str = "distill", last: str = "distill") -> None:
    """Run stages as the pipeline does, without their expectations and whether or not they are up to date."""
    with leased(runtime) as owner:
        for stage in stages_between(first, last):
            stage.run(owner)


def ledger_usd(runtime: Runtime) -> Decimal:
    """What the ledger says, added up here."""
    costs = [row["cost_usd"] for row in runtime.read(ATTEMPTS).select("cost_usd").collect()]
    return sum(costs, Decimal(0))


def provider_usd(provider: ProviderProcess) -> Decimal:
    """What the provider would bill, to the last digit."""
    million = Decimal(1_000_000)
    total = Decimal(0)
    for call in provider.calls():
        if call.is_paid:
            answer = call.paid_tokens - call.prompt_tokens
            total += (Decimal("2.5") * call.prompt_tokens + Decimal(10) * answer) / million
    return total
