"""Score texts that people have labelled with the scorer of a configuration: rules on the spot, a judge by paid calls.

What was learnt of a judge predicts them at no cost, and the judge is asked about none: the predictions are compared.

A judge's calls go the way of all others: their worst case is reserved under the budget, they are in the ledger, and a
text that was asked about is never paid for again. Their pairs have ids of their own and are in no other table.
"""

from collections.abc import Iterable, Sequence

import xxhash
from pyspark.sql.types import StructType

from jobs.answers.judge import judge_pairs
from jobs.calibration.figures import Scores, Text
from jobs.config.settings import Settings
from jobs.surrogate.stored import stored_surrogate
from jobs.workspace.runtime import Runtime
from schemas.tables import PAIRS
from udfs.scoring.features import features_of
from udfs.scoring.heuristic import HeuristicScorer

_PREFIX = "calibration-"
_COLUMNS = ("pair_id", "system", "history", "instruction", "response")


def text_id(text: Text, sample: int = 0) -> str:
    """Id of a text in `judgements`: of its content, and of the number of the time that it is asked about."""
    parts = "\x00".join((text.system or "", text.instruction, text.response, str(sample)))
    return f"{_PREFIX}{xxhash.xxh3_128_hexdigest(parts.encode('utf-8', 'surrogatepass'))}"


def draw(texts: Iterable[Text], count: int) -> list[Text]:
    """Some of the texts, always the same ones: in the order of their ids."""
    return sorted(texts, key=text_id)[:count]


def rule_scores(texts: Iterable[Text], settings: Settings) -> Scores:
    """Tenths that the rules give, with the weights of the configuration where it is about rules."""
    weights = settings.score.weights if settings.score.kind == "heuristic" else (1, 1, 1, 1)
    scorer = HeuristicScorer(weights)
    return {text: scorer.score(text.instruction, text.response, text.system).quality_tenths for text in texts}


def predicted_scores(runtime: Runtime, texts: Sequence[Text]) -> Scores:
    """Tenths that are predicted by what the workspace's scores were predicted by, whatever their intervals are.

    Raises:
        ConfigError: nothing is predicted there.
    """
    surrogate = stored_surrogate(runtime)
    by_id = {text_id(text): text for text in texts}
    rows = [(key, features_of(text.instruction, text.response, text.system)) for key, text in by_id.items()]
    frame = runtime.spark.createDataFrame(rows, "pair_id string, features array<double>")
    found = surrogate.predict(frame).select("pair_id", "predicted_tenths").collect()
    runtime.storage.clear_scratch()
    return {by_id[row["pair_id"]]: row["predicted_tenths"] for row in found}


def judge_scores(runtime: Runtime, texts: Sequence[Text], sample: int = 0) -> tuple[Scores, tuple[str, ...]]:
    """Tenths that the judge gives, and warnings; a text whose reply is not valid has none.

    Args:
        runtime: the run, which holds the lease of its workspace.
        texts: to be asked about.
        sample: counts up where the same texts are asked about again.

    Raises:
        StoppedError: budget, provider or Ctrl-C; what was judged is kept.
    """
    by_id = {text_id(text, sample): text for text in texts}
    rows = [(key, text.system, None, text.instruction, text.response) for key, text in by_id.items()]
    pairs = runtime.spark.createDataFrame(rows, StructType([PAIRS.schema[name] for name in _COLUMNS]))
    read, warnings = judge_pairs(runtime, pairs, sample)
    scored = read.where("fault is null").select("pair_id", "quality_tenths").collect()
    return {by_id[row["pair_id"]]: row["quality_tenths"] for row in scored}, warnings
