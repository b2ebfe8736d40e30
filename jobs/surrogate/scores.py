"""Scores of pairs by a judge and by what was learnt of it: the judge is asked where it matters, and no pair twice.

The judge scores a sample of the pairs. From that its scores are learnt, and predicted for the others, each within an
interval. Where the interval lies on one side of the threshold the prediction stands; where it straddles it, or the pair
holds words meant for a judge, the judge is asked; and what it has said before, in a probe for one, counts. What it is
asked it would be asked as the only scorer too, by the same requests: whoever goes over to `score.kind: judge` pays for
the rest alone.
"""

from typing import NamedTuple

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.answers.heuristic import score_pairs
from jobs.answers.judge import judge_pairs, judged_already, scores_of
from jobs.config.teachers import ScorerConfig
from jobs.surrogate.held_out import held_out_sentence
from jobs.surrogate.model import LEAST_LABELLED, Surrogate, learn
from jobs.surrogate.sample import draw_sample
from jobs.workspace.runtime import Runtime
from schemas.errors import DataRefusedError
from schemas.tables import SCORES
from udfs.scoring.feature_batches import FEATURED, with_features
from udfs.scoring.held_out import HeldOut, held_out_figures
from udfs.scoring.intervals import PREDICTED, sample_size
from udfs.scoring.judge import JUDGE

DISTILLED = "distilled"
LEAST_SAMPLE = 2 * LEAST_LABELLED
"""Of fewer pairs nothing is learnt that would spare calls: the judge is asked about all."""
REASON = "Predicted from scores of the judge; its interval does not straddle the threshold."
_PREDICTED = tuple(PREDICTED.names)
_OF_MODEL = ("predicted_tenths", "low_tenths", "high_tenths", "is_held_out", "model")


class Scored(NamedTuple):
    """What a scorer gave."""

    scores: DataFrame
    """Rows of `SCORES`."""
    replies: DataFrame | None = None
    """The judge's, as `REPLIES_READ`; null where none was asked."""
    warnings: tuple[str, ...] = ()


def score_with(runtime: Runtime, pairs: DataFrame) -> Scored:
    """Score pairs with the scorer of the configuration; arguments and errors as for `score_by_surrogate`."""
    kind = runtime.settings.score.kind
    if kind == DISTILLED:
        return score_by_surrogate(runtime, pairs)
    if kind == JUDGE:
        read, warnings = judge_pairs(runtime, pairs)
        return Scored(scores_of(read), read, warnings)
    return Scored(score_pairs(pairs, runtime.settings.score))


def score_by_surrogate(runtime: Runtime, pairs: DataFrame) -> Scored:
    """Score pairs by the judge and by what is learnt of it.

    Args:
        runtime: the run.
        pairs: rows of `PAIRS`, materialised.

    Raises:
        StoppedError: budget, provider or Ctrl-C; what was judged is kept.
        DataRefusedError: what was learnt does not agree with the judge; what was judged is kept.
    """
    config = runtime.settings.score
    texts = pairs.select("pair_id", "source", "category", "system", "history", "instruction", "response")
    featured = runtime.storage.materialise(texts.mapInArrow(with_features, FEATURED), "score-features")
    total = featured.count()
    wanted = max(LEAST_SAMPLE, sample_size(total, config.sample_margin))
    drawn = runtime.storage.materialise(
        draw_sample(featured, min(wanted, total)).select("pair_id", "features"), "drawn"
    )
    if drawn.count() >= total:
        read, warnings = judge_pairs(runtime, pairs)
        note = f"all {total:,} pairs are needed as the sample, so the judge scores them all and nothing is learnt"
        return Scored(scores_of(read), read, (*warnings, note))
    runtime.progress.step(f"the judge scores a sample of {drawn.count():,} of {total:,} pairs")
    read, warnings = judge_pairs(runtime, _of(pairs, drawn))
    scored = runtime.storage.materialise(scores_of(read), "sample-scores")
    runtime.progress.step("learning the judge's scores")
    surrogate = learn(scored.join(drawn, "pair_id"), config.coverage)
    figures = _figures(runtime, surrogate)
    if surrogate is None or (fault := fault_of(figures, config)):
        why = "the judge's scores of the sample are too few, or all the same" if surrogate is None else fault
        raise DataRefusedError(_refusal(why, figures, scored.count(), total))
    rest = featured.join(drawn.select("pair_id"), "pair_id", "left_anti")
    known = judged_already(runtime, _of(pairs, rest))
    predicted = runtime.storage.materialise(_with_verdict(runtime, surrogate, rest, known), "predicted")
    unsure = predicted.where("is_unsure")
    runtime.progress.step(f"the judge scores {unsure.count():,} pairs that the prediction leaves open")
    more, more_warnings = judge_pairs(runtime, _of(pairs, unsure))
    scores = _distilled(predicted.where("not is_unsure"), surrogate)
    scores = scores.unionByName(_with_model(scores_of(more), unsure, surrogate, is_held_out=False))
    scores = scores.unionByName(_with_model(scored, _held_out(runtime, surrogate), surrogate, is_held_out=True))
    return Scored(scores, read.unionByName(more), tuple(dict.fromkeys((*warnings, *more_warnings))))


def fault_of(figures: HeldOut | None, config: ScorerConfig) -> str | None:
    """Why predictions are of no use on this data; null where they are."""
    if figures is None or not figures.decided:
        return "what was learnt leaves every row held out to the judge, so it would spare no call"
    rank = figures.rank_correlation
    if rank is None or rank.low <= 0:
        return "what was learnt does not rank rows held out better than chance would"
    if figures.decided_same_side.value < config.min_agreement:
        return (
            f"of the {figures.decided:,} rows held out that it would decide {figures.decided_same_side.value:.1%} are "
            f"on the judge's side of the threshold; score.min_agreement wants {config.min_agreement:.1%}"
        )
    return None


def _refusal(why: str | None, figures: HeldOut | None, judged: int, total: int) -> str:
    measured = f" Measured: {held_out_sentence(figures)}." if figures else ""
    return (
        f"score.kind distilled is of no use here: {why}.{measured} To have the judge score all pairs: "
        f"--set score.kind=judge; its {judged:,} scores of {total:,} pairs are paid and kept. Or ask for less: "
        "score.coverage narrows the intervals, score.sample_margin sizes the sample, score.min_agreement is the limit"
    )


def _figures(runtime: Runtime, surrogate: Surrogate | None) -> HeldOut | None:
    if surrogate is None:
        return None
    judged, predicted = surrogate.judged, surrogate.held_out
    threshold = runtime.settings.select.min_score_tenths
    return held_out_figures(list(judged.values()), [predicted[pair] for pair in judged], threshold)


def _of(pairs: DataFrame, chosen: DataFrame) -> DataFrame:
    return pairs.join(chosen.select("pair_id"), "pair_id", "left_semi")


def _with_verdict(runtime: Runtime, surrogate: Surrogate, rest: DataFrame, known: DataFrame) -> DataFrame:
    """`PREDICTED` of the rows that are not in the sample, and `is_unsure`: the judge is to be asked, or has said it."""
    threshold = F.lit(runtime.settings.select.min_score_tenths)
    straddles = (F.col("low_tenths") <= threshold) & (threshold < F.col("high_tenths"))
    found = surrogate.predict(rest).join(rest.select("pair_id", "is_marked"), "pair_id")
    found = found.join(known.withColumn("is_known", F.lit(True)), "pair_id", "left")
    is_known = F.coalesce("is_known", F.lit(False))
    return found.select(*_PREDICTED, (straddles | F.col("is_marked") | is_known).alias("is_unsure"))


def _held_out(runtime: Runtime, surrogate: Surrogate) -> DataFrame:
    rows = [(pair, one.tenths, one.low, one.high) for pair, one in surrogate.held_out.items()]
    return runtime.spark.createDataFrame(rows, PREDICTED)


def _with_model(scores: DataFrame, predicted: DataFrame, surrogate: Surrogate, *, is_held_out: bool) -> DataFrame:
    """The judge's scores with what the model says of the same pairs."""
    said = predicted.select(*_PREDICTED)
    origin = {"is_held_out": F.lit(is_held_out), "model": F.lit(surrogate.fingerprint)}
    return SCORES.select_from(scores.drop(*_OF_MODEL).join(said, "pair_id", "left").withColumns(origin))


def _distilled(predicted: DataFrame, surrogate: Surrogate) -> DataFrame:
    """Rows of `SCORES` for the pairs whose prediction stands."""
    values = {
        "scorer": F.lit(DISTILLED),
        "quality_tenths": F.col("predicted_tenths"),
        "reason": F.lit(REASON),
        "is_held_out": F.lit(False),
        "model": F.lit(surrogate.fingerprint),
    }
    known = predicted.withColumns(values)
    unknown = {
        field.name: F.lit(None).cast(field.dataType) for field in SCORES.schema if field.name not in known.columns
    }
    return SCORES.select_from(known.withColumns(unknown))
