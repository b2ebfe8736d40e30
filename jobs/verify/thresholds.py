"""What a file is held against: thresholds, and the manifest that says how the file was made."""

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from schemas.errors import ConfigError
from schemas.manifest import seal_fault

_MAX_MANIFEST_BYTES = 2**24
_LISTED = 3
# The teacher kind that passes on the answers of a public data set: no model of ours wrote them.
_PUBLIC_TEACHER = "public"


def _exact_fraction(value: float) -> float:
    if round(value, 6) != value:
        raise ValueError("at most six decimals")
    return value


Jaccard = Annotated[float, AfterValidator(_exact_fraction)]


class Thresholds(BaseModel):
    """What verification wants; null where nothing is wanted, which is then reported and not judged."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    min_rows: int | None = Field(1, ge=0)
    min_mean_quality: float | None = Field(8.0, ge=1, le=10)
    min_score: float | None = Field(7.0, ge=0, le=10)
    max_duplicate_share: float | None = Field(0.01, ge=0, le=1)
    jaccard: Jaccard = Field(0.8, ge=0.5, le=1)
    min_valid_share: float | None = Field(1.0, ge=0, le=1)
    min_teachers: int | None = Field(3, ge=0)


class FileFacts(BaseModel):
    """What the manifest says of one file."""

    sha256: str | None = None
    rows: int | None = None
    bytes: int | None = None


class ManifestFinding(BaseModel):
    """What rules found, and in how many rows of the data set it is the gravest finding."""

    finding: str
    rows: int = Field(ge=0)


class ManifestScorer(BaseModel):
    """Who gave the scores; `kind` is `heuristic` for rules, `judge` for a model, `distilled` for one asked in part."""

    kind: str | None = None
    name: str | None = None
    calibrations: list[str] = []
    """How it compares with people, a sentence each."""
    predictions: list[str] = []
    """How many scores were predicted, and how far that agrees with the judge, a sentence each."""
    findings: list[ManifestFinding] = []
    """Where rules scored, the most frequent first."""

    @property
    def rows_by_finding(self) -> dict[str, int]:
        """The same, finding -> rows of the data set."""
        return {found.finding: found.rows for found in self.findings}


class Manifest(BaseModel):
    """The part of `manifest.json` that verification reads; any of it may be missing."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    files: Mapping[str, FileFacts] = {}
    scorer: ManifestScorer = ManifestScorer()
    teachers: list[str] | None = None
    teacher_kinds: dict[str, str] = {}
    targets: dict[str, Any] = {}

    def model_teachers(self) -> tuple[str, ...] | None:
        """The teachers that are models, in order; null where the manifest names no teacher."""
        if self.teachers is None:
            return None
        return tuple(name for name in self.teachers if self.teacher_kinds.get(name) != _PUBLIC_TEACHER)


AnyManifest = TypeVar("AnyManifest", bound=Manifest)


class ManifestError(Exception):
    """There is a manifest, and it cannot be used; the message says why."""


class DamagedManifestError(ManifestError):
    """It was sealed when it was written, and the seal is broken."""


def read_manifest(path: Path) -> Manifest | None:
    """Read the manifest beside a data file.

    Returns:
        Null where there is none.

    Raises:
        ManifestError: it cannot be read, is not JSON, is damaged, does not name this file, or holds values of a wrong
            type or out of range.
    """
    beside = path.with_name("manifest.json")
    if not os.path.lexists(beside):  # a link that leads nowhere is a manifest that cannot be read
        return None
    manifest = load_manifest(beside, Manifest)
    if path.name not in manifest.files:
        raise ManifestError(f"does not name {path.name}, beside which it lies: {_names(manifest)}")
    return manifest


def _names(manifest: Manifest) -> str:
    names = list(manifest.files)
    if not names:
        return "it names no file"
    more = f" and {len(names) - _LISTED:,} more" if len(names) > _LISTED else ""
    return f"it names {', '.join(names[:_LISTED])}{more}"


def load_manifest(path: Path, kind: type[AnyManifest]) -> AnyManifest:
    """Read a manifest of that kind.

    Raises:
        ManifestError: it cannot be read, is not JSON, is damaged, or holds values of a wrong type or out of range.
    """
    try:
        if path.stat().st_size > _MAX_MANIFEST_BYTES:
            raise ManifestError("larger than 16 MiB")
        content = json.loads(path.read_bytes())
        if isinstance(content, dict) and (fault := seal_fault(content)):
            raise DamagedManifestError(fault)
        manifest = kind.model_validate(content)
        _thresholds(manifest.targets)
    except ValidationError as error:
        raise ManifestError(_faults(error)) from None
    except OSError as error:
        raise ManifestError(f"cannot be read ({error.strerror})") from None
    except (ValueError, RecursionError):
        raise ManifestError("is not JSON in UTF-8") from None
    return manifest


def resolve_thresholds(manifest: Manifest | None, given: Mapping[str, float | None]) -> Thresholds:
    """Defaults, overridden by the manifest's targets, overridden by what is given.

    Raises:
        ConfigError: a given threshold is unknown or out of range; all faults in one message.
    """
    targets = manifest.targets if manifest else {}
    try:
        Thresholds.model_validate(dict(given))
    except ValidationError as error:
        raise ConfigError(f"thresholds: {_faults(error)}") from None
    return Thresholds.model_validate(_thresholds(targets).model_dump() | dict(given))


def _thresholds(targets: Mapping[str, Any]) -> Thresholds:
    # A later version may write targets this one does not know; a null similarity is one not said.
    known = {name: targets[name] for name in Thresholds.model_fields if name in targets}
    if known.get("jaccard", 0) is None:
        del known["jaccard"]
    return Thresholds.model_validate(known)


def _faults(error: ValidationError) -> str:
    return "; ".join(f"{'.'.join(map(str, fault['loc'])) or 'it'}: {fault['msg']}" for fault in error.errors()[:10])


def sha256_of(path: Path) -> str:
    """Hash of a file as it lies on disk, read in pieces."""
    digest = hashlib.sha256()
    with path.open("rb") as handle:
        while piece := handle.read(2**20):
            digest.update(piece)
    return digest.hexdigest()
