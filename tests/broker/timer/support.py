"""A broker's timers without its server: a store on a clock that is moved by hand, which can be killed at any step."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rocketmq_ops.broker.send.inner_messages import encode_properties, schedule
from rocketmq_ops.common.message import MessageExt
from rocketmq_ops.store.files.filesystem import FileSystem
from rocketmq_ops.store.inner_message import InnerMessage, PutStatus
from rocketmq_ops.store.message_store import MessageStore
from rocketmq_ops.store.timer.timer_message_store import TimerMessageStore
from tests.broker.support import new_broker
from tests.store.store_helpers import BORN_V4, Clock, read_all

START = 1_700_000_000_000
TOPIC = "T"


class Timers:
    """A broker of which the store and the timers run; time stands still until `pass_time`."""

    def __init__(self, root: Path, clock: Clock | None = None, fs: FileSystem | None = None, **settings: Any) -> None:
        self.clock = clock = clock or Clock(START)
        self.broker = broker = new_broker(root, **{"mappedFileSizeTimerLog": 2048, **settings})
        broker.clock = clock
        self.store = broker.store = MessageStore(broker.store_config, store_host=("127.0.0.1", 1), fs=fs, clock=clock)
        self.store.flush.in_worker = _at_once  # type: ignore[method-assign]
        self.service = broker.timers
        self.files = self.service.files = TimerMessageStore(self.store.fs, broker.store_config)
        self.store.load(list(self.service.ends()))
        self.service.load()

    def send(self, body: bytes = b"hello", topic: str = TOPIC, queue_id: int = 0, **properties: object) -> PutStatus:
        """Send a message with these properties; how it went."""
        texts = {"UNIQ_KEY": body.decode(), **{name: str(value) for name, value in properties.items()}}
        message = InnerMessage(topic, queue_id, body, texts, encode_properties(texts), BORN_V4, self.clock.now)
        status = schedule(message, self.broker)
        return status if status is not None else self.store.put_message(message).status

    def recall(self, body: bytes, time: int, topic: str = TOPIC) -> PutStatus:
        """Recall the message with this body that waits for a time."""
        key = body.decode()
        return self.send(b"0", topic, TIMER_DEL_UNIQKEY=f"{topic}+{key}", TIMER_DELIVER_MS=time, UNIQ_KEY=key)

    def run(self) -> None:
        """Do all that is to be done now."""
        while self.service.run(self.clock.now):
            pass

    def pass_time(self, ms: int, step: int = 100) -> None:
        """Let time pass, the timers running."""
        end = self.clock.now + ms
        while self.clock.now < end:
            self.clock.now = min(end, self.clock.now + step)
            self.run()

    def flush(self) -> None:
        """Flush the timers as the periodic flush does, all in this thread."""

        async def flush() -> None:
            await self.service.flush()
            await self.broker.files.wait()

        asyncio.run(flush())

    def got(self, topic: str = TOPIC, queue_id: int = 0) -> list[bytes]:
        """The bodies that consumers see."""
        return [message.body for message in self.messages(topic, queue_id)]

    def messages(self, topic: str = TOPIC, queue_id: int = 0) -> list[MessageExt]:
        """What consumers see."""
        return read_all(self.store, topic, queue_id)

    def stop(self) -> None:
        """Stop cleanly."""

        async def stop() -> None:
            await self.service.stop()
            await self.store.shutdown()
            await self.broker.files.wait()

        asyncio.run(stop())

    def kill(self) -> None:
        """Let go of everything as a killed process does."""
        self.service.files.close()
        self.store.close()


async def _at_once(work: Callable[[], object]) -> object:
    return work()
