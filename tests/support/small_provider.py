"""A provider on the loopback: lists models, answers questions, and remembers what it was sent."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from time import time
from typing import Any


@dataclass
class SmallProvider:
    """What it is like; a test changes what differs."""

    models: list[str] | None = field(default_factory=lambda: ["tiny"])
    """Null: it has no list."""
    key: str | None = None
    """Null: anybody may ask."""
    clock_ahead: float = 0.0
    answer: Callable[[dict[str, Any]], str] = lambda body: "Seven."
    finish_reason: str = "stop"
    usage: dict[str, Any] | None = field(default_factory=lambda: {"prompt_tokens": 10, "completion_tokens": 2})
    status: int = 200
    error: str = "no"
    page: Any = None
    """What it says instead of an answer, as a server of something else would."""
    requests: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    base_url: str = ""


def obey_schema(body: dict[str, Any]) -> str:
    """The answer of a model that follows a schema of one enumeration."""
    schema = body["response_format"]["json_schema"]["schema"]
    return json.dumps({name: kind["enum"][0] for name, kind in schema["properties"].items()})


@contextmanager
def running(provider: SmallProvider) -> Iterator[SmallProvider]:
    """The provider at a free port, until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            if self.may_ask():
                models = provider.models
                listed = {"data": [{"id": name} for name in models or ()]}
                self.reply(404 if models is None else 200, listed)

        def do_POST(self):
            if self.may_ask():
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                provider.requests.append(body)
                provider.headers.append(dict(self.headers))
                self.reply(provider.status, provider.page or self.completion(body))

        def completion(self, body):
            if provider.status != 200:
                return {"error": {"message": provider.error}}
            message = {"role": "assistant", "content": provider.answer(body)}
            choice = {"index": 0, "message": message, "finish_reason": provider.finish_reason}
            return {
                "id": "c",
                "object": "chat.completion",
                "created": 0,
                "model": body["model"] + "-2026",
                "choices": [choice],
                "usage": provider.usage,
            }

        def may_ask(self):
            if provider.key is None or self.headers["Authorization"] == f"Bearer {provider.key}":
                return True
            self.reply(401, {"error": {"message": f"Incorrect API key provided: {self.headers['Authorization']}"}})
            return False

        def reply(self, status, content):
            body = json.dumps(content).encode()
            self.send_response_only(status)
            self.send_header("Date", formatdate(time() + provider.clock_ahead, usegmt=True))
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    provider.base_url = f"http://127.0.0.1:{server.server_port}/v1"
    Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield provider
    finally:
        server.shutdown()
        server.server_close()
