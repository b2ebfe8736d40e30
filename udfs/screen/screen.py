"""Run the screening rules on one prompt or one response and list what they find."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from udfs.screen.rules import CHECKS, Rule
from udfs.screen.subject import Subject

_LONGEST_SPAN = 80


@dataclass(frozen=True, slots=True)
class Violation:
    """One rule that one text breaks."""

    target: str
    """`prompt` or `response`."""
    rule: str
    effect: str
    """`exclude` or `note`."""
    span: str
    """The matched text, at most 80 characters, or a short fact such as "0.92 of the lines repeat"."""


def screen_prompt(
    instruction: str, system: str | None, rules: Sequence[Rule], *, has_history: bool = False
) -> list[Violation]:
    """Find what is wrong with a prompt, at most one violation a rule, in the order of the rules.

    Args:
        instruction: the last user message; an Alpaca `input` stands in it after a blank line.
        system: the system prompt, if any.
        rules: as loaded; those for responses and those decided by the source are passed over.
        has_history: earlier turns exist, which may hold what the prompt refers to.
    """
    return _violations(Subject(instruction, instruction, system, has_history=has_history), "prompt", rules)


def screen_response(
    instruction: str, response: str, rules: Sequence[Rule], system: str | None = None
) -> list[Violation]:
    """Find what is wrong with a response, at most one violation a rule, in the order of the rules.

    Args:
        instruction: the prompt that was answered.
        response: the answer to examine.
        rules: as loaded; those for prompts and those decided by the source are passed over.
        system: the system prompt, if any: who is told to be Vicuna may say so.
    """
    return _violations(Subject(response, instruction, system, is_response=True), "response", rules)


def _violations(subject: Subject, target: Literal["prompt", "response"], rules: Sequence[Rule]) -> list[Violation]:
    violations = []
    for rule in rules:
        if rule.target != target or rule.from_source:
            continue
        span = _first_match(rule, subject) if rule.check is None else CHECKS[rule.check](subject)
        if span is not None and not any(spare.search(subject.folded_prompt) for spare in rule.unless_prompt):
            violations.append(Violation(target, rule.name, rule.effect, span.strip()[:_LONGEST_SPAN]))
    return violations


def _first_match(rule: Rule, subject: Subject) -> str | None:
    text = subject.folded_prose if rule.outside_code else subject.folded
    if rule.contains and not any(map(text.__contains__, rule.contains)):
        return None
    end = len(text) if rule.first_chars is None else rule.first_chars
    for pattern in rule.patterns:
        match = pattern.search(text, 0, end)
        if match is not None and not _told_by_system(match.groupdict().get("name"), subject):
            return None if any(spare.search(text) for spare in rule.unless_text) else match.group()
    return None


def _told_by_system(name: str | None, subject: Subject) -> bool:
    return bool(name and subject.system and name in subject.system.lower())
