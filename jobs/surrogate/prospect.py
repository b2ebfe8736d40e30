"""How much of the pairs a judge is expected to be asked about, before anything is paid."""

from jobs.config.teachers import ScorerConfig
from jobs.surrogate.scores import LEAST_SAMPLE
from jobs.workspace.runtime import Runtime
from schemas.tables import SCORES
from udfs.scoring.intervals import sample_size

ASSUMED_OPEN = 0.5
"""Of the pairs beside the sample, those that predictions leave to the judge, until that is measured."""

_OPEN = """
select avg(case when scorer = 'judge' then 1.0e0 else 0.0e0 end) as share
from {scores} where model is not null and not is_held_out
"""


def measured_open_share(runtime: Runtime) -> float | None:
    """Share of the pairs beside the sample that the judge was asked about; null where nothing has been predicted."""
    (found,) = runtime.query(_OPEN, (SCORES,))
    share: float | None = found["share"]
    return share


def judged_share(config: ScorerConfig, pairs: int, open_share: float | None = None) -> float:
    """Share of the pairs that the judge is expected to be asked about.

    Args:
        config: the scorer.
        pairs: to be scored.
        open_share: as measured; null: as assumed.
    """
    sample = max(LEAST_SAMPLE, sample_size(pairs, config.sample_margin))
    if config.kind != "distilled" or sample >= pairs:
        return 1.0
    return (sample + (ASSUMED_OPEN if open_share is None else open_share) * (pairs - sample)) / pairs
