"""Cutting a batch into pieces of bounded cost."""

from collections.abc import Iterator, Sequence
from itertools import accumulate


def chunks(costs: Sequence[int], bound: int) -> Iterator[tuple[int, int]]:
    """Ranges of neighbours that together cost no more than the bound, or one alone that costs more."""
    start = spent = 0
    for place, total in enumerate(accumulate(costs)):
        if total - spent > bound and place > start:
            yield start, place
            start, spent = place, total - costs[place]
    if costs:
        yield start, len(costs)
