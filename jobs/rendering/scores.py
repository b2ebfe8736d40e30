"""How a score is said to a person: a grade where a judge gave it, what was found where rules did.

The numbers of the rules are a verdict in the form that the data set asks for. Shown as "9.0" they read as a judge's.
"""

from udfs.scoring.findings import FAILED
from udfs.scoring.heuristic import HEURISTIC, NO_FINDING


def score_said(tenths: int, scorer: str | None, reason: str | None) -> str:
    """A score with its reason, such as `8.4 (Names both causes.)` or `rules: remark (Clarity: ...)`."""
    said = f" ({reason})" if reason and reason != NO_FINDING else ""
    return f"{f'rules: {verdict(tenths, reason)}' if scorer == HEURISTIC else f'{tenths / 10:.1f}'}{said}"


def verdict(tenths: int, reason: str | None) -> str:
    """What the rules say of a pair, in a word or two."""
    if tenths == 10 * FAILED:
        return "failed"
    return "nothing found" if reason == NO_FINDING else "remark"
