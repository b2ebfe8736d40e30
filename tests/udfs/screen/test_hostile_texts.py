"""Texts built to make a pattern or a parser hang or crash: each is screened within a bound of CPU time."""

import re

import pytest

from tests.support.time_bound import cpu_bound
from udfs.screen.rules import load_rules
from udfs.screen.screen import screen_prompt, screen_response

RULES = load_rules()
SIZE = 200_000
SECONDS = 5.0
"""Of CPU time for one of them; the slowest was seen to take 0.2."""
UNITS = [
    *("a", " ", "\n", "\n\n", " \n", "`", "```", "```\n", "```a", "~~~", "(", "[", "{", "{{", "{{a", "<", "<|"),
    *("|", "| a |\n", "[insert ", "[your ", "###", "\n### ", "\n\nhuman: ", "\n\nhuman:  \n", "name: ", "dear "),
    *("regards,\n", "regards, ", "I am ", "i'm a ", "I was ", "I'm sorry ", "sorry ", "as an ai ", "as a large "),
    *("developed by ", "a@", "a.", "a-", "a@a.", "@a", "1-", "1 ", "+1 ", "+22 22", "415-", "(415) ", "eyJ", "eyJ-"),
    *("sk-", "ghp_", "-----BEGIN PRIVATE KEY-----", "http://", "www.", "the following ", "this article ", "given a "),
    *("search(", "wikipedia('", "a, ", "1,", '"', "'", "…", "。", "İ", "太", "noinput", "\nnoinput\n", "<no"),
]

# What a parser nests, each repeated inside one fence of a size that is still parsed.
NESTS = [
    *("(", "[", "{", "-", "not ", "lambda:", "a.", "a(", "a[", "f(", "a+", "a**", "1 if 1 else ", "x=", "*", "0"),
    *("if a:\n ", "await ", "f'{", '"', "\\\n"),
]


def repeated(unit: str, size: int) -> str:
    return (unit * (size // len(unit) + 1))[:size]


@pytest.mark.parametrize("unit", UNITS)
def test_a_repeated_unit_is_screened_to_its_end(unit):
    # A letter behind the run makes patterns that anchor at the end give it back piece by piece.
    with cpu_bound(SECONDS):
        screen_response("Say it.", repeated(unit, SIZE) + "x", RULES)
        for before, after in (("", ""), ("```python\n", "`"), ("I am ", "\n")):
            text = before + repeated(unit, SIZE // 10) + after
            screen_prompt(text, None, RULES)
            screen_response(text, text, RULES)


@pytest.mark.parametrize("size", [500, 5_000, 19_000])
@pytest.mark.parametrize("unit", NESTS)
def test_deep_code_neither_crashes_nor_hangs_the_parser(unit, size):
    with cpu_bound(SECONDS):
        for language in ("python", "json"):
            screen_response("Write code.", f"```{language}\n{unit * (size // len(unit))}\n```", RULES)


def test_the_bound_ends_a_pattern_that_would_take_for_ever():
    with pytest.raises(AssertionError, match=r"more than 0\.2 s of CPU"), cpu_bound(0.2):
        re.match("(a|a)*b", "a" * 60)
