"""A headless browser that is told what a person would do: real keys, a real mouse, pictures.

It speaks the DevTools protocol over two pipes, so that nothing has to be installed beside it.
"""

import base64
import itertools
import json
import os
import shlex
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.browser import NAMES

SECONDS = 60.0
CODES = {"Enter": 13, "Tab": 9, "Escape": 27, "Backspace": 8, "Delete": 46, " ": 32}
ARROWS = {"ArrowLeft": 37, "ArrowUp": 38, "ArrowRight": 39, "ArrowDown": 40}
CONTROL, SHIFT = 2, 8


class Browser:
    """One page of a browser."""

    def __init__(self, to_browser: int, from_browser: int):
        self._to, self._from, self._left = to_browser, from_browser, b""
        self._numbers = itertools.count(1)
        self._session = ""
        self.logged: list[str] = []
        self.asked: list[str] = []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        attached = self.call("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **parameters: Any) -> Any:
        """Send a command and return its result; what happens meanwhile is noted."""
        number = next(self._numbers)
        message = {"id": number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._to, json.dumps(message).encode() + b"\0")
        while (found := self._next()).get("id") != number:
            self._note(found)
        assert "error" not in found, f"{method}: {found['error']}"
        return found["result"]

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._left:
            data = os.read(self._from, 2**20)
            assert data, "the browser has ended"
            self._left += data
        message, self._left = self._left.split(b"\0", 1)
        return json.loads(message)

    def _note(self, event: dict[str, Any]) -> None:
        about = event.get("params", {})
        if event.get("method") == "Runtime.exceptionThrown":
            details = about["exceptionDetails"]
            self.logged.append(details.get("exception", {}).get("description", details["text"]))
        if event.get("method") == "Log.entryAdded":
            self.logged.append(about["entry"]["text"])
        if event.get("method") == "Network.requestWillBeSent":
            self.asked.append(about["request"]["url"])

    def open(self, url: str) -> None:
        """Open a page and wait until it says that it is ready."""
        self.call("Page.navigate", url=url)
        self.until("document.documentElement?.dataset.ready === 'yes'")

    def value(self, script: str) -> Any:
        """Return what an expression in the page gives, awaited."""
        options = {"returnByValue": True, "awaitPromise": True}
        result = self.call("Runtime.evaluate", expression=script, **options)
        assert "exceptionDetails" not in result, result["exceptionDetails"]
        return result["result"].get("value")

    def until(self, script: str) -> None:
        """Wait until an expression in the page is true."""
        end = time.monotonic() + SECONDS
        while not self.value(script):
            assert time.monotonic() < end, f"never: {script}; the page said {self.logged}"
            time.sleep(0.02)

    def key(self, key: str, modifiers: int = 0) -> None:
        """Press a key, named as pages hear of it."""
        code = CODES.get(key) or ARROWS.get(key) or ord(key[0].upper())
        of = {"key": key, "windowsVirtualKeyCode": code, "modifiers": modifiers}
        text = {"text": key} if len(key) == 1 and not modifiers & CONTROL else {}
        self.call("Input.dispatchKeyEvent", type="keyDown", **of, **text)
        self.call("Input.dispatchKeyEvent", type="keyUp", **of)

    def mouse(self, kind: str, x: float, y: float, **more: Any) -> None:
        """Send one event of the mouse."""
        self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, **more)

    def click(self, x: float, y: float) -> None:
        """Click at a place of the window."""
        self.mouse("mouseMoved", x, y)
        for kind in ("mousePressed", "mouseReleased"):
            self.mouse(kind, x, y, button="left", clickCount=1)

    def drag(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        """Press at one place, move in steps, and let go at another."""
        self.mouse("mouseMoved", *start)
        self.mouse("mousePressed", *start, button="left", clickCount=1)
        for k in range(1, 6):
            x, y = (a + (b - a) * k / 5 for a, b in zip(start, end, strict=True))
            self.mouse("mouseMoved", x, y, button="left", buttons=1)
        self.mouse("mouseReleased", *end, button="left", clickCount=1)

    def screenshot(self, path: Path, *, dark: bool = False, media: str = "screen") -> None:
        """Write what is to be seen as PNG: in a scheme, on a screen or as `print` has it."""
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", media=media, features=[scheme])
        path.write_bytes(base64.b64decode(self.call("Page.captureScreenshot")["data"]))


@contextmanager
def browser(profile: Path, width: int = 1280, height: int = 800) -> Iterator[Browser]:
    """Start a browser and give its page; skip where there is none."""
    program = next(filter(None, map(shutil.which, NAMES)), None)
    if not program:
        pytest.skip(f"needs a browser: {', '.join(NAMES)}")
    (for_browser, to_browser), (from_browser, of_browser) = os.pipe(), os.pipe()
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-pipe"]
    options += [f"--user-data-dir={profile}", f"--window-size={width},{height}", "about:blank"]
    # The browser wants the pipes as its descriptors 3 and 4.
    command = f"exec {shlex.join([program, *options])} 3<&{for_browser} 4>&{of_browser}"
    process = subprocess.Popen(
        ["bash", "-c", command],
        pass_fds=(for_browser, of_browser),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(for_browser)
    os.close(of_browser)
    try:
        page = Browser(to_browser, from_browser)
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        page.call("Emulation.setDeviceMetricsOverride", **size)
        yield page
    finally:
        process.terminate()
        process.wait(30)
        os.close(to_browser)
        os.close(from_browser)
