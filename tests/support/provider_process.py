"""Start the provider, tell it what to do, and ask what it saw."""

import json
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.request import Request as HttpRequest
from urllib.request import urlopen

from tests.support.paths import ROOT
from tests.support.provider import Behaviour, Call


class ProviderProcess:
    """A provider in a process of its own."""

    module = "tests.support.provider"

    def __enter__(self) -> "ProviderProcess":
        command = [sys.executable, "-m", self.module]
        self._process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        self.address = f"http://127.0.0.1:{int(self._process.stdout.readline())}"
        self.base_url = f"{self.address}/v1"
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._process.kill()
        self._process.wait()

    def behave(self, **behaviour: Any) -> None:
        """Forget all calls and behave as told; see `Behaviour`."""
        Behaviour(**behaviour)  # refuses what it does not know
        self._ask("/behaviour", json.dumps(behaviour).encode())

    def calls(self) -> list[Call]:
        """All calls since."""
        return [Call(**call) for call in self._ask("/calls")]

    def summary(self) -> dict[str, Any]:
        """Their sums."""
        summary: dict[str, Any] = self._ask("/summary")
        return summary

    def processor_seconds(self) -> float:
        """CPU time that the provider's process has used (Linux)."""
        fields = Path(f"/proc/{self._process.pid}/stat").read_text("ascii").rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / 100

    def _ask(self, path: str, body: bytes | None = None) -> Any:
        with urlopen(HttpRequest(self.address + path, data=body), timeout=30) as response:
            return json.load(response)
