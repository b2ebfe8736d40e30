"""What asking would cost: pure arithmetic over counts and lengths, in decimals. Nothing is read or sent here.

Expected tokens are bytes of UTF-8 divided by what a token was measured to hold (docs/METHODOLOGY.md); the worst case
takes a token for every byte, an answer of full length, and every attempt as billed.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from math import ceil

from jobs.answers.acceptance import Acceptance
from jobs.answers.routing import TeacherShare, category_weights, expected_shares
from jobs.budget.rows import PlannedRows, Prompts, plan_rows
from jobs.config.settings import Settings
from udfs.llm.cost import Usage, cost_of, worst_case
from udfs.llm.generation_spec import GenerationSpec
from udfs.llm.wave import EndpointKey

SEED_ANSWER_TOKENS = 180
"""Mean answer of the seed data set: expected at least, since models answer at more length than people."""
JUDGE_REPLY_TOKENS = 90
RUBRIC_BYTES_PER_TOKEN = 3.3
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
) -> Plan:
    """Count calls, tokens and dollars.

    Args:
        settings: the configuration.
        prompts: the open prompts of each category.
        specs: teacher -> how it is asked, of all teachers that are models.
        judge: null where rules score.
        acceptance: of answers.
    """
    distill, rows = settings.distill, plan_rows(settings, prompts, acceptance)
    public = [(one, one.usable) for one in prompts] if distill.when != "always" or not distill.models else []
    answers = [(one, rows.asked[one.category] * distill.samples_per_prompt) for one in prompts]
    judge_public = judge_answers = None
    if judge is not None:
        share = judge.share_of(sum(count for _, count in (*public, *(answers if specs else ()))))
        if any(count for _, count in public):
            judge_public = _judge_cost("judge, public", judge, public, share, longest_answer=None)
        if specs:
            longest = max(spec.max_tokens_cap for spec in specs.values())
            judge_answers = _judge_cost("judge, answers", judge, answers, share, longest_answer=longest)
    return Plan(
        prompts,
        rows,
        [_teacher_cost(settings, name, spec, answers) for name, spec in specs.items()],
        judge_public,
        judge_answers,
        expected_shares(distill, rows.asked),
    )


def _teacher_cost(
    settings: Settings, name: str, spec: GenerationSpec, answers: Iterable[tuple[Prompts, int]]
) -> CallCost:
    weights, total = category_weights(settings.distill), _Total(name, spec)
    for one, count in answers:
        table = weights[one.category]
        calls = round(count * table[name] / sum(table.values()))
        answer = min(max(one.public_answer_tokens, SEED_ANSWER_TOKENS), spec.max_tokens)
        total.add(calls, one.prompt_tokens, answer, one.prompt_bytes + 3 * _BOUND_OVERHEAD)
    return total.cost()


def _judge_cost(
    role: str, judge: Judge, pairs: Iterable[tuple[Prompts, int]], share: float, *, longest_answer: int | None
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
    return total.cost()


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

    def cost(self) -> CallCost:
        """The sum."""
        endpoint, usage = self._spec.endpoint, Usage(round(self._prompt), round(self._answer))
        is_batch = self._spec.mode != "online"  # which has limits of its own
        limits = ((self._calls, endpoint.limits.rpm), (self._admitted, endpoint.limits.tpm))
        return CallCost(
            self._role,
            endpoint.model,
            self._calls,
            usage.prompt_tokens,
            usage.completion_tokens,
            # What mode auto leaves to be asked online is little, but nobody knows beforehand which requests it is.
            cost_of(usage, endpoint.prices, batch=is_batch),
            self._worst,
            None if is_batch else max((amount / limit for amount, limit in limits if limit), default=None),
            endpoint.provider,
        )
