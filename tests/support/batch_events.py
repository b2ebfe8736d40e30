"""The steps of a run of batches, in their order, and a way to end a run right after one of them."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from jobs.batches.api import BatchServer
from jobs.workspace.storage import Storage

EVENTS = (
    "members",  # written; the intents are not
    "intent",
    "upload",  # done; not written down
    "uploaded",
    "create",  # done; not written down
    "created",
    "ended",
    "download",
    "attempts",
    "responses",
    "folded",
)


class KilledError(BaseException):
    """The run is dead: nothing it would still do happens."""


def _name_of(method: str, arguments: tuple[Any, ...]) -> str:
    """Which event a call of that method is."""
    if method == "append":
        return {"batch_items": "members"}.get(arguments[0].name, arguments[0].name)
    if method == "replace_rows":
        return str(arguments[1][0]["state"])
    return method


@contextmanager
def at_event(event: str, end: Callable[[], None]) -> Iterator[None]:
    """Call `end` right after the event has happened the first time; after that no event happens any more."""
    is_dead = False

    def wrap(owner: type, method: str) -> Any:
        real = getattr(owner, method)

        def call(self: Any, *arguments: Any) -> Any:
            nonlocal is_dead
            if is_dead:
                raise KilledError
            result = real(self, *arguments)
            if _name_of(method, arguments) == event:
                is_dead = True
                end()
            return result

        return patch.object(owner, method, call)

    with (
        wrap(Storage, "append"),
        wrap(Storage, "replace_rows"),
        wrap(BatchServer, "upload"),
        wrap(BatchServer, "create"),
        wrap(BatchServer, "download"),
    ):
        yield
