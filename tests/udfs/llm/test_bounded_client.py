"""Bodies of any size and packing: what is read is read whole, and what has no end ends one request."""

import asyncio
import gzip
import json
import tracemalloc
import zlib

import pytest
from aiohttp import web

from tests.support.waves import endpoint, request
from udfs.llm.answers import Answer
from udfs.llm.bounded_client import MOST_BODY_BYTES
from udfs.llm.client import Client
from udfs.llm.failures import Failure

COMPLETION = {
    "choices": [{"finish_reason": "stop", "message": {"role": "assistant", "content": "é" * 100_000}}],
    "usage": {"prompt_tokens": 9, "completion_tokens": 9},
}
BODY = json.dumps(COMPLETION).encode()
BOMB = gzip.compress(bytes(MOST_BODY_BYTES * 8), 9)


def ask(status=200, body=BODY, headers=None, *, is_endless=False):
    """What the client makes of an answer that is sent in chunks, and how many bytes were taken from the server."""
    sent = 0

    async def answer(asked):
        nonlocal sent
        response = web.StreamResponse(status=status, headers={"content-type": "application/json", **(headers or {})})
        await response.prepare(asked)
        while True:
            await response.write(body)
            sent += len(body)
            if not is_endless:
                return response

    async def run():
        app = web.Application()
        app.router.add_post("/v1/chat/completions", answer)
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = site._server.sockets[0].getsockname()[1]
        client = Client(endpoint(f"http://127.0.0.1:{port}/v1"), {}, 2)
        try:
            return await client.complete(request("t"), 100)
        finally:
            await client.close()
            await runner.cleanup()

    return asyncio.run(run()), sent


@pytest.mark.parametrize(
    ("encoding", "packed"),
    [(None, BODY), ("gzip", gzip.compress(BODY)), ("deflate", zlib.compress(BODY)), ("GZIP", gzip.compress(BODY))],
)
def test_an_answer_is_read_however_it_is_packed(encoding, packed):
    answer, _ = ask(body=packed, headers={"content-encoding": encoding} if encoding else None)

    assert isinstance(answer, Answer) and answer.status == "answered" and answer.text == "é" * 100_000


@pytest.mark.parametrize("status", [200, 400, 500])
def test_a_bomb_is_not_unpacked_and_ends_this_request_charged_at_worst(status):
    tracemalloc.start()
    failure, _ = ask(status, BOMB, {"content-encoding": "gzip"})
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert isinstance(failure, Failure) and (failure.kind, failure.billed) == ("odd_answer", True)
    assert "more than 16 MB" in failure.message
    assert peak < 4 * MOST_BODY_BYTES, "an eighth of it was unpacked"


@pytest.mark.parametrize("status", [200, 429])
def test_a_body_without_end_is_read_to_the_bound(status):
    failure, sent = ask(status, b" " * (1 << 16), is_endless=True)

    assert isinstance(failure, Failure) and (failure.kind, failure.billed) == ("odd_answer", True)
    assert sent < 3 * MOST_BODY_BYTES, "the connection was given up"


def test_a_packing_that_is_none_is_no_answer_and_may_have_been_billed():
    failure, _ = ask(body=BODY, headers={"content-encoding": "gzip"})

    assert isinstance(failure, Failure) and failure.billed and failure.kind == "transient"


def test_an_error_is_classified_as_before():
    error = {"error": {"message": "Insufficient credits", "code": 402}}
    failure, _ = ask(402, gzip.compress(json.dumps(error).encode()), {"content-encoding": "gzip", "retry-after": "7"})

    assert isinstance(failure, Failure) and failure.kind == "billing" and "Insufficient credits" in failure.message
    limited, _ = ask(429, b"{}", {"retry-after": "7"})
    assert isinstance(limited, Failure) and limited.retry_after == 7.0
