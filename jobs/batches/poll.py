"""Look at batches that are out, and note which have ended."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from jobs.batches.api import BatchCallError, ServerBatch
from jobs.batches.context import PASSING, BatchContext
from jobs.ledger.batch_table import Batch, write_batches
from schemas.batches import CREATED, ENDED
from schemas.errors import ProviderError

_LOOKS_FOR_AN_OUTPUT = 10  # at a batch that has ended and answered, before its output counts as lost
_NOTED_SHARE = 0.05  # progress below it is not worth a commit


@dataclass
class Poll:
    """Looks of one run."""

    desk: BatchContext
    faults: list[str] = field(default_factory=list)
    """Of the last round: what kept batches from being looked at."""
    _waited: Counter[str] = field(default_factory=Counter)
    _done: dict[str, int] = field(default_factory=dict)

    def look(self, batches: Iterable[Batch]) -> list[Batch]:
        """Look at each batch that is created; writes what has changed in one commit.

        Returns:
            The batches as they are now.

        Raises:
            ProviderError: the provider refuses the key, or does not know the batch.
        """
        self.faults, changed, seen = [], [], []
        for batch in batches:
            new = self._look(batch) if batch.state == CREATED else None
            seen.append(new or batch)
            changed += [new] if new else []
        write_batches(self.desk.runtime, changed)
        return seen

    def _look(self, batch: Batch) -> Batch | None:
        try:
            return self._noted(batch, self.desk.server(batch).look(batch.batch_id or ""))
        except BatchCallError as error:
            if error.failure.kind not in PASSING:
                raise self._lost(batch, error) from None
            self.faults.append(str(error))
            return None

    def done(self, batch: Batch) -> int:
        """Requests of a batch that were answered when it was last looked at."""
        return self._done.get(batch.batch_key, batch.done or 0)

    def _noted(self, batch: Batch, found: ServerBatch) -> Batch | None:
        """The row to write; null where nothing worth it has changed."""
        done = batch.done if found.done is None else found.done
        self._done[batch.batch_key] = done or 0
        new = replace(batch, provider_state=found.state, done=done, error=found.error)
        if found.has_ended and not self._awaits_output(batch, found):
            output, errors = found.output_file_id, found.error_file_id
            now = self.desk.clock.now()
            return replace(new, state=ENDED, ended_at=now, output_file_id=output, error_file_id=errors)
        has_moved = (done or 0) - (batch.done or 0) >= _NOTED_SHARE * batch.requests and done != batch.done
        return new if has_moved or found.state != batch.provider_state else None

    def _awaits_output(self, batch: Batch, found: ServerBatch) -> bool:
        """Whether it has answers but no file of them yet; they are paid, so it is worth another look."""
        if not found.done or found.output_file_id or found.error_file_id:
            return False
        self._waited[batch.batch_key] += 1
        return self._waited[batch.batch_key] < _LOOKS_FOR_AN_OUTPUT

    def _lost(self, batch: Batch, error: BatchCallError) -> ProviderError:
        if error.failure.kind != "not_found":
            return error
        return ProviderError(
            f"{error}. If batch {batch.batch_id} is really gone, type `phase0 batches cancel {batch.batch_key}`: its "
            "requests are charged at worst case and asked again"
        )
