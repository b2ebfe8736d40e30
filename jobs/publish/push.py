"""`phase0 package --push`: a verified package into a data set repository of the Hugging Face hub.

The hub's own client does the work: it uploads what the hub lacks and makes one commit of it, so that a reader sees the
old package or the new one. Of the environment it takes `HF_ENDPOINT` and `HF_TOKEN`, or the token of `hf auth login`.
"""

import json
import os
import re
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from httpx2 import HTTPError
from huggingface_hub import HfApi, constants, get_token
from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled
from huggingface_hub.utils.tqdm import disable_progress_bars

from jobs.publish.folder import KIND, MANIFEST, read_package_manifest
from jobs.verify.checks import CheckOutcome
from jobs.verify.package import verify_package
from schemas.errors import ConfigError, DataRefusedError, UploadError

_NAME = r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*"
# The hub makes the first itself, and a page that was begun there has the second.
_ALWAYS_THERE = {".gitattributes", "README.md"}


@dataclass(frozen=True)
class Pushed:
    """Where the package is."""

    url: str
    is_private: bool


class HubRepository:
    """A repository to push to, whose name and token were found good.

    Args:
        name: owner/name.

    Raises:
        ConfigError: no such name can be, there is no token, or the hub does not know it.
        UploadError: the hub cannot be reached.
    """

    def __init__(self, name: str) -> None:
        if not re.fullmatch(_NAME, name):
            raise ConfigError(f"--push {name}: give owner/name, such as acme/instructions")
        token = get_token()
        if not token:
            raise ConfigError("--push needs a token that may write: export HF_TOKEN=…, or `hf auth login`")
        self.name = name
        endpoint = (os.environ.get("HF_ENDPOINT") or constants.ENDPOINT).rstrip("/")
        self._api = HfApi(endpoint=endpoint, token=token, library_name="phase0")
        self.url = f"{endpoint}/datasets/{name}"
        with self._explained():
            self._api.whoami()

    def push(self, folder: Path, *, public: bool) -> Pushed:
        """Upload a package in place of an older one; other files of the repository stay as they are.

        Args:
            folder: of the package.
            public: who may read it where the repository is made now; one that is there stays as it is.

        Raises:
            DataRefusedError: the package does not pass `phase0 verify`.
            ConfigError: the repository holds something else, or the token may not write to it.
            UploadError: the hub cannot be reached, or is busy.
        """
        _require_verified(folder)
        manifest: Mapping[str, Any] = read_package_manifest(folder) or {}
        if not sys.stderr.isatty():
            disable_progress_bars()
        with self._explained():
            self._api.create_repo(self.name, repo_type="dataset", private=not public, exist_ok=True)
            info = self._api.dataset_info(self.name)
            older = self._older_package({file.rfilename for file in info.siblings or ()})
            self._api.upload_folder(
                repo_id=self.name,
                repo_type="dataset",
                folder_path=folder,
                commit_message=f"Data set of run {manifest['made_from']['run_id']}",
                delete_patterns=sorted(older - {*manifest["files"], MANIFEST}) or None,
                parent_commit=info.sha,
            )
        return Pushed(self.url, bool(info.private))

    def _older_package(self, held: set[str]) -> set[str]:
        """Files of the package that is there now.

        Raises:
            ConfigError: there are files, and no package.
        """
        files: set[str] = set()
        if MANIFEST in held:
            with tempfile.TemporaryDirectory() as folder:
                path = self._api.hf_hub_download(self.name, MANIFEST, repo_type="dataset", local_dir=folder)
                files = _files_of(Path(path).read_bytes())
        if not files and held - _ALWAYS_THERE:
            raise ConfigError(
                f"{self.url} holds {', '.join(sorted(held - _ALWAYS_THERE)[:5])} and no package; push to another name"
            )
        return files & held

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Errors of the client as ours, with what to do."""
        try:
            yield
        except OfflineModeIsEnabled:
            raise ConfigError("--push needs the network, and HF_HUB_OFFLINE is set") from None
        except HfHubHTTPError as error:
            status = error.response.status_code
            if status == 401:
                raise ConfigError("the hub does not know the token; make a new one that may write") from None
            if status in (403, 404):
                raise ConfigError(
                    f"the token may not write to {self.url}; its owner must be a member with write access, and the "
                    "token of a kind that may write"
                ) from None
            if status == 412:
                raise UploadError(f"{self.url} was changed by somebody else meanwhile; push again") from None
            raise UploadError(f"the hub answers {status}: {_first_line(error)}; push again later") from None
        except (HTTPError, OSError) as error:
            raise UploadError(f"{self.url}: {_first_line(error)}; push again when it can be reached") from None
        except ValueError as error:
            raise UploadError(f"{self.url} does not take the package: {error}") from None


def _require_verified(folder: Path) -> None:
    failed = [check for check in verify_package(folder).checks if check.verdict is CheckOutcome.FAIL]
    if failed:
        listed = "\n".join(f"  {check.name}: {check.measured}; wanted: {check.wanted}" for check in failed)
        raise DataRefusedError(f"not pushed, because it does not pass `phase0 verify --input {folder}`:\n{listed}")


def _files_of(manifest: bytes) -> set[str]:
    try:
        content = json.loads(manifest)
    except ValueError:
        return set()
    return set(content["files"]) if isinstance(content, dict) and content.get("kind") == KIND else set()


def _first_line(error: BaseException) -> str:
    return next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)
