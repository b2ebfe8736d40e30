"""What is made of a judge's reply: a score only where it gives one beyond doubt."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from udfs.scoring.judge import DIMENSIONS, FAULTS, JudgeVerdict, judge_schema, judge_score, read_reply

GOOD = {
    "reason": "Right.",
    "accuracy": 8,
    "helpfulness": 7,
    "completeness": 9,
    "clarity": 10,
    "category": "general",
}
VERDICT = JudgeVerdict((8, 7, 9, 10), "general", "Right.")


def text(**changes) -> str:
    return json.dumps({**GOOD, **changes})


def without(name: str) -> str:
    return json.dumps({key: value for key, value in GOOD.items() if key != name})


@pytest.mark.parametrize(
    "reply",
    [
        text(),
        f"\ufeff\n {text()} \n",
        f"```json\n{text()}\n```",
        f"```{text()}```",
        f"````json\n{text()}\n````",
        f"```json\n{text()}",
        f"{text()}\n```",
        f"\u00a0{text()}<|im_end|>",
        f"```json\n{text()}\n```<|eot_id|>\n",
        f"<|channel|>final <|constrain|>json<|message|>{text()}<|return|>",
        text(reason="It leaks </think>, and\n<think> before."),
        text(category="General"),
        f"<think>I say {text(accuracy=1)} first.</think>\n{text()}",
        f"I say {text(accuracy=1)} first.\n</think>\n\n```json\n{text()}\n```",
        text(accuracy=8.0),
        text(extra="ignored"),
        text(extra={"a": 1}),
        text(reason="A @ B").replace("@", "\\(x\\) and \\_y\\_"),
        text(reason="A @ B").replace("@", "\n\t\x01"),
        text()[:-1] + ",}",
        text(scores={"a": 1})[:-1] + " , \n}",
        json.dumps({"Reason": "R", "Accuracy": 8, "HELPFULNESS": 7, "completeness": 9, "Clarity": 10}),
        json.dumps({"reason": "R", "scores": {name: GOOD[name] for name in DIMENSIONS}}),
        json.dumps({"ratings": {name.title(): GOOD[name] for name in DIMENSIONS}, "category": "general"}),
    ],
)
def test_what_can_be_read_in_one_way_only_is_read(reply):
    found = read_reply(reply)
    assert found.fault is None and found.verdict.dimensions == VERDICT.dimensions


def test_what_a_reason_says_with_backslashes_and_line_breaks_is_kept():
    reply = text(reason="A @ B").replace("@", "\\(F = ma\\)\nand \\u00e9")
    assert read_reply(reply).verdict.reason == "A \\(F = ma\\) and é B"


@pytest.mark.parametrize(
    ("reply", "fault"),
    [
        (None, "no_json"),
        ("", "no_json"),
        ("I rate it 8 of 10.", "no_json"),
        ("[8, 7, 9, 10]", "no_json"),
        (text()[:-10], "no_json"),
        ("{" * 30_000, "no_json"),
        ('{"a":' * 3_000 + "1" + "}" * 3_000, "no_json"),
        (without("clarity"), "missing_dimension"),
        ("{}", "missing_dimension"),
        (text(clarity="8"), "not_an_integer"),
        (text(clarity=8.5), "not_an_integer"),
        (text(clarity=True), "not_an_integer"),
        (text(clarity=None), "not_an_integer"),
        (json.dumps({**GOOD, "clarity": float("nan")}), "not_an_integer"),
        (text(clarity=0), "out_of_range"),
        (text(clarity=11), "out_of_range"),
        (f"{text()} or rather {text(accuracy=3)}", "contradiction"),
        (f"Here is my rating: {text()}", "not_alone"),
        (f"{text()} I hope it helps.", "not_alone"),
        (f"{text()} and again {text()}", "not_alone"),
        (f"Its answer uses {{x: 1}}. ```json\n{text()}\n```", "not_alone"),
        (f"An expert would say {text(accuracy=10)}, but I cannot.", "not_alone"),
        (f"<think>{text()}", "no_json"),
        (f"<think>I would give {text()} perhaps", "no_json"),
        (text().replace('"accuracy": 8', '"accuracy": 8, "accuracy": 10'), "repeated_key"),
        (text().replace('"accuracy": 8', '"accuracy": 8, "Accuracy": 8'), "repeated_key"),
        (text(scores={"accuracy": 10}), "repeated_key"),
        (json.dumps({"a": {name: 9 for name in DIMENSIONS}, "b": {name: 1 for name in DIMENSIONS}}), "repeated_key"),
        (str(GOOD), "no_json"),
        (text(clarity="8/10"), "not_an_integer"),
        (text()[:-1] + ",,}", "no_json"),
        (json.dumps([GOOD]), "not_alone"),
        (json.dumps(text()), "no_json"),
        (text(reason="x" * 20_000), "no_json"),
    ],
)
def test_every_other_reply_has_a_fault_with_a_name(reply, fault):
    found = read_reply(reply)
    assert found.verdict is None and found.fault == fault and fault in FAULTS


@settings(max_examples=40)
@given(st.text() | st.recursive(st.none() | st.booleans() | st.floats() | st.text(), st.lists).map(json.dumps))
def test_no_text_raises_and_each_gives_a_verdict_or_a_fault(reply):
    found = read_reply(reply)
    assert (found.verdict is None) == (found.fault is not None)


@pytest.mark.parametrize("category", ["poetry", None, 3, ["code"], {"code": 1}])
def test_a_category_that_is_none_of_ours_does_not_spoil_the_score(category):
    assert read_reply(text(category=category)).verdict == JudgeVerdict(VERDICT.dimensions, None, "Right.")


@pytest.mark.parametrize(
    ("reason", "kept"),
    [("a\n\x1b[31mb", "a [31mb"), ("x" * 999, "x" * 300), (None, "The judge gave no reason."), (" ", None)],
)
def test_a_reason_is_one_short_line_without_control_characters(reason, kept):
    assert read_reply(text(reason=reason)).verdict.reason == (kept or "The judge gave no reason.")


@pytest.mark.parametrize(
    ("weights", "tenths"),
    # 34 / 4 = 8.5; (24 + 7 + 9 + 10) / 6 = 8.33; (8 + 7 + 9) / 3 = 8.0; (8 + 7 + 18 + 40) / 8 = 9.125
    [((1, 1, 1, 1), 85), ((3, 1, 1, 1), 83), ((1, 1, 1, 0), 80), ((1, 1, 2, 4), 91)],
)
def test_the_score_is_the_weighted_mean_in_tenths(weights, tenths):
    score = judge_score(VERDICT, weights)
    assert score.quality_tenths == tenths
    assert score.scorer == "judge" and dict(score.dimensions) == dict(zip(DIMENSIONS, (8, 7, 9, 10), strict=True))


def test_a_half_is_rounded_up():
    # 8.25 and 8.35 in tenths, where binary fractions would give 8.2 and 8.3.
    assert judge_score(JudgeVerdict((8, 8, 8, 9), None, ""), (1, 1, 1, 1)).quality_tenths == 83
    assert judge_score(JudgeVerdict((8, 9, 1, 1), None, ""), (13, 7, 0, 0)).quality_tenths == 84


def test_the_schema_is_strict_and_what_it_allows_is_read():
    schema = judge_schema()
    assert schema["additionalProperties"] is False
    assert schema["required"] == list(schema["properties"]) == ["reason", *DIMENSIONS, "category"]
    for name in DIMENSIONS:
        for rating in schema["properties"][name]["enum"]:
            assert read_reply(text(**{name: rating})).fault is None
