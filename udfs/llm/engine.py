"""The engine: many calls in flight, each journalled before and after, each request ending in exactly one state.

One coroutine decides what starts (`_pump`), one reads requests ahead (`_read`), and each call is a task of its own
(`_attempt`). All of them run in one event loop, so the state of queues and works needs no lock.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, AsyncIterator, Coroutine
from typing import Any

from udfs.llm.caller import Caller
from udfs.llm.client import Client
from udfs.llm.endpoint_queue import EndpointQueue, Grants, open_queues
from udfs.llm.fencing import POLL_SECONDS, Refusal, SendPermit, TaskClaim
from udfs.llm.journal import Journal
from udfs.llm.journal_reader import JournalContents, RequestProgress, read_journal
from udfs.llm.outcome import Outcome, Reason, not_dealt
from udfs.llm.request import Request
from udfs.llm.request_state import Again, Park, RequestState, Requeue, Respond
from udfs.llm.wave import EndpointKey, WaveContext

_READ_AHEAD = 20_000  # requests held by a task, so that a slow endpoint does not keep others from their own
_LONGEST_NAP = 0.5  # between looks at the permission
_OF_THE_PROVIDER: frozenset[Reason] = frozenset({"billing", "auth"})  # one account stands behind all its models


async def run_requests(
    requests: AsyncIterator[Request], context: WaveContext, task: int = 0
) -> AsyncGenerator[Outcome, None]:
    """Answer requests, each at most once per answer that is durable.

    Args:
        requests: of one task; read as room appears, never all at once.
        context: of the wave.
        task: number of this task in the wave.

    Yields:
        One outcome for each request, in the order they end.

    Raises:
        OSError: the journal cannot be written or read; nothing more is sent then.
    """
    engine = _Engine(context)
    try:
        await engine.open(task)
        async for outcome in engine.run(requests):
            yield outcome
    finally:
        await engine.close()


class _Engine:
    def __init__(self, context: WaveContext) -> None:
        self._context = context
        self._queues: dict[EndpointKey, EndpointQueue] = {}
        self._clients: dict[EndpointKey, Client] = {}
        self._before = JournalContents()
        self._journal: Journal | None = None
        self._calls: dict[asyncio.Task[None], RequestState] = {}
        self._helpers: list[asyncio.Task[None]] = []
        self._outcomes: asyncio.Queue[Outcome | None] = asyncio.Queue()
        self._wake, self._room = asyncio.Event(), asyncio.Event()
        self._is_read = False
        self._refused_at: float | None = None
        self._error: BaseException | None = None

    async def open(self, task: int) -> None:
        """TaskClaim the task, read what its earlier attempts did, and open a journal: all before the first call."""
        context = self._context
        claim = await asyncio.to_thread(TaskClaim, context.journal, task)
        self._permit = SendPermit(
            claim=claim,
            lease_file=context.lease_file,
            epoch=context.epoch,
            stop_file=context.stop_file,
        )
        if claim.is_retry:  # give the attempt before this one the time to see that it is over
            await asyncio.sleep(2 * POLL_SECONDS)
        self._before = await asyncio.to_thread(read_journal, context.journal)
        await asyncio.to_thread(self._permit.refresh)
        self._queues = open_queues(context, task, self._before, claim.prefix)
        for key, queue in self._queues.items():
            try:
                self._clients[key] = Client(queue.endpoint, context.keys, queue.most_in_flight)
            except ValueError as error:
                queue.stop("auth", str(error))
        self._journal = await asyncio.to_thread(Journal, context.journal, claim.name)
        self._caller = Caller(self._clients, self._journal, self._permit, context.retries)

    async def run(self, requests: AsyncIterator[Request]) -> AsyncIterator[Outcome]:
        """Yield an outcome for each request."""
        self._helpers = [
            asyncio.create_task(self._guard(self._read(requests))),
            asyncio.create_task(self._guard(self._pump())),
            asyncio.create_task(self._permit.watch()),
        ]
        while (outcome := await self._outcomes.get()) is not None:
            yield outcome
        if self._error is not None:
            raise self._error

    async def close(self) -> None:
        """End everything. Calls still in flight are abandoned; their `sent` records remain, so they are charged."""
        tasks = [*self._helpers, *self._calls]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for client in self._clients.values():
            with contextlib.suppress(Exception):
                await client.close()
        if self._journal is not None:
            await self._journal.close()

    async def _guard(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except Exception as error:  # raised again by `run`, in the caller's own time
            self._fail(error)

    def _fail(self, error: BaseException) -> None:
        self._error = self._error or error
        self._outcomes.put_nowait(None)

    async def _read(self, requests: AsyncIterator[Request]) -> None:
        taken = 0
        async for request in requests:
            self._accept(request)
            taken += 1
            if taken % 100 == 0:
                self._wake.set()
                await asyncio.sleep(0)
            while not self._wants_more():
                self._room.clear()
                await self._room.wait()
        self._is_read = True
        self._wake.set()

    def _wants_more(self) -> bool:
        """Whether some endpoint could soon run out of requests, and there is room to look for more of them."""
        queues = [queue for queue in self._queues.values() if not queue.stopped]
        hungry = any(queue.waiting < 2 * queue.most_in_flight for queue in queues)
        return (hungry and sum(queue.waiting for queue in queues) < _READ_AHEAD) or not queues

    def _accept(self, request: Request) -> None:
        """Queue a request where it belongs, or end it where nothing is to be called."""
        queue = self._queues.get(request.endpoint_key)
        if queue is None:
            self._outcomes.put_nowait(not_dealt(request))
            return
        before = self._before.requests.get(request.request_id, RequestProgress())
        work = RequestState(
            request,
            queue.endpoint.prices,
            attempts=before.attempts,
            failures=before.failures,
            spent_usd=before.spent_usd,
            is_cut=before.is_cut or request.was_cut,
        )
        if before.status is not None:
            self._outcomes.put_nowait(work.outcome(state=before.status))
        elif not queue.fits(work):
            self._outcomes.put_nowait(work.outcome(reason="larger_than_limit"))
        elif not work.is_affordable:
            self._outcomes.put_nowait(work.outcome(reason="reservation_spent"))
        else:
            queue.add(work)

    async def _pump(self) -> None:
        """Start what may start, sleep until more may, and end when nothing is left."""
        while True:
            self._wake.clear()
            now, nap, refusal = time.monotonic(), _LONGEST_NAP, self._permit.refusal()
            for queue in self._queues.values():
                if refusal or queue.stopped:
                    self._hand_back(queue, refusal)
                while isinstance(step := queue.next_start(now), RequestState):
                    self._start(queue, step, queue.admit(now, step))
                nap = min(nap, step)
            if self._wants_more():
                self._room.set()
            if self._is_read and not self._calls and not any(queue.waiting for queue in self._queues.values()):
                if refusal is None and any([queue.confirm_rest() for queue in self._queues.values()]):
                    continue
                break
            self._abandon(now, refusal)
            await self._sleep(nap)
        for queue in self._queues.values():
            for work, reason in queue.take_held():
                self._outcomes.put_nowait(work.outcome(reason=reason))
        self._outcomes.put_nowait(None)

    async def _sleep(self, seconds: float) -> None:
        timer = asyncio.get_running_loop().call_later(seconds, self._wake.set)
        await self._wake.wait()
        timer.cancel()

    def _hand_back(self, queue: EndpointQueue, refusal: Reason | None) -> None:
        """Give back what waits, because the wave or the endpoint is stopped."""
        stopped = queue.stopped
        for work in queue.drain():
            if stopped is not None and refusal is None:
                work.error = stopped[1]
            self._outcomes.put_nowait(work.outcome(reason=refusal or (stopped and stopped[0])))

    def _abandon(self, now: float, refusal: Refusal | None) -> None:
        """After the grace period end the calls in flight."""
        if refusal is None:
            return
        self._refused_at = now if self._refused_at is None else self._refused_at
        if now - self._refused_at > self._context.grace_seconds:
            for call in self._calls:
                call.cancel()

    def _start(self, queue: EndpointQueue, work: RequestState, grants: Grants) -> None:
        call = asyncio.create_task(self._attempt(queue, work, grants))
        self._calls[call] = work
        call.add_done_callback(self._ended)

    def _ended(self, call: asyncio.Task[None]) -> None:
        work = self._calls.pop(call)
        if call.cancelled():
            work.charge_lost()
            self._outcomes.put_nowait(work.outcome(reason=self._permit.refusal() or "stopped"))
        elif (error := call.exception()) is not None:
            self._fail(error)
        self._wake.set()

    async def _attempt(self, queue: EndpointQueue, work: RequestState, grants: Grants) -> None:
        step = await self._caller.attempt(queue, work, grants)
        queue.in_flight -= 1
        if isinstance(step, Respond):
            self._outcomes.put_nowait(work.outcome(state=step.status))
        elif isinstance(step, Again):
            queue.add(work, time.monotonic() + step.seconds if step.seconds else None)
        elif isinstance(step, Park):
            queue.hold(work, step.failure, time.monotonic())
        elif isinstance(step, Requeue):
            self._outcomes.put_nowait(work.outcome(reason=step.reason))
        if queue.stopped and queue.stopped[0] in _OF_THE_PROVIDER:
            for other in self._queues.values():
                if other.endpoint.provider == queue.endpoint.provider:
                    other.stop(*queue.stopped)
