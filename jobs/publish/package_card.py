"""The data set card of a package: that of the export, for several files, splits and configurations."""

from collections.abc import Mapping
from typing import Any

from jobs.config.settings import Settings
from jobs.publish.card import FIELDS, card_values, render_template
from jobs.publish.shards import FOLDERS, SCHEMAS

_MESSAGES = (
    "list of {role, content}",
    "a system prompt where there is one, then user and assistant in turns; the last is the response, none is blank",
)


def render_package_card(settings: Settings, manifest: Mapping[str, Any]) -> str:
    """The text of the `README.md` of a package.

    Args:
        settings: what it was made with.
        manifest: what `jobs.publish.package_manifest.build_package_manifest` returns.
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
