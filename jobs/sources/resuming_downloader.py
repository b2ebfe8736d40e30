"""A downloader for pooch that goes on where a connection was cut; pooch's own begins again."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import unquote, urlsplit

import requests
from requests import Response
from urllib3.exceptions import HTTPError as BodyError

from jobs.sources.downloads import BUSY, Downloads, TransientError, with_retries
from schemas.errors import ConfigError, DownloadError
from udfs.llm.retries import retry_after_seconds

_CHUNK_BYTES = 1 << 16
AS_IT_IS = {"Accept-Encoding": "identity"}
"""No compression on the way: bytes are counted, resumed and summed as they are on the server."""


class ResumingDownloader:
    """Downloads one file, in as many pieces as connections last."""

    def __init__(self, downloads: Downloads) -> None:
        self.etag: str | None = None
        self.last_modified: str | None = None
        self._downloads = downloads
        self._furthest = 0

    def __call__(self, url: str, output_file: str, pooch: Any, check_only: bool = False) -> None:
        """What pooch calls; the last two arguments are its and of no use here."""
        with Path(output_file).open("wb") as file:
            with_retries(lambda: self._go_on(url, file), self._downloads)

    def _go_on(self, url: str, file: BinaryIO) -> None:
        done, headers = file.tell(), {**AS_IT_IS}
        # Only a strong etag or a date makes sure that the rest belongs to the same version of the file.
        validator = self.etag if self.etag and not self.etag.startswith("W/") else self.last_modified
        if done and validator:
            headers |= {"Range": f"bytes={done}-", "If-Range": validator}
        with open_download(url, headers, self._downloads) as response:
            if response.status_code != 206:
                done = 0
                file.seek(0)
                file.truncate()
            elif not response.headers.get("Content-Range", "").startswith(f"bytes {done}-"):
                raise DownloadError(f"{url}: the server sent another part than was asked for")
            self.etag, self.last_modified = response.headers.get("ETag"), response.headers.get("Last-Modified")
            length = response.headers.get("Content-Length", "")
            size = done + int(length) if length.isdigit() else None
            with self._downloads.progress.file(last_part(url) or url, size) as advance:
                advance(done)
                self._copy(url, response, file, advance)

    def _copy(self, url: str, response: Response, file: BinaryIO, advance: Callable[[int], None]) -> None:
        try:
            for chunk in response.raw.stream(_CHUNK_BYTES, decode_content=False):
                file.write(chunk)
                advance(len(chunk))
        except BodyError as error:
            # A server that cuts at the same place each time, and cannot go on from there, makes no progress.
            went_on = file.tell() > self._furthest
            self._furthest = max(self._furthest, file.tell())
            raise TransientError(f"{url}: cut after {file.tell():,} bytes", went_on=went_on) from error


def open_download(url: str, headers: dict[str, str], downloads: Downloads) -> Response:
    """Ask for a file; the body is not read yet.

    Raises:
        TransientError: no connection, or the server is busy.
        ConfigError: there is nothing for us at that address.
        DownloadError: anything else.
    """
    try:
        response = requests.get(url, headers=headers, stream=True, timeout=downloads.config.timeout_seconds)
    except requests.exceptions.SSLError as error:
        raise DownloadError(f"{url}: no secure connection: {_innermost(error)}") from error
    except (requests.ConnectionError, requests.Timeout) as error:
        raise TransientError(f"{url}: no connection: {_innermost(error)}") from error
    except requests.RequestException as error:
        raise DownloadError(f"{url}: {error}") from error
    status, said = response.status_code, f"{response.status_code} {response.reason}"
    if status < 400:
        return response
    response.close()
    if status in BUSY:
        raise TransientError(f"{url}: {said}", retry_after_seconds(response.headers))
    if status in (401, 403, 404, 410):
        raise ConfigError(f"{url}: {said}. Look at the address in `url:` of the source")
    raise DownloadError(f"{url}: {said}")


def last_part(url: str) -> str:
    """The file name in an address, empty where it has none."""
    return unquote(urlsplit(url).path).rpartition("/")[2]


def _innermost(error: Exception) -> str:
    """The last part of a message that nests those of every layer below."""
    return re.split(r": ", str(error))[-1].strip("'\"()<> ") or type(error).__name__
