"""Verify a package: every file, every row of every format, and that validation is not in train.

The bare rows are held against the same thresholds as a single JSONL. Nothing of the pipeline is used: what a row, a
conversation and a shingle are is said here and in the modules beside.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import xxhash

from jobs import verify_checks as checks
from jobs.verify_checks import Check, Verification
from jobs.verify_lines import MalformedLineError, Places, row_of
from jobs.verify_measures import LISTED_MALFORMED, Malformed, Measuring
from jobs.verify_messages import conversation_of
from jobs.verify_shards import PackageManifest, file_faults, read_package, read_records
from jobs.verify_split import SplitMeasures, SplitTexts
from jobs.verify_thresholds import resolve_thresholds

Step = Callable[[str], None]


def verify_package(folder: Path, given: Mapping[str, float | None] | None = None, step: Step | None = None) -> Verification:
    """Check a package against its manifest, its targets and the given thresholds.

    Args:
        folder: of the package.
        given: as for `jobs.verify.verify_file`; for the bare rows of all splits together.
        step: told now and then what is being done.

    Raises:
        ConfigError: the folder is no package, a file cannot be read, or a threshold is out of range.
    """
    given, step = given or {}, step or (lambda text: None)
    manifest = read_package(folder)
    wanted = resolve_thresholds(manifest, given)
    step("comparing files")
    faults = list(file_faults(folder, manifest))
    reading = _Reading(folder, manifest, faults, step)
    measuring = Measuring(wanted.min_score)
    texts = SplitTexts(measuring.sets)
    for record, split in reading.records("default"):
        try:
            row = row_of(_sound(record))
        except MalformedLineError as error:
            measuring.add_malformed(str(error))
        else:
            measuring.add(row)
            texts.add(reading.lines, split, row.instruction, row.instruction, None)
    step("looking for near-duplicates")
    measures = measuring.summed_up(wanted.jaccard)
    chats, malformed, first_malformed = 0, 0, []
    for record, split in reading.records("messages"):
        chats += 1
        try:
            chat = conversation_of(_sound(record))
        except MalformedLineError as error:
            malformed += 1
            if malformed <= LISTED_MALFORMED:
                first_malformed.append(Malformed(reading.lines, str(error)))
        else:
            texts.add(reading.lines, split, chat.opening, chat.prompt, chat.pair)
    ...
