"""What licences ask of those who use the data, and which of several is the strictest.

The licences are data (`conf/licences.yaml`). A name that is not there, a compound such as "MIT (repo
LICENSE)" among them, is unknown, and unknown counts as the strictest: nobody has read what it forbids.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib import resources

import yaml

UNKNOWN = "unknown"

KINDS = (
    "public domain",
    "permissive",
    "attribution",
    "share-alike",
    "non-commercial",
    "no-derivatives",
    "research-only",
    UNKNOWN,
)
"""From the loosest to the strictest."""

_BINDING = KINDS[KINDS.index("share-alike") :]


@dataclass(frozen=True)
class Licence:
    """A licence and what it asks for."""

    name: str
    kind: str
    obligations: str
    rank: int
    """Place in the order of strictness, the loosest first."""
    hub: str | None = None
    """Identifier on the Hugging Face hub, null where the hub has none."""
    aliases: tuple[str, ...] = ()

    @property
    def is_known(self) -> bool:
        """Whether its terms are among those of `conf/licences.yaml`."""
        return self.kind != UNKNOWN

    @property
    def binds_the_whole(self) -> bool:
        """Whether it restricts what may be done with the rows of other licences that it is mixed with."""
        return self.kind in _BINDING


@cache
def known_licences() -> tuple[Licence, ...]:
    """Every licence with known terms, from the loosest to the strictest."""
    text = resources.files("conf").joinpath("licences.yaml").read_text(encoding="utf-8")
    return tuple(
        Licence(**{**entry, "aliases": tuple(entry.get("aliases", ()))}, rank=rank)
        for rank, entry in enumerate(yaml.safe_load(text))
    )


@cache
def _by_spelling() -> dict[str, Licence]:
    return {_spelling(name): licence for licence in known_licences() for name in (licence.name, *licence.aliases)}


def _spelling(name: str) -> str:
    return re.sub(r"[\s_-]+", "-", name.strip().casefold())


def find_licence(name: str) -> Licence:
    """The licence of that name or alias, or an unknown one of that name."""
    return _by_spelling().get(_spelling(name)) or Licence(
        name=name,
        kind=UNKNOWN,
        obligations="Not known here: read the licence before any use; until then it is treated as the strictest.",
        rank=len(known_licences()),
    )


def strictest(names: Iterable[str]) -> Licence:
    """The strictest of the licences; of several unknown ones the first by name.

    Raises:
        ValueError: no name is given.
    """
    return max(map(find_licence, sorted(names)), key=lambda licence: licence.rank)


def describe(name: str) -> str:
    """The kind of a licence and what it asks for, in a sentence or two."""
    licence = find_licence(name)
    return f"{licence.name} ({licence.kind}): {licence.obligations}"


def hub_identifier(names: Iterable[str]) -> str:
    """What the hub should show for data under all of these licences.

    Returns:
        The identifier of the strictest; `other` where that would mislead: a licence is unknown, the hub does
        not know the strictest, or two licences each restrict the whole in their own way.
    """
    licences = {find_licence(name) for name in names}
    if sum(licence.binds_the_whole for licence in licences) > 1:
        return "other"
    return strictest(licence.name for licence in licences).hub or "other"
