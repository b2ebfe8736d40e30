"""What every section of the configuration shares: frozen, unknown keys refused, and the kinds of values."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Any, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, Field, model_validator

Share = Annotated[float, Field(ge=0.0, le=1.0)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]


class Section(BaseModel):
    """A part of the configuration."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _counts_nothing_as_true(cls, given: Any) -> Any:
        """Refuse yes and no for a number: they would be 1 and 0."""
        for name, value in given.items() if isinstance(given, Mapping) else ():
            kinds = set(types_within(cls.model_fields[name].annotation)) if name in cls.model_fields else {bool}
            if isinstance(value, bool) and kinds & {int, float} and bool not in kinds:
                raise ValueError(f"{name}: a number is wanted, not {str(value).lower()}")
        return given


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
