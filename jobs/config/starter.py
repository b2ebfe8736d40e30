"""A configuration to begin with: every option with its default and what it means, taken from the models themselves."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel

from jobs.config.paths import literal
from jobs.config.settings import Settings, SourceConfig
from udfs.printable import printable

_NAME_CHARS = 64
_LICENCE = "unknown"
_WRITTEN = ("name", "path", "format", "fields", "licence", "language")
_LEFT_OUT = ("hub", "files", "revision", "url", "sha256", "use")


class _OneLineDumper(yaml.SafeDumper):
    """Quotes and escapes what cannot be printed: U+0085 is a line end to YAML and comes back as a space."""


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=None if text.isprintable() else '"')


_OneLineDumper.add_representer(str, _represent_text)


@dataclass(frozen=True)
class StarterSource:
    """One file, and what was found out about it."""

    path: Path
    format: str
    why: str
    fields: Mapping[str, str] = field(default_factory=dict)
    columns: tuple[str, ...] = ()
    """Of a file whose format is not recognised: what the user can choose from."""
    fault: str | None = None
    """Why nothing in it can be used; then it is written as a comment."""


def starter_config(sources: Sequence[StarterSource], folder: Path) -> str:
    """The text of a configuration file.

    Args:
        sources: the files, each a source of its own.
        folder: where the configuration will be; what lies below it is named relative to it.
    """
    names = source_names([source.path for source in sources])
    usable = [(source, name) for source, name in zip(sources, names, strict=True) if not source.fault]
    faulty = [(source, name) for source, name in zip(sources, names, strict=True) if source.fault]
    lines = [
        "# Phase 0: what is read, and how. `phase0 show-config` prints all of it with defaults filled in.",
        *_option(Settings, "workspace"),
        "",
        "sources:",
        *(line for source, name in usable[:1] for line in _source(source, name, folder, is_first=True)),
        *(line for source, name in usable[1:] for line in _source(source, name, folder, is_first=False)),
        *(line for source, name in faulty for line in _left_out(source, name, folder)),
    ]
    for section, info in Settings.model_fields.items():
        if isinstance(info.annotation, type) and issubclass(info.annotation, BaseModel):
            lines += ["", f"{section}:", *(f"  {line}" for line in _section(info.annotation))]
    return "\n".join(lines) + "\n"


def source_names(paths: Iterable[Path]) -> list[str]:
    """A name that settings accept for each file, made of its own and unique."""
    names: list[str] = []
    for path in paths:
        stem = re.sub(
            r"\.(jsonl|ndjson|json|csv|tsv|parquet|parq)$", "", re.sub(r"\.(gz|bz2|xz|zst|zstd)$", "", path.name)
        )
        plain = re.sub(r"^[^A-Za-z0-9]+", "", re.sub(r"[^A-Za-z0-9._-]+", "-", stem)).rstrip("-._") or "source"
        name, number = plain[:_NAME_CHARS], 1
        while name in names:
            number += 1
            name = f"{plain[: _NAME_CHARS - len(str(number)) - 1]}-{number}"
        names.append(name)
    return names


def _source(source: StarterSource, name: str, folder: Path, *, is_first: bool) -> Iterator[str]:
    """The lines of a source; what the options mean is said at the first."""
    options = SourceConfig.model_fields
    yield f"  - name: {_value(name)}"
    yield f"    path: {_value(_path(source.path, folder))}"
    yield f"    # {_comment(source.why)}"
    yield f"    format: {_value(source.format)}"
    if source.fields:
        yield f"    fields: {_value(dict(source.fields))}"
    if is_first:
        yield f"    # {options['licence'].description}. Fill it in: unknown counts as the strictest"
    yield f"    licence: {_LICENCE}"
    if is_first:
        yield f"    # {options['language'].description}"
    yield "    language: null"
    for option, info in options.items() if is_first else ():
        if option not in (*_WRITTEN, *_LEFT_OUT) and info.description:
            default = _value(info.get_default(call_default_factory=True))
            yield f"    # {option}: {default}  # {_comment(info.description)}"
    if source.format == "anthropic_hh":
        yield f"    # {_comment(options['use'].description or '')}"
        yield "    use: prompts"


def _left_out(source: StarterSource, name: str, folder: Path) -> Iterator[str]:
    """The lines of a source of which nothing can be used, as comments."""
    yield f"  # left out: {_comment(source.fault or '')}"
    yield f"  # - name: {_value(name)}"
    yield f"  #   path: {_value(_path(source.path, folder))}"
    if source.columns:
        yield f"  #   # The columns are: {_comment(', '.join(source.columns))}"
        yield "  #   # Name those that hold the texts, and take the first # of these lines away."
        yield "  #   format: table"
        yield "  #   fields:"
        yield "  #     instruction: COLUMN"
        yield "  #     response: COLUMN"
    yield f"  #   licence: {_LICENCE}"


def _section(model: type[BaseModel]) -> Iterator[str]:
    for option in model.model_fields:
        yield from _option(model, option)


def _option(model: type[BaseModel], option: str) -> list[str]:
    info = model.model_fields[option]
    described = [f"# {_comment(info.description)}"] if info.description else []
    return [*described, f"{option}: {_value(info.get_default(call_default_factory=True))}"]


def _path(path: Path, folder: Path) -> str:
    absolute, base = path.absolute(), folder.absolute()
    named = absolute.relative_to(base).as_posix() if absolute.is_relative_to(base) else absolute.as_posix()
    written = literal(named)
    return f"./{written}" if written.startswith("~") or ":/" in written else written


def _value(value: Any) -> str:
    """A value as YAML on one line."""
    text = yaml.dump(
        _plain(value), Dumper=_OneLineDumper, default_flow_style=True, sort_keys=False, allow_unicode=True, width=10**6
    )
    return text.removesuffix("\n").removesuffix("\n...")


def _plain(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json", exclude_unset=True)
    if isinstance(value, (tuple, list)):
        return [_plain(one) for one in value]
    return dict(value) if isinstance(value, Mapping) else value


def _comment(text: str) -> str:
    """Text of a comment: a column may be called anything, but it must not end the line."""
    return printable(text)
