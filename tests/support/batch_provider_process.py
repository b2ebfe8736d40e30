"""Start the provider of batches, tell it what to do, and ask what it saw."""

import json
from typing import Any

from tests.support.batch_provider import Behaviour
from tests.support.provider_process import ProviderProcess


class BatchProviderProcess(ProviderProcess):
    """A provider with a Batch API in a process of its own."""

    module = "tests.support.batch_provider"

    def __enter__(self) -> "BatchProviderProcess":
        super().__enter__()
        self.together_url = f"{self.address}/together/v1"
        return self

    def behave(self, **behaviour: Any) -> None:
        """Forget everything and behave as told; see `tests.support.batch_provider.Behaviour`."""
        Behaviour(**behaviour)  # refuses what it does not know
        self._ask("/behaviour", json.dumps(behaviour).encode())

    def summary(self) -> dict[str, Any]:
        """What it saw and was paid for."""
        summary: dict[str, Any] = self._ask("/batch-summary")
        return summary
