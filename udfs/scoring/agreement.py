"""How far the heuristic scorer agrees with people, as last measured; cards and status reports print it.

`python -m tests.benchmarks.heuristic_agreement` measures it anew; a test fails where these figures no longer hold.
"""

from datetime import date
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


MEASURED_ON = date(2026, 11, 29)
"""With equal weights of the four dimensions, which are the default."""

MEASURED: tuple[Agreement, ...] = (
    Agreement("LLMBar Natural", 100, 0.495, 0.399, 0.591, 93, 0.565),
    Agreement("MT-Bench", 200, 0.552, 0.483, 0.62, 159, 0.688),
    Agreement("FairEval", 66, 0.508, 0.39, 0.624, 61, 0.545),
    Agreement("these three", 366, 0.529, 0.478, 0.579, 313, 0.628),
    Agreement("OpenAssistant siblings", 408, 0.527, 0.478, 0.575, 332, 0.665),
)
