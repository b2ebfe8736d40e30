"""Tables of paid calls for tests: one complete default row each, a test states only what differs."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import yaml

from jobs.workspace.runtime import Runtime
from jobs.workspace.storage import Storage
from schemas.calls import ATTEMPTS, JUDGEMENTS, REQUESTS, RESPONSES
from schemas.tables import ASSIGNMENTS, Table
from tests.support.demo import open_quietly

AT = datetime(2026, 7, 1, 12, 0, tzinfo=timezone.utc)
_DEFAULTS: dict[Table, dict[str, Any]] = {
    REQUESTS: {
        "provider": "test",
        "model": "model-a",
        "messages_json": "[]",
        "max_tokens": 100,
        "max_tokens_cap": 200,
        "sample": 0,
        "ask": 0,
        "prompt_tokens_bound": 50,
    },
    ATTEMPTS: {
        "stage": "distill",
        "attempt_no": 1,
        "provider": "test",
        "model": "model-a",
        "mode": "online",
        "sent_at": AT,
        "latency_ms": 200,
        "status": "answered",
        "max_tokens": 100,
        "prompt_tokens": 10,
        "cached_tokens": 0,
        "completion_tokens": 30,
        "cost_usd": Decimal("0.10"),
        "cost_basis": "usage",
    },
    RESPONSES: {"provider": "test", "model": "model-a", "answered_at": AT, "status": "answered", "text": "Seven."},
    ASSIGNMENTS: {"stage": "distill", "sample": 0, "requested_teacher": "a", "actual_teacher": "a"},
    JUDGEMENTS: {"ask": 0},
}


NOWHERE = "http://127.0.0.1:9/v1"
MODELS = ("model-a", "model-b", "judge")


def paid_config(folder: Path, base_url: str = NOWHERE, price: float = 2.5, **sections: Any) -> Path:
    """Two teachers and a judge of one provider."""
    model = {"kind": "model", "provider": "test"}
    config = {
        "workspace": str(folder / "workspace"),
        "sources": [{"name": "ours", "path": "p.jsonl", "licence": "MIT"}],
        "providers": {
            "test": {
                "base_url": base_url,
                "models": {name: {"prices": {"input": price, "output": 4 * price}} for name in MODELS},
            }
        },
        "distill": {
            "when": "always",
            "teachers": [{"name": "a", "model": "model-a"} | model, {"name": "b", "model": "model-b"} | model],
        },
        "score": {"kind": "judge", "provider": "test", "model": "judge"},
        "budget": {"run_usd": 5, "score_usd": 1},
        **sections,
    }
    if not (folder / "p.jsonl").exists():  # a touch would be a change
        (folder / "p.jsonl").touch()
    path = folder / "paid.yaml"
    path.write_text(yaml.safe_dump(config))
    return path


def write_tables(runtime: Runtime, tables: Mapping[Table, Sequence[Mapping[str, Any]]]) -> None:
    """Write tables of such rows; what neither the row nor the default names is null."""
    for table, rows in tables.items():
        names = table.schema.fieldNames()
        full = [{**_DEFAULTS[table], **row} for row in rows]
        assert not {name for row in full for name in row} - set(names)
        values = [tuple(row.get(name) for name in names) for row in full]
        runtime.replace(table, runtime.spark.createDataFrame(values, table.schema))


def store_paid(storage: Storage, tables: Mapping[Table, Sequence[Mapping[str, Any]]]) -> None:
    """Write such rows without Spark, into tables that do not exist yet."""
    for table, rows in tables.items():
        nothing = dict.fromkeys(table.schema.fieldNames())
        storage.append_rows(table, [{**nothing, **_DEFAULTS[table], **row} for row in rows])


def paid_workspace(folder: Path, **sections: Any) -> Runtime:
    """A workspace whose ledger has some of everything.

    Of teacher a: two requests answered (one after a refused call), one truncated, one pending after a lost call; of b
    one pending; of the judge one answered; and a call of a model that is asked no longer.
    """
    runtime = open_quietly(paid_config(folder, **sections))
    b, judge = {"model": "model-b"}, {"model": "judge"}
    write_tables(
        runtime,
        {
            ASSIGNMENTS: [
                *({"example_id": f"e{number}", "request_id": f"a{number}"} for number in (1, 2, 3, 4)),
                {"example_id": "e5", "request_id": "a1"},  # asks what e1 asks
                {"example_id": "e6", "request_id": "b1", "requested_teacher": "b", "actual_teacher": "b"},
                {"example_id": "e7", "requested_teacher": "public", "actual_teacher": "public"},
            ],
            JUDGEMENTS: [{"pair_id": "p1", "request_id": "j1"}],
            REQUESTS: [
                *({"request_id": f"a{number}"} for number in (1, 2, 3, 4)),
                {"request_id": "b1", **b},
                {"request_id": "j1", **judge},
                {"request_id": "old", "model": "gone"},
            ],
            ATTEMPTS: [
                {"attempt_id": "1", "request_id": "a1"},
                {"attempt_id": "2", "request_id": "a2", "status": "rate_limited", "cost_usd": Decimal(0)}
                | {"prompt_tokens": None, "cached_tokens": None, "completion_tokens": None, "cost_basis": "none"},
                {"attempt_id": "3", "request_id": "a2", "attempt_no": 2, "cached_tokens": 4},
                {"attempt_id": "4", "request_id": "a3", "status": "truncated", "cost_usd": Decimal("0.30")},
                {"attempt_id": "5", "request_id": "a4", "status": "lost", "cost_usd": Decimal("0.50")}
                | {"prompt_tokens": None, "cached_tokens": None, "completion_tokens": None, "cost_basis": "assumed"},
                {"attempt_id": "6", "request_id": "j1", "stage": "score", "cost_usd": Decimal("0.05"), **judge}
                | {"mode": "batch", "batch_id": "batch_0"},
                {"attempt_id": "7", "request_id": "old", "model": "gone", "cost_usd": Decimal("0.01")},
            ],
            RESPONSES: [
                {"request_id": "a1"},
                {"request_id": "a2"},
                {"request_id": "a3", "status": "truncated"},
                {"request_id": "j1", **judge},
                {"request_id": "old", "model": "gone"},
            ],
        },
    )
    return runtime
