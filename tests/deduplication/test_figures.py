"""The groups that lost most rows, each with the rows to doubt first."""

from jobs.deduplication.figures import largest_groups
from schemas.tables import DUPLICATES, EXAMPLES, PAIRS
from tests.support.demo import open_quietly
from tests.support.factories import store


def test_the_largest_groups_come_first_with_their_least_similar_rows(tmp_path):
    fallen = {"a1": ("a", 0.9), "a2": ("a", 0.8), "a3": ("a", 1.0), "b1": ("b", 0.9), "c1": ("c", 0.9)}
    duplicates = [{"id": row, "duplicate_of": kept, "jaccard": jaccard} for row, (kept, jaccard) in fallen.items()]
    duplicates += [{"pass": "pair", "id": f"p{n}", "duplicate_of": "p", "jaccard": 0.85} for n in (1, 2)]
    examples = [{"example_id": name, "instruction": f"prompt {name}"} for name in [*fallen, "a", "b", "c"]]
    pairs = [{"pair_id": name, "instruction": "ask", "response": f"answer {name}"} for name in ("p", "p1", "p2")]

    runtime = open_quietly("demo", f"workspace={tmp_path}")
    store(runtime.storage, {DUPLICATES: duplicates, EXAMPLES: examples, PAIRS: pairs})

    groups = largest_groups(runtime, groups=3, twins=2)

    assert [(group.search, group.kept_id, group.removed) for group in groups] == [
        ("prompt", "a", 3),
        ("pair", "p", 2),
        ("prompt", "b", 1),
    ]
    assert [(twin.example_id, twin.jaccard) for twin in groups[0].twins] == [("a2", 0.8), ("a1", 0.9)]
    assert (groups[0].kept_text, groups[0].twins[0].text, groups[0].twins[0].twin_text) == (
        "prompt a",
        "prompt a2",
        "prompt a",
    )
    assert groups[1].kept_text == "ask\nanswer p"
