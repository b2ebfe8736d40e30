"""From YAML to settings: overrides applied, everything unknown or out of range refused at once."""

import re
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from jobs.settings import Settings
from schemas.errors import ConfigError


def load_settings(config: str, overrides: Sequence[str] = (), folder: Path | None = None) -> Settings:
    """Read a configuration.

    Args:
        config: path of a YAML file, or the name of one that ships with the package (`demo`, `public`).
        overrides: `a.b=value` each, the value in YAML; list items by number (`sources.0.licence=MIT`).
        folder: where a relative `config` and a relative workspace are; null: the current folder.

    Raises:
        ConfigError: names every fault with file, key, value and what is allowed.
    """
    folder = folder or Path.cwd()
    path = _find(config, folder)
    data = _read_yaml(path)
    for override in overrides:
        _apply(data, override)
    try:
        settings = Settings.model_validate(data)
    except ValidationError as error:
        faults = [_describe(fault) for fault in error.errors() if fault["type"] != "too_short" or not fault["input"]]
        listed = "\n".join(f"  {fault}" for fault in faults)
        raise ConfigError(f"{path}: {len(faults)} fault{'s' if len(faults) > 1 else ''}\n{listed}") from None
    return _with_absolute_paths(settings, path.parent, folder)


def shipped_configs() -> tuple[str, ...]:
    """Names of the configurations in the package."""
    files = resources.files("conf").iterdir()
    return tuple(sorted(f.name.removesuffix(".yaml") for f in files if re.fullmatch(r"(demo|public)\.yaml", f.name)))


def _find(config: str, folder: Path) -> Path:
    path = folder / config
    if path.is_file():
        return path.resolve()
    shipped = Path(str(resources.files("conf").joinpath(f"{config}.yaml")))
    if config in shipped_configs() and shipped.is_file():
        return shipped
    raise ConfigError(f"no configuration {config}: give a YAML file or one of {', '.join(shipped_configs())}")


def _read_yaml(path: Path) -> dict[str, Any]:
    try:
        data = yaml.safe_load(path.read_text("utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not YAML: {error}") from None
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


def _describe(fault: ErrorDetails) -> str:
    key = ".".join(str(part) for part in fault["loc"]) or "the whole file"
    if fault["type"] == "extra_forbidden":
        return f"{key}: unknown key; known here are {', '.join(_known_keys(fault['loc'][:-1]))}"
    message = fault["msg"].removeprefix("Value error, ")
    given = "" if fault["type"] in ("missing", "value_error") else f" (given: {fault['input']!r})"
    return f"{key}: {message}{given}"


def _known_keys(location: Sequence[int | str]) -> list[str]:
    """Keys of the section at that place of the configuration."""
    model: type[BaseModel] = Settings
    for part in location:
        if isinstance(part, str):
            annotation = model.model_fields[part].annotation
            inside = (annotation, *getattr(annotation, "__args__", ()))  # tuple[SourceConfig, ...] holds its class
            model = next(kind for kind in inside if isinstance(kind, type) and issubclass(kind, BaseModel))
    return list(model.model_fields)


def _with_absolute_paths(settings: Settings, sources_folder: Path, workspace_folder: Path) -> Settings:
    def absolute(path: str) -> str:
        return path if re.match(r"^[a-z0-9+]+:/", path) or path.startswith("/") else str(sources_folder / path)

    sources = tuple(
        source.model_copy(update={"path": tuple(absolute(path) for path in source.paths) or None})
        for source in settings.sources
    )

    def from_here(place: str) -> str:
        return (
            place
            if re.match(r"^[a-z0-9+]+:/", place)
            else str((workspace_folder / Path(place).expanduser()).absolute())
        )

    downloads = settings.downloads
    if downloads.folder:
        downloads = downloads.model_copy(update={"folder": from_here(downloads.folder)})
    workspace = from_here(settings.workspace)
    return settings.model_copy(update={"sources": sources, "downloads": downloads, "workspace": workspace})
