"""Train and validation: near-duplicates and turns of one conversation go to the same side.

Rows that resemble each other are joined into connected components, and whole components are drawn for validation,
category by category, in the order of a hash of their smallest example_id.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import xxhash

from jobs.curation.quotas import category_quotas
from schemas.errors import ConfigError
from udfs.components import components_of
from udfs.exact_join import ShingleSets, resembling_rows, similar_rows
from udfs.shingles import shingle_texts

TRAIN, VALIDATION = "train", "validation"
LOOKED_BELOW = 0.1
"""Of pairs across the split the most similar is told where it comes this near to the threshold."""
LARGEST_PART = 10
"""A component with more than a tenth of the rows that its category gives to validation goes to train."""
# The order of the draw is that of Spark's `xxhash64('validation', example_id)`.
_DRAW_SEED = xxhash.xxh64_intdigest(VALIDATION.encode("utf-8"), seed=42)
_BATCH_ROWS = 1_000

Stratum = tuple[str, bool]
"""A category, and whether its rows are bare."""
Components = npt.NDArray[np.integer]
"""The smallest row that each row is connected with."""


@dataclass(frozen=True)
class Split:
    """Which row goes where, and how that came about."""

    is_validation: npt.NDArray[np.bool_]
    """One value a row."""
    facts: Mapping[str, Any]
    """For the manifest; empty where no validation split is wanted."""


def split_rows(rows: pa.Table, validation: float, jaccard: float) -> Split:
    """Draw the validation split.

    Args:
        rows: as `jobs.publish.rows.packable_rows` gives them.
        validation: below 1 a share of the bare rows, from 1 on their number; 0 for none.
        jaccard: similarity of prompts or pairs from which on rows stay together.

    Raises:
        ConfigError: validation would take all rows.
    """
    if not validation:
        return Split(np.zeros(rows.num_rows, dtype=np.bool_), {})
    is_bare = rows["reason"].is_null().to_pylist()
    strata = list(zip(rows["category"].to_pylist(), is_bare, strict=True))
    quotas = validation_quotas(Counter(strata), validation)
    texts = Texts()
    for batch in rows.to_batches(_BATCH_ROWS):
        texts.add(batch.to_pylist())
    component = components_of(texts.links(jaccard), rows.num_rows)
    is_validation = np.isin(component, draw_components(component, strata, quotas, rows["example_id"].to_pylist()))
    least = round(jaccard - LOOKED_BELOW, 6)
    facts = {
        "jaccard": jaccard,
        **_groups(component),
        "looked_down_to": least,
        "largest_jaccard_across": texts.largest_across(is_validation, least),
        "validation_wanted": {category: quota for (category, bare), quota in quotas.items() if bare},
    }
    return Split(is_validation, facts)


def validation_quotas(supply: Mapping[Stratum, int], validation: float) -> dict[Stratum, int]:
    """Rows that each stratum gives to validation, in proportion to what it has.

    The number counts bare rows. The others, which only the chat messages have, give the same share on top, so that the
    bare rows are split the same whether messages are asked for or not.

    Raises:
        ConfigError: validation would take all rows.
    """
    bare = sum(count for (_, is_bare), count in supply.items() if is_bare)
    wanted = int(validation) if validation >= 1 else max(1, round(validation * bare))
    if wanted >= bare:
        raise ConfigError(
            f"package.validation={validation:g} takes {wanted:,} of {bare:,} rows and leaves none to train on; "
            "give a share such as 0.02, or a smaller number"
        )
    quotas = {}
    for is_bare in (True, False):
        part = {category: count for (category, of_bare), count in sorted(supply.items()) if of_bare is is_bare}
        rows = wanted if is_bare else round(wanted / bare * sum(part.values()))
        for category, quota in category_quotas(part, rows, part, "leave").items():
            quotas[category, is_bare] = quota
    return quotas


class Texts:
    """What two rows are compared by: how their conversation opens, their prompts and their pairs."""

    def __init__(self) -> None:
        self._first_with = dict[int, int]()  # hash of an opening -> the first row that has it
        self._opens_like: list[int] = []
        self._prompts = ShingleSets()
        self._pairs = ShingleSets()

    def add(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Take the next rows, with their history, instruction and response."""
        for row in rows:
            opening = next((turn["content"] for turn in row["history"] if turn["role"] == "user"), row["instruction"])
            key = xxhash.xxh3_64_intdigest(opening.encode("utf-8"))
            self._opens_like.append(self._first_with.setdefault(key, len(self._opens_like)))
        prompts = ["\n".join([*(turn["content"] for turn in row["history"]), row["instruction"]]) for row in rows]
        pairs = [f"{prompt}\n{row['response']}" for prompt, row in zip(prompts, rows, strict=True)]
        for sets, texts in ((self._prompts, prompts), (self._pairs, pairs)):
            shingles, bounds = shingle_texts(texts)
            for place, text in enumerate(texts):
                sets.append(shingles[bounds[place] : bounds[place + 1]], text)

    def links(self, jaccard: float) -> Iterator[tuple[npt.NDArray[np.integer], npt.NDArray[np.integer]]]:
        """Enough pairs of rows to connect all that give each other away, exactly."""
        yield np.array(self._opens_like, dtype=np.int64), np.arange(len(self._opens_like))
        for sets in (self._prompts, self._pairs):
            yield from similar_rows(sets, jaccard)

    def largest_across(self, is_validation: npt.NDArray[np.bool_], least: float) -> float | None:
        """The largest similarity of a row of validation and one of train; null where none is at least `least`."""
        found = (
            similarity
            for sets in (self._prompts, self._pairs)
            for _, _, similarity in resembling_rows(sets, is_validation, least)
        )
        return max(found, default=None)


def draw_components(
    component: Components, strata: Sequence[Stratum], quotas: Mapping[Stratum, int], example_ids: Sequence[str]
) -> list[int]:
    """The components that go to validation.

    A component belongs to the category of its first bare row, and counts its bare rows; one without bare rows to that
    of its first row. Components are taken in the order of a hash until the next would exceed the quota.

    Args:
        component: of each row.
        strata: of each row.
        quotas: rows to take of each stratum.
        example_ids: of each row.
    """
    sizes, stratum_of = Counter[int](), dict[int, Stratum]()
    for number, stratum in zip(component.tolist(), strata, strict=True):
        known = stratum_of.setdefault(number, stratum)
        if stratum[1] and not known[1]:  # its first bare row
            stratum_of[number], sizes[number] = stratum, 0
        sizes[number] += stratum[1] or not stratum_of[number][1]
    drawn, taken = [], Counter[Stratum]()
    # The component's own name would favour large ones: the smallest id of many is small.
    for number in sorted(sizes, key=lambda number: (_draw(example_ids[number]), number)):
        stratum = stratum_of[number]
        if sizes[number] > max(1, quotas[stratum] // LARGEST_PART):
            continue
        taken[stratum] += sizes[number]
        if taken[stratum] <= quotas[stratum]:
            drawn.append(number)
    return drawn


def _draw(example_id: str) -> int:
    unsigned = xxhash.xxh64_intdigest(example_id.encode("utf-8"), seed=_DRAW_SEED)
    return unsigned - 2**64 if unsigned >= 2**63 else unsigned


def _groups(component: Components) -> dict[str, int]:
    sizes = np.unique(component, return_counts=True)[1]
    groups = sizes[sizes > 1]
    return {
        "groups": int(groups.size),
        "rows_in_groups": int(groups.sum()),
        "largest_group": int(sizes.max(initial=1)),
    }
