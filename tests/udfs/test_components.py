"""Components are those of a walk over the edges, however the edges come."""

import random
from itertools import pairwise

import numpy as np
import pytest

from udfs import components


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("gathered", [10, 4_000_000])
def test_components_do_not_depend_on_the_parts_or_on_what_is_condensed_meanwhile(monkeypatch, seed, gathered):
    monkeypatch.setattr(components, "_GATHERED_EDGES", gathered)
    chance = random.Random(seed)
    # A long chain, a loop and pairs by chance.
    edges = [*pairwise(range(40)), (50, 50), *(tuple(chance.sample(range(41, 90), 2)) for _ in range(30))]
    chance.shuffle(edges)
    smallest = list(range(90))
    for _ in smallest:
        for left, right in edges:
            smallest[left] = smallest[right] = min(smallest[left], smallest[right])
    ends = np.array(edges)

    found = components.components_of(((ends[i : i + 3, 0], ends[i : i + 3, 1]) for i in range(0, len(edges), 3)), 90)

    assert found.tolist() == smallest
    assert components.components_of([], 3).tolist() == [0, 1, 2]
