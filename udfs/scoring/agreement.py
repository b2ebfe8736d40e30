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


MEASURED_ON = date(2026, 11, 25)
"""With equal weights of the four dimensions, which are the default."""

MEASURED: tuple[Agreement, ...] = (
    Agreement("LLMBar Natural", 100, 0.505, 0.409, 0.601, 49, 0.565),
    Agreement("MT-Bench", 200, 0.578, 0.508, 0.644, 109, 0.688),
    Agreement("FairEval", 66, 0.523, 0.404, 0.639, 53, 0.545),
    Agreement("these three", 366, 0.548, 0.497, 0.598, 211, 0.628),
    Agreement("OpenAssistant siblings", 408, 0.583, 0.535, 0.63, 174, 0.665),
)
