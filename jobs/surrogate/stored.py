"""The surrogate that a workspace's scores were predicted by: named in `scores`, and learnt again from what it has."""

from pyspark.sql import functions as F

from jobs.surrogate.model import Surrogate, learn
from jobs.workspace.runtime import Runtime
from schemas.errors import ConfigError
from schemas.tables import PAIRS, SCORES
from udfs.scoring.feature_batches import FEATURED, with_features

_MODEL = "select distinct model from {scores} where model is not null order by model"


def surrogate_fingerprint(runtime: Runtime) -> str | None:
    """Fingerprint of what the scores of the workspace were predicted by; null where nothing is predicted."""
    found = runtime.query(_MODEL, (SCORES,))
    return str(found[0]["model"]) if found else None


def stored_surrogate(runtime: Runtime) -> Surrogate:
    """Learn it again, from the same rows and their stored scores.

    Raises:
        ConfigError: nothing is predicted here, or what is learnt now is something else.
    """
    wanted = surrogate_fingerprint(runtime)
    how = "`phase0 run --to score` with score.kind: distilled"
    if wanted is None:
        raise ConfigError(
            f"no score in {runtime.settings.workspace} is predicted, so there is nothing to compare: {how}"
        )
    judged = runtime.read(SCORES).where("is_held_out").select("pair_id", "quality_tenths")
    pairs = runtime.read(PAIRS).join(judged, "pair_id", "left_semi")
    texts = pairs.select("pair_id", "source", "category", "system", "history", "instruction", "response")
    featured = texts.mapInArrow(with_features, FEATURED).select("pair_id", F.col("features"))
    rows = runtime.storage.materialise(featured.join(judged, "pair_id"), "sample-again")
    found = learn(rows, runtime.settings.score.coverage)
    if found is None or found.fingerprint != wanted:
        raise ConfigError(f"the scores were predicted by another version or score.coverage; first: {how}")
    return found
