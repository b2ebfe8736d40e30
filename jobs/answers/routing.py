"""Routing of prompts to teachers: the weights of each category, who is asked, and which shares to expect."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql.types import StringType, StructField, StructType

from jobs.config.teachers import DistillConfig
from schemas.records import CATEGORIES
from udfs.llm.routing import choose_teacher

Weights = Mapping[str, Mapping[str, float]]
SHARE_TOLERANCE = 0.01
"""How far the expected share of a teacher may be from the wanted one before the plan warns."""

_ROUTE = StructType([StructField("requested_teacher", StringType()), StructField("actual_teacher", StringType())])


@dataclass(frozen=True)
class TeacherShare:
    """Part of the prompts that a teacher is expected to answer."""

    teacher: str
    expected: float
    wanted: float | None

    @property
    def misses(self) -> bool:
        """Whether the weights and this mix of categories do not give what is wanted."""
        return self.wanted is not None and abs(self.expected - self.wanted) > SHARE_TOLERANCE


def category_weights(config: DistillConfig) -> Weights:
    """Category -> model teacher -> weight, for all of our categories."""
    return {name: {teacher.name: teacher.weight_of(name) for teacher in config.models} for name in CATEGORIES}


def with_teachers(prompts: DataFrame, config: DistillConfig, down: Collection[str] = ()) -> DataFrame:
    """Add `requested_teacher`, who the weights choose, and `actual_teacher`, who is asked.

    Args:
        prompts: columns example_id and category, one of ours.
        config: teachers with weights and fallbacks.
        down: teachers that cannot be asked.

    Returns:
        The same rows; `actual_teacher` is null where the requested teacher and all its fallbacks are down.
    """
    fallbacks = {teacher.name: teacher.fallbacks for teacher in config.models}
    choose = choose_teacher(category_weights(config), fallbacks, frozenset(down))
    chosen = F.udf(choose, _ROUTE, useArrow=False)("example_id", "category")
    return prompts.withColumn("route", chosen).select(*prompts.columns, "route.*")


def expected_shares(config: DistillConfig, mix: Mapping[str, int]) -> list[TeacherShare]:
    """The share of each model teacher for prompts of this mix.

    Args:
        config: teachers with weights and wanted shares.
        mix: category -> prompts to ask.
    """
    weights, total = category_weights(config), sum(mix.values())
    expected = dict.fromkeys((teacher.name for teacher in config.models), 0.0)
    for category, count in mix.items():
        whole = sum(weights[category].values())
        for name, weight in weights[category].items():
            expected[name] += count * weight / whole
    return [
        TeacherShare(teacher.name, expected[teacher.name] / total if total else 0.0, teacher.share)
        for teacher in config.models
    ]
