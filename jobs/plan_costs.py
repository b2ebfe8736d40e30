"""What asking would cost: pure arithmetic over counts and lengths, in decimals. Nothing is read or sent here.

Expected tokens are bytes of UTF-8 divided by what a token was measured to hold (docs/METHODOLOGY.md); the worst case
takes a token for every byte, an answer of full length, and every attempt as billed.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal
from math import ceil

from jobs.draw import prompts_to_ask
from jobs.routing import TeacherShare, category_weights, expected_shares
from jobs.settings import Settings
from udfs.llm.cost import Usage, cost_of, worst_case
from udfs.llm.models import Endpoint

BYTES_PER_TOKEN: Mapping[str, float] = {"code": 3.0, "reasoning": 2.8}
"""Formulas and programs hold more tokens; every other category has `PROSE_BYTES_PER_TOKEN`."""
PROSE_BYTES_PER_TOKEN = 4.0
SEED_ANSWER_TOKENS = 180
"""Mean answer of the seed data set: expected at least, since models answer at more length than people."""
JUDGE_REPLY_TOKENS = 90
_MESSAGE_TOKENS = 8
_BOUND_OVERHEAD = 16  # as in udfs.llm.cost


@dataclass(frozen=True)
class Prompts:
    """The open prompts of one category."""

    category: str
    count: int
    usable: int
    """Those that come with a response which no rule keeps out."""
    prompt_bytes: float
    """Mean of system prompt, history and instruction, in bytes of UTF-8."""
    answer_bytes: float
    """Mean of the usable responses; 0 where there are none."""

    @property
    def bytes_per_token(self) -> float:
        """What a token of this category holds."""
        return BYTES_PER_TOKEN.get(self.category, PROSE_BYTES_PER_TOKEN)

    @property
    def prompt_tokens(self) -> float:
        """Expected tokens of a prompt as one message."""
        return self.prompt_bytes / self.bytes_per_token + _MESSAGE_TOKENS

    @property
    def public_answer_tokens(self) -> float:
        """Expected tokens of a usable response."""
        return self.answer_bytes / self.bytes_per_token


@dataclass(frozen=True)
class Judge:
    """How the judge is asked."""

    endpoint: Endpoint
    fixed_bytes: int
    """Of rubric, marks and schema."""
    max_tokens: int


@dataclass(frozen=True)
class CallCost:
    """What one model is expected to be asked, and at worst."""

    role: str
    model: str
    calls: int = 0
    prompt_tokens: int = 0
    answer_tokens: int = 0
    expected_usd: Decimal = Decimal(0)
    worst_usd: Decimal = Decimal(0)
    minutes: float | None = None
    """Least that its limits allow; null where none is known."""


@dataclass(frozen=True)
class Plan:
    """What a configuration asks for, and what it costs."""

    prompts: Sequence[Prompts]
    wanted: Mapping[str, int]
    """Category -> rows of the data set; empty where no size is wanted."""
    asked: Mapping[str, int]
    """Category -> prompts that models answer."""
    teachers: Sequence[CallCost]
    judge_public: CallCost | None
    """The judge on the sources' own responses."""
    judge_answers: CallCost | None
    """The judge on the teachers' answers."""
    shares: Sequence[TeacherShare]

    @property
    def teachers_usd(self) -> Decimal:
        """Expected for all teachers."""
        return sum((one.expected_usd for one in self.teachers), Decimal(0))

    @property
    def judge_usd(self) -> Decimal:
        """Expected for the judge."""
        return sum((one.expected_usd for one in self._judged), Decimal(0))

    @property
    def expected_usd(self) -> Decimal:
        """Expected for everything."""
        return self.teachers_usd + self.judge_usd

    @property
    def worst_usd(self) -> Decimal:
        """At worst, were there no cap."""
        return sum((one.worst_usd for one in (*self.teachers, *self._judged)), Decimal(0))

    @property
    def _judged(self) -> tuple[CallCost, ...]:
        return tuple(one for one in (self.judge_public, self.judge_answers) if one is not None)

    def prompts_that_fit(self, cap_usd: Decimal) -> int:
        """How many of the prompts can be asked for so much, judged answers and public responses included."""
        fixed = self.judge_public.expected_usd if self.judge_public else Decimal(0)
        total, each = sum(self.asked.values()), self.expected_usd - fixed
        if not each:
            return total
        return max(0, min(total, int(total * (cap_usd - fixed) / each)))


def make_plan(
    settings: Settings,
    prompts: Sequence[Prompts],
    endpoints: Mapping[str, Endpoint],
    judge: Judge | None,
    acceptance: Mapping[str, float],
) -> Plan:
    """Count calls, tokens and dollars.

    Args:
        settings: the configuration.
        prompts: the open prompts of each category.
        endpoints: teacher -> endpoint, of all model teachers.
        judge: null where rules score.
        acceptance: category -> share of answers above the threshold, where it was measured.
    """
    distill, expected = settings.distill, settings.distill.expected_acceptance
    accepted = {one.category: acceptance.get(one.category, expected) for one in prompts}
    wanted = _wanted(settings)
    asked = _asked(settings, prompts, accepted, wanted)
    teachers = [
        _teacher_cost(settings, name, endpoints[name], prompts, asked) for name in (t.name for t in distill.models)
    ]
    public = [(one, one.usable) for one in prompts] if distill.when != "always" or not distill.models else []
    answers = [(one, asked[one.category] * distill.samples_per_prompt) for one in prompts]
    return Plan(
        prompts,
        wanted,
        asked,
        teachers,
        _judge_cost("judge: public", settings, judge, public, answers=False)
        if judge and any(n for _, n in public)
        else None,
        _judge_cost("judge: answers", settings, judge, answers, answers=True) if judge and teachers else None,
        expected_shares(distill, asked),
    )


def _wanted(settings: Settings) -> dict[str, int]:
    rows = settings.select.rows
    return {} if rows is None else {name: round(rows * share) for name, share in settings.select.composition.items()}


def _asked(
    settings: Settings, prompts: Iterable[Prompts], accepted: Mapping[str, float], wanted: Mapping[str, int]
) -> dict[str, int]:
    """Prompts to ask: all that may be, or as many as the quota of the category needs."""
    if not settings.distill.models:
        return {one.category: 0 for one in prompts}
    when, supply, ready = settings.distill.when, {}, {}
    for one in prompts:
        good = 0 if when == "always" else int(one.usable * accepted[one.category])
        unanswered = one.count if when == "always" else one.count - one.usable
        supply[one.category] = unanswered + (one.usable - good if when == "below_threshold" else 0)
        ready[one.category] = good
    if not wanted:
        return supply
    return {
        **dict.fromkeys(supply, 0),
        **prompts_to_ask({n: wanted.get(n, 0) for n in supply}, ready, accepted, supply),
    }


def _teacher_cost(
    settings: Settings, name: str, endpoint: Endpoint, prompts: Iterable[Prompts], asked: Mapping[str, int]
) -> CallCost:
    teacher = next(one for one in settings.distill.models if one.name == name)
    weights, samples = category_weights(settings.distill), settings.distill.samples_per_prompt
    total = _Total(name, endpoint, settings.calls.attempts)
    for one in prompts:
        table = weights[one.category]
        calls = round(asked[one.category] * samples * table[name] / sum(table.values()))
        answer = min(max(one.public_answer_tokens, SEED_ANSWER_TOKENS), teacher.max_tokens)
        bound = one.prompt_bytes + 2 * _BOUND_OVERHEAD
        total.add(calls, one.prompt_tokens, answer, bound, teacher.cap, admitted=one.prompt_tokens + teacher.max_tokens)
    return total.cost()


def _judge_cost(
    role: str, settings: Settings, judge: Judge, pairs: Iterable[tuple[Prompts, int]], *, answers: bool
) -> CallCost:
    # Without a schema a reply that cannot be read is asked for once more.
    asks = 1 if judge.endpoint.structured_output else 2
    total = _Total(role, judge.endpoint, settings.calls.attempts * asks)
    room = max((teacher.max_tokens for teacher in settings.distill.models), default=0)
    for one, calls in pairs:
        answer = max(one.public_answer_tokens, SEED_ANSWER_TOKENS) if answers else one.public_answer_tokens
        longest = max(one.answer_bytes, room * PROSE_BYTES_PER_TOKEN) if answers else one.answer_bytes
        read = judge.fixed_bytes / PROSE_BYTES_PER_TOKEN + one.prompt_tokens + answer
        bound = judge.fixed_bytes + one.prompt_bytes + longest + 4 * _BOUND_OVERHEAD
        total.add(calls, read, JUDGE_REPLY_TOKENS, bound, judge.max_tokens, admitted=read + judge.max_tokens)
    return total.cost()


class _Total:
    """Adds up the calls to one model."""

    def __init__(self, role: str, endpoint: Endpoint, attempts: int) -> None:
        self._role, self._endpoint, self._attempts = role, endpoint, attempts
        self._calls, self._worst = 0, Decimal(0)
        self._prompt = self._answer = self._admitted = 0.0

    def add(
        self, calls: int, prompt: float, answer: float, prompt_bound: float, longest: int, *, admitted: float
    ) -> None:
        """Add calls of mean lengths; `admitted` is what counts against the limit of tokens a minute."""
        self._calls += calls
        self._prompt += calls * prompt
        self._answer += calls * answer
        self._admitted += calls * admitted
        self._worst += calls * self._attempts * worst_case(ceil(prompt_bound), longest, self._endpoint.prices)

    def cost(self) -> CallCost:
        """The sum."""
        limits, usage = self._endpoint.limits, Usage(round(self._prompt), round(self._answer))
        least = [amount / limit for amount, limit in ((self._calls, limits.rpm), (self._admitted, limits.tpm)) if limit]
        return CallCost(
            self._role,
            self._endpoint.model,
            self._calls,
            usage.prompt_tokens,
            usage.completion_tokens,
            cost_of(usage, self._endpoint.prices),
            self._worst,
            max(least, default=None),
        )


def dollars(amount: Decimal) -> str:
    """An amount for people: cents, rounded up."""
    return f"${amount.quantize(Decimal('0.01'), ROUND_CEILING):,}"
