"""A provider of batches for the tests of this folder."""

from collections.abc import Iterator

import pytest

from tests.support.batch_provider_process import BatchProviderProcess


@pytest.fixture(scope="session")
def batch_provider_process() -> Iterator[BatchProviderProcess]:
    with BatchProviderProcess() as process:
        yield process


@pytest.fixture
def batch_provider(batch_provider_process: BatchProviderProcess) -> BatchProviderProcess:
    """A provider with a Batch API on the loopback, afresh for each test."""
    batch_provider_process.behave()
    return batch_provider_process
