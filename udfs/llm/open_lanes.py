"""The lanes of one task at the start of a wave: its share of every limit, less what the last window has used of it."""

import time

from udfs.llm.journal_reader import JournalContents
from udfs.llm.lane import Lane
from udfs.llm.wave import EndpointKey, Send, WaveContext


def open_lanes(context: WaveContext, task: int, before: JournalContents, own_prefix: str) -> dict[EndpointKey, Lane]:
    """A lane for each endpoint that this task calls.

    Args:
        context: of the wave.
        task: number of the task.
        before: the wave's journal so far.
        own_prefix: what the attempt ids of this task's earlier attempts begin with.
    """
    lanes = {}
    for endpoint in context.endpoints:
        place = context.place(endpoint.key, task)
        if place is None:
            continue
        own = [
            _monotonic((sent["sent_at"], 1, sent["tokens"]))
            for sent in before.sends
            if sent["attempt_id"].startswith(own_prefix) and (sent["provider"], sent["model"]) == endpoint.key
        ]
        lanes[endpoint.key] = Lane(
            endpoint,
            *place,
            context.retries,
            history=[_monotonic(send) for send in context.sends.get(endpoint.key, ())],
            own_history=own,
            is_proven=endpoint.key in context.proven or endpoint.key in before.answered_by,
        )
    return lanes


def _monotonic(send: Send) -> Send:
    return send[0] - time.time() + time.monotonic(), send[1], send[2]
