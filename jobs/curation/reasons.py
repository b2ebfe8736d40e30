"""What the stored reasons mean, in a sentence each."""

from collections.abc import Mapping
from functools import cache
from importlib import resources

import yaml

from udfs.screen.rules import load_rules


def meaning_of(stage: str, reason: str) -> str | None:
    """What a reason means where that stage gives it; null for one that nobody has described."""
    described = _of_rules() if stage == "screen" else {}
    return described.get(reason) or _of_stages().get(reason)


@cache
def _of_rules() -> Mapping[str, str]:
    # Of a rule that looks at prompts and at responses the first sentence says enough.
    return {rule.name: rule.description for rule in reversed(load_rules())}


@cache
def _of_stages() -> Mapping[str, str]:
    text = resources.files("conf").joinpath("reasons.yaml").read_text(encoding="utf-8")
    return {str(reason): str(meaning) for reason, meaning in yaml.safe_load(text).items()}
