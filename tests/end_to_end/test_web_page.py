"""The page in a real browser: it shows what the camera sees, says how old that is, and its buttons work."""

from __future__ import annotations

import asyncio
import base64
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from browser import Page, chromium
from real_device import Serve
from web import captured, decoded, serve_web

from eventually import until

LIVE = "document.getElementById('stage').dataset.look === 'live'"
BANNER = "document.getElementById('banner').hidden ? '' : document.getElementById('banner').innerText"
# What the canvas shows, when it is believed to have been captured, and how old the page believes that to be: at once.
SEEN = """(() => {
    const copy = document.createElement("canvas"), old = age();
    copy.width = picture.width; copy.height = picture.height;
    copy.getContext("2d").drawImage(picture, 0, 0);
    return {png: copy.toDataURL("image/png"), captured: shown.captured, age: old.ms, error: old.error};
})()"""


async def seen(page: Page, since: float = 0.0) -> dict[str, Any]:
    """What is shown, as soon as it was captured after that (ms, in the device's time)."""
    await page.until(f"shown.captured > {since}")
    told = dict(await page.js(SEEN))
    told["stamp"] = captured(decoded(base64.b64decode(told["png"].partition(",")[2])))
    return told


def text(element: str) -> str:
    return f"document.getElementById('{element}').textContent"


def test_the_page_shows_a_live_picture_and_its_true_age_and_commands_the_camera(serve: Serve, tmp_path: Path) -> None:
    device, web = serve_web(serve, host="0.0.0.0")
    key = device.link().partition("//")[2].partition("@")[0]

    async def test() -> None:
        async with chromium(tmp_path / "browser") as page:
            await page.resize(1000, 700)
            await page.open(f"https://anybody:{key}@{web}/")
            await page.until(LIVE)
            await page.until(f"parseFloat({text('fps')}) > 5")
            assert "ms, camera to page" in await page.js(text("age"))
            first = await seen(page)
            before = time.monotonic()
            second = await seen(page, first["captured"])
            after = time.monotonic()
            assert second["stamp"] > first["stamp"]
            # The page's word for when it was captured is the picture's own, and for its age, the truth.
            assert abs(second["captured"] / 1000 - second["stamp"]) < 0.001
            slack = (second["error"] + 5) / 1000
            assert before - second["stamp"] - slack < second["age"] / 1000 < after - second["stamp"] + slack

            await page.click("#power")
            await page.until(f"{text('state')} === 'stopped'")
            await page.until(f"/NOT LIVE: [0-9.]+ s old/.test({BANNER})")
            assert "the camera is switched off: stop by 127.0.0.1" in await page.js(BANNER)
            assert device.status()["state"] == "STOPPED"
            greyed = decoded(await page.screenshot())[150, 20:-20].astype(int)  # so that nobody takes it for now
            assert np.ptp(greyed, axis=1).max() < 16
            assert 5 < greyed.mean() < 130
            await page.press("t")
            await page.until(LIVE)
            assert (await seen(page, second["captured"]))["stamp"] > second["stamp"]

            await page.click("#keep")
            await page.until(f"{text('notice')}.startsWith('kept on the device: ')")
            kept = Path((await page.js(text("notice"))).partition(": ")[2])
            assert captured(cv2.imread(str(kept))) > second["stamp"]  # type: ignore[arg-type, operator]
            # Nothing that the policy forbids, and nothing that failed.
            assert page.said == []

    asyncio.run(test())


def test_a_phone_has_picture_age_and_buttons_on_its_screen(serve: Serve, tmp_path: Path) -> None:
    device, web = serve_web(serve)
    inside = """[...document.querySelectorAll("#stage, #age, button, select")].filter(one => one.offsetParent).every(
        one => (box => box.left >= 0 && box.right <= innerWidth && box.top >= 0 && box.bottom <= innerHeight
            && box.width > 60)(one.getBoundingClientRect())) && document.documentElement.scrollWidth <= innerWidth"""

    async def test() -> None:
        async with chromium(tmp_path / "browser") as page:
            await page.resize(390, 844, 2, mobile=True)
            await page.open(f"http://{web}/")
            await page.until(LIVE)
            assert await page.js(inside)
            # Nobody looks: nothing is sent.
            tab = (await page.call("Target.createTarget", url="about:blank"))["targetId"]
            await asyncio.to_thread(until, lambda: device.status()["viewers"] == 0, "the hidden page to watch no more")
            await page.call("Target.closeTarget", targetId=tab)
            await page.until(LIVE)
            # A device that goes away is noticed, and found again.
            device.stop()
            await page.until(f"{BANNER}.includes('the device does not answer')")
            device.start()
            await page.until(LIVE)

    asyncio.run(test())
