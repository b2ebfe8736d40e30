"""Have the judge score pairs: each pair is asked about once, whoever wants its score, and in whichever run.

The judge's replies are in `responses`, and which request is about which pair in `judgements`. A pair whose reply gives
no valid score has none (`udfs.scoring.judge` fails closed); where the judge takes no JSON schema it is asked once more.
"""

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from jobs.answers.answer_all import answer_all
from jobs.answers.endings import require_answers
from jobs.answers.requests import new_requests
from jobs.answers.specs import judge_spec
from jobs.answers.stale_answers import decide_paid_again
from jobs.config.prompt_files import load_judge_prompt
from jobs.ledger.reservations import StageRequests
from jobs.ledger.settle import append_new
from jobs.workspace.runtime import Runtime
from schemas.calls import JUDGEMENTS, REQUESTS, RESPONSES
from schemas.errors import ConfigError
from schemas.tables import SCORES
from udfs.column_functions import first_rows
from udfs.llm.building import JUDGEMENTS_ASKED, WARNED, judge_requests
from udfs.llm.generation_spec import GenerationSpec
from udfs.scoring.bait import keep_marked
from udfs.scoring.judge import JUDGE
from udfs.scoring.replies import REPLIES_READ, read_replies


def read_scores(judgements: DataFrame, responses: DataFrame, weights: tuple[int, ...]) -> DataFrame:
    """What the judge's replies say: of each pair the first that gives a score, else the last.

    Of a pair that was asked about with a warning the lower of both scores counts; without a valid reply to the warning
    it has none, since the first one may be what the text asked for.

    Args:
        judgements: rows of `JUDGEMENTS`.
        responses: rows of `RESPONSES`.
        weights: of the dimensions.

    Returns:
        `REPLIES_READ`: the columns of `SCORES`, the ask, and `fault` where there is no score.
    """
    answered = responses.where("status = 'answered'")
    replies = judgements.join(answered, "request_id", "left").where(
        F.col("text").isNotNull() | (F.col("ask") == WARNED)
    )
    read = replies.select("pair_id", "ask", "text").mapInArrow(read_replies(weights), REPLIES_READ)
    has_fault, is_warned = F.col("fault").isNotNull(), F.col("ask") == WARNED
    asks = Window.partitionBy("pair_id", is_warned)
    best = asks.orderBy(has_fault, F.when(has_fault, -F.col("ask")).otherwise(F.col("ask")))
    lowest = Window.partitionBy("pair_id").orderBy(~(has_fault & is_warned), has_fault, "quality_tenths", "ask")
    return first_rows(first_rows(read, best), lowest).select(*REPLIES_READ.fieldNames())


def with_judgements(judgements: DataFrame, new: DataFrame, ask: int) -> DataFrame:
    """Put new judgements in the place of what is known of these pairs.

    Args:
        judgements: rows of `JUDGEMENTS`.
        new: rows of `JUDGEMENTS`, all of one ask.
        ask: of the new ones.

    Returns:
        Rows of `JUDGEMENTS`. Where a pair is asked about differently now, what was asked after it is left out too: it
        was asked of another judge, about a reply that counts no more.
    """
    changed = new.join(judgements, ["pair_id", "ask", "request_id"], "left_anti")
    later = judgements.where(F.col("ask") >= ask).join(changed, "pair_id", "left_anti")
    return judgements.where(F.col("ask") < ask).unionByName(later).unionByName(changed)


def judge_pairs(runtime: Runtime, pairs: DataFrame, sample: int = 0) -> tuple[DataFrame, tuple[str, ...]]:
    """Have all of these pairs judged.

    Args:
        runtime: the run.
        pairs: columns pair_id, system, history, instruction and response.
        sample: counts up where the very same texts, under other ids, are asked about again.

    Returns:
        `REPLIES_READ` of those that have a reply, and warnings.

    Raises:
        StoppedError: budget, provider or Ctrl-C; what was judged is kept.
        ConfigError: the configuration has changed so that paid scores would be paid for again.
    """
    spec = judge_spec(runtime.settings)
    if spec is None:
        raise ConfigError("score.kind is heuristic: there is no judge to ask")
    warnings = _ask(runtime, pairs, spec, 0, sample)
    if spec.schema_json is None:
        faulty = _read(runtime, pairs).where("fault is not null").select("pair_id")
        faulty = runtime.storage.materialise(faulty, "faulty-replies")
        if not faulty.isEmpty():
            warnings += _ask(runtime, pairs.join(faulty, "pair_id", "left_semi"), spec, 1, sample)
    marked = runtime.storage.materialise(pairs.mapInArrow(keep_marked, pairs.schema), "marked-pairs")
    count = marked.count()
    if count:
        warnings += _ask(runtime, marked, spec, WARNED, sample)
        warnings += (f"{count:,} pairs hold words meant for a judge: asked once more with a warning, the lower counts",)
    return _read(runtime, pairs), warnings


def judged_already(runtime: Runtime, pairs: DataFrame) -> DataFrame:
    """Column pair_id: those of the pairs about which the judge of the configuration has answered."""
    spec = judge_spec(runtime.settings)
    if spec is None:
        return pairs.select("pair_id").limit(0)
    answered = runtime.read_or_empty(RESPONSES).where("status = 'answered'")
    return _requests(runtime, pairs, spec, 0, 0).join(answered, "request_id", "left_semi").select("pair_id")


def scores_of(read: DataFrame) -> DataFrame:
    """Rows of `SCORES` for the replies that give one."""
    return SCORES.select_from(read.where("fault is null"))


def _read(runtime: Runtime, pairs: DataFrame) -> DataFrame:
    judgements = runtime.read(JUDGEMENTS).join(pairs.select("pair_id"), "pair_id", "left_semi")
    return read_scores(judgements, runtime.read_or_empty(RESPONSES), runtime.settings.score.weights)


def _requests(runtime: Runtime, pairs: DataFrame, spec: GenerationSpec, ask: int, sample: int) -> DataFrame:
    texts = pairs.select("pair_id", "system", "history", "instruction", "response")
    prompt = load_judge_prompt(runtime.settings.score.prompt)
    return texts.mapInArrow(judge_requests(spec, prompt, ask, sample), JUDGEMENTS_ASKED)


def _ask(runtime: Runtime, pairs: DataFrame, spec: GenerationSpec, ask: int, sample: int) -> tuple[str, ...]:
    built = _requests(runtime, pairs, spec, ask, sample)
    old = runtime.read_or_empty(JUDGEMENTS).where(F.col("ask") == ask)
    answered = old.join(runtime.read_or_empty(RESPONSES).where("status = 'answered'"), "request_id", "left_semi")
    before = answered.select("pair_id", F.col("request_id").alias("old_request_id"))
    asked = runtime.storage.materialise(built.join(before, "pair_id", "left"), f"judge-{ask}")
    if decide_paid_again(runtime, asked, "scores of the judge") == "keep":
        asked = asked.withColumn("request_id", F.coalesce("old_request_id", "request_id"))
    append_new(runtime, REQUESTS, new_requests(asked))
    new = asked.select("pair_id", F.lit(ask).alias("ask"), "request_id")
    runtime.replace(JUDGEMENTS, with_judgements(runtime.read_or_empty(JUDGEMENTS), new, ask))
    wanted = runtime.read(JUDGEMENTS).where(F.col("ask") == ask)
    endpoint = spec.endpoint
    job = StageRequests(
        stage="score",
        requests=wanted.join(asked.select("pair_id"), "pair_id", "left_semi").select("request_id"),
        endpoints={endpoint.key: endpoint},
        names={endpoint.key: JUDGE},
    )
    return require_answers(runtime, job, answer_all(runtime, job), is_all=ask == 0)
