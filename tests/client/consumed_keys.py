"""Messages with keys, and listeners that note what they get."""

import asyncio
import threading

from rocketmq_ops.client import ConsumeResult
from rocketmq_ops.common.message import MessageExt, MessageQueue

QUEUE = MessageQueue("T", "b", 0)


def message(keys, body=b"x"):
    host = ("127.0.0.1", 1)
    properties = {"UNIQ_KEY": f"U{body.decode()}"} | ({"KEYS": keys} if keys else {})
    return MessageExt("T", 0, 0, 0, 100, body, 0, 0, 0, 0, host, 0, host, 0, 0, properties, "id")


class Inner:
    def __init__(self):
        self.got = []
        self.answer = ConsumeResult.SUCCESS
        self.ack_index = None

    async def __call__(self, messages, context):
        self.got.append([m.body for m in messages])
        context.ack_index = self.ack_index
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


class Slow:
    """A plain listener that returns, or raises, when it is let; `started` is set on the loop."""

    def __init__(self, failure=None):
        self.loop, self.started = asyncio.get_running_loop(), asyncio.Event()
        self.let, self.failure, self.got = threading.Event(), failure, []

    def __call__(self, messages, context):
        self.got.append([m.body for m in messages])
        self.loop.call_soon_threadsafe(self.started.set)
        assert self.let.wait(60)
        if self.failure is not None:
            raise self.failure


class Hanging:
    """A listener that never ends; `taken` when it has a message."""

    def __init__(self):
        self.taken = asyncio.Event()

    async def __call__(self, messages, context):
        self.taken.set()
        await asyncio.Event().wait()
