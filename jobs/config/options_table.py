"""Every option of the configuration as a table, for `--help` readers and for docs/OPTIONS.md."""

import types
from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from jobs.config.section import types_within
from jobs.config.settings import Settings

_KINDS: dict[type, str] = {
    str: "text",
    int: "integer",
    float: "number",
    Decimal: "number",
    bool: "true or false",
    date: "date",
}


def options_table() -> str:
    """A Markdown table of key, kind, default and meaning, in the order of the configuration."""
    lines = ["| key | kind | default | meaning |", "|---|---|---|---|"]
    lines += [f"| `{key}` | {kind} | {default} | {text} |" for key, kind, default, text in _options(Settings, "")]
    return "\n".join(lines) + "\n"


def _options(model: type[BaseModel], prefix: str) -> Iterator[tuple[str, str, str, str]]:
    for name, field in model.model_fields.items():
        section = _section(field.annotation)
        if section is None or (field.description and _many(field.annotation)):
            text = (field.description or "").replace("|", "\\|")
            yield f"{prefix}{name}", _kind(field.annotation) + _range(field), _default(field), text
        if section is not None:
            yield from _options(section, f"{prefix}{name}{_many(field.annotation)}.")


def _many(annotation: Any) -> str:
    """What tells several sections of one kind apart: a place in a list, or a name."""
    signs = {tuple: "[]", Mapping: ".NAME"}
    return next((signs[origin] for kind in types_within(annotation) if (origin := get_origin(kind)) in signs), "")


def _section(annotation: Any) -> type[BaseModel] | None:
    return next(
        (kind for kind in types_within(annotation) if isinstance(kind, type) and issubclass(kind, BaseModel)), None
    )


def _kind(annotation: Any) -> str:
    origin = get_origin(annotation)
    if origin is Literal:
        return ", ".join(f"`{choice}`" for choice in get_args(annotation))
    if origin in (Union, types.UnionType):
        return " or ".join(_kind(kind) for kind in get_args(annotation) if kind is not type(None))
    if origin is tuple:
        return "list"
    if origin is not None and origin.__name__ == "Mapping":
        return "mapping"
    if origin is not None:  # Annotated
        return _kind(get_args(annotation)[0])
    return _KINDS[annotation]


def _range(field: FieldInfo) -> str:
    bounds = {type(rule).__name__: rule for rule in field.metadata}
    low, high = bounds.get("Ge"), bounds.get("Le")
    if low and high:
        return f", {low.ge:,} to {high.le:,}"
    return f", at least {low.ge:,}" if low else ""


def _default(field: FieldInfo) -> str:
    if field.default is PydanticUndefined:
        return "required" if field.default_factory is None else ""
    if field.default in (None, ()):
        return "none"
    if isinstance(field.default, dict):
        return ", ".join(f"`{name}` {value}" for name, value in field.default.items())
    return f"`{field.default}`"
