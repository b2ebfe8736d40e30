"""From YAML to settings: overrides applied, everything unknown or out of range refused at once."""

import difflib
import re
from collections.abc import Mapping, Sequence
from functools import partial
from importlib import resources
from pathlib import Path
from typing import Any, get_origin

import yaml
from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from jobs.config.endpoints import known_providers, money_faults, name_faults
from jobs.config.paths import absolute_glob, from_home
from jobs.config.prompt_files import prompt_faults
from jobs.config.providers import ProviderConfig
from jobs.config.section import types_within
from jobs.config.settings import Settings, source_of
from jobs.config.teachers import LookUp
from jobs.config.yaml_lines import repeated_keys
from schemas.errors import ConfigError
from udfs.printable import printable_excerpt

_LONGEST_VALUE = 200
"""Characters of a value that is shown because it is wrong."""
_MAY_HOLD_A_SECRET = (".api_key_env", ".base_url")


def load_settings(config: str, overrides: Sequence[str] = (), folder: Path | None = None) -> Settings:
    """Read a configuration.

    Args:
        config: path of a YAML file, or the name of one that ships with the package, such as `demo`.
        overrides: `a.b=value` each, the value in YAML; list items by number (`sources.0.licence=MIT`).
        folder: where a relative `config` and a relative workspace are; null: the current folder.

    Raises:
        ConfigError: names every fault with file, key, value and what is allowed.
    """
    folder = folder or Path.cwd()
    path = find_config(config, folder)
    data = _read_yaml(path)
    for override in overrides:
        _apply(data, override)
    try:
        settings = Settings.model_validate(data, context={"look_up": _look_up(data)})
    except ValidationError as error:
        # A list that holds a faulty item counts as too short; the item's own fault says it better.
        real = [fault for fault in error.errors() if fault["type"] != "too_short" or not fault["input"]]
        faults = [line for fault in real for line in _describe(fault)]
        raise _refusal(path, faults) from None
    if faults := [*money_faults(settings), *prompt_faults(settings)]:
        raise _refusal(path, faults)
    return _with_absolute_paths(settings, path.parent, folder)


def _look_up(data: Mapping[str, Any]) -> LookUp | None:
    """How to look up providers and models, where what the configuration says of them can be read at all."""
    try:
        own = TypeAdapter(dict[str, ProviderConfig]).validate_python(data.get("providers", {}))
    except ValidationError:
        return None  # said with the other faults
    return partial(name_faults, providers=known_providers(own))


def _refusal(path: Path, faults: Sequence[str]) -> ConfigError:
    listed = "\n".join(f"  {fault}" for fault in faults)
    return ConfigError(f"{path}: {len(faults)} fault{'s' if len(faults) > 1 else ''}\n{listed}")


def shipped_configs() -> tuple[str, ...]:
    """Names of the configurations in the package."""
    return ("current", "demo", "public", "reference")


def find_config(config: str, folder: Path | None = None) -> Path:
    """The file of a configuration.

    Args:
        config: path of a YAML file, or the name of a shipped one.
        folder: where a relative path is; null: the current folder.

    Raises:
        ConfigError: there is none.
    """
    path = (folder or Path.cwd()) / config
    if path.is_file():
        return path.resolve()
    shipped = Path(str(resources.files("conf").joinpath(f"{config}.yaml")))
    if config in shipped_configs() and shipped.is_file():
        return shipped
    raise ConfigError(f"no configuration {config}: give a YAML file or one of {', '.join(shipped_configs())}")


def _read_yaml(path: Path) -> dict[str, Any]:
    try:
        repeated = repeated_keys(path)
        data = yaml.safe_load(path.read_bytes())
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not YAML: {error}") from None
    except RecursionError:
        raise ConfigError(f"{path} is nested too deeply, or holds a section within itself (&name, *name)") from None
    if repeated:
        raise _refusal(path, repeated)
    if not isinstance(data, dict):
        raise ConfigError(f"{path} holds no settings: expected `key: value` lines such as `workspace: workspace`")
    return data


def _apply(data: Any, override: str) -> None:
    key, equals, text = override.partition("=")
    if not equals or not key:
        raise ConfigError(f"--set {override}: write it as key.key=value, such as select.min_score=7.5")
    *parents, last = key.split(".")
    here = data
    for part in parents:
        here = here[_list_place(here, part, key)] if isinstance(here, list) else here.setdefault(part, {})
        if not isinstance(here, dict | list):
            raise ConfigError(f"--set {key}: {part} holds a value, not a section")
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ConfigError(f"--set {override}: {text!r} is not a YAML value: {error}") from None
    if isinstance(here, list):
        here[_list_place(here, last, key)] = value
    else:
        here[last] = value


def _list_place(items: list[Any], part: str, key: str) -> int:
    if not part.isdigit() or int(part) >= len(items):
        raise ConfigError(f"--set {key}: {part} is not a place in the list, 0 to {len(items) - 1}")
    return int(part)


def _describe(fault: ErrorDetails) -> list[str]:
    key = ".".join(str(part) for part in fault["loc"]) or "the whole file"
    if fault["type"] == "extra_forbidden":
        known = _known_keys(fault["loc"][:-1])
        near = difflib.get_close_matches(str(fault["loc"][-1]), known, n=1, cutoff=0.75)
        perhaps = f", perhaps {near[0]}" if near else ""
        return [f"{key}: unknown key{perhaps}; known here are {', '.join(known)}"]
    message = fault["msg"].removeprefix("Value error, ")
    if key.endswith(_MAY_HOLD_A_SECRET):
        return [f"{key}: {message} (what was given is not shown; a key belongs in an environment variable)"]
    value = printable_excerpt(repr(fault["input"]), _LONGEST_VALUE)
    given = "" if fault["type"] in ("missing", "value_error") else f" (given: {value})"
    return [f"{key}: {line}{given}" for line in message.splitlines()]


def _known_keys(location: Sequence[int | str]) -> list[str]:
    """Keys of the section at that place of the configuration."""
    model: type[BaseModel] = Settings
    parts = iter(location)
    for part in parts:
        if isinstance(part, int):
            continue
        annotation = model.model_fields[part].annotation
        if get_origin(annotation) is Mapping:
            next(parts)  # the name of a section; what can be in it is the same under any name
        model = next(
            kind for kind in types_within(annotation) if isinstance(kind, type) and issubclass(kind, BaseModel)
        )
    return list(model.model_fields)


_READ_AS_ANOTHER = re.compile(r"%[0-9A-Fa-f]{2}|\\")


def _with_absolute_paths(settings: Settings, sources_folder: Path, workspace_folder: Path) -> Settings:
    sources = tuple(
        source.model_copy(update={"path": tuple(absolute_glob(path, sources_folder) for path in source.paths) or None})
        for source in settings.sources
    )
    decontaminate = settings.decontaminate
    if decontaminate.benchmarks is not None:
        benchmarks = tuple(
            one.model_copy(
                update={"path": tuple(absolute_glob(path, sources_folder) for path in source_of(one).paths) or None}
            )
            for one in decontaminate.benchmarks
        )
        decontaminate = decontaminate.model_copy(update={"benchmarks": benchmarks})
    against = tuple(absolute_glob(path, sources_folder) for path in settings.deduplicate.against)
    deduplicate = settings.deduplicate.model_copy(update={"against": against})

    def from_here(place: str) -> str:
        return place if re.match(r"^[a-z0-9+]+:/", place) else str((workspace_folder / from_home(place)).absolute())

    downloads = settings.downloads
    if downloads.folder:
        downloads = downloads.model_copy(update={"folder": from_here(downloads.folder)})
    workspace = from_here(settings.workspace)
    if "://" not in workspace and _READ_AS_ANOTHER.search(workspace):
        raise ConfigError(
            f"workspace: {workspace} holds a backslash, or a % with two hexadecimal digits behind it. delta-rs, which "
            "reads the tables, takes that for another character and would look elsewhere; choose a path without it"
        )
    places = {
        "sources": sources,
        "decontaminate": decontaminate,
        "deduplicate": deduplicate,
        "downloads": downloads,
        "workspace": workspace,
    }
    return settings.model_copy(update=places)
