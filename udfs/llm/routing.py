"""Which teacher a prompt is sent to: weighted rendezvous hashing.

Every teacher draws a number for the prompt, an exponential variable with its weight as rate, and the smallest wins;
that is how exponential variables behave: teacher i wins with probability w_i / sum of w. The draw is a hash of the
names of teacher and prompt, so it is the same in every run, partition and machine, rows that are added move no other,
and a changed weight moves rows only to the teacher that gained or away from the one that lost: the draws of the others
stay as they are. Cumulative intervals would shift the borders of teachers whose weight did not change.

Source: Thaler and Ravishankar 1998 for rendezvous hashing; the logarithmic weights are the usual way to weigh it.
"""

import math
from collections.abc import Callable, Collection, Mapping, Sequence

import xxhash


def route(example_id: str, weights: Mapping[str, float]) -> str:
    """The teacher of a prompt.

    Args:
        example_id: id of the prompt.
        weights: teacher -> weight, at least one of them positive.

    Raises:
        ValueError: no teacher has a weight.
    """
    draws = [(_draw(example_id, name) / weight, name) for name, weight in weights.items() if weight > 0]
    if not draws:
        raise ValueError("no teacher has a weight")
    return min(draws)[1]


def choose_teacher(
    weights: Mapping[str, Mapping[str, float]], fallbacks: Mapping[str, Sequence[str]], down: Collection[str]
) -> Callable[[str, str], tuple[str, str | None]]:
    """Build the function from a prompt's id and category to who is wanted and who answers.

    Args:
        weights: category -> teacher -> weight.
        fallbacks: teacher -> those that take over, in order.
        down: teachers that cannot be asked.
    """

    def choose(example_id: str, category: str) -> tuple[str, str | None]:
        requested = route(example_id, weights[category])
        return requested, first_available(requested, fallbacks[requested], down)

    return choose


def first_available(requested: str, fallbacks: Sequence[str], down: Collection[str]) -> str | None:
    """Who answers: the requested teacher, or the first of its fallbacks that is not down; null where all are."""
    return next((name for name in (requested, *fallbacks) if name not in down), None)


def _draw(example_id: str, teacher: str) -> float:
    """An exponential variable of rate 1, always the same for this prompt and teacher."""
    digest = xxhash.xxh3_64_intdigest(f"{teacher}\n{example_id}".encode())
    # The upper 53 bits, all that a float holds, and never 0 or 1.
    return -math.log(((digest >> 11) + 0.5) / 2**53)
