"""The configuration: YAML into frozen models, everything unknown or out of range refused at once."""

import re
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import ErrorDetails

from jobs.near_duplicates import DeduplicateConfig
from jobs.session import SparkConfig
from schemas.errors import ConfigError
from schemas.records import Category

Share = Annotated[float, Field(ge=0.0, le=1.0)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class SourceConfig(_Section):
    """One public data set."""

    name: Name = Field(description="what its rows are called in `source`")
    path: str | tuple[str, ...] | None = Field(None, description="file, glob or URI; relative to the config file")
    hub: str | None = Field(None, description="owner/name on the Hugging Face hub, where it can be had")
    url: str | None = Field(None, description="where it can be downloaded")
    format: Literal[
        "auto", "alpaca", "anthropic_hh", "wizardlm", "openassistant", "sharegpt", "messages", "table", "jsonl"
    ] = Field("auto", description="auto looks at the first records")
    use: Literal["prompts", "pairs"] = Field("prompts", description="anthropic_hh only: prompts, or its answers too")
    fields: Mapping[str, str] = Field(default_factory=dict, description="format table: our name -> column")
    licence: str = Field(min_length=1, description="SPDX name, carried to every row")
    terms: str | None = Field(
        None, description="conditions that the answers carry, such as a model provider's terms of use"
    )
    priority: int = Field(100, ge=0, le=9_999, description="of equal near-duplicates the lowest number stays")
    language: str | None = Field(None, pattern="^[a-z]{2}$", description="ISO 639-1; null: detect")
    category: Category | None = Field(None, description="the category of every row")
    categories: Mapping[str, Category] = Field(default_factory=dict, description="the source's category -> ours")
    rules_off: tuple[str, ...] = Field((), description="screen rules that do not apply to this source")
    deduplicate_threshold: float | None = Field(None, ge=0.5, le=1.0, description="stricter Jaccard for this source")

    @model_validator(mode="after")
    def _has_an_origin(self) -> "SourceConfig":
        if not (self.path or self.hub or self.url):
            raise ValueError("needs one of path, hub or url")
        return self

    @property
    def paths(self) -> tuple[str, ...]:
        """Configured paths, none where the source is only known by hub or URL."""
        return (self.path,) if isinstance(self.path, str) else self.path or ()


class IngestConfig(_Section):
    """Limits of what is read."""

    max_refused_share: Share = Field(0.2, description="of a source's records; above it the run ends with exit code 1")
    max_chars: int = Field(100_000, ge=100, le=10_000_000, description="longer texts are refused as too_long")
    limit: int | None = Field(None, ge=1, description="records read of each file; null: all")


class ScreenConfig(_Section):
    """Which rules apply everywhere."""

    rules_off: tuple[str, ...] = Field((), description="rules switched off for every source")
    allow_languages: tuple[str, ...] = Field((), description="ISO 639-1 codes to keep; empty: all")
    allow_licences: tuple[str, ...] = Field((), description="licences to keep; empty: all")


class TeacherConfig(_Section):
    """Who answers."""

    name: Name = Field("public", description="what the teacher is called in the tables")
    kind: Literal["public"] = Field("public", description="public: the source's own response, at no cost")


class DistillConfig(_Section):
    """The teachers."""

    teachers: tuple[TeacherConfig, ...] = Field((TeacherConfig(),), min_length=1)


class ScorerConfig(_Section):
    """Who scores."""

    kind: Literal["heuristic"] = Field("heuristic", description="heuristic: offline rules, a screen and not a judge")
    weights: tuple[int, int, int, int] = Field((1, 1, 1, 1), description="of the four dimensions, in order")


class SelectConfig(_Section):
    """What is kept of the scored pairs."""

    min_score: float = Field(7.0, ge=1.0, le=10.0, description="kept is what scores above it, not at it")
    rows: int | None = Field(None, ge=1, description="size of the data set; null: all that qualifies")
    composition: Mapping[Category, Share] = Field(
        {"general": 0.50, "code": 0.25, "reasoning": 0.15, "creative": 0.06, "other": 0.04},
        description="share of each category, summing to 1; asked for only where `rows` is set",
    )
    when_short: Literal["fill", "leave", "shrink"] = Field(
        "fill",
        description="a category lacks rows: fill from the others, leave the gap, or shrink all to keep the shares",
    )

    @model_validator(mode="after")
    def _shares_sum_to_one(self) -> "SelectConfig":
        if abs(sum(self.composition.values()) - 1.0) > 1e-9:
            raise ValueError(f"composition sums to {sum(self.composition.values()):g}, wanted 1")
        return self

    @property
    def min_score_tenths(self) -> int:
        """The threshold as integer tenths."""
        return round(self.min_score * 10)


class ExportConfig(_Section):
    """The files for the trainer."""

    file: str = Field("dataset.jsonl", pattern=r"^[A-Za-z0-9._-]+\.jsonl$", description="name of the JSONL")
    title: str = Field("Instruction-tuning data set", description="headline of the data set card")


class TargetsConfig(_Section):
    """What the data set is checked against; null: reported, not checked."""

    min_rows: int | None = Field(None, ge=1, description="rows in the JSONL")
    min_mean_quality: float | None = Field(None, ge=1.0, le=10.0, description="assessed for a judge's scores only")
    max_duplicate_share: Share = Field(0.01, description="exact and near-duplicates allowed in the JSONL")
    min_valid_share: Share = Field(1.0, description="lines of the JSONL that must be valid")
    min_teachers: int | None = Field(None, ge=1, description="different teachers that must have answered")
    max_cost_usd: float | None = Field(None, ge=0.0, description="what the whole data set may cost")


class Settings(_Section):
    """Everything a run depends on."""

    workspace: str = Field("workspace", min_length=1, description="folder or URI of tables, output and data docs")
    catalog: str | None = Field(None, pattern=r"^\w+\.\w+$", description="catalog.schema of the tables; null: files")
    sources: tuple[SourceConfig, ...] = Field(min_length=1)
    ingest: IngestConfig = IngestConfig()
    screen: ScreenConfig = ScreenConfig()
    deduplicate: DeduplicateConfig = DeduplicateConfig()
    distill: DistillConfig = DistillConfig()
    score: ScorerConfig = ScorerConfig()
    select: SelectConfig = SelectConfig()
    export: ExportConfig = ExportConfig()
    targets: TargetsConfig = TargetsConfig()
    spark: SparkConfig = SparkConfig()

    @model_validator(mode="after")
    def _names_are_unique(self) -> "Settings":
        names = [source.name for source in self.sources]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"sources: the name {', '.join(twice)} is used twice")
        return self

    def source(self, name: str) -> SourceConfig:
        """The source of that name."""
        return next(source for source in self.sources if source.name == name)


def load_settings(config: str, overrides: Sequence[str] = ()) -> Settings:
    """Read a configuration.

    Args:
        config: path of a YAML file, or the name of one that ships with the package (`demo`, `public`).
        overrides: `a.b=value` each, the value in YAML; list items by number (`sources.0.licence=MIT`).

    Raises:
        ConfigError: names every fault with file, key, value and what is allowed.
    """
    path = _find(config)
    data = _read_yaml(path)
    for override in overrides:
        _apply(data, override)
    try:
        settings = Settings.model_validate(data)
    except ValidationError as error:
        faults = [_describe(fault) for fault in error.errors() if fault["type"] != "too_short" or not fault["input"]]
        listed = "\n".join(f"  {fault}" for fault in faults)
        raise ConfigError(f"{path}: {len(faults)} fault{'s' if len(faults) > 1 else ''}\n{listed}") from None
    return _with_absolute_paths(settings, path.parent)


def shipped_configs() -> tuple[str, ...]:
    """Names of the configurations in the package."""
    files = resources.files("conf").iterdir()
    return tuple(sorted(f.name.removesuffix(".yaml") for f in files if re.fullmatch(r"(demo|public)\.yaml", f.name)))


def _find(config: str) -> Path:
    path = Path(config)
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


def _with_absolute_paths(settings: Settings, folder: Path) -> Settings:
    def absolute(path: str) -> str:
        return path if re.match(r"^[a-z0-9+]+:/", path) or path.startswith("/") else str(folder / path)

    sources = tuple(
        source.model_copy(update={"path": tuple(absolute(path) for path in source.paths) or None})
        for source in settings.sources
    )
    workspace = settings.workspace
    if not re.match(r"^[a-z0-9+]+:/", workspace):
        workspace = str(Path(workspace).expanduser().absolute())
    return settings.model_copy(update={"sources": sources, "workspace": workspace})
