"""The provider as a process of its own, one for all tests, afresh for each."""

from collections.abc import Iterator

import pytest

from tests.llm.provider_process import ProviderProcess


@pytest.fixture(scope="session")
def provider_process() -> Iterator[ProviderProcess]:
    with ProviderProcess() as process:
        yield process


@pytest.fixture
def provider(provider_process: ProviderProcess) -> ProviderProcess:
    provider_process.behave()
    return provider_process
