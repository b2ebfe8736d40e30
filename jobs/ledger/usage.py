"""What the ledger says of each model: requests asked, answered and open, calls, tokens and cost. Only reads."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from jobs.workspace.queries import Answer
from jobs.workspace.runtime import Runtime
from schemas.calls import ATTEMPTS, JUDGEMENTS, REQUESTS, RESPONSES
from schemas.tables import ASSIGNMENTS, RUNS
from udfs.llm.journal_reader import ANSWERED

UsageKey = tuple[str, str, str]
"""Stage, provider, model."""


@dataclass(frozen=True, kw_only=True)
class ModelLedger:
    """One model in one stage."""

    stage: str
    provider: str
    model: str
    answered: int = 0
    """Of the current requests, those with a whole answer."""
    failed: Mapping[str, int] = field(default_factory=dict)
    """Of the current requests, those that ended otherwise, by state."""
    pending: int = 0
    """Of the current requests, those that have not ended."""
    calls: int = 0
    """Of this and any earlier configuration, as all that follows."""
    faults: Mapping[str, int] = field(default_factory=dict)
    """Calls that brought no answer, by how they ended."""
    prompt_tokens: int = 0
    cached_tokens: int = 0
    completion_tokens: int = 0
    cost_usd: Decimal = Decimal(0)
    assumed_usd: Decimal = Decimal(0)
    """Of the cost, what is not known and was charged at worst."""

    @property
    def ended(self) -> int:
        """Current requests that have ended."""
        return self.answered + sum(self.failed.values())

    @property
    def tokens(self) -> int:
        """Billed, as far as the provider has said."""
        return self.prompt_tokens + self.completion_tokens


@dataclass(frozen=True)
class CallLedger:
    """All models, by stage and name."""

    models: tuple[ModelLedger, ...] = ()

    def of(self, stage: str) -> tuple[ModelLedger, ...]:
        """Those of one stage."""
        return tuple(one for one in self.models if one.stage == stage)

    def spent_usd(self, stage: str | None = None) -> Decimal:
        """What was paid, by one stage or in all."""
        return sum((one.cost_usd for one in self.models if stage in (None, one.stage)), Decimal(0))

    def assumed_usd(self) -> Decimal:
        """Of all that was paid, what was charged at worst because nobody knows."""
        return sum((one.assumed_usd for one in self.models), Decimal(0))


# One row for each stage, provider, model and `fault`: how calls without an answer ended, null where they were answered.
_COSTS = """
select stage, provider, model, fault, count(*) as calls,
    coalesce(sum(prompt_tokens), 0) as prompt_tokens,
    coalesce(sum(cached_tokens), 0) as cached_tokens,
    coalesce(sum(completion_tokens), 0) as completion_tokens,
    sum(cost_usd) as cost_usd,
    coalesce(sum(case when cost_basis = 'assumed' then cost_usd end), cast(0 as decimal(38, 12))) as assumed_usd
from (select *, case when status not in (:answered) then status end as fault from {attempts}) as calls
group by stage, provider, model, fault
"""

# The requests that the tables ask for now, by how they ended; status is null where they have not.
_REQUESTS = """
with wanted as (
    select stage, request_id from {assignments} where request_id is not null
    union
    select 'score' as stage, request_id from {judgements}
)
select wanted.stage, requests.provider, requests.model, responses.status, count(*) as requests
from wanted
join {requests} as requests on requests.request_id = wanted.request_id
left join {responses} as responses on responses.request_id = wanted.request_id
group by wanted.stage, requests.provider, requests.model, responses.status
"""


def read_call_ledger(runtime: Runtime) -> CallLedger:
    """Read the tables of the paid calls; nothing was asked where they are not there."""
    ended: dict[UsageKey, dict[str | None, int]] = defaultdict(dict)
    for row in runtime.query(_REQUESTS, (ASSIGNMENTS, JUDGEMENTS, REQUESTS, RESPONSES)):
        ended[row["stage"], row["provider"], row["model"]][row["status"]] = row["requests"]
    costs: dict[UsageKey, list[Answer]] = defaultdict(list)
    for row in runtime.query(_COSTS, (ATTEMPTS,), answered=ANSWERED):
        costs[row["stage"], row["provider"], row["model"]].append(row)
    return CallLedger(tuple(_model(key, ended[key], costs[key]) for key in sorted({*ended, *costs})))


_UNRECORDED = """
select sum(tokens) as tokens, sum(cost_usd) as cost_usd
from (
    select coalesce(prompt_tokens, 0) + coalesce(completion_tokens, 0) as tokens, cost_usd
    from {attempts} where stage = :stage
    union all
    select -tokens as tokens, -cost_usd as cost_usd from {runs} where stage = :stage
) as both_sides
"""


def unrecorded(runtime: Runtime, stage: str) -> tuple[int, Decimal]:
    """Tokens and cost of a stage that no row of `runs` has told of yet.

    So the rows of a stage add up to the ledger, although what a run that died has paid comes into it later.
    """
    if not runtime.storage.exists(ATTEMPTS):
        return 0, Decimal(0)
    (row,) = runtime.query(_UNRECORDED, (RUNS,), stage=stage)
    return int(row["tokens"] or 0), row["cost_usd"] or Decimal(0)


def _model(key: UsageKey, ended: Mapping[str | None, int], costs: list[Answer]) -> ModelLedger:
    failed = {str(status): count for status, count in ended.items() if status not in (None, "answered")}
    faults = {row["fault"]: row["calls"] for row in costs if row["fault"] is not None}
    return ModelLedger(
        stage=key[0],
        provider=key[1],
        model=key[2],
        answered=ended.get("answered", 0),
        failed=dict(sorted(failed.items())),
        pending=ended.get(None, 0),
        faults=dict(sorted(faults.items())),
        calls=sum(row["calls"] for row in costs),
        prompt_tokens=sum(row["prompt_tokens"] for row in costs),
        cached_tokens=sum(row["cached_tokens"] for row in costs),
        completion_tokens=sum(row["completion_tokens"] for row in costs),
        cost_usd=sum((row["cost_usd"] for row in costs), Decimal(0)),
        assumed_usd=sum((row["assumed_usd"] for row in costs), Decimal(0)),
    )
