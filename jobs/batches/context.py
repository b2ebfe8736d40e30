"""What bringing batches on needs: their providers, patience with them, the clock."""

from collections.abc import Callable, Collection, Mapping
from typing import TypeVar

from jobs.batches.api import BatchCallError, BatchServer, open_server
from jobs.batches.clock import Clock
from jobs.config.endpoints import endpoint_of, known_providers
from jobs.config.teachers import ModelChoice
from jobs.ledger.batch_table import Batch
from jobs.models.client import redactor
from jobs.workspace.runtime import Runtime
from schemas.errors import ConfigError
from udfs.llm.failures import Kind
from udfs.llm.models import Endpoint
from udfs.llm.redaction import Redactor
from udfs.llm.wave import EndpointKey

T = TypeVar("T")
PASSING: frozenset[Kind] = frozenset({"transient", "rate_limited"})
"""Failures that may be over at the next try."""
REFUSED_FOR_NOW: frozenset[Kind] = frozenset({"rate_limited"})
"""Of these, the one after which nothing has happened at the provider."""
_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 60.0


class BatchContext:
    """The batches of one run.

    Args:
        runtime: of the workspace, whose lease is held.
        endpoints: that are asked now; batches of others are looked up in the configuration.
        environment: holds the keys.
        clock: the time, and waiting.
    """

    def __init__(
        self,
        runtime: Runtime,
        endpoints: Mapping[EndpointKey, Endpoint],
        environment: Mapping[str, str],
        clock: Clock,
    ) -> None:
        self.runtime, self.clock = runtime, clock
        self.config = runtime.settings.calls.batch
        self._endpoints, self._environment = dict(endpoints), environment
        self._servers: dict[EndpointKey, BatchServer] = {}

    def endpoint(self, batch: Batch) -> Endpoint:
        """Where the batch is.

        Raises:
            ConfigError: the configuration does not know its provider any more.
        """
        if batch.endpoint_key not in self._endpoints:
            settings = self.runtime.settings
            providers = known_providers(settings.providers)
            if batch.provider not in providers:
                raise ConfigError(
                    f"batch {batch.batch_key} is with the provider {batch.provider}, which this configuration does not "
                    "know; describe it under `providers`, or its answers cannot be fetched"
                )
            choice = ModelChoice(provider=batch.provider, model=batch.model)
            self._endpoints[batch.endpoint_key] = endpoint_of(choice, providers, settings.calls)
        return self._endpoints[batch.endpoint_key]

    def server(self, batch: Batch) -> BatchServer:
        """The Batch API of the batch's provider.

        Raises:
            ConfigError: as `endpoint`, or its key is not in the environment.
        """
        if batch.endpoint_key not in self._servers:
            self._servers[batch.endpoint_key] = open_server(self.endpoint(batch), self._environment)
        return self._servers[batch.endpoint_key]

    def redactor(self, batch: Batch) -> Redactor:
        """Blots out the key of the batch's provider."""
        return redactor(self.endpoint(batch), self._environment)

    def close(self) -> None:
        """Close all connections."""
        for server in self._servers.values():
            server.close()
        self._servers.clear()

    def check(self) -> None:
        """Make sure that the workspace is still ours, before anything is sent that costs money.

        Raises:
            StoppedError: it is not.
        """
        if self.runtime.lease is not None:
            self.runtime.lease.check()

    def patiently(self, call: Callable[[], T], again: Collection[Kind] = PASSING) -> T:
        """Call until there is an answer, with growing pauses and for `max_wait_seconds` at most.

        Args:
            call: a question that may be repeated after failures of these kinds.
            again: the kinds.

        Raises:
            BatchCallError: the last failure, or one of another kind.
        """
        pause, waited = _FIRST_PAUSE, 0.0
        while True:
            try:
                return call()
            except BatchCallError as error:
                seconds = max(pause, error.failure.retry_after or 0.0)
                if error.failure.kind not in again or waited + seconds > self.runtime.settings.calls.max_wait_seconds:
                    raise
            self.clock.sleep(seconds)
            waited, pause = waited + seconds, min(2 * pause, _LONGEST_PAUSE)
