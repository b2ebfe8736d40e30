"""How far the heuristic scorer agrees with people, as last measured, for reports that must not oversell it.

`python -m tests.benchmarks.heuristic_agreement` measures it anew; a test fails where these figures no longer hold.
"""

from collections.abc import Iterator
from typing import NamedTuple


class Agreement(NamedTuple):
    """How often a scorer prefers the answer that people prefer; ties count half."""

    data: str
    choices: int
    """Pairs of answers to one prompt of which people prefer one."""
    share: float
    low: float
    """The 95 % interval by Wilson, like `high`."""
    high: float
    ties: int
    """Choices whose two answers score the same."""
    longer: float
    """The share that always taking the longer answer gets; a coin gets 0.5."""


MEASURED: tuple[Agreement, ...] = (
    Agreement("LLMBar Natural", 100, 0.495, 0.399, 0.591, 93, 0.565),
    Agreement("MT-Bench", 200, 0.552, 0.483, 0.62, 159, 0.688),
    Agreement("FairEval", 66, 0.508, 0.39, 0.624, 61, 0.545),
    Agreement("these three", 366, 0.529, 0.478, 0.579, 313, 0.628),
    Agreement("OpenAssistant siblings", 408, 0.528, 0.48, 0.576, 327, 0.665),
)


def agreement_lines() -> Iterator[str]:
    """One line for each data set, as the status report and the CLI print it."""
    for row in MEASURED:
        yield (
            f"{row.data}: {row.share:.3f} [{row.low:.2f}, {row.high:.2f}] of {row.choices:,} choices, "
            f"{row.ties:,} ties; the longer answer {row.longer:.3f}, a coin 0.500"
        )
