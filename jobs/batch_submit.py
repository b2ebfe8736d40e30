"""From an intent to a batch at the provider, with one creation for each request file whatever happens in between.

A creation is the one step that must not be repeated: it costs money and nobody forgets it for us. So where it is not
known whether it worked (no answer came, or a run ended around it), the provider's list is read back to the intent's
time, once more after a wait, since lists lag, and only then is the batch created again.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import partial

from jobs.batch_book import Batch, write_batches
from jobs.batch_desk import REFUSED_FOR_NOW, Desk
from jobs.batch_plan import REFUSED, request_file
from jobs.batch_server import BatchCallError, ServerBatch, is_queue_refusal
from jobs.files import open_for_reading
from schemas.batches import CREATED, ENDED, INTENT, UPLOADED
from schemas.errors import ProviderError

_CLOCKS_APART = timedelta(minutes=15)  # ours and the provider's, at most
_MOST_SEARCHES = 5


def submit(desk: Desk, batches: Iterable[Batch]) -> None:
    """Bring batches that are not created yet as far as that.

    Args:
        desk: of the run.
        batches: those of state intent or uploaded; the latter were left by a run that may have created them.

    Raises:
        ProviderError: the provider does not answer, or refuses the key or the bill; all of it can be resumed.
    """
    unsure = []
    for batch in batches:
        if batch.state == INTENT:
            uploaded = _upload(desk, batch)
            if not _create(desk, uploaded):
                unsure.append(uploaded)
        elif batch.state == UPLOADED:
            unsure.append(batch)
    for _ in range(_MOST_SEARCHES):
        unsure = _search(desk, unsure)
        if not unsure:
            return
        seconds = desk.config.create_wait_seconds
        desk.runtime.progress.step(f"waiting {seconds:g} s before a batch without an answer is created again")
        desk.clock.sleep(seconds)
        unsure = [batch for batch in _search(desk, unsure) if not _create(desk, batch)]
        if not unsure:
            return
    names = ", ".join(batch.batch_key for batch in unsure)
    raise ProviderError(f"the creation of {names} is never answered and no list has it; run it again later")


def _upload(desk: Desk, batch: Batch) -> Batch:
    desk.runtime.progress.step(f"uploading {batch.requests:,} requests for {batch.model}, {batch.file_bytes:,} bytes")
    path, server = request_file(desk.runtime, batch), desk.server(batch)

    def send() -> str:
        with open_for_reading(path) as content:
            return server.upload(f"{batch.batch_key}.jsonl", content)

    # A file that arrived twice is harmless: only the one that is written down here is made a batch.
    uploaded = replace(batch, state=UPLOADED, input_file_id=desk.patiently(send))
    write_batches(desk.runtime, [uploaded])
    return uploaded


def _create(desk: Desk, batch: Batch) -> bool:
    """Create the batch; false where it is not known whether that worked."""
    server, file_id = desk.server(batch), batch.input_file_id or ""

    def create() -> ServerBatch:
        desk.check()
        return server.create(file_id, batch.batch_key)

    try:
        found = desk.patiently(create, again=REFUSED_FOR_NOW)
    except BatchCallError as error:
        if is_queue_refusal(error.failure.message) or error.failure.kind in ("rejected", "filtered"):
            said, now = error.failure.message, desk.clock.now()
            refused = replace(batch, state=ENDED, provider_state=REFUSED, error=said, ended_at=now)
            write_batches(desk.runtime, [refused])
            return True
        if error.may_have_worked:
            return False
        raise
    _write_created(desk, batch, found)
    return True


def _search(desk: Desk, batches: Sequence[Batch]) -> list[Batch]:
    """Find batches in the lists of their providers; answers with those that are in none."""
    missing = []
    for provider in sorted({batch.provider for batch in batches}):
        own = [batch for batch in batches if batch.provider == provider]
        listed = desk.patiently(partial(_listed, desk, own))
        for batch in own:
            found = next((one for one in listed if _is_of(one, batch)), None)
            if found is None:
                missing.append(batch)
            else:
                _write_created(desk, batch, found)
    return missing


def _listed(desk: Desk, batches: Sequence[Batch]) -> list[ServerBatch]:
    """What the provider of these batches has created since the first of their intents."""
    since = min(batch.intent_at for batch in batches) - _CLOCKS_APART
    return list(desk.server(batches[0]).listed(since.timestamp()))


def _is_of(found: ServerBatch, batch: Batch) -> bool:
    return found.batch_key == batch.batch_key or found.input_file_id == batch.input_file_id


def _write_created(desk: Desk, batch: Batch, found: ServerBatch) -> None:
    now, state = desk.clock.now(), found.state
    created = replace(batch, state=CREATED, batch_id=found.batch_id, created_at=now, provider_state=state)
    write_batches(desk.runtime, [created])
