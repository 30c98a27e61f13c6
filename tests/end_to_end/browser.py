"""Chromium without a screen, driven by its own debugging protocol."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import itertools
import json
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp

import programs

LIMIT = 30.0
FLAGS = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--remote-debugging-port=0",
    "--ignore-certificate-errors",
]


class Page:
    """One page of the browser."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._numbers = itertools.count(1)
        self.said: list[str] = []  # what its console says: errors, and what the policy forbids

    async def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        number = next(self._numbers)
        await self._socket.send_json({"id": number, "method": method, "params": parameters})
        async with asyncio.timeout(LIMIT):
            while True:
                told = json.loads((await self._socket.receive()).data)
                if told.get("method") in ("Log.entryAdded", "Runtime.exceptionThrown"):
                    self.said.append(json.dumps(told["params"]))
                if told.get("id") == number:
                    assert "error" not in told, told
                    return dict(told["result"])

    async def open(self, url: str) -> None:
        for domain in ("Page", "Log", "Runtime"):
            await self.call(f"{domain}.enable")
        await self.call("Page.navigate", url=url)
        await self.until("location.href !== 'about:blank' && document.readyState === 'complete'")

    async def js(self, expression: str) -> Any:
        told = await self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in told, told
        return told["result"].get("value")

    async def until(self, expression: str) -> Any:
        """Wait for it to be true, and return it."""
        async with asyncio.timeout(LIMIT):
            while not (value := await self.js(expression)):
                await asyncio.sleep(0.05)
        return value

    async def click(self, selector: str) -> None:
        """With the mouse, where the element is: one that is covered or outside is not hit."""
        box = f"(box => [box.x + box.width / 2, box.y + box.height / 2])({_element(selector)}.getBoundingClientRect())"
        x, y = await self.js(box)
        for kind in ("mousePressed", "mouseReleased"):
            await self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    async def press(self, key: str) -> None:
        for kind in ("keyDown", "keyUp"):
            await self.call("Input.dispatchKeyEvent", type=kind, key=key)

    async def resize(self, width: int, height: int, scale: float = 1.0, mobile: bool = False) -> None:
        await self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=scale, mobile=mobile
        )

    async def screenshot(self) -> bytes:
        return base64.b64decode((await self.call("Page.captureScreenshot", format="png"))["data"])


def _element(selector: str) -> str:
    return f"document.querySelector({json.dumps(selector)})"


@contextlib.asynccontextmanager
async def chromium(folder: Path) -> AsyncIterator[Page]:
    """A fresh browser with one empty page."""
    programs.need("chromium")
    command = ["chromium", *FLAGS, f"--user-data-dir={folder}", "about:blank"]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        where = folder / "DevToolsActivePort"
        async with asyncio.timeout(LIMIT):
            while not (where.exists() and len(lines := where.read_text().split()) == 2):
                await asyncio.sleep(0.05)
        async with aiohttp.ClientSession() as session:
            async with session.get(f"http://127.0.0.1:{lines[0]}/json") as answer:
                page = next(one for one in await answer.json() if one["type"] == "page")
            async with session.ws_connect(page["webSocketDebuggerUrl"], max_msg_size=0) as socket:
                yield Page(socket)
    finally:
        process.terminate()
        process.wait()
