"""A connection without a network: a transport that takes what is written, and an owner with handlers alone."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any, cast

from rocketmq_ops.remoting.channel import ChannelOwner
from rocketmq_ops.remoting.memory_bound import MemoryBound
from rocketmq_ops.remoting.request_handlers import RequestHandlers


class Wire(asyncio.Transport):
    """Takes what is written; the test says when the connection is lost."""

    def __init__(self) -> None:
        super().__init__()
        self.written = 0

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return None

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        pass

    def get_write_buffer_size(self) -> int:
        return 0

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written += 1

    def pause_reading(self) -> None:
        pass

    def resume_reading(self) -> None:
        pass

    def close(self) -> None:
        pass

    def abort(self) -> None:
        pass


def owner_of(handlers: RequestHandlers) -> ChannelOwner:
    """What a channel needs of its server."""
    return cast(
        ChannelOwner,
        SimpleNamespace(
            handlers=handlers,
            memory=MemoryBound(),
            channel_opened=lambda channel: True,
            channel_closed=lambda channel, cause: None,
        ),
    )
