"""How many rows each category gives, when it should give a share and has only so many."""

from collections.abc import Mapping
from fractions import Fraction
from typing import Any, Literal

WhenShort = Literal["fill", "leave", "shrink"]


def category_quotas(
    supply: Mapping[str, int], rows: int, composition: Mapping[Any, float], when_short: WhenShort
) -> dict[str, int]:
    """Rows to take of each category.

    Shares are rounded by largest remainder, so that quotas sum to `rows`; ties go to the name that sorts
    first. Where a category has fewer rows than its quota:

    * `fill`: the others give the missing rows, in proportion to their shares, as far as they have them;
    * `leave`: the gap stays, the data set is smaller;
    * `shrink`: all quotas shrink until the shares hold again.

    Args:
        supply: category -> rows that qualify; a category that is not named has none.
        rows: size wanted, at least 1.
        composition: category -> share, summing to 1.
        when_short: the rule.

    Returns:
        category -> rows, never more than its supply, in the order of `composition`.
    """
    shares = {name: Fraction(str(share)) for name, share in composition.items()}
    if when_short == "shrink":
        limits = [Fraction(supply.get(name, 0)) / share for name, share in shares.items() if share]
        rows = min(rows, int(min(limits)))
    quotas = _apportion(rows, shares)
    if when_short != "fill":
        return {name: min(quota, supply.get(name, 0)) for name, quota in quotas.items()}
    taken = dict.fromkeys(quotas, 0)
    missing, willing = rows, dict(shares)
    # Each round either places all missing rows or exhausts at least one category.
    while missing and willing:
        for name, quota in _apportion(missing, willing).items():
            taken[name] += min(quota, supply.get(name, 0) - taken[name])
        missing = rows - sum(taken.values())
        willing = {name: share for name, share in willing.items() if share and taken[name] < supply.get(name, 0)}
    return taken


def _apportion(rows: int, shares: Mapping[str, Fraction]) -> dict[str, int]:
    """Split rows by shares (of any sum), largest remainder first."""
    total = sum(shares.values())
    if not total:
        return dict.fromkeys(shares, 0)
    exact = {name: rows * share / total for name, share in shares.items()}
    whole = {name: int(value) for name, value in exact.items()}
    remainders = sorted(exact, key=lambda name: (whole[name] - exact[name], name))
    for name in remainders[: rows - sum(whole.values())]:
        whole[name] += 1
    return whole
