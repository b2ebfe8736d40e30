"""The configuration as frozen models: every option, its default, its range and what it means."""

import re
from collections.abc import Mapping
from typing import Literal
from urllib.parse import urlsplit

from pydantic import Field, ValidationError, field_validator, model_validator

from jobs.config.addresses import secret_in
from jobs.config.calls import BudgetConfig, CallsConfig
from jobs.config.decontaminate import BenchmarkConfig, DecontaminateConfig
from jobs.config.deduplicate import DeduplicateConfig
from jobs.config.downloads import DownloadsConfig
from jobs.config.providers import ProviderConfig
from jobs.config.section import Name, Section, Share, without_faults
from jobs.config.spark import SparkConfig
from jobs.config.teachers import DistillConfig, ScorerConfig
from schemas.records import Category
from udfs.formats.table import TABLE_FIELDS


class SourceConfig(Section):
    """One public data set."""

    name: Name = Field(description="what its rows are called in `source`")
    path: str | tuple[str, ...] | None = Field(None, description="file, glob or URI; relative to the config file")
    hub: str | None = Field(
        None, pattern=r"^[\w.-]+/[\w.-]+$", description="owner/name of a data set on the Hugging Face hub"
    )
    files: tuple[str, ...] = Field(
        (), description="globs of its files on the hub; empty: all data files, of one kind where there are several"
    )
    revision: str = Field("main", min_length=1, description="branch, tag or commit on the hub; fetch locks the commit")
    url: str | tuple[str, ...] | None = Field(None, description="http or https address of its file or files")
    sha256: str | tuple[str, ...] | None = Field(None, description="of the files at `url`, in their order")
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
        faults = []
        if self.hub and self.url:
            faults.append("has both hub and url; name one")
        if not self.hub and (self.files or self.revision != "main"):
            faults.append("files and revision are of a hub, and there is none")
        if self.sha256s and len(self.sha256s) != len(self.urls):
            faults.append(f"{len(self.sha256s)} sha256 for {len(self.urls)} url")
        faults += [f"sha256 {given} is not 64 hexadecimal digits" for given in self.sha256s if not _is_sha256(given)]
        if unknown := sorted(set(self.fields) - set(TABLE_FIELDS)):
            known = ", ".join(TABLE_FIELDS)
            faults.append(f"fields names {', '.join(unknown)}; it is one of {known} and, behind it, the file's column")
        faults += [fault for url in self.urls if (fault := _fault_of_url(url))]
        if faults:
            raise ValueError("; ".join(faults))
        return self

    @property
    def paths(self) -> tuple[str, ...]:
        """Configured paths, none where the source is only known by hub or URL."""
        return _as_tuple(self.path)

    @property
    def urls(self) -> tuple[str, ...]:
        """Configured addresses."""
        return _as_tuple(self.url)

    @property
    def sha256s(self) -> tuple[str, ...]:
        """Configured checksums, one for each address or none at all."""
        return tuple(one.strip().lower() for one in _as_tuple(self.sha256))


def _as_tuple(value: str | tuple[str, ...] | None) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else value or ()


def _is_sha256(text: str) -> bool:
    return re.fullmatch("[0-9a-f]{64}", text) is not None


def _fault_of_url(url: str) -> str | None:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return f"url {url} is not an http or https address"
    # It is written to the lock, the manifest and the card.
    found = secret_in(url)
    return f"url: {found} in an address would be published with it" if found else None


BENCHMARK_PREFIX = "benchmark-"
"""What a benchmark's downloads are called, before its name: a source may have the same name."""


def source_of(benchmark: BenchmarkConfig) -> SourceConfig:
    """A benchmark as what is downloaded and locked.

    Raises:
        ValidationError: it has no origin, or one that cannot be.
    """
    said = benchmark.model_dump(include={"path", "hub", "files", "revision", "url", "sha256", "licence"})
    return SourceConfig(name=f"{BENCHMARK_PREFIX}{benchmark.name}", format="table", **said)


class IngestConfig(Section):
    """Limits of what is read."""

    max_refused_share: Share = Field(0.2, description="of a source's records, or files; above it exit code 1")
    max_chars: int = Field(100_000, ge=100, le=10_000_000, description="longer texts are refused as too_long")
    limit: int | None = Field(None, ge=1, description="records read of each file; null: all")


class ScreenConfig(Section):
    """Which rules apply everywhere."""

    rules_off: tuple[str, ...] = Field((), description="rules switched off for every source")
    allow_languages: tuple[str, ...] = Field((), description="ISO 639-1 codes to keep; empty: all")
    allow_licences: tuple[str, ...] = Field((), description="licences to keep; empty: all")


class SelectConfig(Section):
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

    max_alike: int = Field(
        5, ge=1, description="rows with prompts alike (Jaccard 0.5) that a full category takes before all others"
    )
    max_source_share: float = Field(
        1.0, gt=0.0, le=1.0, description="of a full category that one source gives before others have given theirs"
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


class ExportConfig(Section):
    """The files for the trainer."""

    file: str = Field("dataset.jsonl", pattern=r"^[A-Za-z0-9._-]+\.jsonl$", description="name of the JSONL")
    title: str = Field("Instruction-tuning data set", description="headline of the data set card")


class PackageConfig(Section):
    """What `phase0 package` makes of a finished run."""

    formats: tuple[Literal["jsonl", "parquet"], ...] = Field(
        ("jsonl",), min_length=1, description="jsonl, parquet or both"
    )
    messages: bool = Field(False, description="chat messages too, with rows that need a system prompt or earlier turns")
    validation: float = Field(
        0.02, ge=0.0, description="validation split: below 1 a share, from 1 on a number of rows, 0 for none"
    )
    split_jaccard: float = Field(
        0.5, ge=0.5, le=1.0, description="rows from this Jaccard similarity on, of prompts or pairs, share a split"
    )
    shards: int | None = Field(None, ge=1, le=99_999, description="files of the train split; null: by max_shard_mb")
    max_shard_mb: int = Field(500, ge=1, le=10_000, description="MB of JSON that go into one file")

    @field_validator("formats")
    @classmethod
    def _is_named_once(cls, formats: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(formats)) < len(formats):
            raise ValueError("a format is named twice")
        return formats

    @field_validator("validation")
    @classmethod
    def _is_a_share_or_a_number(cls, value: float) -> float:
        if value >= 1 and value != int(value):
            raise ValueError("from 1 on it is a number of rows and has no decimals")
        return value


class TargetsConfig(Section):
    """What the data set is checked against; null: reported, not checked."""

    min_rows: int | None = Field(None, ge=1, description="rows in the JSONL")
    min_mean_quality: float | None = Field(None, ge=1.0, le=10.0, description="assessed for a judge's scores only")
    max_duplicate_share: Share = Field(0.01, description="exact and near-duplicates allowed in the JSONL")
    min_valid_share: Share = Field(1.0, description="lines of the JSONL that must be valid")
    min_teachers: int | None = Field(None, ge=1, description="different teachers that must have answered")
    max_cost_usd: float | None = Field(None, ge=0.0, description="what the whole data set may cost")


class Settings(Section):
    """Everything a run depends on."""

    workspace: str = Field("workspace", min_length=1, description="folder or URI of tables, output and data docs")
    catalog: str | None = Field(None, pattern=r"^\w+\.\w+$", description="catalog.schema of the tables; null: files")
    sources: tuple[SourceConfig, ...] = Field(min_length=1)
    downloads: DownloadsConfig = DownloadsConfig()
    ingest: IngestConfig = IngestConfig()
    screen: ScreenConfig = ScreenConfig()
    decontaminate: DecontaminateConfig = DecontaminateConfig()
    deduplicate: DeduplicateConfig = DeduplicateConfig()
    distill: DistillConfig = DistillConfig()
    score: ScorerConfig = ScorerConfig()
    budget: BudgetConfig = BudgetConfig()
    calls: CallsConfig = CallsConfig()
    providers: Mapping[Name, ProviderConfig] = Field(
        default_factory=dict, description="what differs from conf/providers.yaml, or a provider of your own"
    )
    select: SelectConfig = SelectConfig()
    export: ExportConfig = ExportConfig()
    package: PackageConfig = PackageConfig()
    targets: TargetsConfig = TargetsConfig()
    spark: SparkConfig = SparkConfig()

    @model_validator(mode="after")
    def _names_are_unique(self) -> "Settings":
        names = [source.name for source in self.sources]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"sources: the name {', '.join(twice)} is used twice")
        return self

    @model_validator(mode="after")
    def _benchmarks_have_an_origin(self) -> "Settings":
        names = {source.name for source in self.sources}
        faults = []
        for number, benchmark in enumerate(self.decontaminate.wanted):
            try:
                source = source_of(benchmark)
            except ValidationError as error:
                said = (fault["msg"].removeprefix("Value error, ") for fault in error.errors())
                faults += [f"decontaminate.benchmarks.{number} ({benchmark.name}): {one}" for one in said]
                continue
            if source.name in names:
                faults.append(
                    f"decontaminate.benchmarks.{number}: {source.name}, its downloads' name, is a source's too"
                )
        return without_faults(self, faults)

    @property
    def asks_models(self) -> bool:
        """Whether a run may call a model: a teacher's, or the judge's."""
        return bool(self.distill.models) or self.score.asks_judge

    @property
    def downloadable(self) -> tuple[SourceConfig, ...]:
        """Everything that may be downloaded: the sources, and the benchmarks as such."""
        return (*self.sources, *map(source_of, self.decontaminate.wanted))

    @property
    def chosen_downloads(self) -> tuple[SourceConfig, ...]:
        """What a run downloads by itself: known benchmarks only where the configuration chooses them."""
        return self.sources if self.decontaminate.benchmarks is None else self.downloadable
