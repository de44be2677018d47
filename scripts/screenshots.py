"""Make the pictures of the dashboard in docs/images/: it starts `mqadmin dev`, a load on it, and looks for a while.

`python scripts/screenshots.py [SECONDS [FOLDER]]`; it needs the packages of `dev`. All is on loopback.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from svg import mended

from rocketmq_ops.client.admin import MQAdmin
from rocketmq_ops.client.consumer.consume_settings import FROM_FIRST_OFFSET, ConsumeSettings
from rocketmq_ops.client.consumer.listener import ConsumeContext
from rocketmq_ops.client.consumer.push_consumer import PushConsumer
from rocketmq_ops.client.options import ClientOptions
from rocketmq_ops.client.producer.producer import Producer
from rocketmq_ops.common.message import Message, MessageExt
from rocketmq_ops.mqadmin import lang
from rocketmq_ops.mqadmin.dashboard import Spoken
from rocketmq_ops.remoting.errors import RemotingError
from rocketmq_ops.tui.app import Dashboard
from rocketmq_ops.tui.context import Context, Options
from rocketmq_ops.tui.model.live import LiveModel
from rocketmq_ops.tui.model.views.every import VIEWS
from rocketmq_ops.tui.places import catalogue

IMAGES = Path(__file__).resolve().parents[1] / "docs" / "images"
TOPICS = ("Orders", "Payments", "Shipments")
#: Group -> its topic, and how many messages a second it takes; 0: it hangs after a minute.
GROUPS = {"billing": ("Orders", 40), "mailer": ("Orders", 8), "ledger": ("Payments", 30), "warehouse": ("Shipments", 0)}
#: Names of keys, and seconds within which a screen has all that it asks for.
KEYS = {":": "colon", "/": "slash", "[": "left_square_bracket"}
SETTLES = 5
#: Messages a second to each topic.
RATE = 20
#: Seconds after which a group hangs.
HANGS_AFTER = 60.0
#: Seconds of load before the pictures: ten minutes that are compared with, and a little.
SECONDS = 640.0
#: The group that hangs, from what a client of it does to what waits for it.
STUCK = (*":group/warehouse", "enter")
#: Half a minute ago.
PAST = tuple("[[[")
#: Name of the picture -> size, theme, language, keys.
PICTURES = {
    "dashboard-overview": ((120, 30), "dark", "en", ()),
    "dashboard-overview-light": ((120, 30), "light", "en", ()),
    "dashboard-overview-zh": ((120, 30), "dark", "zh", ()),
    "dashboard-group": ((120, 20), "dark", "en", STUCK),
    "dashboard-group-zh": ((120, 20), "dark", "zh", STUCK),
    "dashboard-groups": ((120, 20), "dark", "en", (*":groups", "enter")),
    "dashboard-compared": ((120, 20), "dark", "en", (*":groups", "enter", "c")),
    "dashboard-compared-zh": ((120, 20), "dark", "zh", (*":groups", "enter", "c")),
    "dashboard-topics": ((120, 20), "dark", "en", (*":topics", "enter")),
    "dashboard-past": ((120, 30), "dark", "en", PAST),
    "dashboard-past-zh": ((120, 30), "dark", "zh", PAST),
}


async def load(namesrv: str) -> None:
    """Send and consume until it is cancelled."""
    options = ClientOptions(name_servers=[namesrv])
    over = asyncio.Event()  # a consumer that stops waits for its listener, also for one that hangs

    begun = asyncio.get_running_loop().time()

    def listener(rate: int):  # type: ignore[no-untyped-def]
        async def consume(messages: list[MessageExt], context: ConsumeContext) -> None:
            hangs = not rate and asyncio.get_running_loop().time() > begun + HANGS_AFTER
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(over.wait(), None if hangs else len(messages) / (rate or RATE))

        return consume

    async with contextlib.AsyncExitStack() as held:
        producer = await held.enter_async_context(Producer("shop", options))
        for topic in TOPICS:
            await producer.send(Message(topic, b"first"))
        for group, (topic, rate) in GROUPS.items():
            settings = ConsumeSettings(consume_from_where=FROM_FIRST_OFFSET, concurrency=1)
            consumer = PushConsumer(group, listener(rate), ClientOptions(name_servers=[namesrv]), settings=settings)
            consumer.subscribe(topic)
            await held.enter_async_context(consumer)
            held.callback(over.set)
        number = 0
        while True:
            for topic in TOPICS:
                number += 1
                with contextlib.suppress(RemotingError):  # a busy machine may take longer than the timeout
                    await producer.send(Message(topic, f"order {number}".encode(), keys=f"order-{number}"))
            await asyncio.sleep(1 / RATE)


async def look(namesrv: str, seconds: float, folder: Path) -> None:
    """Watch for a while, and take the pictures."""
    working = asyncio.create_task(load(namesrv))
    try:
        async with MQAdmin([namesrv]) as admin, LiveModel(admin) as model:
            await asyncio.wait({working}, timeout=seconds)
            if working.done():
                working.result()
            for name, (size, theme, language, keys) in PICTURES.items():
                lang.speak(language)
                model.go_live()
                options = Options(theme=theme, title="shop", follows=False)
                app = Dashboard(Context(model, Spoken(), catalogue(VIEWS), options, admin=admin))
                async with app.run_test(size=size) as pilot:
                    await pilot.pause()
                    for key in keys:
                        await pilot.press(KEYS.get(key, key))
                        await pilot.pause()
                    await asyncio.sleep(SETTLES if keys else 0)  # what a screen asks for, or reads of the past
                    app.look()
                    await pilot.pause()
                    (folder / f"{name}.svg").write_text(mended(app.export_screenshot(title="mqadmin tui")), "utf-8")
                    print(folder / f"{name}.svg")
    finally:
        working.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await working


def main() -> int:
    """Start the pair, and stop it."""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else SECONDS
    folder = Path(sys.argv[2]) if len(sys.argv) > 2 else IMAGES
    with tempfile.TemporaryDirectory() as scratch:
        os.environ["XDG_STATE_HOME"] = scratch
        ready = Path(scratch) / "ready.json"
        command = [
            sys.executable,
            "-m",
            "rocketmq_ops.mqadmin",
            "dev",
            "--until-stdin-ends",
            "--ready-file",
            str(ready),
        ]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as server:
            try:
                while not ready.exists():
                    if server.poll() is not None:
                        return 1
                    asyncio.run(asyncio.sleep(0.1))
                folder.mkdir(parents=True, exist_ok=True)
                asyncio.run(look(json.loads(ready.read_text("utf-8"))["namesrv"], seconds, folder))
            finally:
                if server.stdin is not None:
                    server.stdin.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
