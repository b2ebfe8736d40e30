"""What the split promises: rows that give each other away are on one side, and each category gives its share."""

import random
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
from pyspark.sql import functions as F

from jobs.config.deduplicate import config_for
from jobs.deduplication.components import connected_components
from jobs.publish.split import draw_components, split_rows, validation_quotas
from schemas.errors import ConfigError
from schemas.tables import DATASET
from tests.support.factories import rows_of
from tests.support.frames import storing_in
from udfs import components

CODE, GENERAL, GENERAL_CHAT = ("code", True), ("general", True), ("general", False)


@pytest.fixture
def materialise(spark, tmp_path):
    return storing_in(spark, tmp_path)


def edges_of(seed):
    """A long chain, a loop and pairs by chance, and for every node the smallest that it is connected with."""
    chance = random.Random(seed)
    names = [f"n{number:03d}" for number in range(90)]
    edges = [*pairwise(names[:40]), ("n050", "n050"), *(tuple(chance.sample(names[41:], 2)) for _ in range(30))]
    chance.shuffle(edges)
    smallest = {name: name for edge in edges for name in edge}
    for _ in names:
        for left, right in edges:
            smallest[left] = smallest[right] = min(smallest[left], smallest[right])
    return edges, smallest


def test_components_are_those_of_a_walk_over_the_edges(spark):
    edges, smallest = edges_of(7)

    found = connected_components(spark.createDataFrame(edges, ["left", "right"]).repartition(3)).collect()

    assert sorted((row.node, row.component) for row in found) == sorted(smallest.items())


@pytest.mark.parametrize("seed", range(5))
def test_components_do_not_depend_on_the_batches_or_on_what_is_condensed_meanwhile(monkeypatch, seed):
    monkeypatch.setattr(components, "_GATHERED_EDGES", 10)
    edges, smallest = edges_of(seed)
    ends = np.array([[int(name[1:]) for name in edge] for edge in edges])
    table = pa.table([ends[:, 0], ends[:, 1]], names=["left", "right"])

    (found,) = components.label_components(iter(table.to_batches(max_chunksize=3)))

    wanted = {int(name[1:]): int(least[1:]) for name, least in smallest.items()}
    assert dict(zip(*found.to_pydict().values(), strict=True)) == wanted
    assert list(components.label_components(iter([]))) == []


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


def test_whole_components_are_drawn_until_the_quota_and_a_large_one_goes_to_train(spark):
    members = [(f"s{n}|p", f"s{n}", "p", "general", True, f"s{n}|p") for n in range(60)]
    members += [(f"pair{n // 2}-{n}|p", "x", "p", "general", True, f"pair{n // 2}") for n in range(40)]
    members += [(f"big{n}|p", "x", "p", "general", True, "big") for n in range(4)]
    frame = spark.createDataFrame(
        members, "node string, example_id string, pair_id string, category string, is_bare boolean, component string"
    )

    drawn = draw_components(frame, {GENERAL: 30}).join(frame, "component").collect()

    sizes = {row.component: 0 for row in drawn}
    for row in drawn:
        sizes[row.component] += 1
    assert 29 <= len(drawn) <= 30, "a pair that would exceed the quota ends the draw"
    assert set(sizes.values()) == {1, 2} and "big" not in sizes
    assert all(size == (2 if name.startswith("pair") else 1) for name, size in sizes.items()), "no component is parted"


def conversation(*contents):
    return [(("user", "assistant")[place % 2], content) for place, content in enumerate(contents)]


def test_near_duplicates_and_turns_of_one_conversation_stay_together(spark, materialise):
    def words(number, count=12):
        return " ".join(f"w{number}x{place}" for place in range(count))

    rows = [{"example_id": f"e{n:02d}", "instruction": words(n), "response": words(100 + n, 40)} for n in range(40)]
    # Similar prompts (9 of 11 shingles), and similar pairs (38 of 54) with nothing alike in their prompts.
    rows += [{**rows[n], "example_id": f"q{n:02d}", "instruction": words(n, 11) + " end"} for n in range(6)]
    for n in range(6, 12):
        pair = {"instruction": words(200 + n, 3), "response": words(100 + n, 40) + " end"}
        rows.append({"example_id": f"r{n:02d}", **pair})
    for n in range(12):
        history = [("user", f"Opening {n // 2} of a talk?"), ("assistant", words(300 + n))]
        pair = {"instruction": words(400 + n), "response": words(500 + n)}
        rows.append({"example_id": f"c{n:02d}", "history": history, **pair})
    together = [*((f"e{n:02d}", f"q{n:02d}") for n in range(6)), *((f"e{n:02d}", f"r{n:02d}") for n in range(6, 12))]
    together += [(f"c{n:02d}", f"c{n + 1:02d}") for n in range(0, 12, 2)]
    frame = rows_of(spark, DATASET, [{**row, "pair_id": f"p-{row['example_id']}"} for row in rows])

    split = split_rows(frame.withColumn("is_bare", F.size("history") == 0), 0.5, config_for(0.5), materialise)

    side = {row.example_id: row.split for row in split.rows.collect()}
    assert len(side) == len(rows) and set(side.values()) == {"train", "validation"}
    assert [pair for pair in together if side[pair[0]] != side[pair[1]]] == []
    facts = split.facts
    assert (facts["groups"], facts["largest_group"], facts["largest_jaccard_across"]) == (18, 2, None)


def test_no_validation_is_no_search(spark):
    frame = rows_of(spark, DATASET, [{}]).withColumn("is_bare", F.lit(True))

    split = split_rows(frame, 0, config_for(0.5), lambda rows, name: pytest.fail("nothing is to be stored"))

    assert [row.split for row in split.rows.collect()] == ["train"] and split.facts == {}
