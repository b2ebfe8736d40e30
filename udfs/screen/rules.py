"""Screening rules as data: what `conf/screen_rules.yaml` may say, and its loading with every fault named."""

import re
from collections.abc import Collection, Mapping
from importlib import resources
from types import MappingProxyType
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from schemas.errors import ConfigError
from udfs.screen.code_blocks import code_does_not_parse, unclosed_fence
from udfs.screen.judge_bait import addresses_judge
from udfs.screen.missing_input import missing_input
from udfs.screen.personal_data import personal_data
from udfs.screen.repetition import repetition
from udfs.screen.response_checks import echo, reasoning_block, tool_call, truncated
from udfs.screen.subject import Check
from udfs.screen.unfilled_slot import unfilled_slot
from udfs.screen.unseen_material import needs_url_or_image

SOURCE_MARK = "source_mark"
"""The check of a rule that ingest decides by the source's own labels; nothing is computed here."""

CHECKS: Mapping[str, Check] = MappingProxyType(
    {
        "missing_input": missing_input,
        "needs_url_or_image": needs_url_or_image,
        "unfilled_slot": unfilled_slot,
        "personal_data": personal_data,
        "tool_call": tool_call,
        "echo": echo,
        "reasoning_block": reasoning_block,
        "repetition": repetition,
        "unclosed_fence": unclosed_fence,
        "code_does_not_parse": code_does_not_parse,
        "truncated": truncated,
        "addresses_judge": addresses_judge,
    }
)


class Rule(BaseModel):
    """One named rule: patterns, or the name of a check, and what a hit means."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    """What the tables store and a reviewer reads; may be used once for each target."""
    target: Literal["prompt", "response"]
    effect: Literal["exclude", "note"]
    """`exclude`: export leaves the text out. `note`: recorded only."""
    description: str = Field(min_length=20)
    check: str | None = None
    """A function of `CHECKS`, or `source_mark`."""
    patterns: tuple[re.Pattern[str], ...] = ()
    """The first that matches convicts. They see lower-cased text with straight apostrophes; what a group
    called `name` matches is no fault where the system prompt says it too."""
    contains: tuple[str, ...] = ()
    """The patterns are tried only on a text with one of these in it; spares most texts the patterns' cost."""
    first_chars: int | None = Field(default=None, gt=0)
    """Only so many leading characters are looked at."""
    outside_code: bool = False
    """Fenced blocks and inline code are taken out first."""
    unless_prompt: tuple[re.Pattern[str], ...] = ()
    """Spared where the prompt, system prompt included, matches any of these."""
    unless_text: tuple[re.Pattern[str], ...] = ()
    """Spared where the text itself matches any of these."""

    @model_validator(mode="after")
    def _is_computable(self) -> "Rule":
        if (self.check is None) == (not self.patterns):
            raise ValueError("give either patterns or a check")
        if self.check is not None and self.check != SOURCE_MARK and self.check not in CHECKS:
            raise ValueError(f"unknown check {self.check!r}; known: {', '.join([*CHECKS, SOURCE_MARK])}")
        idle = self.model_fields_set & {"contains", "first_chars", "outside_code", "unless_text"}
        if self.check is not None and idle:
            raise ValueError(f"a check does not heed {', '.join(sorted(idle))}")
        return self

    @property
    def from_source(self) -> bool:
        """Whether ingest decides the rule, from labels that the source carries."""
        return self.check == SOURCE_MARK


def load_rules(text: str | None = None) -> tuple[Rule, ...]:
    """Read rules, in the order in which their verdicts are listed.

    Args:
        text: YAML, a list of rules; None for the shipped `conf/screen_rules.yaml`.

    Raises:
        ConfigError: names every faulty rule with its key, value and what was expected.
    """
    if text is None:
        # Through importlib: on a cluster the package is a zip, and there is no file to open.
        text = resources.files("conf").joinpath("screen_rules.yaml").read_text(encoding="utf-8")
    try:
        entries = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ConfigError(f"screen rules: not YAML: {error}") from error
    if not isinstance(entries, list):
        raise ConfigError("screen rules: expected a list of rules")
    rules: list[Rule] = []
    faults: list[str] = []
    for position, entry in enumerate(entries, start=1):
        label = str(entry.get("name", f"number {position}")) if isinstance(entry, dict) else f"number {position}"
        try:
            rules.append(Rule.model_validate(entry))
        except ValidationError as error:
            faults += [_described(label, fault) for fault in error.errors()]
    keys = [(rule.name, rule.target) for rule in rules]
    faults += [f"rule {key[0]}: listed twice for the {key[1]}" for key in dict.fromkeys(keys) if keys.count(key) > 1]
    if faults:
        raise ConfigError("screen rules:\n" + "\n".join(f"  {fault}" for fault in faults))
    return tuple(rules)


def enabled_rules(rules: tuple[Rule, ...], off: Collection[str]) -> tuple[Rule, ...]:
    """Leave out the rules that a source switches off by name.

    Raises:
        ConfigError: a name in `off` is no rule; lists the known ones.
    """
    known = dict.fromkeys(rule.name for rule in rules)
    unknown = sorted(set(off) - set(known))
    if unknown:
        raise ConfigError(f"unknown screen rules {', '.join(unknown)}; known: {', '.join(known)}")
    return tuple(rule for rule in rules if rule.name not in off)


def _described(label: str, fault: Any) -> str:
    key = ".".join(str(part) for part in fault["loc"])
    found = f", found {fault['input']!r}" if key else ""
    return f"rule {label}: {key + ': ' if key else ''}{fault['msg']}{found}"
