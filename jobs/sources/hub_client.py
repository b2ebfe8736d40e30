"""The hub's own client, as we use it: its settings, its progress, and its errors as ours.

Of the environment it takes `HF_ENDPOINT` and `HF_TOKEN`; a token is never stored.
"""

import logging
import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NoReturn

from httpx2 import HTTPError
from huggingface_hub import HfApi, constants, hf_hub_download
from huggingface_hub.errors import (
    FileMetadataError,
    GatedRepoError,
    HfHubHTTPError,
    LocalEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from jobs.config.settings import SourceConfig
from jobs.sources.downloads import BUSY, Downloads, TransientError, with_retries
from schemas.errors import ConfigError, DownloadError
from udfs.llm.retry_after import retry_after_seconds


@dataclass(frozen=True)
class RemoteFile:
    """A file as the hub lists it."""

    name: str
    size: int
    digest: str
    """The sha256 of what is in large file storage, else git's sha1; also the file's etag."""

    @property
    def is_large(self) -> bool:
        """Whether it is in large file storage, and the digest a sha256."""
        return len(self.digest) == 64


@dataclass(frozen=True)
class HubListing:
    """A repository at one commit."""

    commit: str
    files: Mapping[str, RemoteFile]
    licence: str | None


def list_repository(source: SourceConfig, revision: str, downloads: Downloads) -> HubListing:
    """Commit, files and licence of a data set at a revision."""
    api = HfApi(endpoint=_endpoint(), token=_token(), library_name="phase0")

    def ask() -> HubListing:
        try:
            with _quiet_client():
                info = api.dataset_info(
                    str(source.hub), revision=revision, files_metadata=True, timeout=downloads.config.timeout_seconds
                )
        except (HTTPError, OSError) as error:
            _explain(error, source, revision)
        except (ValueError, KeyError, TypeError) as error:
            raise DownloadError(f"{source.name}: {_no_hub()}") from error
        found = [
            RemoteFile(file.rfilename, file.size or 0, file.lfs.sha256 if file.lfs else str(file.blob_id))
            for file in info.siblings or ()
        ]
        licence = info.card_data.get("license") if info.card_data else None
        return HubListing(str(info.sha), {f.name: f for f in found}, licence if isinstance(licence, str) else None)

    return with_retries(ask, downloads)


def download_file(source: SourceConfig, commit: str, remote: RemoteFile, downloads: Downloads) -> Path:
    """Bring a file of a commit into the client's cache, or find it there."""
    logging.getLogger("huggingface_hub").setLevel(logging.ERROR)  # its warnings would break the bars

    def attempt() -> str:
        with downloads.progress.file(remote.name, remote.size) as advance, _quiet_client():
            try:
                return hf_hub_download(
                    str(source.hub),
                    remote.name,
                    repo_type="dataset",
                    revision=commit,
                    cache_dir=downloads.folder / "hub",
                    endpoint=_endpoint(),
                    token=_token(),
                    library_name="phase0",
                    etag_timeout=downloads.config.timeout_seconds,
                    tqdm_class=_bar(advance),
                )
            except LocalEntryNotFoundError as error:
                try:
                    _explain(error.__cause__ or error, source, commit, remote)
                except TransientError as transient:  # which the client has tried again by itself
                    raise DownloadError(str(transient)) from error
            except (HTTPError, OSError, ValueError) as error:
                _explain(error, source, commit, remote)

    return Path(with_retries(attempt, downloads))


@contextmanager
def _quiet_client() -> Iterator[None]:
    """Keep the client to plain HTTP, and to what it is asked for.

    The hub's other protocol (xet) knows nothing of our timeout, our retries or where a download was cut: with
    its storage out of reach, as behind many firewalls, it was silent for 3 minutes and then failed. Every file
    can be had by HTTP too. And to report what runs on this machine, the client would ask the hub for a list first.
    """
    before = constants.HF_HUB_DISABLE_XET, constants.HF_HUB_DISABLE_TELEMETRY
    constants.HF_HUB_DISABLE_XET = constants.HF_HUB_DISABLE_TELEMETRY = True
    try:
        yield
    finally:
        constants.HF_HUB_DISABLE_XET, constants.HF_HUB_DISABLE_TELEMETRY = before


def _endpoint() -> str:
    endpoint = os.environ.get("HF_ENDPOINT") or constants.ENDPOINT
    if not re.match("https?://.", endpoint):
        raise ConfigError(f"HF_ENDPOINT={endpoint} is not an http or https address; unset it for the public hub")
    return endpoint.rstrip("/")


def _token() -> str | Literal[False]:
    # False keeps the client from sending a token that somebody stored on this machine.
    return os.environ.get("HF_TOKEN", "").strip() or False


def _no_hub() -> str:
    return (
        f"{_endpoint()} does not answer as a hub does; a proxy or a login page may stand before it, or HF_ENDPOINT "
        "may be wrong"
    )


def _explain(error: BaseException, source: SourceConfig, revision: str, remote: RemoteFile | None = None) -> NoReturn:
    """Turn an error of the client into one that tells the user what to do; `remote` is the file, if it came so far."""
    status = error.response.status_code if isinstance(error, HfHubHTTPError) else None
    page = f"{_endpoint()}/datasets/{source.hub}"
    if isinstance(error, GatedRepoError):
        raise ConfigError(
            f"{source.name}: {source.hub} is gated. Log in on {page}, accept its terms, make a token that may read, "
            + ("and wait for access: HF_TOKEN is set, but its owner has none yet" if _token() else "export HF_TOKEN=…")
        ) from None
    if isinstance(error, RevisionNotFoundError):
        raise ConfigError(f"{source.name}: {source.hub} has no revision {revision}; see {page}/commits") from None
    if remote and status in (401, 403, 404, 410):
        raise DownloadError(f"{source.name}: the hub lists {remote.name} and answers {status}; see {page}") from error
    if isinstance(error, RepositoryNotFoundError) or status in (401, 403, 404):
        token = "the HF_TOKEN that is set may not read it" if _token() else "private: export HF_TOKEN=…"
        raise ConfigError(f"{source.name}: there is no data set {source.hub} at {_endpoint()}, or {token}") from None
    if isinstance(error, HfHubHTTPError):
        what = f"{source.name}: the hub answers {status}"
        if status in BUSY:
            raise TransientError(what, retry_after_seconds(error.response.headers)) from error
        raise DownloadError(f"{what}: {_first_line(error)}") from error
    if isinstance(error, FileMetadataError):
        raise DownloadError(f"{source.name}: {_no_hub()}") from error
    if remote and "Consistency check failed" in str(error):
        raise TransientError(
            f"{source.name}: {remote.name} came with another size than the hub lists ({remote.size:,} bytes); a proxy "
            "or a login page may stand before it"
        ) from error
    if isinstance(error, HTTPError):
        raise TransientError(f"{source.name}: {_endpoint()}: {_first_line(error)}") from error
    if isinstance(error, ValueError):
        raise DownloadError(f"{source.name}: {error}") from error
    raise error


def _first_line(error: BaseException) -> str:
    return next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)


def _bar(advance: Callable[[int], None]) -> Any:
    """A class that the client takes for a progress bar, of which it needs only these."""

    class Bar:
        def __init__(self, *, total: int | None = None, initial: int = 0, **_: Any) -> None:
            self.total, self.n = total, initial

        def __enter__(self) -> "Bar":
            return self

        def __exit__(self, *_: object) -> None:
            self.close()

        def update(self, count: int = 1) -> None:
            advance(count)

        def update_transfer(self, count: int) -> None:
            """Bytes of the network; those of the file are shown."""

        def set_postfix_str(self, *_: Any, **__: Any) -> None:
            """The bar has a speed of its own."""

        set_transfer_postfix_str = set_postfix_str

        def close(self) -> None:
            """Nothing is held."""

    return Bar
