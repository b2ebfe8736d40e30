"""The exported record and its categories."""

from typing import Literal, get_args

Category = Literal["general", "code", "reasoning", "creative", "other"]

CATEGORIES: tuple[str, ...] = get_args(Category)

EXPORT_FIELDS = ("instruction", "response", "source", "quality_score", "category")
"""Keys of a line of the JSONL, in order; the first two are required by the format, ours has all five."""

MIN_SCORE, MAX_SCORE = 1, 10


PROVENANCE_FILE = "provenance.parquet"


REASONS = (
    "rejected_by_reviewer",
    "low_score",
    "needs_system",
    "needs_history",
    "worse_sample",
    "alike_over_quota",
    "source_over_quota",
    "over_quota",
)
"""Why a scored pair is not selected."""
