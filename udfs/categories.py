"""The category of a pair: the source's own name for it through a mapping, or ordered rules read from YAML."""

import re
from collections.abc import Mapping
from functools import cached_property
from importlib import resources
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from schemas.errors import ConfigError
from schemas.records import Category
from udfs.screen.subject import fold

_SHORT_PARAGRAPH = 160
"""Bytes: a Chinese character says as much as a few letters."""
_HEAD_CHARS, _TAIL_CHARS = 700, 300
"""What is looked at of a text: a request stands at its beginning or its end, the material between them."""

_NUMBER = re.compile(
    r"\d[\d,.]*|\b(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|twenty|thirty|fifty|hundred|half|third"
    r"|quarter|twice|thrice|dozen|double|triple|each|every|per)\b"
    r"|[二两三四五六七八九十百千万半][个元人米只天岁本支块斤升倍年月点]|每[个人天小只本支张]"
)

_LATIN = re.compile("[a-z]")

_MATERIAL = re.compile(r"((?:文[章本字]|段落|内容|材料|原文|新闻|短文)[^。？！：:\n]{0,14}[：:])\s*[^\n]{40,}")
"""What a Chinese prompt works on often stands behind a colon, in the paragraph that asks."""

Letters = Literal["ascii", "other", "both"]
"""ASCII alone, no Latin letter at all (as in most Chinese prompts), or Latin letters among others."""


class CategoryRule(BaseModel):
    """One named rule: what the text must match to belong to the category."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    category: Category
    target: Literal["request", "prompt", "response"]
    """The request is the prompt without the material that it works on; see `_request`."""
    description: str = Field(min_length=20)
    contains: tuple[str, ...] = ()
    """The patterns are tried only on a text with one of these in it; spares most texts the patterns' cost."""
    patterns: tuple[re.Pattern[str], ...] = Field(min_length=1)
    """On folded text; one match is enough."""
    min_numbers: int = Field(default=0, ge=0)
    """How many numbers, in digits or words, must be in the text."""
    unless: tuple[re.Pattern[str], ...] = ()
    """Spared where the folded request matches one of these."""

    def matches(self, text: str, letters: Letters, request: str) -> bool:
        """Whether the folded text, written in those letters, belongs to the category."""
        if self.contains and not any(map(text.__contains__, self._literals[letters])):
            return False
        if not any(pattern.search(text) for pattern in self.patterns):
            return False
        if self.min_numbers and len(_NUMBER.findall(text)) < self.min_numbers:
            return False
        return not any(spare.search(request) for spare in self.unless)

    @cached_property
    def _literals(self) -> Mapping[Letters, tuple[str, ...]]:
        """Those of `contains` that can be in a text of such letters: of the many most are English, or Chinese."""
        return {
            "ascii": tuple(filter(str.isascii, self.contains)),
            "other": tuple(literal for literal in self.contains if not _LATIN.search(literal)),
            "both": self.contains,
        }


class CategoryRules(BaseModel):
    """Rules in order, the first match decides, and what their source's own names stand for."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    default: Category
    """Of a pair that no rule takes."""
    source_categories: Mapping[str, Category]
    """The source's own name -> ours."""
    rules: tuple[CategoryRule, ...] = Field(min_length=1)

    @cached_property
    def reads_responses(self) -> bool:
        """Whether any rule looks at the answer."""
        return any(rule.target == "response" for rule in self.rules)


def load_category_rules(text: str | None = None) -> CategoryRules:
    """Read the rules.

    Args:
        text: YAML; None for the shipped `conf/categories.yaml`.

    Raises:
        ConfigError: names every faulty rule with its key, value and what was expected.
    """
    if text is None:
        # Through importlib: on a cluster the package is a zip, and there is no file to open.
        text = resources.files("conf").joinpath("categories.yaml").read_text(encoding="utf-8")
    try:
        content = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ConfigError(f"category rules: not YAML: {error}") from error
    try:
        rules = CategoryRules.model_validate(content)
    except ValidationError as error:
        faults = [_described(fault, content) for fault in error.errors()]
        raise ConfigError("category rules:\n" + "\n".join(f"  {fault}" for fault in faults)) from error
    names = [rule.name for rule in rules.rules]
    twice = [name for name in dict.fromkeys(names) if names.count(name) > 1]
    if twice:
        raise ConfigError(f"category rules: listed twice: {', '.join(twice)}")
    return rules


def categorise(instruction: str, response: str | None, rules: CategoryRules) -> str:
    """Find the category of a pair, or of a prompt that has no answer yet."""
    prompt = _ends(instruction)
    request = _request(prompt)
    answer = _ends(response) if response and rules.reads_responses else ""
    texts = {"prompt": prompt, "request": request, "response": answer}
    letters = {target: _letters(text) for target, text in texts.items()}
    for rule in rules.rules:
        if rule.matches(texts[rule.target], letters[rule.target], request):
            return rule.category
    return rules.default


def mapped_category(source_category: str | None, mapping: Mapping[str, str]) -> str | None:
    """The source's own category by a mapping, upper or lower case alike; None where it says nothing of it."""
    if source_category is None:
        return None
    wanted = source_category.strip().casefold()
    found = mapping.get(wanted)  # nearly always: mappings are written in lower case
    if found is not None:
        return found
    return next((ours for theirs, ours in mapping.items() if theirs.strip().casefold() == wanted), None)


def _ends(text: str) -> str:
    """Beginning and end of a text, folded."""
    if len(text) > _HEAD_CHARS + _TAIL_CHARS:
        text = f"{text[:_HEAD_CHARS]}\n\n{text[-_TAIL_CHARS:]}"
    return fold(text.strip())


def _letters(text: str) -> Letters:
    """Which letters a text is written in."""
    if text.isascii():
        return "ascii"
    return "both" if _LATIN.search(text) else "other"


def _request(prompt: str) -> str:
    """The first paragraph of a prompt, and the last one where it is short enough to be a question."""
    first, _, rest = prompt.partition("\n\n")
    last = rest.rpartition("\n\n")[2]
    if not prompt.isascii():
        first = _MATERIAL.sub(r"\1", first)
    short = last and len(last.encode(errors="ignore")) <= _SHORT_PARAGRAPH
    return f"{first}\n{last}" if short else first


def _described(fault: Any, content: Any) -> str:
    """One fault, a rule called by its name rather than by its number."""
    place = list(fault["loc"])
    label = ""
    if place[:1] == ["rules"] and len(place) > 1:
        entry = content["rules"][place[1]]
        name = entry.get("name") if isinstance(entry, dict) else None
        label = f"rule {name or f'number {place[1] + 1}'}: "
        place = place[2:]
    key = ".".join(str(part) for part in place)
    return f"{label}{key + ': ' if key else ''}{fault['msg']}, found {fault['input']!r}"
