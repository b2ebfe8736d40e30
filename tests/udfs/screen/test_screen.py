"""What each rule convicts, what it spares, and what no text can do to the screen."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.screen_cases import PROMPTS, RESPONSES
from udfs.screen.rules import load_rules
from udfs.screen.screen import Violation, screen_prompt, screen_response

RULES = load_rules()


def prompt_rules(text: str) -> list[str]:
    return [verdict.rule for verdict in screen_prompt(text, None, RULES)]


def response_rules(case: tuple[str, ...]) -> list[str]:
    instruction, response, *system = case
    return [verdict.rule for verdict in screen_response(instruction, response, RULES, *system)]


def test_every_rule_of_the_shipped_list_has_cases_of_both_kinds():
    computed = {(rule.target, rule.name) for rule in RULES if not rule.from_source}
    with_cases = {("prompt", name) for name in PROMPTS} | {("response", name) for name in RESPONSES}

    assert computed == with_cases
    assert all(hits and misses for hits, misses in [*PROMPTS.values(), *RESPONSES.values()])


@pytest.mark.parametrize(("rule", "text"), [(rule, text) for rule, (hits, _) in PROMPTS.items() for text in hits])
def test_a_faulty_prompt_is_marked_with_the_rule_it_breaks(rule, text):
    assert rule in prompt_rules(text)


@pytest.mark.parametrize(("rule", "text"), [(rule, text) for rule, (_, near) in PROMPTS.items() for text in near])
def test_a_prompt_that_only_looks_faulty_is_spared(rule, text):
    assert rule not in prompt_rules(text)


@pytest.mark.parametrize(("rule", "case"), [(rule, case) for rule, (hits, _) in RESPONSES.items() for case in hits])
def test_a_faulty_response_is_marked_with_the_rule_it_breaks(rule, case):
    assert rule in response_rules(case)


@pytest.mark.parametrize(("rule", "case"), [(rule, case) for rule, (_, near) in RESPONSES.items() for case in near])
def test_a_response_that_only_looks_faulty_is_spared(rule, case):
    assert rule not in response_rules(case)


def test_a_verdict_carries_target_rule_effect_and_the_text_that_convicted():
    assert screen_response("Boil an egg.", "I’m sorry, but I can’t help with that.", RULES) == [
        Violation("response", "refusal", "exclude", "sorry, but i can't")
    ]
    assert screen_response("Why?", "Because the " * 40, RULES) == [
        Violation("response", "repetition", "exclude", "0.97 of the words lie in repeated phrases"),
        Violation("response", "truncated", "note", ("because the " * 40).strip()[-80:]),
    ]


def test_a_span_is_at_most_eighty_characters():
    question = "Name " + "very " * 40 + "good fruits."

    [verdict] = [v for v in screen_response(question, question, RULES) if v.rule == "echo"]

    assert len(verdict.span) == 80


def test_personal_data_is_masked_in_the_stored_span():
    text = "Write to maria.keller@bluewin.ch."
    phone = "Ring 415-283-9146."
    key = "Use ghp_a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"

    spans = [screen_prompt(t, None, RULES)[0].span for t in (text, phone, key)]

    assert spans == ["m***@bluewin.ch", "***-***-**46", "ghp_a1B2..."]


def test_what_a_prompt_refers_to_may_stand_in_an_earlier_turn_or_in_the_system_prompt():
    assert [v.rule for v in screen_prompt("Summarise this article.", None, RULES)] == ["missing_input"]
    assert screen_prompt("Summarise this article.", None, RULES, has_history=True) == []
    assert screen_prompt("Summarise this article.", "The article: bees dance.", RULES) == []


@pytest.mark.parametrize("answer", ["", "Yes", "42", "No.", "Paris", "B", "spam"])
def test_a_short_answer_is_no_fault(answer):
    assert screen_response("Is this spam or not? Win a prize now.", answer, RULES) == []


def test_rules_that_the_source_decides_are_not_computed():
    from_source = "fails_task lang_mismatch literal_escapes low_quality rejected_label spam tool_use toxicity"

    assert {rule.name for rule in RULES if rule.from_source} == set(from_source.split())


SCRAPS = st.one_of(
    st.sampled_from(["```", "```python\n", "```json\n", "{{", "}}", "[insert ", "(", "@", "http://", '{"name":']),
    st.sampled_from(["I'm sorry, but I can't ", "as an ai ", "Human:", "+1 415-", "AKIA", "wikipedia('", "following "]),
    st.sampled_from(["the", "\n", " ", "İ", "\ud800", "\x00", "。"]),
)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(SCRAPS | st.text(max_size=20), max_size=30).map("".join),
    st.text(max_size=50),
    st.none() | st.text(max_size=20),
)
def test_no_text_makes_the_screen_fail_and_each_rule_speaks_at_most_once(text, other, system):
    verdicts = [
        *screen_prompt(text, system, RULES),
        *screen_response(other, text, RULES, system),
        *screen_response(text, other, RULES, system),
    ]

    assert all(len(verdict.span) <= 80 for verdict in verdicts)
    found = [verdict.rule for verdict in screen_response(other, text, RULES, system)]
    assert len(found) == len(set(found))
    assert screen_response(other, text, RULES, system) == screen_response(other, text, RULES, system)
