"""The recorded agreement with people is what the benchmark measures, and the benchmark measures right."""

from tests.benchmarks.heuristic_agreement import (
    Choice,
    RatedAnswer,
    agreement,
    all_choices,
    length,
    sibling_choices,
    successes,
)
from udfs.scoring.agreement import MEASURED


def test_ties_count_half():
    choices = [Choice("q", "a b c", "a"), Choice("q", "a", "a b c"), Choice("q", "a b", "c d"), Choice("q", "a b", "c")]

    assert successes(choices, length) == (2.5, 1)


def test_of_siblings_the_best_and_the_worst_are_compared():
    answers = [
        RatedAnswer("q", "middle", 0.5),
        RatedAnswer("q", "best", 0.9),
        RatedAnswer("q", "worst", 0.1),
        RatedAnswer("alone", "only", 0.7),
        RatedAnswer("even", "one", 0.7),
        RatedAnswer("even", "other", 0.7),
    ]

    assert list(sibling_choices(answers)) == [Choice("q", "best", "worst")]


def test_the_recorded_figures_are_those_measured(shared_data):
    assert tuple(agreement(name, choices) for name, choices in all_choices(shared_data).items()) == MEASURED
