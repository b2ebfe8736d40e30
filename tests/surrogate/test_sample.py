"""Each stratum gives its share of the sample, none goes without, and what was drawn stays drawn."""

from hypothesis import given
from hypothesis import strategies as st

from jobs.surrogate.sample import draw_sample, strata_quotas
from udfs.scoring.feature_batches import FEATURED

SIZES = st.dictionaries(st.text(max_size=3), st.integers(1, 500), max_size=8)


@given(SIZES, st.integers(1, 2_000))
def test_each_stratum_gives_its_share(sizes, rows):
    quotas, total = strata_quotas(sizes, rows), sum(sizes.values())

    assert quotas.keys() == sizes.keys()
    for name, size in sizes.items():
        assert 1 <= quotas[name] <= size
        assert min(size, size * rows / total) <= quotas[name] + 1e-6
        assert quotas[name] < size * rows / total + 1


def test_the_sample_is_stratified_and_grows_with_the_rows(spark):
    def pairs(count, source):
        findings = ("clean", "fails")
        return [(f"{source}{n}", source, None, findings[n % 2], False, [0.0]) for n in range(count)]

    def drawn(count, rows):
        found = draw_sample(spark.createDataFrame(pairs(count, "a") + pairs(count // 10, "b"), FEATURED), rows)
        return {row["pair_id"]: (row["source"], row["findings"]) for row in found.collect()}

    some, more = drawn(100, 22), drawn(200, 44)

    strata = list(some.values())
    assert {stratum: strata.count(stratum) for stratum in set(strata)} == {
        ("a", "clean"): 10,
        ("a", "fails"): 10,
        ("b", "clean"): 1,
        ("b", "fails"): 1,
    }
    assert len(more) == 44
    assert drawn(100, 22) == some
    assert draw_sample(spark.createDataFrame([], FEATURED), 0).count() == 0
