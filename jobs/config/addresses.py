"""Addresses that hold a secret are refused: they are written to reports, manifests and the ledger."""

import re
from typing import Annotated
from urllib.parse import parse_qsl, unquote, urlsplit

from pydantic import AfterValidator, Field

# Parts of names that secrets go by in addresses, letters and digits only.
_SECRET_NAMES = ("key", "token", "secret", "passw", "pwd", "auth", "credential", "signature", "session", "bearer")
_SECRET_WORDS = {"sig", "sign", "code", "pass", "pat", "jwt", "apikey"}
# How the keys of well-known providers begin.
_SECRET_VALUE = re.compile(
    r"\b(?:sk|gsk|xai|hf|tgp|pk|rk|nvapi|ghp|glpat|csk|fw|r8)[-_](?:\w{2,6}-){0,2}\w{16,}|AIza[\w-]{20,}|eyJ[\w-]{20,}"
)


def secret_in(address: str) -> str | None:
    """What in an address looks like a secret, without showing it; null: nothing does."""
    try:
        parts = urlsplit(address)
        named = parse_qsl(f"{parts.query}&{parts.fragment}", keep_blank_values=False)
    except ValueError:
        return "it cannot be read"
    if "@" in parts.netloc:
        return "a user name or password"
    for name, _ in named:
        letters = re.sub(r"[^a-z0-9]", "", name.lower())
        if letters in _SECRET_WORDS or any(part in letters for part in _SECRET_NAMES):
            return f"the secret `{name[:40]}=…`"
    return "what looks like a key" if _SECRET_VALUE.search(unquote(address)) else None


def _without_secret(address: str) -> str:
    if found := secret_in(address):
        raise ValueError(
            f"holds {found}, which would be written to reports; name the environment variable with the key in "
            "api_key_env of a provider"
        )
    return address


Address = Annotated[str, Field(pattern=r"^https?://[^@\s]+$"), AfterValidator(_without_secret)]
"""Of an API."""
