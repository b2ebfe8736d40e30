"""A headless Chromium to look at pages with: what they log, what they ask for, what they look like.

It is spoken to over its DevTools pipe, so that no driver has to be installed and no port is opened.
"""

import base64
import json
import os
import select
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

BINARY = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
_FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
    "--remote-debugging-pipe",
)
_PATIENCE_SECONDS = 60.0


class Browser:
    """One page of a running Chromium."""

    def __init__(self, commands: int, answers: int) -> None:
        self._commands, self._answers = commands, answers
        self._buffer = b""
        self._last = 0
        self._session: str | None = None
        self.events: list[dict[str, Any]] = []
        target = self._ask("Target.createTarget", url="about:blank")["targetId"]
        self._session = self._ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self._ask(f"{domain}.enable")

    def open(self, address: str, width: int = 1200, height: int = 800, *, dark: bool = False) -> None:
        """Load a page and wait until it is there; events start anew."""
        self.events.clear()
        self._ask("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self._ask("Emulation.setEmulatedMedia", features=[scheme])
        self._ask("Page.navigate", url=address)
        self._await_load()

    def follow(self, selector: str) -> None:
        """Click on a link and wait until its page is there; events start anew."""
        self.events.clear()
        self.evaluate(f"document.querySelector({json.dumps(selector)}).click()")
        self._await_load()

    def _await_load(self) -> None:
        while not any(event["method"] == "Page.loadEventFired" for event in self.events):
            self._receive(time.monotonic() + _PATIENCE_SECONDS)

    def evaluate(self, expression: str) -> Any:
        """The value of a JavaScript expression in the page."""
        answer = self._ask("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def complaints(self) -> list[str]:
        """What the page has put on the console: messages, warnings, errors, refusals of its content policy."""
        found = []
        for event in self.events:
            said = event["params"]
            if event["method"] == "Runtime.consoleAPICalled":
                found.append(f"console.{said['type']}: {[value.get('value') for value in said['args']]}")
            if event["method"] == "Runtime.exceptionThrown":
                found.append(said["exceptionDetails"]["text"])
            if event["method"] == "Log.entryAdded":
                found.append(f"{said['entry']['level']}: {said['entry']['text']}")
        return found

    def requests(self) -> list[str]:
        """Addresses the page has asked for, its own among them, but for those that its content policy refused."""
        failed = (event["params"] for event in self.events if event["method"] == "Network.loadingFailed")
        refused = {said["requestId"] for said in failed if said.get("blockedReason") == "csp"}
        sent = (event["params"] for event in self.events if event["method"] == "Network.requestWillBeSent")
        return [said["request"]["url"] for said in sent if said["requestId"] not in refused]

    def dialogs(self) -> list[str]:
        """Messages of boxes the page has opened."""
        opened = (event for event in self.events if event["method"] == "Page.javascriptDialogOpening")
        return [event["params"]["message"] for event in opened]

    def picture(self, *, whole: bool = False) -> bytes:
        """The page as PNG: what the window shows, or all of it."""
        return base64.b64decode(self._ask("Page.captureScreenshot", format="png", captureBeyondViewport=whole)["data"])

    def printed(self) -> bytes:
        """The page as PDF."""
        return base64.b64decode(self._ask("Page.printToPDF", preferCSSPageSize=True, printBackground=False)["data"])

    def _ask(self, method: str, **params: Any) -> dict[str, Any]:
        self._last += 1
        message: dict[str, Any] = {"id": self._last, "method": method, "params": params}
        if self._session is not None:
            message["sessionId"] = self._session
        os.write(self._commands, json.dumps(message).encode() + b"\0")
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while True:
            answer = self._receive(deadline)
            if answer.get("id") == self._last:
                assert "error" not in answer, f"{method}: {answer['error']}"
                return dict(answer["result"])

    def _receive(self, deadline: float) -> dict[str, Any]:
        while b"\0" not in self._buffer:
            ready, _, _ = select.select([self._answers], [], [], max(0.0, deadline - time.monotonic()))
            assert ready, "Chromium does not answer"
            read = os.read(self._answers, 1 << 20)
            assert read, "Chromium has ended"
            self._buffer += read
        line, self._buffer = self._buffer.split(b"\0", 1)
        message: dict[str, Any] = json.loads(line)
        if "method" in message:
            self.events.append(message)
        return message


@contextmanager
def open_browser() -> Iterator[Browser]:
    """Start a Chromium with a profile of its own, and end it."""
    assert BINARY is not None, "there is no chromium"
    commands_in, commands = os.pipe()
    answers, answers_out = os.pipe()
    # Chromium reads commands from descriptor 3 and writes to 4; the shell puts ours there.
    start = f'exec "$0" "$@" 3<&{commands_in} 4>&{answers_out}'
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        process = subprocess.Popen(
            ["bash", "-c", start, BINARY, *_FLAGS, f"--user-data-dir={profile}"],
            pass_fds=(commands_in, answers_out),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(commands_in)
        os.close(answers_out)
        try:
            yield Browser(commands, answers)
        finally:
            os.close(commands)  # the end of its commands is the end of the browser
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            os.close(answers)


def address_of(path: Path) -> str:
    """The file as a browser asks for it."""
    return path.resolve().as_uri()
