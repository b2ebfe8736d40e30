"""What a configuration would ask, and the rows that gives: pure arithmetic over counts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import floor

from jobs.answers.acceptance import Acceptance
from jobs.answers.sampling import expected_rows, prompts_to_ask
from jobs.config.settings import SelectConfig, Settings
from jobs.curation.quotas import category_quotas

BYTES_PER_TOKEN: Mapping[str, float] = {"general": 4.3, "code": 3.2, "reasoning": 2.9, "creative": 5.0, "other": 3.8}
"""Bytes of UTF-8 that a token holds: the lower of two tokenizers' means, see docs/METHODOLOGY.md."""
_MESSAGE_TOKENS = 8


@dataclass(frozen=True)
class Prompts:
    """The prompts of one category that can lead to a row."""

    category: str
    count: int
    usable: int
    """Those that come with a response which no rule keeps out."""
    prompt_bytes: float
    """Mean of the instruction, in bytes of UTF-8."""
    answer_bytes: float
    """Mean of the usable responses; 0 where there are none."""

    @property
    def bytes_per_token(self) -> float:
        """What a token of this category holds."""
        return BYTES_PER_TOKEN[self.category]

    @property
    def prompt_tokens(self) -> float:
        """Expected tokens of a prompt as one message."""
        return self.prompt_bytes / self.bytes_per_token + _MESSAGE_TOKENS

    @property
    def public_answer_tokens(self) -> float:
        """Expected tokens of a usable response."""
        return self.answer_bytes / self.bytes_per_token


@dataclass(frozen=True)
class PlannedRows:
    """Prompts to ask and rows to expect, by category."""

    config: SelectConfig
    ready: Mapping[str, int]
    """Rows that the sources' own responses give."""
    asked: Mapping[str, int]
    """Prompts that models answer."""
    acceptance: Mapping[str, float]
    """Share of the models' answers."""

    def dataset(self, part: float = 1.0) -> dict[str, int]:
        """Rows of the data set, if that part of the prompts to ask is asked."""
        asked = {name: floor(count * part) for name, count in self.asked.items()}
        expected = expected_rows(self.ready, self.acceptance, asked)
        if self.config.rows is None:
            return expected
        quotas = category_quotas(expected, self.config.rows, self.config.composition, self.config.when_short)
        return {name: quotas.get(name, 0) for name in expected}


def plan_rows(settings: Settings, prompts: Sequence[Prompts], acceptance: Acceptance) -> PlannedRows:
    """Count what is asked: all that may be, or as much as the quota of each category needs."""
    distill = settings.distill
    uses_public = not distill.models or distill.when != "always"
    ready = acceptance.ready({one.category: one.usable * uses_public for one in prompts})
    supply = {one.category: 0 for one in prompts}
    if distill.models:
        for one in prompts:
            answered = 0 if distill.when == "always" else one.usable
            failed = answered - ready[one.category] if distill.when == "below_threshold" else 0
            supply[one.category] = one.count - answered + failed
    accepted = {one.category: acceptance.of_models(one.category) for one in prompts}
    return PlannedRows(settings.select, ready, prompts_to_ask(settings.select, ready, accepted, supply), accepted)
