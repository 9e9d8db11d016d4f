"""Chromium for tests of pages, where it is installed."""

from __future__ import annotations

import base64
import fcntl
import importlib.resources
import importlib.util
import json
import os
import re
import select
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

DRAWN = "document.documentElement?.dataset.ready === 'true'"
"""True once the script of a run's page has drawn it."""
KEYS = {
    "Tab": 9,
    "Enter": 13,
    "Escape": 27,
    " ": 32,
    "ArrowLeft": 37,
    "ArrowUp": 38,
    "ArrowRight": 39,
    "ArrowDown": 40,
}
"""What Windows calls them by: Chromium does with a key what this number says."""
LOADED = "document.readyState === 'complete' && location.protocol === 'file:'"
"""True once a page without a script is there."""


class Browser:
    """Chromium without a window, driven over DevTools on two pipes: no port is opened, no library needed."""

    def __init__(self, program: str, folder: Path) -> None:
        to_browser, self._write = os.pipe()
        self._read, from_browser = os.pipe()
        # Chromium reads from descriptor 3 and writes to 4; high numbers keep the shell's moves from colliding.
        high = [fcntl.fcntl(fd, fcntl.F_DUPFD, 20) for fd in (to_browser, from_browser)]
        self._process = subprocess.Popen(
            ["bash", "-c", f'exec "$0" "$@" 3<&{high[0]} 4>&{high[1]}', program, "--headless=new", "--no-sandbox",
             "--remote-debugging-pipe", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
             f"--user-data-dir={folder}", "--window-size=1280,900", "about:blank"],
            pass_fds=high, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        for fd in (to_browser, from_browser, *high):
            os.close(fd)
        self._buffer = b""
        self._number = 0
        self._session: str | None = None
        self.events: list[dict[str, Any]] = []
        targets = self.send("Target.getTargets")["targetInfos"]
        target = next(target["targetId"] for target in targets if target["type"] == "page")
        self._session = self.send("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.send(f"{domain}.enable")
        self.resize(1280, 900)

    def resize(self, width: int, height: int) -> None:
        """Give the page a screen of so many CSS pixels; one of a phone below 600."""
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        self.send("Emulation.setDeviceMetricsOverride", **size)

    def picture(self, path: Path) -> None:
        """Write the whole page as a PNG."""
        shot = self.send("Page.captureScreenshot", format="png", captureBeyondViewport=True)
        path.write_bytes(base64.b64decode(shot["data"]))

    def send(self, method: str, **parameters: object) -> dict[str, Any]:
        """Call a method of the protocol and return its result; events that come meanwhile are kept."""
        self._number += 1
        call = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            call["sessionId"] = self._session
        os.write(self._write, json.dumps(call).encode() + b"\0")
        while True:
            while b"\0" not in self._buffer:
                assert select.select([self._read], [], [], 60)[0], f"no answer in 60 s to {method}"
                part = os.read(self._read, 1 << 16)
                assert part, "chromium has ended"
                self._buffer += part
            line, self._buffer = self._buffer.split(b"\0", 1)
            message: dict[str, Any] = json.loads(line)
            if message.get("id") == self._number:
                assert "error" not in message, message
                return dict(message["result"])
            self.events.append(message)

    def run(self, script: str) -> Any:
        """Return the value of a JavaScript expression in the page."""
        done = self.send("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in done, done
        return done["result"].get("value")

    def wait(self, script: str, seconds: float = 20) -> None:
        """Wait until a JavaScript expression is true."""
        end = time.monotonic() + seconds
        while not self.run(script):
            assert time.monotonic() < end, f"never true: {script}"
            time.sleep(0.02)

    def open(self, path: Path, address: str = "", ready: str = DRAWN) -> float:
        """Open a page afresh; return how many seconds passed until it was ready: until its script had drawn it."""
        return self.visit(path.as_uri() + address, ready)

    def visit(self, address: str, ready: str) -> float:
        """Open an address afresh, as `open` does a file."""
        self.send("Page.navigate", url="about:blank")
        self.events.clear()
        start = time.monotonic()
        self.send("Page.navigate", url=address)
        self.wait(ready)
        self.run("new Promise((drawn) => requestAnimationFrame(() => setTimeout(drawn)))")
        return time.monotonic() - start

    def click(self, selector: str) -> None:
        """Click with the mouse on the middle of an element, brought into view."""
        where = self.run(
            f"(() => {{ const e = document.querySelector({json.dumps(selector)}); e.scrollIntoView({{block: 'center'}});"
            " const r = e.getBoundingClientRect(); return [r.x + r.width / 2, r.y + r.height / 2]; })()"
        )
        for kind in ("mousePressed", "mouseReleased"):
            self.send(
                "Input.dispatchMouseEvent", type=kind, x=where[0], y=where[1], button="left", clickCount=1
            )

    def key(self, key: str) -> None:
        text = {"text": "\r" if key == "Enter" else key} if len(key) == 1 or key == "Enter" else {}
        code = KEYS.get(key, 0)
        self.send("Input.dispatchKeyEvent", type="keyDown", key=key, windowsVirtualKeyCode=code, **text)
        self.send("Input.dispatchKeyEvent", type="keyUp", key=key, windowsVirtualKeyCode=code)

    def texts(self, selector: str) -> list[str]:
        found = self.run(f"[...document.querySelectorAll({json.dumps(selector)})].map((e) => e.textContent)")
        return list(found)

    def click_words(self, selector: str) -> None:
        """Click with the mouse on the first words of a text that runs on over several lines."""
        where = self.hover(selector)
        for kind in ("mousePressed", "mouseReleased"):
            self.send(
                "Input.dispatchMouseEvent", type=kind, x=where[0], y=where[1], button="left", clickCount=1
            )

    def hover(self, selector: str) -> list[float]:
        """Move the mouse onto the beginning of an element, brought into view; return where that is."""
        where = self.run(
            f"(() => {{ const e = document.querySelector({json.dumps(selector)}); e.scrollIntoView({{block: 'center'}});"
            " const r = e.getClientRects()[0]; return [r.x + 8, r.y + r.height / 2]; })()"
        )
        self.send("Input.dispatchMouseEvent", type="mouseMoved", x=where[0], y=where[1])
        return list(where)

    def complaints(self, own: str = "file:.*html") -> list[dict[str, Any]]:
        """What the page asked of a network beyond its ``own`` addresses (a pattern), and what its console says."""
        self.run("0")
        asked = [
            event
            for event in self.events
            if event["method"] == "Network.requestWillBeSent"
            and not re.match(f"{own}|about:|data:,$", event["params"]["request"]["url"])
        ]
        said = ("Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded")
        return asked + [event for event in self.events if event["method"] in said]

    def close(self) -> None:
        self._session = None
        self.send("Browser.close")
        self._process.wait(timeout=20)
        for fd in (self._write, self._read):
            os.close(fd)


def opened_browser(folder: Path) -> Iterator[Browser]:
    """Give a browser whose files lie in a folder, as a fixture does; skip the test where there is none."""
    program = shutil.which("chromium")
    if program is None:
        pytest.skip("chromium is not installed: apt-get install chromium")
    opened = Browser(program, folder)
    yield opened
    opened.close()


def serious_findings(browser: Browser) -> list[str]:
    """Return what axe-core finds serious or critical; skip the test where axe-core is not installed."""
    if importlib.util.find_spec("axe_playwright_python") is None:
        pytest.skip("axe-core is not installed: pip install axe-playwright-python")
    script = importlib.resources.files("axe_playwright_python").joinpath("axe.min.js").read_text("utf-8")
    browser.run(f"{script}; 0")
    found = browser.run("axe.run().then((done) => done.violations)")
    return [
        f"{each['id']}: {node['html'][:200]} {node['any'][0]['message'] if node['any'] else ''}"
        for each in found
        if each["impact"] in ("serious", "critical")
        for node in each["nodes"]
    ]
