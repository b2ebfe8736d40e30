"""Expectation suites as data: `conf/expectations/<table>.yaml`, read strictly and filled with a run's parameters."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from schemas.errors import ConfigError

_PARAMETER = re.compile(r"\$([a-z][a-z0-9_]*(?:\.[a-z][a-z0-9_]*)*)")


class ExpectationSpec(BaseModel):
    """One expectation, as a person wrote it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$", description="stable id; stored with each result")
    expectation: str = Field(pattern=r"^expect_[a-z_]+$", description="type of the Great Expectations library")
    kwargs: Mapping[str, Any] = Field(description="its arguments; `$name` stands for a parameter of the run")
    critical: bool = Field(description="true: a failure stops the pipeline; false: it is a warning")
    description: str = Field(min_length=1, description="what is expected, as the reviewer reads it")
    otherwise: str = Field("", description="headline where it fails; by default `Not met:` and what was expected")
    reason: str = Field(min_length=1, description="why it matters, in one sentence")
    named_by: tuple[str, ...] = Field((), description="columns that name an offender; by default the table's key")
    needs: tuple[str, ...] = Field((), description="other tables it compares with; skipped where they are not given")


class SuiteSpec(BaseModel):
    """All that is expected of one table."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: str = Field(
        pattern=r"^\d{2}[a-z]? [a-z_]+( - \S.*)?$", description="place, table, and a sentence for the reader"
    )
    stage: str = Field(pattern=r"^[a-z-]+$", description="the stage that writes the table, as the data docs name it")
    expectations: tuple[ExpectationSpec, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _names_are_unique(self) -> "SuiteSpec":
        names = [spec.name for spec in self.expectations]
        repeated = sorted({name for name in names if names.count(name) > 1})
        if repeated:
            raise ValueError(f"expectation names used twice: {', '.join(repeated)}")
        return self


@dataclass(frozen=True)
class Skipped:
    """An expectation that could not be asked of this run, and why."""

    name: str
    description: str
    why: str


@dataclass(frozen=True)
class Suite:
    """A suite for one run: every parameter has its value."""

    table: str
    title: str
    expectations: tuple[ExpectationSpec, ...]
    skipped: tuple[Skipped, ...]

    @property
    def name(self) -> str:
        """Place and table, such as `04-duplicates`: what folders and files are called, so without a space."""
        return self.title.partition(" - ")[0].replace(" ", "-")


def tables_with_suites() -> tuple[str, ...]:
    """Names of the tables that have a suite, in alphabetical order."""
    files = resources.files("conf.expectations").iterdir()
    return tuple(sorted(file.name.removesuffix(".yaml") for file in files if file.name.endswith(".yaml")))


@cache
def load_suite(table: str) -> SuiteSpec:
    """Read the suite of a table.

    Raises:
        ConfigError: there is none, or it is not valid; lists every fault.
    """
    if table not in tables_with_suites():
        raise ConfigError(f"No expectations for table {table}. There are: {', '.join(tables_with_suites())}")
    return parse_suite(_file(table), resources.files("conf.expectations").joinpath(f"{table}.yaml").read_text("utf-8"))


def parse_suite(file: str, text: str) -> SuiteSpec:
    """Read a suite from YAML text.

    Raises:
        ConfigError: names the file and every fault.
    """
    try:
        return SuiteSpec.model_validate(yaml.safe_load(text))
    except yaml.YAMLError as error:
        raise ConfigError(f"{file}: not valid YAML: {error}") from error
    except ValidationError as error:
        faults = [f"{'.'.join(str(part) for part in fault['loc'])}: {fault['msg']}" for fault in error.errors()]
        raise ConfigError(f"{file}: " + "; ".join(faults)) from error


def fill_suite(table: str, spec: SuiteSpec, parameters: Mapping[str, Any], related: frozenset[str]) -> Suite:
    """Put a run's values in place of the parameters.

    Args:
        table: the table's name.
        spec: the suite as written.
        parameters: values by name; null where the run has none (a target that was not set). A mapping
            is reached into with a dot: `$composition.code.min`.
        related: names of the other tables at hand.

    Raises:
        ConfigError: a parameter has no such name; names file, expectation and the known parameters.
    """
    asked: list[ExpectationSpec] = []
    skipped: list[Skipped] = []
    for expectation in spec.expectations:
        values = {name: _value(table, expectation.name, name, parameters) for name in _names_in(expectation)}
        missing = [name for name, value in values.items() if value is None]
        absent = [name for name in expectation.needs if name not in related]
        description = _fill_text(expectation.description, values)
        otherwise = _fill_text(expectation.otherwise, values)
        if missing or absent:
            why = [f"{name} is not set" for name in missing] + [f"table {name} was not given" for name in absent]
            skipped.append(Skipped(expectation.name, description, "; ".join(why)))
            continue
        filled = {
            "kwargs": {key: _fill(value, values) for key, value in expectation.kwargs.items()},
            "description": description,
            "otherwise": otherwise,
            "reason": _fill_text(expectation.reason, values),
        }
        asked.append(expectation.model_copy(update=filled))
    return Suite(table, spec.title, tuple(asked), tuple(skipped))


def _names_in(expectation: ExpectationSpec) -> list[str]:
    texts = [
        *_strings(list(expectation.kwargs.values())),
        expectation.description,
        expectation.otherwise,
        expectation.reason,
    ]
    return list(dict.fromkeys(name for text in texts for name in _PARAMETER.findall(text)))


def _strings(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    return [text for item in value for text in _strings(item)] if isinstance(value, list) else []


def _value(table: str, expectation: str, name: str, parameters: Mapping[str, Any]) -> Any:
    first, *rest = name.split(".")
    if first not in parameters:
        raise ConfigError(
            f"{_file(table)}: expectation {expectation} asks for the parameter ${name}, which this run does not "
            f"have. Known: {', '.join(sorted(parameters)) or 'none'}"
        )
    found = parameters[first]
    for part in rest:
        found = found.get(part) if isinstance(found, Mapping) else None
    return found


def _fill(value: Any, values: Mapping[str, Any]) -> Any:
    if isinstance(value, list):
        return [_fill(item, values) for item in value]
    match = _PARAMETER.fullmatch(value) if isinstance(value, str) else None
    return _plain(values[match[1]]) if match else value


def _fill_text(text: str, values: Mapping[str, Any]) -> str:
    return _PARAMETER.sub(lambda match: _readable(values[match[1]]), text)


def _plain(value: Any) -> Any:
    return sorted(value) if isinstance(value, (set, frozenset)) else list(value) if isinstance(value, tuple) else value


def _readable(value: Any) -> str:
    if value is None:
        return "(not set)"
    plain = _plain(value)
    return ", ".join(str(item) for item in plain) if isinstance(plain, list) else str(plain)


def _file(table: str) -> str:
    return f"conf/expectations/{table}.yaml"
