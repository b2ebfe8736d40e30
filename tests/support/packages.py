"""Small packages without Spark: rows written by the code that writes real ones, and a manifest to match."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jobs.config.settings import PackageConfig
from jobs.publish.content import Content, write_content
from jobs.publish.folder import KIND, MANIFEST
from jobs.publish.package import CARD
from schemas.manifest import SEAL_KEY, sealed


def packable(number: int, split: str = "train", **changed: Any) -> dict[str, Any]:
    """A row unlike every other."""
    words = " ".join(f"w{number}x{place}" for place in range(12))
    row = {
        "example_id": f"e{number:04d}",
        "pair_id": f"p{number:04d}",
        "split": split,
        "instruction": f"Explain {words}.",
        "response": f"It is {words[::-1]}.",
        "system": None,
        "source": "alpaca",
        "origin": "alpaca",
        "licence": "Apache-2.0",
        "language": "en",
        "category": "general",
        "teacher": "public",
        "scorer": "heuristic",
        "quality_tenths": 85,
        "is_bare": True,
        "history": [],
    }
    assert not set(changed) - set(row), changed
    return {**row, **changed}


def write_package(folder: Path, rows: Sequence[Mapping[str, Any]], **options: Any) -> Path:
    """A package with these rows, in this order, and nothing that a run would say but what is checked."""
    config = PackageConfig(**options)
    expected: dict[tuple[str, str], int] = {}
    for name in ("default", "messages") if config.messages else ("default",):
        for row in rows:
            if name == "messages" or row["is_bare"]:
                expected[name, row["split"]] = expected.get((name, row["split"]), 0) + 1
    folder.mkdir(parents=True)
    write_manifest(folder, write_content(rows, folder, config, expected), config)
    return folder


def write_manifest(folder: Path, content: Content, config: PackageConfig) -> None:
    """What verification reads of the manifest of a package, and a card."""
    (folder / CARD).write_text("# A package\n")
    splits: dict[str, dict[str, int]] = {}
    for facts in content.files.values():
        if facts.get("format") == min(config.formats):
            of_config = splits.setdefault(facts["config"], {})
            of_config[facts["split"]] = of_config.get(facts["split"], 0) + facts["rows"]
    manifest = {
        "kind": KIND,
        "files": {**content.files, CARD: {}},
        "splits": splits,
        "split": {"jaccard": config.split_jaccard},
        "scorer": {"kind": "heuristic", "name": "heuristic"},
        "teachers": ["public"],
        "teacher_kinds": {"public": "public"},
        "targets": {"min_rows": 1},
        "made_from": {"run_id": "run-7"},
    }
    (folder / MANIFEST).write_text(json.dumps(manifest))
    renew(folder)


def renew(folder: Path, **changed: Any) -> None:
    """Make the manifest that of the files as they are now."""
    manifest = json.loads((folder / MANIFEST).read_text())
    for name, facts in manifest["files"].items():
        if (folder / name).is_file():
            content = (folder / name).read_bytes()
            facts |= {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
    write_sealed(folder, {**manifest, **changed})


def write_sealed(folder: Path, manifest: Mapping[str, Any]) -> None:
    """Write a manifest that says what it likes, with a seal that is right."""
    content = {name: value for name, value in manifest.items() if name != SEAL_KEY}
    (folder / MANIFEST).write_text(json.dumps(sealed(content)))
