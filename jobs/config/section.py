"""What every section of the configuration shares: frozen, unknown keys refused, and the kinds of values."""

from collections.abc import Iterable, Iterator
from typing import Annotated, Any, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, Field

Share = Annotated[float, Field(ge=0.0, le=1.0)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]


class Section(BaseModel):
    """A part of the configuration."""

    model_config = ConfigDict(frozen=True, extra="forbid")


SectionT = TypeVar("SectionT", bound=Section)


def without_faults(section: SectionT, faults: Iterable[str]) -> SectionT:
    """End of a validator: the section, if nothing is wrong with it.

    Raises:
        ValueError: names all the faults, a line each.
    """
    if found := list(faults):
        raise ValueError("\n".join(found))
    return section


def types_within(annotation: Any) -> Iterator[Any]:
    """A type and the types in it, outermost first: `tuple[SourceConfig, ...] | None` holds a class."""
    yield annotation
    for inner in get_args(annotation):
        yield from types_within(inner)
