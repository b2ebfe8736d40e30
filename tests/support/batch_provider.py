"""A provider with a Batch API on the loopback: `python -m tests.support.batch_provider`.

It speaks OpenAI's files and batches, and Together's variant below `/together/v1`; `/v1/chat/completions` is that of
`tests.support.provider`, so that what is left over can be asked online. It counts what it was paid for and how often
each file was made a batch. A batch goes on each time it is looked at, so that no test waits for a clock.
"""

import json
import random
from collections import Counter
from dataclasses import asdict, dataclass, field
from datetime import datetime, timezone
from typing import Any

from aiohttp import web

from tests.support.provider import TOKEN, Call, Provider
from tests.support.provider import Behaviour as CallBehaviour
from tests.support.provider import make_handler as make_call_handler
from tests.support.serving import serve_forever


@dataclass
class Behaviour:
    """What the provider does."""

    answer_words: int = 20
    looks: int = 2
    """How often a batch is looked at before it has ended."""
    expired_share: float = 0.0
    """Of the requests of the first batch alone: not answered when its time is over."""
    failed_share: float = 0.0
    """Of all requests: an error of the model's server instead of an answer."""
    rejected: list[str] = field(default_factory=list)
    """Tokens of requests that are refused for what they say."""
    cut: list[str] = field(default_factory=list)
    """Tokens of requests that are cut the first time."""
    lost_lines: int = 0
    """Answers of the first batch that are in no file."""
    odd_lines: bool = False
    """Add a duplicate, an unknown id and a torn line to each output."""
    queue_tokens: int | None = None
    """Prompt tokens that unfinished batches may hold together; more fails a batch after its creation."""
    lost_creates: int = 0
    """So many batches are created without an answer to whoever asked for it."""
    failed_creates: int = 0
    """After those, so many are not created and the answer is HTTP 500."""
    late_in_list: int = 0
    """How often the list is read before a new batch is in it."""
    failed_looks: int = 0
    """So many looks at a batch are answered with HTTP 503."""
    gone_files: bool = False
    """Outputs have been deleted."""
    seed: int = 0


@dataclass
class Batch:
    """One batch."""

    batch_id: str
    input_file_id: str
    number: int
    key: str | None
    created_at: int
    tokens: int
    requests: int
    state: str = "validating"
    looks: int = 0
    lists: int = 0
    done: int = 0
    error: str | None = None
    output_file_id: str | None = None
    error_file_id: str | None = None


class BatchProvider:
    """The state behind the server."""

    def __init__(self) -> None:
        self.calls = Provider()
        self.behave(Behaviour())

    def behave(self, behaviour: Behaviour) -> None:
        """Start afresh."""
        self.behaviour = behaviour
        self.files: dict[str, tuple[str, bytes]] = {}
        self.batches: dict[str, Batch] = {}
        self.asked: Counter[str] = Counter()  # token -> times in a batch that was run
        self.paid: Counter[str] = Counter()
        self.paid_tokens = {"prompt": 0, "completion": 0}
        self.calls.behave(CallBehaviour(answer_words=behaviour.answer_words))

    def summary(self) -> dict[str, Any]:
        """What it saw and was paid for."""
        online = Counter(call.token for call in self.calls.calls if call.is_paid)
        both = self.paid + online
        return {
            "files": {file_id: [name, len(content)] for file_id, (name, content) in self.files.items()},
            "batches": [asdict(batch) for batch in self.batches.values()],
            "batches_of_a_file": Counter(batch.input_file_id for batch in self.batches.values()),
            "paid": len(both),
            "paid_by_batch": sum(self.paid.values()),
            "paid_online": sum(online.values()),
            "paid_twice": sorted(token for token, count in both.items() if count > 1)[:20],
            "asked_again": sum(count - 1 for count in self.asked.values()),
            "prompt_tokens": self.paid_tokens["prompt"],
            "completion_tokens": self.paid_tokens["completion"],
        }

    def create(self, asked: dict[str, Any]) -> Batch:
        """A new batch of a file."""
        content = self.files[asked["input_file_id"]][1]
        lines = content.splitlines()
        tokens = sum(_prompt_tokens(json.loads(line)["body"]) for line in lines)
        number = len(self.batches)
        key = (asked.get("metadata") or {}).get("batch_key")
        created = int(datetime.now(timezone.utc).timestamp())
        batch = Batch(f"batch_{number}", asked["input_file_id"], number, key, created, tokens, len(lines))
        self.batches[batch.batch_id] = batch
        return batch

    def look(self, batch: Batch) -> None:
        """Let the batch go on."""
        batch.looks += 1
        if batch.state == "validating":
            limit = self.behaviour.queue_tokens
            queued = sum(one.tokens for one in self.batches.values() if one.state == "in_progress")
            if limit is not None and queued + batch.tokens > limit:
                batch.state = "failed"
                batch.error = f"Enqueued token limit reached for this model. Limit: {limit} enqueued tokens."
            else:
                batch.state = "in_progress"
        elif batch.state == "in_progress" and batch.looks > self.behaviour.looks:
            self.run(batch, "completed")
        elif batch.state == "cancelling":
            self.run(batch, "cancelled")

    def run(self, batch: Batch, state: str) -> None:
        """Answer what there is to answer, and write the two files, in no order."""
        behaviour, draws = self.behaviour, random.Random(f"{self.behaviour.seed} {batch.number}")
        answers: list[dict[str, Any]] = []
        errors: list[dict[str, Any]] = []
        lost = behaviour.lost_lines if batch.number == 0 else 0
        expires = behaviour.expired_share if batch.number == 0 else 0.0
        for line in self.files[batch.input_file_id][1].splitlines():
            asked = json.loads(line)
            token = _token(asked["body"])
            if draws.random() < (expires if state != "cancelled" else 0.5):
                if state != "cancelled":
                    state = "expired"
                    said = "This request could not be executed before the completion window expired."
                    errors.append(self.error(asked, None, "batch_expired", said))
                continue
            self.asked[token] += 1
            if token in behaviour.rejected:
                errors.append(self.error(asked, 400, "invalid_request_error", "the prompt is not to its liking"))
            elif draws.random() < behaviour.failed_share:
                errors.append(self.error(asked, 500 if draws.random() < 0.5 else None, "server_error", "it broke"))
            else:
                answer = self.answer(asked, token)
                if lost > 0:
                    lost -= 1
                else:
                    answers.append(answer)
        batch.state, batch.done = state, len(answers)
        draws.shuffle(answers)
        output = [json.dumps(one) for one in answers]
        if behaviour.odd_lines and output:
            output += [output[0], json.dumps({**answers[0], "custom_id": "nobody"}), output[0][: len(output[0]) // 2]]
        batch.output_file_id = self.keep("output", output)
        batch.error_file_id = self.keep("errors", [json.dumps(one) for one in errors])

    def keep(self, name: str, lines: list[str]) -> str | None:
        """A new file of these lines."""
        if not lines:
            return None
        file_id = f"file-{len(self.files)}"
        self.files[file_id] = (name, "".join(f"{line}\n" for line in lines).encode())
        return file_id

    def answer(self, asked: dict[str, Any], token: str) -> dict[str, Any]:
        """The line of an answer, which is paid for."""
        body = asked["body"]
        room = int(body.get("max_tokens") or body.get("max_completion_tokens"))
        what = "cut" if token in self.behaviour.cut and self.asked[token] == 1 else "ok"
        call = Call(token, body["model"], 0.0, 1, _prompt_tokens(body), room, what)
        content = json.loads(self.calls.answer(call))
        self.paid[token] += 1
        self.paid_tokens["prompt"] += content["usage"]["prompt_tokens"]
        self.paid_tokens["completion"] += content["usage"]["completion_tokens"]
        response = {"status_code": 200, "request_id": "r", "body": content}
        return {"id": "batch_req", "custom_id": asked["custom_id"], "response": response, "error": None}

    def error(self, asked: dict[str, Any], status: int | None, code: str, message: str) -> dict[str, Any]:
        """An error line: with a response where there is a status, without one where there is none."""
        said = {"code": code, "message": message}
        if "url" not in asked:  # Together's lines say no more than this
            return {"custom_id": asked["custom_id"], "error": said}
        if status is None:
            return {"id": "batch_req", "custom_id": asked["custom_id"], "response": None, "error": said}
        response = {"status_code": status, "request_id": "r", "body": {"error": {**said, "type": code}}}
        return {"id": "batch_req", "custom_id": asked["custom_id"], "response": response, "error": None}


def _prompt_tokens(body: dict[str, Any]) -> int:
    return len("".join(str(message["content"]) for message in body["messages"])) // 4 + 8


def _token(body: dict[str, Any]) -> str:
    found = TOKEN.search("".join(str(message["content"]) for message in body["messages"]))
    return found[1] if found else ""


def openai_view(batch: Batch) -> dict[str, Any]:
    """A batch as OpenAI shows it."""
    code = {"code": "token_limit_exceeded", "message": batch.error, "param": None, "line": None}
    return {
        "id": batch.batch_id,
        "object": "batch",
        "endpoint": "/v1/chat/completions",
        "input_file_id": batch.input_file_id,
        "completion_window": "24h",
        "status": batch.state,
        "created_at": batch.created_at,
        "output_file_id": batch.output_file_id,
        "error_file_id": batch.error_file_id,
        "errors": {"object": "list", "data": [code]} if batch.error else None,
        "request_counts": {"total": batch.requests, "completed": batch.done, "failed": 0},
        "metadata": {"batch_key": batch.key} if batch.key else None,
    }


def together_view(batch: Batch) -> dict[str, Any]:
    """A batch as Together shows it: other words, no metadata, no counts."""
    return {
        "id": batch.batch_id,
        "user_id": "u",
        "input_file_id": batch.input_file_id,
        "status": batch.state.upper().replace("CANCELLING", "CANCELING"),
        "created_at": datetime.fromtimestamp(batch.created_at, timezone.utc).isoformat().replace("+00:00", "Z"),
        "endpoint": "/v1/chat/completions",
        "progress": 100.0 if batch.done else 0.0,
        "output_file_id": batch.output_file_id,
        "error_file_id": batch.error_file_id,
        "error": batch.error,
    }


def make_handler(provider: BatchProvider) -> Any:
    """The function that answers each HTTP request."""
    call_handler = make_call_handler(provider.calls)

    def refuse(status: int, message: str) -> web.Response:
        return web.json_response({"error": {"message": message}}, status=status)

    async def upload(request: web.BaseRequest, limit: int) -> web.Response:
        form = await request.post()
        sent = form["file"]
        assert isinstance(sent, web.FileField)
        content = sent.file.read()
        if len(content) > limit:
            return refuse(413, "the file is too large")
        file_id = f"file-{len(provider.files)}"
        provider.files[file_id] = (sent.filename, content)
        return web.json_response({"id": file_id, "filename": sent.filename, "bytes": len(content)})

    async def create(request: web.BaseRequest, *, is_together: bool) -> web.StreamResponse:
        asked, behaviour = await request.json(), provider.behaviour
        if behaviour.lost_creates > 0:
            behaviour.lost_creates -= 1
            provider.create(asked)
            assert request.transport is not None
            request.transport.abort()
            return web.Response()
        if behaviour.failed_creates > 0:
            behaviour.failed_creates -= 1
            return refuse(500, "it broke")
        batch = provider.create(asked)
        return web.json_response(
            {"job": together_view(batch), "warning": ""} if is_together else openai_view(batch),
            status=201 if is_together else 200,
        )

    def listed(request: web.BaseRequest, *, is_together: bool) -> web.Response:
        for batch in provider.batches.values():
            batch.lists += 1
        shown = [one for one in provider.batches.values() if one.lists > provider.behaviour.late_in_list]
        if is_together:
            return web.json_response([together_view(one) for one in shown])
        newest = sorted(shown, key=lambda one: -one.number)
        after = request.query.get("after")
        start = next((place + 1 for place, one in enumerate(newest) if one.batch_id == after), 0)
        page = newest[start : start + min(2, int(request.query.get("limit", 20)))]
        more = start + len(page) < len(newest)
        return web.json_response({"object": "list", "data": [openai_view(one) for one in page], "has_more": more})

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        is_together = request.path.startswith("/together/")
        view = together_view if is_together else openai_view
        path = request.path.removeprefix("/together").removeprefix("/v1")
        if request.path in ("/behaviour", "/batch-summary"):
            if request.path == "/behaviour":
                provider.behave(Behaviour(**json.loads(await request.read())))
            return web.json_response(provider.summary())
        if path == ("/files/upload" if is_together else "/files") and request.method == "POST":
            return await upload(request, 100_000_000 if is_together else 200_000_000)
        if path.startswith("/files/") and path.endswith("/content"):
            found = provider.files.get(path.split("/")[2])
            if found is None or (provider.behaviour.gone_files and found[0] in ("output", "errors")):
                return refuse(404, "no such file")
            return web.Response(body=found[1], content_type="application/octet-stream")
        if path == "/batches":
            if request.method == "POST":
                return await create(request, is_together=is_together)
            return listed(request, is_together=is_together)
        if path.startswith("/batches/"):
            batch = provider.batches.get(path.split("/")[2])
            if batch is None:
                return refuse(404, "no such batch")
            if path.endswith("/cancel"):
                if batch.state not in ("validating", "in_progress"):
                    return refuse(400, f"cannot cancel a batch with status {batch.state}")
                batch.state = "cancelling"
            elif provider.behaviour.failed_looks > 0:
                provider.behaviour.failed_looks -= 1
                return refuse(503, "busy")
            else:
                provider.look(batch)
            return web.json_response(view(batch))
        answer: web.StreamResponse = await call_handler(request)
        return answer

    return handle


def build_runner() -> web.AppRunner:
    """A server of one provider; request files may be large."""
    application = web.Application(client_max_size=1 << 30)
    application.router.add_route("*", "/{path:.*}", make_handler(BatchProvider()))
    return web.AppRunner(application, access_log=None)


if __name__ == "__main__":
    serve_forever(__doc__, build_runner)
