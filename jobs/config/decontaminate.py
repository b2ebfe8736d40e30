"""Which benchmarks a data set must not hold, and from what share of an item on it holds it."""

from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any, Literal

import yaml
from pydantic import Field, field_validator, model_validator

from jobs.config.section import Name, Section, Share, without_faults

BenchmarkField = Literal["question", "answer", "id"]
_ALL = "all"
"""In place of a list: every benchmark of `conf/benchmarks.yaml`."""


class BenchmarkConfig(Section):
    """One benchmark: where its items are, and which columns hold them."""

    name: Name = Field(
        max_length=54, description="what it is called in `contamination`; one of conf/benchmarks.yaml needs no more"
    )
    path: str | tuple[str, ...] | None = Field(None, description="file or glob; relative to the config file")
    hub: str | None = Field(
        None, pattern=r"^[\w.-]+/[\w.-]+$", description="owner/name of a data set on the Hugging Face hub"
    )
    files: tuple[str, ...] = Field((), description="globs of its files on the hub")
    revision: str = Field("main", min_length=1, description="branch, tag or commit on the hub; fetch locks the commit")
    url: str | tuple[str, ...] | None = Field(None, description="http or https address of its file or files")
    sha256: str | tuple[str, ...] | None = Field(None, description="of the files at `url`, in their order")
    fields: Mapping[BenchmarkField, str] = Field(
        default_factory=dict, description="question, answer and id -> column; none: those of well-known benchmarks"
    )
    licence: str = Field("unknown", min_length=1, description="SPDX name")
    optional: bool = Field(False, description="without it where it cannot be had; else that is an error")

    @model_validator(mode="before")
    @classmethod
    def _from_name(cls, given: Any) -> Any:
        """A name alone means that of `conf/benchmarks.yaml`; what is given besides counts before what is there."""
        said = {"name": given} if isinstance(given, str) else given
        if not isinstance(said, Mapping):
            return given
        known = known_benchmarks().get(str(said.get("name")), {})
        if isinstance(given, str) and not known:
            raise ValueError(
                f"no benchmark {given}: name one of {', '.join(known_benchmarks())}, or say where yours is: "
                "{name: …, path: FILE, fields: {question: COLUMN}}"
            )
        if said.keys() & {"path", "hub", "url"}:  # it is elsewhere, and may have other columns
            known = {key: value for key, value in known.items() if key == "licence"}
        return {**known, **said}

    @model_validator(mode="after")
    def _has_a_question(self) -> "BenchmarkConfig":
        missing = self.fields and "question" not in self.fields
        return without_faults(self, ["fields names no column for question"] if missing else [])


class DecontaminateConfig(Section):
    """Which items are looked for, and what counts as one."""

    benchmarks: tuple[BenchmarkConfig, ...] | None = Field(
        None,
        description="all, or a list of names of conf/benchmarks.yaml and {name, path, hub, url, fields, …}; "
        "none: those that `phase0 fetch --benchmarks` brought here; []: nothing is looked for",
    )
    share: Share = Field(0.5, gt=0, description="of a question that one run of tokens covers")
    answer_share: Share = Field(0.8, gt=0, description="of a reference answer, whose idioms are everywhere")
    short_tokens: int = Field(
        20, ge=8, le=1_000, description="shorter questions must be there as a whole, shorter answers do not count"
    )
    rephrased: Literal["ignore", "note", "exclude"] = Field(
        "ignore", description="questions in other words: looked for if not ignored; most of what is found is not one"
    )

    @field_validator("benchmarks", mode="before")
    @classmethod
    def _all_that_are_known(cls, given: Any) -> Any:
        return _every_known_benchmark() if given == _ALL else given

    @model_validator(mode="after")
    def _names_are_unique(self) -> "DecontaminateConfig":
        names = [benchmark.name for benchmark in self.wanted]
        twice = sorted({name for name in names if names.count(name) > 1})
        return without_faults(self, [f"benchmarks: the name {', '.join(twice)} is used twice"] if twice else [])

    @property
    def wanted(self) -> tuple[BenchmarkConfig, ...]:
        """What is looked for where it is here: what the configuration chooses, or else every known benchmark."""
        return _every_known_benchmark() if self.benchmarks is None else self.benchmarks


@cache
def _every_known_benchmark() -> tuple[BenchmarkConfig, ...]:
    return tuple(BenchmarkConfig.model_validate({"name": name, "optional": True}) for name in known_benchmarks())


@cache
def known_benchmarks() -> Mapping[str, Mapping[str, Any]]:
    """The benchmarks of `conf/benchmarks.yaml`: name -> what is said of it."""
    text = resources.files("conf").joinpath("benchmarks.yaml").read_text(encoding="utf-8")
    known: Mapping[str, Mapping[str, Any]] = yaml.safe_load(text)
    return known
