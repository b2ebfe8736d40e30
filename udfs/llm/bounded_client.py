"""The SDK's HTTP client, with an end to what it reads: a body has no bound by itself, packed or not."""

from contextlib import aclosing
from typing import Any

import httpx2
import openai

MOST_BODY_BYTES = 16 << 20
"""Of one answer, unpacked: four times what 128,000 tokens are with each character escaped."""
_OF_THE_WIRE = {"content-encoding", "content-length", "transfer-encoding"}


class BodyTooLongError(Exception):
    """An answer was not read to its end."""


class BoundedClient(openai.DefaultAioHttpClient):
    """Reads every body whole, errors' too, unless it is larger than `MOST_BODY_BYTES`.

    Raises:
        BodyTooLongError: it is; the rest is not read and the connection is given up.
    """

    async def send(self, request: httpx2.Request, *, stream: bool = False, **options: Any) -> httpx2.Response:
        """Send a request; the response that comes back has been read, whether `stream` asks for that or not."""
        response = await super().send(request, stream=True, **options)
        body = bytearray()
        try:
            async with aclosing(response.aiter_bytes()) as parts:  # of at most 1 MiB, also where they were packed
                async for part in parts:
                    body += part
                    if len(body) > MOST_BODY_BYTES:
                        raise BodyTooLongError(f"more than {MOST_BODY_BYTES >> 20} MB")
        finally:
            await response.aclose()
        headers = [(name, value) for name, value in response.headers.multi_items() if name not in _OF_THE_WIRE]
        return httpx2.Response(response.status_code, headers=headers, content=bytes(body), request=request)
