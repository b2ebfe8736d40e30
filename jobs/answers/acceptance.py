"""Which share of the answers scores above the threshold: measured where there are scores, else expected."""

from collections.abc import Mapping
from dataclasses import dataclass

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.config.teachers import PUBLIC
from jobs.workspace.runtime import Runtime
from schemas.tables import PAIRS, SCORES


@dataclass(frozen=True)
class Acceptance:
    """Which share of the answers scores above the threshold."""

    expected: float
    """Where nothing was measured."""
    public: Mapping[str, float]
    """Category -> measured share of the sources' own responses."""
    models: Mapping[str, float]
    """Category -> measured share of the models' answers, above 0."""

    def of_public(self, category: str) -> float:
        """Share of the sources' own responses."""
        return self.public.get(category, self.expected)

    def of_models(self, category: str) -> float:
        """Share of the models' answers."""
        return self.models.get(category, self.expected)


def measure_acceptance(pairs: DataFrame, scores: DataFrame, scorer: str, min_tenths: int) -> DataFrame:
    """The share of pairs that this scorer put above the threshold.

    Returns:
        One row for each category and kind of teacher: category, is_public, accepted (0 to 1).
    """
    scored = scores.where(F.col("scorer") == scorer).join(pairs, "pair_id")
    return scored.groupBy("category", (F.col("teacher") == PUBLIC).alias("is_public")).agg(
        (F.count_if(F.col("quality_tenths") > min_tenths) / F.count("*")).alias("accepted")
    )


def find_acceptance(runtime: Runtime) -> Acceptance:
    """What the scores of the workspace say of answers, and what is expected where there are none.

    A share of 0 is no basis for a quota, so where no answer of a model was good the expectation stands.
    """
    settings = runtime.settings
    public: dict[str, float] = {}
    models: dict[str, float] = {}
    if runtime.storage.exists(SCORES) and runtime.storage.exists(PAIRS):
        limit = settings.select.min_score_tenths
        measured = measure_acceptance(runtime.read(PAIRS), runtime.read(SCORES), settings.score.kind, limit)
        for row in measured.collect():
            if row["is_public"]:
                public[row["category"]] = row["accepted"]
            elif row["accepted"] > 0:
                models[row["category"]] = row["accepted"]
    return Acceptance(settings.distill.expected_acceptance, public, models)
