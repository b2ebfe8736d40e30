"""The data set card: what the exported file is, how it was made, under which terms, and where its limits are.

It is written for the Hugging Face hub: YAML front matter, then Markdown. Names and texts that come from data or
configuration are escaped by default, so that none of them can become markup.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from jobs.config.licences import Licence, find_licence, hub_identifier, strictest
from jobs.config.settings import Settings
from jobs.publish.shards import FOLDERS, SCHEMAS
from jobs.rendering.markdown import render_template
from jobs.rendering.templates import by_count
from schemas.records import CATEGORIES, EXPORT_FIELDS
from udfs.scoring.agreement import MEASURED, MEASURED_ON
from udfs.scoring.calibration import NOT_CALIBRATED

JUDGED_BY_RULES = "heuristic"
"""Kind of scorer whose scores are a screen and not a judgement."""

FIELDS = {
    "instruction": ("string", "what is asked, with its input where there is one; never blank"),
    "response": ("string", "the answer; never blank"),
    "source": ("string", "who wrote the response: a public data set, or the model that was served"),
    "quality_score": ("number", "1.0 to 10.0 in steps of 0.1; see Quality"),
    "category": ("string", f"one of {', '.join(CATEGORIES)}"),
}

# Upper bounds of the hub's buckets; a thousand rows are the first of `1K<n<10K`.
_SIZES = ("1K", "10K", "100K", "1M", "10M", "100M", "1B", "10B", "100B", "1T")


def render_card(settings: Settings, manifest: Mapping[str, Any]) -> str:
    """The card of an exported data set.

    Args:
        settings: what it was made with.
        manifest: what `jobs.publish.manifest.build_manifest` returns.

    Returns:
        The text of the `README.md` beside the JSONL.
    """
    facts = manifest["files"][settings.export.file]
    data_files = [{"config_name": "default", "data_files": [{"split": "train", "path": settings.export.file}]}]
    values = card_values(settings, manifest, facts["rows"], data_files)
    fields = [(name, *FIELDS[name]) for name in EXPORT_FIELDS]
    return render_template("card.md.j2", **values, file=settings.export.file, facts=facts, fields=fields)


def card_values(
    settings: Settings, manifest: Mapping[str, Any], rows: int, data_files: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """What every card says of its data, whichever files it is in.

    Args:
        settings: what it was made with.
        manifest: counts, scorer, teachers, cost, run and versions.
        rows: of all files.
        data_files: the configurations of the front matter.
    """
    matter = front_matter(settings, manifest, rows, data_files)
    counts, sources = manifest["counts"], {source.name: source for source in settings.sources}
    return {
        "front_matter": matter,
        "matter_yaml": yaml.safe_dump(matter, sort_keys=False, allow_unicode=True),
        "settings": settings,
        "manifest": manifest,
        "rows": rows,
        "composition": {name: by_count(counted) for name, counted in counts.items()},
        "origins": [(name, sources.get(name)) for name, _ in by_count(counts["origin"])],
        "terms": [(name, count, sources.get(name)) for name, count in by_count(counts["source"])],
        "licences": _licences(counts["licence"]),
        "strictest": strictest(counts["licence"]) if counts["licence"] else None,
        "recall": settings.deduplicate.expected_recall(settings.deduplicate.threshold),
        "agreed": MEASURED,
        "agreed_on": MEASURED_ON,
        "calibrations": manifest["scorer"].get("calibrations", ()),  # of an older export it is not known
        "not_calibrated": NOT_CALIBRATED,
        "predictions": manifest["scorer"].get("predictions", ()),
        "findings": manifest["scorer"].get("findings", ()),
        "read_by_people": manifest.get("read_by_people"),
        "judged": manifest["scorer"]["kind"] != JUDGED_BY_RULES,
    }


def front_matter(
    settings: Settings, manifest: Mapping[str, Any], rows: int, data_files: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """What the hub reads of the card; arguments as for `card_values`."""
    names = sorted(manifest["counts"]["licence"])
    licence = hub_identifier(names) if names else "other"
    models = [name for name, kind in manifest["teacher_kinds"].items() if kind != "public"]
    languages = _languages(manifest["counts"]["language"])
    return {
        "pretty_name": " ".join(settings.export.title.split()),
        "license": licence,
        **({"license_name": _licence_name(names)} if licence == "other" else {}),
        **({"language": languages} if languages else {}),
        "task_categories": ["text-generation"],
        "size_categories": [size_category(rows)],
        "tags": ["instruction-tuning", "supervised-fine-tuning", "deduplicated", *(["synthetic"] if models else [])],
        "configs": [dict(config) for config in data_files],
    }


def _languages(counts: Mapping[str, int]) -> list[str]:
    """Languages that the set is in: more than a stray row, and one row in a hundred; the composition lists them all."""
    least = max(2, sum(counts.values()) / 100)
    known = {name: rows for name, rows in counts.items() if re.fullmatch("[a-z]{2,3}", name)}
    most = max(known.values(), default=0)
    return sorted(name for name, rows in known.items() if rows >= min(least, most))


def _licences(counts: Mapping[str, int]) -> list[tuple[Licence, int]]:
    rows = Counter[Licence]()  # spellings of one licence count together
    for name, count in counts.items():
        rows[find_licence(name)] += count
    return sorted(rows.items(), key=lambda item: (item[0].rank, item[0].name))


def _licence_name(names: list[str]) -> str:
    if len(names) != 1:
        return "mixed" if names else "unknown"
    return re.sub("[^a-z0-9.]+", "-", names[0].lower()).strip("-") or "unknown"


def size_category(rows: int) -> str:
    """The hub's bucket for that many rows."""
    bound = next((place for place in range(len(_SIZES)) if rows < 1_000 * 10**place), len(_SIZES))
    if bound == len(_SIZES):
        return f"n>{_SIZES[-1]}"
    return f"{_SIZES[bound - 1]}<n<{_SIZES[bound]}" if bound else f"n<{_SIZES[0]}"


_MESSAGES = (
    "list of {role, content}",
    "a system prompt where there is one, then user and assistant in turns; the last is the response, none is blank",
)


def render_package_card(settings: Settings, manifest: Mapping[str, Any]) -> str:
    """The text of the `README.md` of a package.

    Args:
        settings: what it was made with.
        manifest: what `jobs.publish.manifest.build_package_manifest` returns.
    """
    rows = sum(manifest["counts"]["category"].values())
    made_from = manifest["made_from"]
    described = {**manifest, **{name: made_from[name] for name in ("run_id", "created_at", "config_sha256")}}
    return render_template(
        "package_card.md.j2",
        **card_values(settings, described, rows, data_files(manifest)),
        data=[(path, facts) for path, facts in manifest["files"].items() if "split" in facts],
        configs=[(name, FOLDERS[name], fields_of(name), splits) for name, splits in manifest["splits"].items()],
    )


def data_files(manifest: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Which files are which split of which configuration; Parquet where there are both formats."""
    ending = max(facts["format"] for facts in manifest["files"].values() if "format" in facts)
    return [
        {
            "config_name": config,
            "data_files": [{"split": split, "path": f"{FOLDERS[config]}/{split}-*.{ending}"} for split in splits],
        }
        for config, splits in manifest["splits"].items()
    ]


def fields_of(config: str) -> list[tuple[str, str, str]]:
    """Name, type and meaning of each field."""
    known = {**FIELDS, "messages": _MESSAGES}
    return [(name, *known[name]) for name in SCHEMAS[config].names]
