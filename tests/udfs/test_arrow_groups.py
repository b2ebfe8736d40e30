"""Groups come out whole, whatever the batches they came in."""

from itertools import pairwise

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from udfs.arrow_groups import whole_groups


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.integers(1, 9), max_size=12),
    st.integers(1, 7),
    st.integers(1, 10),
)
def test_no_group_is_cut_and_no_row_is_lost(sizes, batch_rows, chunk_rows):
    keys = [key for key, size in enumerate(sizes) for _ in range(size)]
    rows = pa.table({"key": pa.array(keys, pa.int64()), "place": pa.array(range(len(keys)), pa.int64())})

    out = [batch.to_pydict() for batch in whole_groups(iter(rows.to_batches(batch_rows)), "key", chunk_rows)]

    assert [place for batch in out for place in batch["place"]] == list(range(len(keys)))
    for before, after in pairwise(out):
        assert before["key"][-1] < after["key"][0]


def test_small_groups_travel_together():
    rows = pa.table({"key": pa.array(range(100), pa.int64())})

    out = list(whole_groups(iter(rows.to_batches(5)), "key", 40))

    assert len(out) < 6
