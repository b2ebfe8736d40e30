"""One call through the OpenAI SDK, and what its exceptions mean.

Measured on 2 shared cores, 100 words each way, 200 in flight, CPU of the client for one call: 3.3 ms with
`chat.completions.create`, 1.3 ms with the SDK's aiohttp transport, 0.8 ms with that and `post` of ready bytes, which
spares the SDK's models of parameters and answers. Retries are ours (`max_retries=0`): the SDK's would be billed unseen.
"""

import json
import os
from collections.abc import Mapping

import aiohttp
import httpx2
import openai

from udfs.llm.answers import Answer, read_answer
from udfs.llm.bounded_client import BodyTooLongError, BoundedClient
from udfs.llm.classify import status_failure
from udfs.llm.failures import Failure, short_message
from udfs.llm.models import Endpoint
from udfs.llm.redaction import Redact, Redactor, keep
from udfs.llm.request import Request

_OPENAI = "https://api.openai.com/"
_CONNECT_SECONDS = 10.0
# Proof that nothing was sent. The aiohttp transport reports a connection that broke *after* sending as a
# ConnectTimeout, so an aiohttp exception in the chain decides before httpx's own do.
_UNSENT_AIOHTTP = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, aiohttp.InvalidURL)
_UNSENT_HTTPX = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout, httpx2.UnsupportedProtocol)
_WRONG_ADDRESS = (httpx2.UnsupportedProtocol, httpx2.InvalidURL, aiohttp.InvalidURL)


class Client:
    """Calls one endpoint. The key is read from `keys`, else from the environment, and never leaves this object.

    Raises:
        ValueError: there is no key where one is needed, or it is none.
    """

    def __init__(self, endpoint: Endpoint, keys: Mapping[str, str], connections: int) -> None:
        name = endpoint.api_key_env
        key = (keys.get(name) or os.environ.get(name) or "").strip() if name else ""
        if name and not key:
            raise ValueError(f"{name} is not set")
        if not key.isascii():
            raise ValueError(f"{name} holds characters that no key has")
        self._endpoint = endpoint
        self.redact = Redactor([key])
        """Blots out the key; for every text that is stored or shown."""
        self._headers: dict[str, str | openai.Omit] = {"Content-Type": "application/json"}
        if endpoint.base_url is not None and not endpoint.base_url.startswith(_OPENAI):
            # The SDK finds an OpenAI account's names in the environment, and they are nobody else's business.
            self._headers |= {"OpenAI-Organization": openai.Omit(), "OpenAI-Project": openai.Omit()}
        limits = httpx2.Limits(max_connections=connections, max_keepalive_connections=connections)
        timeout = httpx2.Timeout(endpoint.timeout_seconds, connect=min(_CONNECT_SECONDS, endpoint.timeout_seconds))
        self._sdk = openai.AsyncOpenAI(
            api_key=key or "none",  # the SDK insists; a local server does not look
            base_url=endpoint.base_url,
            max_retries=0,
            timeout=timeout,
            http_client=BoundedClient(limits=limits, timeout=timeout),
        )

    async def complete(self, request: Request, max_tokens: int) -> Answer | Failure:
        """Ask once. Never raises for what a provider or a network can do."""
        try:
            response = await self._sdk.post(
                "/chat/completions",
                cast_to=httpx2.Response,
                content=body_of(request, self._endpoint, max_tokens),
                options={"headers": self._headers},
            )
        except BodyTooLongError as error:
            return Failure("odd_answer", f"the answer cannot be read: {error}", billed=True)
        except openai.OpenAIError as error:
            return failure_of(error, self.redact)
        return read_answer(response.content, self.redact)

    async def close(self) -> None:
        """Close all connections."""
        await self._sdk.close()


def body_of(request: Request, endpoint: Endpoint, max_tokens: int) -> bytes:
    """The JSON body of a request; messages and schema are JSON already and are not parsed again."""
    fields = {
        "model": json.dumps(request.model),
        "messages": request.messages_json,
        endpoint.profile.max_tokens_field: str(max_tokens),
    }
    if request.temperature is not None and endpoint.profile.accepts_temperature:
        fields["temperature"] = json.dumps(request.temperature)
    if request.schema_json is not None and endpoint.structured_output:
        schema = f'{{"name":"answer","strict":true,"schema":{request.schema_json}}}'
        fields["response_format"] = f'{{"type":"json_schema","json_schema":{schema}}}'
    fields.update(endpoint.profile.extra_body)
    return ("{" + ",".join(f"{json.dumps(name)}:{value}" for name, value in fields.items()) + "}").encode()


def failure_of(error: openai.OpenAIError, redact: Redact = keep) -> Failure:
    """Classify what the SDK raised. What is not proved unsent may have been billed."""
    if isinstance(error, openai.APIStatusError):
        # The whole body: the SDK passes on no more than what is below `error`.
        return status_failure(error.status_code, _body_of(error), error.response.headers, redact)
    chain = _chain(error)
    why = redact(f"{type(chain[-1]).__name__} {chain[-1]}".strip())
    if any(isinstance(link, _WRONG_ADDRESS) for link in chain):
        return Failure("not_found", short_message(f"wrong address: {why}"))
    if _is_unsent(chain):
        return Failure("transient", short_message(f"not connected: {why}"))
    what = "timed out" if isinstance(error, openai.APITimeoutError) else "connection failed"
    return Failure("transient", short_message(f"{what}: {why}"), billed=True)


def _body_of(error: openai.APIStatusError) -> object:
    try:
        return error.response.content
    except httpx2.ResponseNotRead:  # of a stream
        return error.body


def _chain(error: BaseException) -> list[BaseException]:
    links: list[BaseException] = []
    link: BaseException | None = error
    while link is not None and link not in links:
        links.append(link)
        link = link.__cause__ or link.__context__
    return links


def _is_unsent(chain: list[BaseException]) -> bool:
    below = [link for link in chain if isinstance(link, aiohttp.ClientError)]
    if below:
        return any(isinstance(link, _UNSENT_AIOHTTP) for link in below)
    return any(isinstance(link, _UNSENT_HTTPX) for link in chain)
