"""The playground in a browser: opening it, asking, and reading what it shows."""

from __future__ import annotations

import json
from typing import Any

from browser import Browser

READY = "document.querySelector('input[name=program]:checked') !== null"
IDLE = "!document.querySelector('#ask').disabled"
OFF_THE_EDGE = """
[...document.body.querySelectorAll("*")].filter((e) => !e.closest("svg, script, [hidden], .away, .skip, .scroll, .tabs"))
  .filter((e) => { const r = e.getBoundingClientRect(); return r.width && (r.right > innerWidth + 1 || r.left < -1); })
  .map((e) => e.tagName + "." + e.className + " " + e.textContent.slice(0, 40))
"""
"""The elements that stick out on either side; what scrolls within itself may."""


class Playground:
    """One page of a service, in a browser that tests share."""

    def __init__(self, browser: Browser, url: str) -> None:
        self.browser, self.url = browser, url.rstrip("/")

    def open(self, address: str = "", width: int = 1280, dark: bool = False, ready: str = READY) -> None:
        """Open the page afresh, its storage empty."""
        self.browser.resize(width, 844 if width < 600 else 900)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.browser.send("Emulation.setEmulatedMedia", features=[scheme])
        self.browser.send(
            "Storage.clearDataForOrigin", origin=self.url, storageTypes="local_storage,session_storage"
        )
        # Chromium 150 leaves the tab's own storage as it is.
        self.browser.run("location.protocol === 'about:' || (sessionStorage.clear(), localStorage.clear())")
        self.browser.visit(f"{self.url}/{address}", ready)

    def ask(self, question: str | None = None) -> None:
        """Ask a question, or the program's example, and wait for the end of its answer."""
        self.begin(question)
        self.browser.wait(IDLE, 60)

    def begin(self, question: str | None = None) -> None:
        if question is None:
            self.browser.click("#example")
        else:
            self.browser.run(f"document.querySelector('#question').value = {json.dumps(question)}")
        self.browser.click("#ask")

    def choose(self, program: str) -> None:
        self.browser.click(f"input[name=program][value={program}]")

    def show(self, tab: str) -> None:
        self.browser.click(f"#tab-{tab}")

    def sentences(self) -> list[str]:
        """The sentences of the last answer, without the numbers beside them."""
        return self.browser.texts(".turn:last-child .sentence > bdi")

    def marked(self) -> list[str]:
        """What is pointed at in the passages, whole quotes where a mark was cut in pieces."""
        found = self.browser.run(
            "[...document.querySelectorAll('#panel-passages .passage')]"
            ".map((e) => [...e.querySelectorAll('mark.strong')].map((m) => m.textContent).join('')).filter(Boolean)"
        )
        return list(found)

    def complaints(self) -> list[dict[str, Any]]:
        return self.browser.complaints(own=self.url)
