"""Serve on the loopback until killed; the first line printed is the port."""

import argparse
import asyncio
from collections.abc import Callable

from aiohttp import web


async def serve(build: Callable[[], web.BaseRunner], port: int) -> None:
    """Serve until cancelled; what is built belongs to the running loop."""
    runner = build()
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", port, backlog=2048)
    await site.start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.Event().wait()


def serve_forever(description: str | None, build: Callable[[], web.BaseRunner]) -> None:
    """The program of a provider."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--port", type=int, default=0)
    asyncio.run(serve(build, parser.parse_args().port))
