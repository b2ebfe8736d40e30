"""One attempt: written down, sent, written down again, and what follows from it."""

import asyncio
import time
from collections.abc import Mapping
from decimal import Decimal

from udfs.llm.answers import Answer
from udfs.llm.client import Client
from udfs.llm.endpoint_queue import EndpointQueue, Grants
from udfs.llm.failures import Failure, short_message
from udfs.llm.fencing import SendPermit
from udfs.llm.journal import Journal
from udfs.llm.journal_records import attempt_record, response_record, sent_record
from udfs.llm.request_state import Charge, RequestState, Requeue, Respond, Step
from udfs.llm.retries import RetryPolicy
from udfs.llm.wave import EndpointKey

_AFTER_TIMEOUT = 15.0  # the SDK's timeouts are for each read; a call as a whole ends so much later
_NOT_BILLED = Charge(Decimal(0), "none")


class Caller:
    """Makes the attempts of one task."""

    def __init__(
        self,
        clients: Mapping[EndpointKey, Client],
        journal: Journal,
        permit: SendPermit,
        policy: RetryPolicy,
    ) -> None:
        self._clients, self._journal, self._permit, self._policy = clients, journal, permit, policy
        self._number = 0

    async def attempt(self, queue: EndpointQueue, work: RequestState, grants: Grants) -> Step:
        """Make one call, unless it may no longer leave, and say what comes next.

        Raises:
            OSError: the journal cannot be written.
            asyncio.CancelledError: the call was abandoned; its `sent` record stays without an end, so it is charged.
        """
        work.attempts += 1
        self._number += 1
        sent = sent_record(work, f"{self._journal.name}.{self._number}", time.time(), queue.tokens_of(work))
        await self._journal.append(sent)
        # Asked last of all: on an object store the line above has taken a while.
        refusal = self._permit.refusal() or (queue.stopped and queue.stopped[0])
        if refusal:
            await self._journal.append(attempt_record(sent, None, _NOT_BILLED, 0.0))
            if queue.stopped:
                work.error = queue.stopped[1]
            return Requeue(refusal)
        started, most = time.monotonic(), work.worst_usd
        result = await self._ask(queue, work)
        now = time.monotonic()
        try:
            queue.note(now, work, work.max_tokens, grants, result, started)
            charge = work.charge(result)
        except Exception as error:  # whatever an answer holds ends no more than its own request
            said = self._clients[queue.endpoint.key].redact(f"{type(error).__name__}: {error}")
            result = Failure("odd_answer", short_message(f"the answer cannot be counted: {said}"), billed=True)
            charge = work.charge(result)
        if charge.cost_usd > most:
            work.over_bound = f"billed ${charge.cost_usd:f} where at most ${most:f} was reserved"
            queue.stop("over_bound", work.over_bound)
        step = work.decide(result, self._policy, is_proven=queue.is_proven)
        attempt = attempt_record(sent, result, charge, now - started)
        if isinstance(step, Respond):
            await self._journal.append(attempt, response_record(work, sent["attempt_id"], step, time.time()))
        else:
            await self._journal.append(attempt)
        return step

    async def _ask(self, queue: EndpointQueue, work: RequestState) -> Answer | Failure:
        """Ask within a time for the whole call; a server that drips byte after byte would keep the SDK waiting."""
        endpoint = queue.endpoint
        client = self._clients[endpoint.key]
        call = client.complete(work.request, work.max_tokens)
        try:
            return await asyncio.wait_for(call, endpoint.timeout_seconds + _AFTER_TIMEOUT)
        except asyncio.TimeoutError:
            return Failure("transient", f"timed out: no whole answer in {endpoint.timeout_seconds:g} s", billed=True)
        except Exception as error:  # one endpoint's surprise must not lose the answers of the others
            said = client.redact(f"{type(error).__name__}: {error}")
            return Failure("unexpected", short_message(said), billed=True)
