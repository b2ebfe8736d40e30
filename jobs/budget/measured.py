"""What the ledger says of the calls made so far, to be put in the place of a plan's assumptions.

A probe makes such calls on purpose (`jobs.answers.probe`), and a part of a run is as good. The unit is a request with
all its attempts, and what is asked again about it: that is what the next one of its kind will bring with it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from math import inf, sqrt
from typing import Literal

from jobs.answers.acceptance import SCORED
from jobs.config.teachers import PUBLIC
from jobs.workspace.queries import with_parts
from jobs.workspace.runtime import Runtime
from schemas.calls import ATTEMPTS, JUDGEMENTS, REQUESTS, RESPONSES
from schemas.tables import ASSIGNMENTS, DUPLICATES, PAIRS, PROBES, SCORES
from udfs.llm.cost import Usage, cached_saving, cost_of
from udfs.llm.models import Prices
from udfs.scoring.calibration import student_t

Part = Literal["answers", "judged answers", "judged responses"]
"""What is asked for: an answer, the score of one, the score of a source's own response."""
LEAST = 2
"""Requests of which a spread can be told; fewer measure nothing."""


@dataclass(frozen=True, kw_only=True)
class Measured:
    """Sums over the requests of one part to one model that have ended."""

    requests: int
    """Those that were asked first: what is asked again about the same thing belongs to them."""
    ended: int
    """All of them."""
    attempts: int
    unanswered: int
    """Ended without a whole answer."""
    prompt_tokens: int
    cached_tokens: int
    completion_tokens: int
    reasoning_tokens: int = 0
    """Of the completion."""
    prompt_squares: float = 0.0
    """Sum over the requests of the square of their tokens."""
    completion_squares: float = 0.0
    products: float = 0.0
    """Of a request's tokens of prompt and completion."""
    assumed_usd: Decimal = Decimal(0)
    """For attempts of which nobody knows what they cost."""
    latency_ms: float = 0.0
    """Of all attempts."""

    def usd(self, prices: Prices, *, batch: bool = False) -> Decimal:
        """What these tokens cost at a price, which need not be the one they were paid at."""
        usage = Usage(self.prompt_tokens, self.completion_tokens, self.cached_tokens)
        return cost_of(usage, prices, batch=batch) + self.assumed_usd

    def deviation_usd(self, prices: Prices, *, batch: bool = False) -> float:
        """Standard deviation of the cost of a request."""
        count, prompt, completion = self.requests, float(self.prompt_tokens), float(self.completion_tokens)
        if count < LEAST:
            return 0.0
        per_prompt, per_completion = float(prices.input_usd_per_mtok), float(prices.output_usd_per_mtok)
        squares = (
            per_prompt**2 * (self.prompt_squares - prompt**2 / count)
            + per_completion**2 * (self.completion_squares - completion**2 / count)
            + 2 * per_prompt * per_completion * (self.products - prompt * completion / count)
        )
        part = 1.0 - float(prices.batch_discount or 0) if batch else 1.0
        return part * sqrt(max(0.0, squares / (count - 1))) / 1e6

    def half_completion(self) -> float:
        """Half of the 95 % interval of the mean completion of a request, in tokens."""
        count, total = self.requests, float(self.completion_tokens)
        variance = max(0.0, self.completion_squares - total**2 / count) / (count - 1) if count >= LEAST else 0.0
        return student_t(count - 1) * sqrt(variance / count) if count >= LEAST else inf

    def cached_saving(self, prices: Prices) -> Decimal:
        """What the part of the prompts that was cached would have cost more."""
        return cached_saving(self.cached_tokens, prices)


@dataclass(frozen=True)
class Quality:
    """What the scorer said of one teacher's answers in one category, those without a score included."""

    teacher: str
    category: str
    count: int
    accepted: int
    accepted_tenths: int
    """Sum of the scores of the accepted ones."""


@dataclass(frozen=True)
class Measurements:
    """All that was measured in a workspace."""

    parts: Mapping[tuple[Part, str, str], Measured] = field(default_factory=dict)
    """Part, provider and model -> its sums."""
    quality: tuple[Quality, ...] = ()
    states: Mapping[str, int] = field(default_factory=dict)
    """State -> answers of models in the probes."""
    run_scores: int = 0
    """Pairs that the run itself has scored: all of them, so nothing is left for a probe."""
    twins: Mapping[str, int] = field(default_factory=dict)
    """Pass of the deduplication -> rows that it took away before anything was paid for them."""

    def of(self, part: Part, provider: str, model: str) -> Measured | None:
        """What was measured, if it is enough to tell a spread."""
        found = self.parts.get((part, provider, model))
        return found if found is not None and found.requests >= LEAST else None

    def ended(self, part: Part, provider: str, model: str) -> int:
        """Requests that have ended, however few."""
        found = self.parts.get((part, provider, model))
        return found.ended if found else 0

    @property
    def judged_share(self) -> float | None:
        """Which share of the models' requests comes to be scored; null where nothing was asked yet."""
        probed = sum(self.states.values())
        if probed:
            return (self.states.get("scored", 0) + self.states.get("not_scored", 0)) / probed
        answers = [one for (part, _, _), one in self.parts.items() if part == "answers"]
        ended = sum(one.ended for one in answers)
        return 1 - sum(one.unanswered for one in answers) / ended if ended else None


# Requests that the tables ask for now, by what they are for; what a calibration has the judge score is no part of that.
_CALLS = """
with wanted as (
    select distinct 'answers' as part, request_id from {assignments} where request_id is not null
    union
    select distinct
        case when coalesce(pairs.teacher, probes.teacher, :public) = :public then 'judged responses'
            else 'judged answers' end as part,
        judgements.request_id
    from {judgements} as judgements
    left join {pairs} as pairs on pairs.pair_id = judgements.pair_id
    left join {probes} as probes on probes.pair_id = judgements.pair_id
    where judgements.pair_id not like 'calibration-%'
),
used as (
    select request_id, count(*) as attempts,
        cast(sum(coalesce(prompt_tokens, 0)) as double) as prompt,
        cast(sum(coalesce(cached_tokens, 0)) as double) as cached,
        cast(sum(coalesce(completion_tokens, 0)) as double) as completion,
        cast(sum(coalesce(reasoning_tokens, 0)) as double) as reasoning,
        cast(sum(coalesce(latency_ms, 0)) as double) as latency,
        sum(case when cost_basis = 'assumed' then cost_usd else cast(0 as decimal(38, 12)) end) as assumed
    from {attempts}
    group by request_id
)
select wanted.part, requests.provider, requests.model,
    sum(case when requests.ask = 0 then 1 else 0 end) as requests, count(*) as ended,
    sum(used.attempts) as attempts,
    sum(case when responses.status <> 'answered' then 1 else 0 end) as unanswered,
    sum(used.prompt) as prompt, sum(used.cached) as cached, sum(used.completion) as completion,
    sum(used.reasoning) as reasoning, sum(used.latency) as latency, sum(used.assumed) as assumed,
    sum(used.prompt * used.prompt) as prompt_squares,
    sum(used.completion * used.completion) as completion_squares,
    sum(used.prompt * used.completion) as products
from wanted
join {requests} as requests on requests.request_id = wanted.request_id
join {responses} as responses on responses.request_id = wanted.request_id
join used on used.request_id = wanted.request_id
group by wanted.part, requests.provider, requests.model
"""

_QUALITY = with_parts(
    """
select teacher, category, count(*) as count,
    sum(case when quality_tenths > :limit then 1 else 0 end) as accepted,
    sum(case when quality_tenths > :limit then quality_tenths else 0 end) as accepted_tenths
from ({scored}) as scored
group by teacher, category
order by teacher, category
""",
    scored=SCORED,
)

_STATES = (
    "select state, count(*) as count from {probes} where teacher <> :public and scorer in (:scorers) group by state"
)

_RUN_SCORES = "select count(*) as count from {scores} where scorer in (:scorers)"

_TWINS = "select pass, count(*) as count from {duplicates} group by pass"


def read_measurements(runtime: Runtime) -> Measurements:
    """Read what the tables say of calls and scores; of nothing where none were made."""
    settings = runtime.settings
    scorers, limit = settings.score.scorers, settings.select.min_score_tenths
    calls = runtime.query(
        _CALLS, (ASSIGNMENTS, JUDGEMENTS, PAIRS, PROBES, ATTEMPTS, REQUESTS, RESPONSES), public=PUBLIC
    )
    quality = runtime.query(_QUALITY, (SCORES, PAIRS, PROBES), scorers=scorers, limit=limit)
    states = runtime.query(_STATES, (PROBES,), public=PUBLIC, scorers=scorers)
    return Measurements(
        {
            (row["part"], row["provider"], row["model"]): Measured(
                requests=row["requests"],
                ended=row["ended"],
                attempts=row["attempts"],
                unanswered=row["unanswered"],
                prompt_tokens=round(row["prompt"]),
                cached_tokens=round(row["cached"]),
                completion_tokens=round(row["completion"]),
                reasoning_tokens=round(row["reasoning"]),
                prompt_squares=row["prompt_squares"],
                completion_squares=row["completion_squares"],
                products=row["products"],
                assumed_usd=row["assumed"],
                latency_ms=row["latency"],
            )
            for row in calls
        },
        tuple(Quality(**row) for row in quality),
        {row["state"]: row["count"] for row in states},
        runtime.query(_RUN_SCORES, (SCORES,), scorers=scorers)[0]["count"],
        {row["pass"]: row["count"] for row in runtime.query(_TWINS, (DUPLICATES,))},
    )
