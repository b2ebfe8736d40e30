"""Which share of the answers scores above the threshold: measured where there are scores, else expected."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import floor

from jobs.config.teachers import PUBLIC
from jobs.workspace.queries import with_parts
from jobs.workspace.runtime import Runtime
from schemas.tables import PAIRS, PROBES, SCORES


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

    def ready(self, usable: Mapping[str, int]) -> dict[str, int]:
        """Category -> rows that so many of the sources' own responses are expected to give."""
        return {name: floor(count * self.of_public(name)) for name, count in usable.items()}

    def of_models(self, category: str) -> float:
        """Share of the models' answers."""
        return self.models.get(category, self.expected)


# What the scorer said of answers: of all of them once they are scored, until then of those of the probe. Of a probe
# those count too that have no score, as a model that refuses brings no row either.
SCORED = """
select pairs.category, pairs.teacher, scores.quality_tenths
from {scores} as scores
join {pairs} as pairs on pairs.pair_id = scores.pair_id
where scores.scorer in (:scorers)
union all
select probes.category, probes.teacher, probes.quality_tenths
from {probes} as probes
left anti join {scores} as scores on scores.scorer = probes.scorer
where probes.scorer in (:scorers)
"""

# The share of pairs that a scorer put above the threshold.
_ACCEPTED = with_parts(
    """
select
    category, teacher = :public as is_public,
    avg(case when quality_tenths > :limit then 1.0e0 else 0.0e0 end) as accepted
from ({scored}) as scored
group by category, teacher = :public
""",
    scored=SCORED,
)


def find_acceptance(runtime: Runtime) -> Acceptance:
    """What the scores of the workspace say of answers, and what is expected where there are none.

    A share of 0 is no basis for a quota, so where no answer of a model was good the expectation stands.
    """
    settings = runtime.settings
    public: dict[str, float] = {}
    models: dict[str, float] = {}
    limit, scorers = settings.select.min_score_tenths, settings.score.scorers
    for row in runtime.query(_ACCEPTED, (SCORES, PAIRS, PROBES), limit=limit, scorers=scorers, public=PUBLIC):
        if row["is_public"]:
            public[row["category"]] = row["accepted"]
        elif row["accepted"] > 0:
            models[row["category"]] = row["accepted"]
    return Acceptance(settings.distill.expected_acceptance, public, models)
