"""Every example has exactly one fate, and the first stage that decided names it."""

from jobs.curation.fates import VERDICTS_IN, example_fates
from schemas.tables import CONTAMINATION, DUPLICATES, EXAMPLES, PAIRS, SCORES, SCREEN, SELECTION
from tests.support.factories import rows_of

EXPECTED = {
    "selected": ("select", "selected", None),
    "prompt_rule": ("screen", "missing_input", None),
    "two_rules": ("screen", "needs_url_or_image", None),
    "contaminated": ("decontaminate", "contaminated", None),
    "form_of_words": ("select", "selected", None),
    "twin": ("deduplicate-prompts", "duplicate_prompt", "selected"),
    "published": ("deduplicate-prompts", "duplicate_of_reference", None),
    "published_pair": ("deduplicate-pairs", "duplicate_of_reference", None),
    "no_answer": ("distill", "no_answer", None),
    "response_rule": ("screen", "refusal", None),
    "only_noted": ("select", "selected", None),
    "pair_twin": ("deduplicate-pairs", "duplicate_pair", "selected"),
    "not_scored": ("score", "not_scored", None),
    "low": ("select", "low_score", None),
    "refused": ("distill", "answer_refused", None),
    "two_answers": ("select", "selected", None),
    "two_failures": ("select", "low_score", None),
}
UNPAIRED = ("prompt_rule", "two_rules", "contaminated", "twin", "published", "no_answer", "refused")
SAMPLES = ("two_answers", "two_failures")


def test_each_example_has_the_fate_of_the_first_stage_that_decided(spark):
    examples = rows_of(spark, EXAMPLES, [{"example_id": name} for name in EXPECTED])
    screen = rows_of(
        spark,
        SCREEN,
        [
            {"id": "prompt_rule", "rule": "missing_input"},
            {"id": "two_rules", "rule": "placeholder"},
            {"id": "two_rules", "rule": "needs_url_or_image"},
            {"id": "response_rule", "target": "response", "rule": "refusal"},
            {"id": "only_noted", "rule": "literal_escapes", "effect": "note"},
            {"id": "q-two_failures", "target": "answer", "rule": "echo"},
        ],
    )
    marks = [
        {"example_id": "contaminated"},
        {"example_id": "contaminated", "item": "8"},
        {"example_id": "prompt_rule"},
        {"example_id": "form_of_words", "effect": "note"},
    ]
    contamination = rows_of(spark, CONTAMINATION, marks)
    duplicates = rows_of(
        spark,
        DUPLICATES,
        [
            {"id": "twin", "duplicate_of": "selected"},
            {"pass": "pair", "id": "p-pair_twin", "duplicate_of": "p-selected"},
            {"id": "published", "duplicate_of": "a.jsonl:0", "reference_text": "Why?"},
            {"pass": "pair", "id": "p-published_pair", "duplicate_of": "a.jsonl:1", "reference_text": "Why?\nSo."},
        ],
    )
    paired = [name for name in EXPECTED if name not in UNPAIRED]
    answers = [{"pair_id": f"p-{name}", "example_id": name} for name in paired]
    answers += [{"pair_id": f"q-{name}", "example_id": name, "sample": 1, "request_id": "r"} for name in SAMPLES]
    pairs = rows_of(spark, PAIRS, answers)
    scored = ["selected", "form_of_words", "only_noted", "low", "two_answers", "two_failures"]
    scores = rows_of(spark, SCORES, [{"pair_id": f"p-{name}"} for name in scored])
    selection = rows_of(
        spark,
        SELECTION,
        [{"pair_id": f"p-{n}", "reason": "low_score" if n in ("low", "two_failures") else None} for n in scored]
        + [{"pair_id": "q-two_answers", "reason": "worse_sample"}],
    )
    unanswered = spark.createDataFrame([("refused", "answer_refused")], "example_id string, why string")

    frames = (examples, screen, contamination, duplicates, pairs, scores, selection)
    rows = example_fates(dict(zip(VERDICTS_IN, frames, strict=True)), unanswered).collect()

    assert sorted((r.example_id, (r.stage, r.reason, r.duplicate_of)) for r in rows) == sorted(EXPECTED.items())
