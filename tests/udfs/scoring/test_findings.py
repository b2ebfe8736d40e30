"""How findings become a dimension."""

import pytest

from udfs.scoring.findings import MAJOR, MINOR, SEVERE, SLIGHT, SOME_EVIDENCE, STRONG_EVIDENCE, Finding, rate


@pytest.mark.parametrize(
    ("points", "rated"),
    [
        ([], 7),
        ([SOME_EVIDENCE], 8),
        ([STRONG_EVIDENCE], 9),
        ([SOME_EVIDENCE, STRONG_EVIDENCE], 9),  # the strongest counts, they do not add up
        ([SLIGHT], 7),
        ([MINOR], 6),
        ([MINOR, SLIGHT], 5),
        ([MAJOR], 2),
        ([SEVERE], 1),
        ([SEVERE, MAJOR, MAJOR], 1),  # never below the scale
        ([STRONG_EVIDENCE, MINOR], 6),  # evidence does not make good a fault
    ],
)
def test_points_are_taken_off_eight(points, rated):
    assert rate(Finding(size, "phrase") for size in points).points == rated


def test_the_gravest_fault_is_named_and_the_first_of_equals():
    found = rate([Finding(SLIGHT, "slight"), Finding(MAJOR, "first"), Finding(MAJOR, "second")])

    assert found.weakest == Finding(MAJOR, "first")


def test_evidence_is_no_fault():
    assert rate([Finding(SOME_EVIDENCE, "good")]).weakest is None
