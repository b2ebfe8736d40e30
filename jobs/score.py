"""Score stage: four dimensions and a quality for every pair that is neither convicted nor a twin.

Reads `pairs`, `screen` and `duplicates`, replaces `scores`.
"""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.runtime import Runtime, Stage, StageReport
from jobs.settings import Settings
from jobs.settings_paid import ScorerConfig
from jobs.verdicts import clean_pairs, without_duplicates
from schemas.tables import DUPLICATES, PAIRS, SCORES, SCREEN
from udfs.scoring.batches import score_batches


def score_pairs(pairs: DataFrame, config: ScorerConfig) -> DataFrame:
    """Score every pair.

    Args:
        pairs: rows of `PAIRS`.
        config: scorer and weights of its dimensions.

    Returns:
        Rows of `SCORES`, one for each pair.
    """
    texts = pairs.select("pair_id", "system", "instruction", "response")
    return SCORES.select_from(texts.mapInArrow(score_batches(config.weights), SCORES.schema))


def run(runtime: Runtime) -> StageReport:
    """Score all open pairs."""
    all_pairs = runtime.read(PAIRS)
    clean = clean_pairs(all_pairs, runtime.read(SCREEN))
    pairs = without_duplicates(clean, runtime.read(DUPLICATES), "pair", "pair_id")
    runtime.progress.step(f"scoring with {runtime.settings.score.kind}")
    runtime.replace(SCORES, score_pairs(pairs, runtime.settings.score))
    limit = runtime.settings.select.min_score_tenths
    row = runtime.read(SCORES).agg(F.count("*"), F.count_if(F.col("quality_tenths") <= limit)).first()
    scored, low = (int(row[0]), int(row[1])) if row else (0, 0)
    return StageReport(all_pairs.count(), scored, {"low_score": low} if low else {})


def _not_available(settings: Settings) -> str | None:
    is_judged = settings.score.kind == "judge"
    return "score: a judge is not available in this version; set score: {kind: heuristic}" if is_judged else None


STAGE: Stage = Stage(
    name="score",
    title="score the pairs",
    run=run,
    reads=(PAIRS, SCREEN, DUPLICATES),
    writes=(SCORES,),
    settings=("score",),
    not_available=_not_available,
)

if __name__ == "__main__":
    from jobs.cli import run_command

    run_command(STAGE.name)
