"""What the split promises: rows that give each other away are on one side, and each category gives its share."""

import numpy as np
import pyarrow as pa
import pytest

from jobs.publish.split import draw_components, split_rows, validation_quotas
from schemas.errors import ConfigError

CODE, GENERAL, GENERAL_CHAT = ("code", True), ("general", True), ("general", False)


@pytest.mark.parametrize(
    ("supply", "validation", "quotas"),
    [
        ({CODE: 50, GENERAL: 150}, 0.1, {CODE: 5, GENERAL: 15}),
        ({CODE: 50, GENERAL: 150}, 8, {CODE: 2, GENERAL: 6}),
        ({CODE: 1, GENERAL: 30}, 0.001, {CODE: 0, GENERAL: 1}),
        ({GENERAL: 100, GENERAL_CHAT: 30}, 0.1, {GENERAL: 10, GENERAL_CHAT: 3}),
    ],
    ids=["share", "number", "at least one", "chat on top"],
)
def test_validation_takes_from_each_category_in_proportion(supply, validation, quotas):
    assert validation_quotas(supply, validation) == quotas


@pytest.mark.parametrize("validation", [10, 11, 0.99])
def test_a_validation_that_leaves_nothing_to_train_on_is_refused(validation):
    with pytest.raises(ConfigError, match=r"takes 1\d of 10 rows and leaves none to train on"):
        validation_quotas({GENERAL: 10}, validation)


def test_whole_components_are_drawn_until_the_quota_and_a_large_one_goes_to_train():
    component = np.array([*range(60), *(60 + 2 * (place // 2) for place in range(40)), *[100] * 4])
    ids = [f"{row:04d}" for row in range(component.size)]

    drawn = draw_components(component, [GENERAL] * component.size, {GENERAL: 30}, ids)

    sizes = [int(np.count_nonzero(component == number)) for number in drawn]
    assert 29 <= sum(sizes) <= 30, "a pair that would exceed the quota ends the draw"
    assert set(sizes) == {1, 2} and 100 not in drawn
    assert draw_components(component, [GENERAL] * component.size, {GENERAL: 30}, ids) == drawn


def test_a_component_counts_its_bare_rows_and_belongs_to_the_category_of_the_first():
    component = np.array([0, 0, 0, 3, 3])
    strata = [GENERAL_CHAT, CODE, GENERAL, GENERAL_CHAT, GENERAL_CHAT]
    ids = [f"{row:04d}" for row in range(5)]

    assert sorted(draw_components(component, strata, {CODE: 20, GENERAL: 20, GENERAL_CHAT: 20}, ids)) == [0, 3]
    assert draw_components(component, strata, {CODE: 20, GENERAL: 0, GENERAL_CHAT: 0}, ids) == [0]
    assert draw_components(component, strata, {CODE: 0, GENERAL: 20, GENERAL_CHAT: 20}, ids) == [3]


def rows_of(rows):
    """Rows as the split takes them, sorted by their ids."""
    history = pa.list_(pa.struct([("role", pa.string()), ("content", pa.string())]))
    columns = [(name, pa.string()) for name in ("example_id", "instruction", "response", "category", "reason")]
    plain = [{"history": [], "category": "general", **row} for row in rows]
    return pa.Table.from_pylist(plain, pa.schema([*columns, ("history", history)])).sort_by("example_id")


def test_near_duplicates_and_turns_of_one_conversation_stay_together():
    def words(number, count=12):
        return " ".join(f"w{number}x{place}" for place in range(count))

    rows = [{"example_id": f"e{n:02d}", "instruction": words(n), "response": words(100 + n, 40)} for n in range(40)]
    # Similar prompts (11 of 15 shingles), and similar pairs (38 of 54) with nothing alike in their prompts.
    rows += [{**rows[n], "example_id": f"q{n:02d}", "instruction": words(n, 11) + " end"} for n in range(6)]
    for n in range(6, 12):
        pair = {"instruction": words(200 + n, 3), "response": words(100 + n, 40) + " end"}
        rows.append({"example_id": f"r{n:02d}", **pair})
    for n in range(12):
        turns = [("user", f"Opening {n // 2} of a talk?"), ("assistant", words(300 + n))]
        history = [{"role": role, "content": content} for role, content in turns]
        pair = {"instruction": words(400 + n), "response": words(500 + n), "reason": "needs_history"}
        rows.append({"example_id": f"c{n:02d}", "history": history, **pair})
    together = [*((f"e{n:02d}", f"q{n:02d}") for n in range(6)), *((f"e{n:02d}", f"r{n:02d}") for n in range(6, 12))]
    together += [(f"c{n:02d}", f"c{n + 1:02d}") for n in range(0, 12, 2)]
    table = rows_of(rows)

    split = split_rows(table, 0.5, 0.5)

    side = dict(zip(table["example_id"].to_pylist(), split.is_validation.tolist(), strict=True))
    assert len(side) == len(rows) and set(side.values()) == {False, True}
    assert [pair for pair in together if side[pair[0]] != side[pair[1]]] == []
    facts = split.facts
    assert (facts["groups"], facts["largest_group"], facts["largest_jaccard_across"]) == (18, 2, None)


def test_the_nearest_pair_across_the_split_is_told():
    ten = [f"w{place}" for place in range(10)]
    texts = [" ".join([*ten[:8], f"a{n}", f"b{n}", f"c{n}"]) for n in range(12)]
    table = rows_of(
        [{"example_id": f"e{n:02d}", "instruction": text, "response": text} for n, text in enumerate(texts)]
    )

    facts = split_rows(table, 6, 0.5).facts

    assert facts["groups"] == 0 and 0.4 <= facts["largest_jaccard_across"] < 0.5


def test_no_validation_is_no_search():
    split = split_rows(rows_of([{"example_id": "e"}]), 0, 0.5)

    assert split.is_validation.tolist() == [False] and split.facts == {}
