"""What asking would cost: pure arithmetic over counts and lengths, in decimals. Nothing is read or sent here.

Expected tokens are bytes of UTF-8 divided by what a token was measured to hold (docs/METHODOLOGY.md); the worst case
takes a token for every byte, an answer of full length, and every attempt as billed. Where calls were made, what they
used (`jobs.budget.measured`) takes the place of what is expected, and never that of the worst case.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import ROUND_CEILING, Decimal
from math import ceil

from jobs.answers.acceptance import Acceptance
from jobs.answers.routing import TeacherShare, category_weights, expected_shares
from jobs.budget.measured import Measured, Measurements, Part
from jobs.budget.rows import PlannedRows, Prompts, plan_rows
from jobs.config.settings import Settings
from udfs.llm.cost import Usage, cached_saving, cost_of, worst_case
from udfs.llm.generation_spec import GenerationSpec
from udfs.llm.wave import EndpointKey

SEED_ANSWER_TOKENS = 180
"""Mean answer of the seed data set: expected at least, since models answer at more length than people."""
JUDGE_REPLY_TOKENS = 90
RUBRIC_BYTES_PER_TOKEN = 3.3
Routed = Mapping[str, Mapping[str, int]]
"""Category -> teacher -> prompts that a hash of their ids has given it."""
_BOUND_OVERHEAD = 16  # a message and a request each, as in udfs.llm.cost


@dataclass(frozen=True)
class Judge:
    """How the judge is asked."""

    spec: GenerationSpec
    fixed_bytes: int
    """Of rubric, marks and schema."""
    share_of: Callable[[int], float] = lambda _: 1.0
    """Pairs to be scored -> the share that it is expected to be asked about; at worst it is asked about all."""

    @property
    def asks(self) -> int:
        """Times that it is asked at most: without a schema a reply that cannot be read is asked for once more."""
        return 1 if self.spec.schema_json else 2


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
    provider: str = ""
    part: Part = "answers"
    limited_by: str = ""
    """What decides about the minutes."""
    ended: int = 0
    """Of the calls, those that have ended."""
    measured: int = 0
    """Requests whose use the expectation rests on; 0: it is assumed."""
    deviation_usd: float = 0.0
    """Of the cost of one request, where it was measured."""
    units: int = 0
    """Requests that are asked first: what is asked again about the same thing is among the calls only."""
    cached_usd: Decimal = Decimal(0)
    """What cached prompts are expected to save; the expectation has it off already."""

    @property
    def unit_usd(self) -> Decimal:
        """Expected for one request, with what is asked again about it."""
        return self.expected_usd / self.units if self.units else Decimal(0)

    @property
    def key(self) -> EndpointKey:
        """Of the model."""
        return self.provider, self.model


@dataclass(frozen=True)
class Plan:
    """What a configuration asks for, and what it costs."""

    prompts: Sequence[Prompts]
    rows: PlannedRows
    teachers: Sequence[CallCost]
    judge_public: CallCost | None
    """The judge on the sources' own responses."""
    judge_answers: CallCost | None
    """The judge on the teachers' answers."""
    shares: Sequence[TeacherShare]
    found: Measurements = field(default_factory=Measurements)
    """What the expectations rest on."""
    routes: Sequence[tuple[int, Mapping[str, float]]] = ()
    """Of each category the answers of which it is not known who gives them, and the share of each teacher in them."""
    asks_for_failing: bool = False
    """Whether prompts are asked whose own response fails, which is known once it is scored."""
    rubric_tokens: int = 0
    """Of each call of the judge the beginning that is always the same."""
    rubric_usd: Decimal = Decimal(0)
    """What all of it would cost less, were it always read from the provider's cache."""
    judged_share: float = 1.0
    """Of the pairs to be scored, those that a judge is expected to be asked about; the others are predicted."""

    @property
    def calls(self) -> tuple[CallCost, ...]:
        """All that is paid: the teachers in order, then the judge."""
        return (*self.teachers, *self.judged)

    @property
    def prompts_asked(self) -> int:
        """Prompts that models answer."""
        return sum(self.rows.asked.values())

    @property
    def teachers_usd(self) -> Decimal:
        """Expected for all teachers."""
        return sum((one.expected_usd for one in self.teachers), Decimal(0))

    @property
    def judge_usd(self) -> Decimal:
        """Expected for the judge."""
        return sum((one.expected_usd for one in self.judged), Decimal(0))

    @property
    def expected_usd(self) -> Decimal:
        """Expected for everything."""
        return self.teachers_usd + self.judge_usd

    @property
    def worst_usd(self) -> Decimal:
        """At worst, were there no cap."""
        return sum((one.worst_usd for one in self.calls), Decimal(0))

    @property
    def judged(self) -> tuple[CallCost, ...]:
        """What the judge is asked."""
        return tuple(one for one in (self.judge_public, self.judge_answers) if one is not None)

    def part_that_fits(self, cap_usd: Decimal) -> float:
        """Which part of the prompts can be asked for so much, once the sources' own responses are judged; 0 to 1."""
        fixed = self.judge_public.expected_usd if self.judge_public else Decimal(0)
        answers = self.expected_usd - fixed
        return 1.0 if not answers else float(max(Decimal(0), min(Decimal(1), (cap_usd - fixed) / answers)))


def make_plan(
    settings: Settings,
    prompts: Sequence[Prompts],
    specs: Mapping[str, GenerationSpec],
    judge: Judge | None,
    acceptance: Acceptance,
    found: Measurements | None = None,
    routed: Routed | None = None,
) -> Plan:
    """Count calls, tokens and dollars.

    Args:
        settings: the configuration.
        prompts: the open prompts of each category.
        specs: teacher -> how it is asked, of all teachers that are models.
        judge: null where rules score.
        acceptance: of answers.
        found: what was measured; null: nothing was.
        routed: whom a hash has chosen for the prompts that may be asked, where they were counted; else the weights
            tell the shares.
    """
    found = found or Measurements()
    distill, rows = settings.distill, plan_rows(settings, prompts, acceptance)
    public = [(one, one.usable) for one in prompts] if distill.when != "always" or not distill.models else []
    answers = [(one, rows.asked[one.category] * distill.samples_per_prompt) for one in prompts]
    judge_public = judge_answers = None
    share = 1.0
    if judge is not None:
        share = judge.share_of(sum(count for _, count in (*public, *(answers if specs else ()))))
        if any(count for _, count in public):
            judge_public = _judge_cost(found, "judge, public", judge, public, share, longest_answer=None)
        if specs:
            longest = max(spec.max_tokens_cap for spec in specs.values())
            unique = found.judged_share
            judged = answers if unique is None else [(one, round(count * unique)) for one, count in answers]
            judge_answers = _judge_cost(found, "judge, answers", judge, judged, share, longest_answer=longest)
    return Plan(
        prompts,
        rows,
        _teacher_costs(settings, specs, answers, found, routed or {}),
        judge_public,
        judge_answers,
        expected_shares(distill, rows.asked),
        found,
        _undecided(settings, answers, routed or {}) if specs else (),
        distill.when == "below_threshold",
        *_rubric(judge, [one for one in (judge_public, judge_answers) if one is not None]),
        share,
    )


def _shares(settings: Settings, category: str, routed: Routed) -> dict[str, float]:
    weights: Mapping[str, float] = routed.get(category) or category_weights(settings.distill)[category]
    return {name: weight / sum(weights.values()) for name, weight in weights.items()}


def _undecided(
    settings: Settings, answers: Sequence[tuple[Prompts, int]], routed: Routed
) -> list[tuple[int, Mapping[str, float]]]:
    """The answers whose teacher is chance: where all that were counted are asked, it is known of each."""
    samples = settings.distill.samples_per_prompt
    return [
        (count, _shares(settings, one.category, routed))
        for one, count in answers
        if count != samples * sum(routed.get(one.category, {}).values())
    ]


def _rubric(judge: Judge | None, judged: Sequence[CallCost]) -> tuple[int, Decimal]:
    if judge is None:
        return 0, Decimal(0)
    tokens = round(judge.fixed_bytes / RUBRIC_BYTES_PER_TOKEN)
    return tokens, cached_saving(tokens * sum(one.calls for one in judged), judge.spec.endpoint.prices)


def _teacher_costs(
    settings: Settings,
    specs: Mapping[str, GenerationSpec],
    answers: Sequence[tuple[Prompts, int]],
    found: Measurements,
    routed: Routed,
) -> list[CallCost]:
    costs = [_teacher_cost(settings, name, spec, answers, found, routed) for name, spec in specs.items()]
    calls = Counter[EndpointKey]()
    for one in costs:
        calls[one.key] += one.calls
    # Teachers that are one model share what it has answered.
    return [replace(one, ended=round(one.ended * one.calls / (calls[one.key] or 1))) for one in costs]


def _teacher_cost(
    settings: Settings,
    name: str,
    spec: GenerationSpec,
    answers: Iterable[tuple[Prompts, int]],
    found: Measurements,
    routed: Routed,
) -> CallCost:
    total = _Total(name, spec)
    for one, count in answers:
        calls = round(count * _shares(settings, one.category, routed).get(name, 0.0))
        answer = min(max(one.public_answer_tokens, SEED_ANSWER_TOKENS), spec.max_tokens)
        total.add(calls, one.prompt_tokens, answer, one.prompt_bytes + 3 * _BOUND_OVERHEAD)
    return total.cost("answers", found)


def _judge_cost(
    found: Measurements,
    role: str,
    judge: Judge,
    pairs: Iterable[tuple[Prompts, int]],
    share: float,
    *,
    longest_answer: int | None,
) -> CallCost:
    """Cost of judging pairs; `longest_answer` in tokens where models wrote them, null for responses of sources."""
    total = _Total(role, judge.spec, judge.asks)
    for one, count in pairs:
        answer, answer_bytes = one.public_answer_tokens, one.answer_bytes
        if longest_answer is not None:
            answer = max(answer, SEED_ANSWER_TOKENS)
            answer_bytes = max(answer_bytes, longest_answer * one.bytes_per_token)
        read = judge.fixed_bytes / RUBRIC_BYTES_PER_TOKEN + one.prompt_tokens + answer
        bound = judge.fixed_bytes + one.prompt_bytes + answer_bytes + 4 * _BOUND_OVERHEAD
        total.add(ceil(round(count * share, 6)), read, JUDGE_REPLY_TOKENS, bound, most=count)
    return total.cost("judged responses" if longest_answer is None else "judged answers", found)


class _Total:
    """Adds up the calls to one model."""

    def __init__(self, role: str, spec: GenerationSpec, asks: int = 1) -> None:
        self._role, self._spec, self._attempts = role, spec, spec.attempts * asks
        self._calls, self._worst = 0, Decimal(0)
        self._prompt = self._answer = self._admitted = 0.0

    def add(self, calls: int, prompt: float, answer: float, prompt_bound: float, *, most: int | None = None) -> None:
        """Add calls with these mean tokens of prompt and answer.

        `prompt_bound` is the most that a prompt can have, `most` the calls at worst where that is more.
        """
        self._calls += calls
        self._prompt += calls * prompt
        self._answer += calls * answer
        # What counts against the limit of tokens a minute.
        self._admitted += calls * (prompt + self._spec.max_tokens)
        longest = max(self._spec.max_tokens, self._spec.max_tokens_cap)
        prices = self._spec.endpoint.prices
        self._worst += (
            (most or calls)
            * self._attempts
            * worst_case(ceil(prompt_bound), longest, prices, batch=self._spec.mode == "batch")
        )

    def cost(self, part: Part, found: Measurements) -> CallCost:
        """The sum."""
        endpoint, is_batch = self._spec.endpoint, self._spec.mode != "online"
        measured = found.of(part, *endpoint.key)
        calls, prompt, answer, cached = float(self._calls), self._prompt, self._answer, 0.0
        if measured is not None:
            times = self._calls / measured.requests
            calls, prompt = times * measured.ended, times * measured.prompt_tokens
            answer, cached = times * measured.completion_tokens, times * measured.cached_tokens
        usage = Usage(round(prompt), round(answer), min(round(cached), round(prompt)))
        # What mode auto leaves to be asked online is little, but nobody knows beforehand which requests it is.
        expected = cost_of(usage, endpoint.prices, batch=is_batch)
        if measured is not None:
            expected += (measured.assumed_usd * self._calls / measured.requests).quantize(expected, ROUND_CEILING)
        minutes, limited_by = (None, "") if is_batch else self._minutes(measured)
        return CallCost(
            self._role,
            endpoint.model,
            round(calls),
            usage.prompt_tokens,
            usage.completion_tokens,
            expected,
            self._worst,
            minutes,
            endpoint.provider,
            part,
            limited_by,
            found.ended(part, *endpoint.key),
            measured.requests if measured else 0,
            measured.deviation_usd(endpoint.prices, batch=is_batch) if measured else 0.0,
            self._calls,
            measured.cached_saving(endpoint.prices) * self._calls / measured.requests if measured else Decimal(0),
        )

    def _minutes(self, measured: Measured | None) -> tuple[float | None, str]:
        """Least that the limits allow, and which of them; a batch has limits of its own."""
        limits = self._spec.endpoint.limits
        attempts = measured.attempts / measured.requests if measured else 1.0
        windows = [
            (self._calls * attempts, limits.rpm, "requests a minute"),
            (self._admitted * attempts, limits.tpm, "tokens a minute"),
        ]
        times = [(amount / most * limits.window_seconds / 60, name) for amount, most, name in windows if most]
        if measured is not None and measured.latency_ms:
            waited = self._calls * measured.latency_ms / measured.requests
            times.append((waited / limits.max_in_flight / 60_000, "calls in flight"))
        return max(times, default=(None, ""))
