"""Iterate over an asynchronous iterator whose event loop runs in a thread of its own.

A generator stands still between two items, and calls in flight must not: whoever consumes the items may take its time,
read the input of the next call meanwhile, or have an event loop already, as notebooks do.
"""

import asyncio
import contextlib
import queue
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from typing import TypeVar

T = TypeVar("T")


def iterate(make: Callable[[], AsyncGenerator[T, None]]) -> Iterator[T]:
    """Yield what the asynchronous generator yields.

    Closing this iterator closes the generator, within its loop, and waits for it.

    Args:
        make: builds the generator; called within the loop.

    Raises:
        Exception: what the generator raises.
    """
    items: queue.SimpleQueue[tuple[T] | BaseException | None] = queue.SimpleQueue()
    loop = asyncio.new_event_loop()

    async def drain() -> None:
        async with contextlib.aclosing(make()) as generator:
            async for item in generator:
                items.put((item,))

    drained = loop.create_task(drain())

    def run() -> None:
        try:
            with contextlib.suppress(asyncio.CancelledError):
                loop.run_until_complete(drained)
            items.put(None)
        except BaseException as error:  # raised again in the thread that iterates
            items.put(error)
        finally:
            loop.close()

    thread = threading.Thread(target=run, name="calls", daemon=True)
    thread.start()
    try:
        while (item := items.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            yield item[0]
    finally:
        with contextlib.suppress(RuntimeError):  # the loop is closed: it has ended by itself
            loop.call_soon_threadsafe(drained.cancel)
        thread.join()


async def read_in_thread(batches: Iterator[list[T]]) -> AsyncIterator[T]:
    """Items of batches that take their time to come, each read without holding up the event loop."""
    while (batch := await asyncio.to_thread(next, batches, None)) is not None:
        for item in batch:
            yield item
