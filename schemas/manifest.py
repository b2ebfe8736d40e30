"""The seal of a manifest: a checksum of its own, so that damage to what it says does not go unseen."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

VERSION_KEY, SEAL_KEY = "manifest_version", "seal"
SEALED_SINCE = 2


def sealed(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """The manifest with its version and its seal, as it is to be written."""
    content = {**manifest, VERSION_KEY: SEALED_SINCE}
    return {**content, SEAL_KEY: _digest(content)}


def seal_fault(manifest: Mapping[str, Any]) -> str | None:
    """Why a manifest is not as it was written; null where it is, or where it never had a seal.

    Version and seal come together: one flipped bit can spoil the name of one of them and not of both.
    """
    if VERSION_KEY not in manifest and SEAL_KEY not in manifest:
        return None
    if VERSION_KEY not in manifest or SEAL_KEY not in manifest:
        missing = VERSION_KEY if SEAL_KEY in manifest else SEAL_KEY
        return f"is damaged: it has lost its {missing}"
    content = {name: value for name, value in manifest.items() if name != SEAL_KEY}
    if manifest[SEAL_KEY] != _digest(content):
        return "is damaged or was edited: it does not say what was written (its seal differs)"
    return None


def _digest(content: Mapping[str, Any]) -> str:
    """Of what it says, not of its bytes: layout and the order of keys mean nothing."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode("ascii")).hexdigest()
