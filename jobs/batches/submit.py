"""From an intent to a batch at the provider, with one creation for each request file whatever happens in between.

A creation is the one step that must not be repeated: it costs money and nobody forgets it for us. So where it is not
known whether it worked (no answer came, or a run ended around it), the provider's list is read back to the intent's
time, once more after a wait, since lists lag, and only then is the batch created again. A list is searched for the id
of the input file, which was written down before the first creation, and for our key where there is metadata.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import partial

from jobs.batches.api import BatchCallError, ServerBatch, is_queue_refusal
from jobs.batches.context import REFUSED_FOR_NOW, BatchContext
from jobs.batches.pack import REFUSED, request_file
from jobs.ledger.batch_table import Batch, BatchWrites
from jobs.workspace.files import open_for_reading
from schemas.batches import CREATED, ENDED, INTENT, UPLOADED
from schemas.errors import ProviderError

_CLOCKS_APART = timedelta(minutes=15)  # ours and the provider's, at most
_MOST_SEARCHES = 5


def submit(desk: BatchContext, batches: Iterable[Batch]) -> list[Batch]:
    """Bring batches that are not created yet as far as that.

    Args:
        desk: of the run.
        batches: of any state; those that are uploaded were left by a run that may have created them.

    Returns:
        The batches as they are now: created, or ended where they were refused.

    Raises:
        ProviderError: the provider does not answer, or refuses the key or the bill; all of it can be resumed.
    """
    given = list(batches)
    done = {batch.batch_key: batch for batch in given if batch.state not in (INTENT, UPLOADED)}
    unsure = [batch for batch in given if batch.state == UPLOADED]
    notes = BatchWrites(desk.runtime)
    try:
        # All uploads come before the first creation: a batch that is written down as uploaded may have been created.
        uploaded = [_upload(desk, notes, batch) for batch in given if batch.state == INTENT]
        notes.write()
        done.update({batch.batch_key: batch for batch in uploaded if batch.state == ENDED})
        unsure += _create_all(desk, notes, [batch for batch in uploaded if batch.state == UPLOADED], done)
        for search in range(_MOST_SEARCHES):
            unsure = _search(desk, notes, unsure, done)
            notes.write()
            if not unsure:
                return list(done.values())
            seconds = desk.config.create_wait_seconds
            desk.runtime.progress.step(f"waiting {seconds:g} s before a batch without an answer is created again")
            desk.clock.sleep(seconds)
            unsure = _search(desk, notes, unsure, done)
            if search < _MOST_SEARCHES - 1:
                unsure = _create_all(desk, notes, unsure, done)
    finally:
        notes.write()
    names = ", ".join(batch.batch_key for batch in unsure)
    raise ProviderError(f"the creation of {names} is never answered and no list has it; run it again later")


def _upload(desk: BatchContext, notes: BatchWrites, batch: Batch) -> Batch:
    desk.runtime.progress.step(f"uploading {batch.requests:,} requests for {batch.model}, {batch.file_bytes:,} bytes")
    try:
        path, server = request_file(desk.runtime, batch), desk.server(batch)
    except FileNotFoundError as error:  # somebody tidied up; nothing was sent, so its members are free again
        gone = replace(batch, state=ENDED, provider_state=REFUSED, error=str(error), ended_at=desk.clock.now())
        notes.add(gone)
        return gone

    def send() -> str:
        with open_for_reading(path) as content:
            return server.upload(f"{batch.batch_key}.jsonl", content)

    # A file that arrived twice is harmless: only the one that is written down here is made a batch.
    uploaded = replace(batch, state=UPLOADED, input_file_id=desk.patiently(send))
    notes.add(uploaded)
    return uploaded


def _create_all(
    desk: BatchContext, notes: BatchWrites, batches: Iterable[Batch], done: dict[str, Batch]
) -> list[Batch]:
    """Create batches; answers with those of which it is not known whether that worked."""
    unsure = []
    for batch in batches:
        created = _create(desk, batch)
        if created is None:
            unsure.append(batch)
        else:
            done[batch.batch_key] = created
            notes.add(created)
    return unsure


def _create(desk: BatchContext, batch: Batch) -> Batch | None:
    server, file_id = desk.server(batch), batch.input_file_id or ""

    def create() -> ServerBatch:
        desk.check()
        return server.create(file_id, batch.batch_key)

    try:
        return _created(desk, batch, desk.patiently(create, again=REFUSED_FOR_NOW))
    except BatchCallError as error:
        said, now = error.failure.message, desk.clock.now()
        if is_queue_refusal(said) or error.failure.kind in ("rejected", "filtered", "too_large"):
            return replace(batch, state=ENDED, provider_state=REFUSED, error=said, ended_at=now)
        if error.may_have_worked:
            return None
        raise


def _search(desk: BatchContext, notes: BatchWrites, batches: Sequence[Batch], done: dict[str, Batch]) -> list[Batch]:
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
                done[batch.batch_key] = _created(desk, batch, found)
                notes.add(done[batch.batch_key])
    return missing


def _listed(desk: BatchContext, batches: Sequence[Batch]) -> list[ServerBatch]:
    """What the provider of these batches has created since the first of their intents."""
    since = min(batch.intent_at for batch in batches) - _CLOCKS_APART
    return list(desk.server(batches[0]).listed(since.timestamp()))


def _is_of(found: ServerBatch, batch: Batch) -> bool:
    return found.batch_key == batch.batch_key or found.input_file_id == batch.input_file_id


def _created(desk: BatchContext, batch: Batch, found: ServerBatch) -> Batch:
    now, state = desk.clock.now(), found.state
    return replace(batch, state=CREATED, batch_id=found.batch_id, created_at=now, provider_state=state)
