"""A provider on the loopback that misbehaves as told and counts what it was paid for.

`python -m tests.support.provider`

It speaks the part of the OpenAI API that is called (`/v1/chat/completions`, `/v1/models`), and is told and asked about
its behaviour at `/behaviour`, `/calls` and `/summary`. Each answer carries the token (`#…#`) of its prompt, so that
swapped answers are seen. What goes wrong is drawn from the token and the number of its call: the same in every run.
"""

import asyncio
import json
import math
import random
import re
import time
from collections import Counter, deque
from dataclasses import asdict, dataclass, field
from typing import Any

from aiohttp import web

from tests.support.serving import serve_forever

# Faults whose answer was generated, so that it is paid for whether or not it arrives.
PAID = {"ok", "dropped", "torn", "not_json", "cut", "refused", "filtered", "empty", "no_usage", "timeout"}
TOKEN = re.compile(r"#([\w-]+)#")


@dataclass
class Behaviour:
    """What the provider does; shares are of all calls that are admitted."""

    latency_seconds: float = 0.0
    answer_words: int = 20
    """Of each answer, or on average."""
    spread: float = 0.0
    """Standard deviation of the logarithm of their number, drawn from the token, the model and the seed."""
    usage: dict[str, Any] = field(default_factory=dict)
    """Fields of every `usage` besides the counts of tokens."""
    shares: dict[str, float] = field(default_factory=dict)
    """Fault -> share: 429, 500 and any other status; dropped, torn, not_json; and what is in `PAID`."""
    scripts: dict[str, list[str]] = field(default_factory=dict)
    """Token -> faults of its first calls, instead of chance."""
    error: dict[str, Any] = field(default_factory=dict)
    """Fields of the `error` object of every refusal that is not about limits."""
    headers: dict[str, str] = field(default_factory=dict)
    """Sent with every refusal."""
    rpm: int | None = None
    tpm: int | None = None
    window_seconds: float = 60.0
    ratings: dict[str, int] = field(default_factory=dict)
    """Token -> what a model called `judge…` rates it in each dimension, 9 where it is not named; 0: a reply without."""
    texts: dict[str, str] = field(default_factory=dict)
    """Token -> what it is answered, word for word."""
    bodies: dict[str, str] = field(default_factory=dict)
    """Token -> what it is sent with HTTP 200, byte for byte."""
    key: str | None = None
    models: list[str] = field(default_factory=list)
    """Those it knows; empty: any."""
    seed: int = 0


@dataclass
class Call:
    """One call as the provider saw it."""

    token: str
    model: str
    at: float
    number: int  # of this token's calls, from 1
    prompt_tokens: int
    max_tokens: int
    what: str
    paid_tokens: int = 0
    ended_at: float | None = None

    @property
    def is_paid(self) -> bool:
        return self.what in PAID


class Window:
    """A limit over a sliding window, on the log of what was admitted."""

    def __init__(self, limit: int | None, seconds: float) -> None:
        self._limit, self._seconds, self._log, self._sum = limit, seconds, deque[tuple[float, int]](), 0
        self.most = 0

    def has_room(self, now: float, amount: int) -> bool:
        while self._log and self._log[0][0] <= now - self._seconds:
            self._sum -= self._log.popleft()[1]
        return self._limit is None or self._sum + amount <= self._limit

    def take(self, now: float, amount: int) -> None:
        self._log.append((now, amount))
        self._sum += amount
        self.most = max(self.most, self._sum)


class Provider:
    """The state behind the server."""

    def __init__(self) -> None:
        self.behave(Behaviour())

    def behave(self, behaviour: Behaviour) -> None:
        """Start afresh."""
        self.behaviour = behaviour
        self.calls: list[Call] = []
        self.numbers: Counter[str] = Counter()
        self.requests = Window(behaviour.rpm, behaviour.window_seconds)
        self.tokens = Window(behaviour.tpm, behaviour.window_seconds)
        self.in_flight = self.most_in_flight = 0
        self.filler = " ".join(f"word{number % 100}" for number in range(behaviour.answer_words))

    def summary(self) -> dict[str, Any]:
        """What all calls together were."""
        paid = Counter(call.token for call in self.calls if call.is_paid)
        times = [call.at for call in self.calls]
        return {
            "calls": len(self.calls),
            "by_what": dict(Counter(call.what for call in self.calls)),
            "tokens_paid_twice": sum(count - 1 for count in paid.values()),
            "most_in_flight": self.most_in_flight,
            "most_requests_in_a_window": self.requests.most,
            "most_tokens_in_a_window": self.tokens.most,
            "first_at": min(times, default=None),
            "last_at": max(times, default=None),
            "last_ended_at": max((call.ended_at for call in self.calls if call.ended_at), default=None),
        }

    def admit(self, body: dict[str, Any], authorization: str) -> Call:
        """Note a call and decide what becomes of it."""
        prompt = "".join(str(message["content"]) for message in body["messages"])
        found = TOKEN.search(prompt)
        token = found[1] if found else ""
        self.numbers[token] += 1
        max_tokens = int(body.get("max_tokens") or body.get("max_completion_tokens") or 0)
        prompt_tokens = len(prompt) // 4 + 8
        call = Call(token, body["model"], time.time(), self.numbers[token], prompt_tokens, max_tokens, "ok")
        call.what = self._decide(call, authorization)
        self.calls.append(call)
        return call

    def _decide(self, call: Call, authorization: str) -> str:
        behaviour, now = self.behaviour, time.monotonic()
        if behaviour.key is not None and authorization != f"Bearer {behaviour.key}":
            return "401"
        if behaviour.models and call.model not in behaviour.models:
            return "404"
        amount = call.prompt_tokens + call.max_tokens
        if not (self.requests.has_room(now, 1) and self.tokens.has_room(now, amount)):
            return "limited"
        self.requests.take(now, 1)
        self.tokens.take(now, amount)
        script = behaviour.scripts.get(call.token, [])
        if call.number <= len(script):
            return script[call.number - 1]
        draw = random.Random(f"{behaviour.seed} {call.token} {call.number}").random()
        for what, share in behaviour.shares.items():
            draw -= share
            if draw < 0:
                return what
        return "ok"

    def rate(self, call: Call) -> str:
        """The reply of a judge."""
        rating = self.behaviour.ratings.get(call.token, 9)
        if not rating:
            return "I would rather not say."
        ratings = dict.fromkeys(("accuracy", "helpfulness", "completeness", "clarity"), rating)
        return json.dumps({"reason": f"It is about {call.token}.", **ratings, "category": "general"})

    def words(self, call: Call) -> int:
        """How many words an answer has, log-normal with the mean `answer_words`."""
        draw = random.Random(f"{self.behaviour.seed} {call.model} {call.token}").gauss(0.0, 1.0)
        spread = self.behaviour.spread
        return max(1, round(self.behaviour.answer_words * math.exp(spread * draw - spread**2 / 2)))

    def answer(self, call: Call) -> bytes:
        """The body of a completion."""
        filler, words = self.filler, self.behaviour.answer_words
        if self.behaviour.spread:
            words = self.words(call)
            chosen = random.Random(call.token)  # so many that no rule takes them for repetition
            filler = " ".join(f"word{chosen.randrange(10_000)}" for _ in range(words))
        text, finish, refusal, count = f"#{call.token}# {filler}", "stop", None, words + 4
        text = self.behaviour.texts.get(call.token, text)
        if call.model.startswith("judge"):
            text, count = self.rate(call), 40
        if call.what == "cut" or count > call.max_tokens:
            finish, text, count = "length", text[: len(text) // 2], call.max_tokens
        elif call.what == "refused":
            text, refusal = "", "I cannot help with that."
        elif call.what == "filtered":
            finish, text = "content_filter", ""
        elif call.what == "empty":
            text = " \n"
        usage = {"prompt_tokens": call.prompt_tokens, "completion_tokens": count, **self.behaviour.usage}
        call.paid_tokens = call.prompt_tokens + count
        content = {
            "id": f"c{len(self.calls)}",
            "object": "chat.completion",
            "created": int(call.at),
            "model": f"{call.model}-2024-08-06",
            "choices": [
                {
                    "index": 0,
                    "message": {"role": "assistant", "content": text, "refusal": refusal},
                    "finish_reason": finish,
                }
            ],
            "usage": None if call.what == "no_usage" else {**usage, "total_tokens": call.paid_tokens},
        }
        return json.dumps(content).encode()


def make_handler(provider: Provider) -> Any:
    """The function that answers each HTTP request."""

    async def complete(request: web.BaseRequest) -> web.StreamResponse:
        body = json.loads(await request.read())
        call = provider.admit(body, request.headers.get("Authorization", ""))
        behaviour = provider.behaviour
        provider.in_flight += 1
        provider.most_in_flight = max(provider.most_in_flight, provider.in_flight)
        try:
            if call.what == "limited" or call.what.isdigit():
                return refuse(call, behaviour)
            await asyncio.sleep(behaviour.latency_seconds if call.what != "timeout" else 3600.0)
            return await deliver(request, call, provider.answer(call))
        finally:
            provider.in_flight -= 1
            call.ended_at = time.time()

    def refuse(call: Call, behaviour: Behaviour) -> web.Response:
        status = 429 if call.what == "limited" else int(call.what)
        error: dict[str, Any] = {"message": f"call {call.number} of {call.token} is refused"}
        if status == 404:
            error["code"] = "model_not_found"
        if call.what != "limited":
            error.update(behaviour.error)
        return web.json_response({"error": error}, status=status, headers=behaviour.headers)

    async def deliver(request: web.BaseRequest, call: Call, body: bytes) -> web.StreamResponse:
        if call.what == "dropped":
            assert request.transport is not None
            request.transport.abort()
            return web.Response()
        if call.what == "torn":
            response = web.StreamResponse(headers={"Content-Type": "application/json"})
            response.content_length = len(body)
            await response.prepare(request)
            await response.write(body[: len(body) // 2])
            assert request.transport is not None
            request.transport.close()
            return response
        body = provider.behaviour.bodies.get(call.token, "").encode() or body
        if call.what == "not_json":
            body = b"<html>upstream says hello</html>"
        return web.Response(body=body, content_type="application/json")

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        if request.path == "/v1/chat/completions":
            return await complete(request)
        if request.path == "/v1/models" and provider.behaviour.models:  # who answers for any model has no list
            return web.json_response({"data": [{"id": model} for model in provider.behaviour.models]})
        if request.path == "/behaviour":
            provider.behave(Behaviour(**json.loads(await request.read())))
            return web.json_response({})
        if request.path == "/calls":
            return web.json_response([asdict(call) for call in provider.calls])
        if request.path == "/summary":
            return web.json_response(provider.summary())
        return web.json_response({"error": {"message": "no such path"}}, status=404)

    return handle


if __name__ == "__main__":
    serve_forever(__doc__, lambda: web.ServerRunner(web.Server(make_handler(Provider()), access_log=None)))
