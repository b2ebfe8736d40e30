"""`phase0 package`: a finished run as a folder to hand on, split, sharded and described.

Needs no Spark where the tables lie in a folder. The rows are held as Arrow and their shingles beside them, about three
times the size of the data set, and stream into the files a batch at a time. Every file depends on the tables, the
configuration and the versions alone. The folder is local: a package is made to be copied, or pushed, from the machine
where it lies.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from jobs.config.paths import from_home
from jobs.config.settings import Settings
from jobs.publish.card import render_package_card
from jobs.publish.content import write_content
from jobs.publish.folder import MANIFEST, new_folder, require_own
from jobs.publish.manifest import build_package_manifest
from jobs.publish.rows import is_conversation, packable_rows
from jobs.publish.source import Source, require_exported
from jobs.publish.split import TRAIN, VALIDATION, Split, split_rows
from jobs.workspace.runtime import Runtime
from schemas.errors import ConfigError, DataRefusedError
from schemas.manifest import sealed

CARD = "README.md"
_BATCH_ROWS = 1_000


def package_folder(settings: Settings, output: Path | None) -> Path:
    """Where the package goes.

    Raises:
        ConfigError: the workspace is no local folder and no other is named, or the folder holds something else.
    """
    if output is None and "://" in settings.workspace:
        raise ConfigError(f"a package is a local folder, unlike {settings.workspace}; name one with --output")
    target = Path(from_home(str(output or Path(settings.workspace) / "package"))).absolute()
    require_own(target)
    return target


def build_package(runtime: Runtime, source: Source, target: Path) -> None:
    """Write the whole package, in place of an older one.

    Raises:
        ConfigError: the tables are newer than the export, the folder holds something else, or the validation split
            takes all rows.
        DataRefusedError: nothing was selected.
    """
    require_exported(runtime, source)
    with new_folder(target) as folder, runtime.progress.stage("package", "split, shard and describe the data set"):
        manifest = _write_package(runtime, source, folder)
    rows = sum(manifest["counts"]["category"].values())
    runtime.progress.line(f"{rows:>9,} rows in {len(manifest['files']):,} files")


def _write_package(runtime: Runtime, source: Source, folder: Path) -> dict[str, Any]:
    config = runtime.settings.package
    found = packable_rows(runtime)
    is_bare = found["reason"].is_null().to_numpy()
    if not is_bare.any():
        raise DataRefusedError("nothing was selected, so there is nothing to pack; `phase0 status` says why")
    talks = map(is_conversation, found["history"].to_pylist(), found["system"].to_pylist())
    fits = is_bare | np.fromiter(talks, dtype=np.bool_, count=found.num_rows)
    needs, misfits = Counter(found["reason"].filter(fits & ~is_bare).to_pylist()), int(np.count_nonzero(~fits))
    rows, is_bare = found.filter(fits), is_bare[fits]
    runtime.progress.step("keeping near-duplicates together")
    split = split_rows(rows, config.validation, config.split_jaccard)
    runtime.progress.step("writing")
    wanted = np.ones(rows.num_rows, dtype=np.bool_) if config.messages else is_bare
    sides = ((TRAIN, ~split.is_validation), (VALIDATION, split.is_validation))
    packed = (row for name, side in sides for row in _rows(rows.filter(side & wanted), name))
    content = write_content(packed, folder, config, _expected(split, is_bare, config.messages))
    manifest = build_package_manifest(config, source, content, split.facts, dict(sorted(needs.items())), misfits)
    card = render_package_card(runtime.settings, manifest).encode("utf-8")
    (folder / CARD).write_bytes(card)
    manifest["files"][CARD] = {"bytes": len(card), "sha256": hashlib.sha256(card).hexdigest()}
    (folder / MANIFEST).write_bytes((json.dumps(sealed(manifest), indent=2, ensure_ascii=False) + "\n").encode("utf-8"))
    return manifest


def _rows(side: pa.Table, split: str) -> Iterator[dict[str, Any]]:
    for batch in side.to_batches(_BATCH_ROWS):
        for row in batch.to_pylist():
            yield {**row, "split": split, "is_bare": row["reason"] is None}


def _expected(split: Split, is_bare: npt.NDArray[np.bool_], messages: bool) -> dict[tuple[str, str], int]:
    """Configuration and split -> rows, for those that have any, train first."""
    sides = {TRAIN: ~split.is_validation, VALIDATION: split.is_validation}
    of_config = {"default": is_bare} | ({"messages": np.ones_like(is_bare)} if messages else {})
    counts = {
        (config, name): int(np.count_nonzero(side & has))
        for config, has in of_config.items()
        for name, side in sides.items()
    }
    return {key: rows for key, rows in counts.items() if rows}
