"""How findings become a dimension."""

import pytest

from udfs.scoring.findings import Rating, fault, rate, remark


@pytest.mark.parametrize(
    ("findings", "rating"),
    [
        ([], Rating(9, None)),
        ([remark("a")], Rating(8, remark("a"))),
        ([remark("a")] * 9, Rating(8, remark("a"))),  # remarks never add up to a verdict
        ([fault("a")], Rating(1, fault("a"))),
        ([remark("a"), fault("b"), fault("c")], Rating(1, fault("b"))),  # the first that decides is named
    ],
)
def test_a_fault_decides_and_remarks_do_not(findings, rating):
    assert rate(findings) == rating
