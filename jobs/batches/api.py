"""A provider's Batch API: files up and down, batches created, looked at, listed and cancelled.

OpenAI's shape is spoken by many; Together's differs in addresses, in states, and in having no metadata. Both are called
once for each question: when to ask again is the caller's business, since a `create` must not be repeated blindly.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import IO, Any

import httpx2
import openai
from openai._types import RequestOptions

from jobs.models.client import open_client, redactor
from jobs.workspace import files
from schemas.errors import ProviderError
from udfs.llm.classify import status_failure
from udfs.llm.client import failure_of
from udfs.llm.failures import Failure, short_message
from udfs.llm.models import Endpoint
from udfs.llm.redaction import Redact

CHAT_PATH = "/v1/chat/completions"
"""What the lines of a request file are sent to."""
ENDED_STATES = frozenset({"completed", "failed", "expired", "cancelled"})
_PAGE = 100
_OTHER_SPELLINGS = {"canceled": "cancelled", "canceling": "cancelling", "error": "failed", "progress": "in_progress"}


class BatchCallError(ProviderError):
    """A question to the Batch API without an answer."""

    def __init__(self, failure: Failure, who: str) -> None:
        super().__init__(f"{who}: {failure.message}")
        self.failure = failure

    @property
    def may_have_worked(self) -> bool:
        """Whether what was asked for may have been done all the same."""
        return self.failure.kind in ("transient", "unexpected")


@dataclass(frozen=True, kw_only=True)
class ServerBatch:
    """A batch as its provider sees it."""

    batch_id: str
    state: str
    """In the words of OpenAI: validating, in_progress, finalizing, cancelling, or one of `ENDED_STATES`."""
    input_file_id: str | None
    batch_key: str | None
    """Ours, from the metadata; null where there is none."""
    created_at: float | None
    done: int | None
    """Requests that were answered; null where the provider does not count."""
    output_file_id: str | None
    error_file_id: str | None
    error: str | None

    @property
    def has_ended(self) -> bool:
        """Whether it will answer nothing more."""
        return self.state in ENDED_STATES


def is_queue_refusal(message: str) -> bool:
    """Whether a refusal is about how much is queued."""
    said = message.lower()
    return "token_limit_exceeded" in said or ("enqueued" in said and "limit" in said)


class BatchServer:
    """OpenAI's Batch API.

    Raises:
        ConfigError: the key is not in the environment.
    """

    def __init__(self, endpoint: Endpoint, environment: Mapping[str, str]) -> None:
        self._endpoint = endpoint
        self._client = open_client(endpoint, environment)
        self._redact = redactor(endpoint, environment)

    def upload(self, name: str, content: IO[bytes]) -> str:
        """Send a request file as a stream.

        Returns:
            The provider's id of it.

        Raises:
            BatchCallError: it is not there, as far as is known.
        """
        answer = self._post("/files", {"purpose": "batch"}, (name, content))
        return str(self._field(answer, "id"))

    def create(self, input_file_id: str, batch_key: str) -> ServerBatch:
        """Create a batch of an uploaded file.

        Raises:
            BatchCallError: there is no answer; `may_have_worked` says whether there may be a batch all the same.
        """
        asked = {"input_file_id": input_file_id, "endpoint": CHAT_PATH, "completion_window": "24h"}
        return self._read(self._post("/batches", {**asked, "metadata": {"batch_key": batch_key}}))

    def look(self, batch_id: str) -> ServerBatch:
        """One batch as it is now.

        Raises:
            BatchCallError: there is no answer.
        """
        return self._read(self._get(f"/batches/{batch_id}"))

    def listed(self, since: float) -> Iterator[ServerBatch]:
        """All batches that were created since a time (seconds since the epoch), the newest first.

        Raises:
            BatchCallError: there is no answer.
        """
        after: dict[str, Any] = {}
        while True:
            page = self._get("/batches", {"limit": _PAGE, **after})
            found = [self._read(one) for one in page.get("data") or ()]
            yield from found
            oldest = found[-1].created_at if found else None
            if not page.get("has_more") or not found or (oldest is not None and oldest < since):
                return
            after = {"after": found[-1].batch_id}

    def cancel(self, batch_id: str) -> ServerBatch:
        """Ask for a batch to end now; what it has answered by then is paid and kept.

        Raises:
            BatchCallError: there is no answer.
        """
        return self._read(self._post(f"/batches/{batch_id}/cancel", {}))

    def download(self, file_id: str, path: str) -> None:
        """Stream an output or error file into a file of ours, which is there only when it is whole.

        Raises:
            BatchCallError: it could not be read; of kind `not_found` where there is no such file any more.
        """
        try:
            with (
                self._client.files.with_streaming_response.content(file_id) as response,
                files.open_atomic(path) as target,
            ):
                for chunk in response.iter_bytes(1 << 20):
                    target.write(chunk)
        except openai.OpenAIError as error:
            raise self._error(failure_of(error, self._redact)) from None
        except httpx2.HTTPError as error:  # the stream broke
            raise self._error(self._passing(f"{type(error).__name__} {error}")) from None

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _read(self, batch: Any) -> ServerBatch:
        if not isinstance(batch, Mapping):
            raise self._error(Failure("transient", f"unreadable answer: {type(batch).__name__} for a batch"))
        counts, metadata = batch.get("request_counts") or {}, batch.get("metadata") or {}
        state = str(self._field(batch, "status")).lower()
        return ServerBatch(
            batch_id=str(self._field(batch, "id")),
            state=_OTHER_SPELLINGS.get(state, state),
            input_file_id=batch.get("input_file_id"),
            batch_key=metadata.get("batch_key"),
            created_at=_seconds(batch.get("created_at")),
            done=counts.get("completed"),
            output_file_id=batch.get("output_file_id") or None,
            error_file_id=batch.get("error_file_id") or None,
            error=_errors(batch, self._redact),
        )

    def _get(self, path: str, query: Mapping[str, Any] | None = None) -> Any:
        return self._ask(
            lambda: self._client.get(path, cast_to=httpx2.Response, options={"params": query} if query else {})
        )

    def _post(self, path: str, body: Mapping[str, Any], file: tuple[str, IO[bytes]] | None = None) -> Any:
        if file is None:
            return self._ask(lambda: self._client.post(path, cast_to=httpx2.Response, body=body))
        # A handle is read as a stream, a piece at a time.
        parts: list[tuple[str, tuple[str | None, IO[bytes], str | None]]] = [("file", (*file, "application/jsonl"))]
        options: RequestOptions = {"headers": {"Content-Type": "multipart/form-data"}}
        return self._ask(
            lambda: self._client.post(path, cast_to=httpx2.Response, body=body, files=parts, options=options)
        )

    def _ask(self, call: Any) -> Any:
        try:
            response: httpx2.Response = call()
            answer = response.json()
        except openai.OpenAIError as error:
            raise self._error(failure_of(error, self._redact)) from None
        except (ValueError, RecursionError) as error:
            raise self._error(self._passing(f"unreadable answer: {error}")) from None
        if isinstance(answer, Mapping) and answer.get("error") and not {"id", "data", "job"} & set(answer):
            raise self._error(status_failure(None, dict(answer), {}, self._redact, is_http=False))
        return answer

    def _field(self, answer: Any, name: str) -> Any:
        if not isinstance(answer, Mapping) or not answer.get(name):
            raise self._error(Failure("transient", f"unreadable answer: it has no {name}"))
        return answer[name]

    def _passing(self, said: str) -> Failure:
        return Failure("transient", short_message(self._redact(said)))

    def _error(self, failure: Failure) -> BatchCallError:
        return BatchCallError(failure, f"Batch API of {self._endpoint.provider}")


class TogetherBatchServer(BatchServer):
    """Together's Batch API: a batch is known by its input file, since it carries no metadata."""

    def upload(self, name: str, content: IO[bytes]) -> str:
        """As `BatchServer.upload`."""
        fields = {"purpose": "batch-api", "file_name": name, "file_type": "jsonl"}
        return str(self._field(self._post("/files/upload", fields, (name, content)), "id"))

    def create(self, input_file_id: str, batch_key: str) -> ServerBatch:
        """As `BatchServer.create`; the key is not sent."""
        asked = {"input_file_id": input_file_id, "endpoint": CHAT_PATH, "completion_window": "24h"}
        return self._read(self._field(self._post("/batches", asked), "job"))

    def listed(self, since: float) -> Iterator[ServerBatch]:
        """As `BatchServer.listed`; the list is one page, in no known order."""
        found = self._get("/batches")
        for one in found if isinstance(found, list) else found.get("data") or ():
            batch = self._read(one)
            if batch.created_at is None or batch.created_at >= since:
                yield batch


def open_server(endpoint: Endpoint, environment: Mapping[str, str]) -> BatchServer:
    """The Batch API of an endpoint that has one.

    Raises:
        ConfigError: the key is not in the environment.
    """
    is_together = endpoint.batch is not None and endpoint.batch.shape == "together"
    return (TogetherBatchServer if is_together else BatchServer)(endpoint, environment)


def _seconds(time: object) -> float | None:
    """Seconds since the epoch, of a number or of ISO 8601 text."""
    if isinstance(time, int | float):
        return float(time)
    try:
        return datetime.fromisoformat(str(time).replace("Z", "+00:00")).timestamp() if time else None
    except ValueError:
        return None


def _errors(batch: Mapping[str, Any], redact: Redact) -> str | None:
    """What is said about the batch as a whole: codes and messages, in one line."""
    errors = batch.get("errors")
    found = list((errors or {}).get("data") or ()) if isinstance(errors, Mapping) else []
    said = [" - ".join(str(one[name]) for name in ("code", "message") if one.get(name)) for one in found[:3]]
    if batch.get("error"):
        said.append(str(batch["error"]))
    return short_message(redact("; ".join(said))) if said else None
