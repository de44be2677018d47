"""The dashboard in a browser: the page loads in a headless Chromium, asks nobody else, and shows figures that move."""

from __future__ import annotations

import asyncio
import base64
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from tests.interop.ours import BIN, DevPair
from tests.interop.processes import Child

from rocketmq_ops.client import ClientOptions, Producer
from rocketmq_ops.common.message import Message

LIMIT_SECONDS = 60


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[DevPair]:
    started = DevPair(tmp_path / "dev")
    yield started
    started.child.stop()


@pytest.fixture
def served(pair: DevPair, tmp_path: Path) -> Iterator[str]:
    """The address of the page."""
    state = {"XDG_STATE_HOME": str(tmp_path / "state"), "ROCKETMQ_OPS_LANG": "en"}
    command = [str(BIN / "mqadmin"), "tui", "-n", pair.namesrv_address, "--serve", "127.0.0.1:0"]
    child = Child("mqadmin tui --serve", command, cwd=tmp_path, env=state)
    try:
        child.wait_for("serving at")
        found = re.search(r"http://127\.0\.0\.1:\d+/", child.output)
        assert found is not None
        yield found[0]
    finally:
        child.stop()


class Browser:
    """A page of Chromium, by its DevTools protocol."""

    def __init__(self, websocket: aiohttp.ClientWebSocketResponse) -> None:
        self._websocket = websocket
        self._number = 0
        self._answers: dict[int, dict[str, Any]] = {}
        #: What the dashboard has written to the page's terminal.
        self.terminal = ""
        self.asked: list[str] = []

    async def call(self, method: str, **parameters: object) -> dict[str, Any]:
        """Ask, and wait for the answer."""
        self._number += 1
        number = self._number
        await self._websocket.send_json({"id": number, "method": method, "params": parameters})
        while number not in self._answers:
            await self.hear()
        return self._answers.pop(number)

    async def hear(self) -> None:
        """One message."""
        message = await self._websocket.receive_json()
        if "id" in message:
            assert "error" not in message, message
            self._answers[message["id"]] = message["result"]
        elif message["method"] == "Network.webSocketFrameReceived":
            frame = message["params"]["response"]
            data = frame["payloadData"]
            self.terminal += base64.b64decode(data).decode("utf-8", "replace") if frame["opcode"] == 2 else data
        elif message["method"] in ("Network.requestWillBeSent", "Network.webSocketCreated"):
            self.asked.append(message["params"].get("url") or message["params"]["request"]["url"])

    def rates(self) -> list[str]:
        """Messages that come in a second, as the overview has shown them in turn."""
        return re.findall(r" In +(\S+)/s", re.sub(r"\x1b\[[\d;?]*[a-zA-Z]", "", self.terminal))


async def send(pair: DevPair) -> None:
    """Send messages until it is cancelled."""
    async with Producer("moving", ClientOptions(name_servers=[pair.namesrv_address])) as producer:
        while True:
            await producer.send(Message("Moving", b"x"))
            await asyncio.sleep(0.02)


def test_the_page_shows_figures_that_move(pair: DevPair, served: str, tmp_path: Path) -> None:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        if os.environ.get("CI") == "true":
            pytest.fail("there is no chromium")
        pytest.skip("there is no chromium")

    async def look(port: str) -> None:
        async with aiohttp.ClientSession() as session:
            async with session.put(f"http://127.0.0.1:{port}/json/new?about:blank") as answer:
                where = (await answer.json(content_type=None))["webSocketDebuggerUrl"]
            async with session.ws_connect(where, max_msg_size=0) as websocket:
                browser = Browser(websocket)
                await browser.call("Network.enable")
                await browser.call("Page.enable")
                await browser.call("Page.navigate", url=served)
                while not ("broker-a" in browser.terminal and "nothing is wrong" in browser.terminal):
                    await browser.hear()
                while "0" not in browser.rates():
                    await browser.hear()
                assert set(browser.rates()) == {"0"}, "nobody has sent anything"
                first = await browser.call("Page.captureScreenshot")
                sending = asyncio.create_task(send(pair))
                try:
                    while not sending.done() and browser.rates()[-1] == "0":
                        await browser.hear()
                finally:
                    sending.cancel()
                    await asyncio.wait([sending])
                assert sending.cancelled(), sending.exception()
                assert 0 < float(browser.rates()[-1]) <= 50, "no more than were sent"
                last = await browser.call("Page.captureScreenshot")
                assert first["data"] != last["data"]
                await browser.call("Input.dispatchKeyEvent", type="keyDown", key="?", text="?")
                while "Keys on this screen" not in browser.terminal:  # without a click before it
                    await browser.hear()
                assert [url for url in browser.asked if "://127.0.0.1:" not in url and url != "about:blank"] == []
                (tmp_path / "page.png").write_bytes(base64.b64decode(last["data"]))

    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--remote-debugging-port=0"]
    command = [chromium, *flags, f"--user-data-dir={tmp_path / 'profile'}"]
    # It is killed in the end, and leaves a folder with a socket, whose path must not be long.
    with tempfile.TemporaryDirectory() as temporary:
        child = Child("chromium", command, cwd=tmp_path, env={"TMPDIR": temporary})
        try:
            child.wait_for("DevTools listening on")
            found = re.search(r"127\.0\.0\.1:(\d+)/devtools", child.output)
            assert found is not None
            asyncio.run(asyncio.wait_for(look(found[1]), LIMIT_SECONDS))
        finally:
            child.kill()
