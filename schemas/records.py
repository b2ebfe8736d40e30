"""The exported record and its categories."""

from typing import Literal, get_args

Category = Literal["general", "code", "reasoning", "creative", "other"]

CATEGORIES: tuple[str, ...] = get_args(Category)

EXPORT_FIELDS = ("instruction", "response", "source", "quality_score", "category")
"""Keys of a line of the JSONL, in order; the first two are required by the format, ours has all five."""

MIN_SCORE, MAX_SCORE = 1, 10
