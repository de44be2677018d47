"""What waits for a peer that does not take what it is sent: it goes on once the peer does, and never after the end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from tests.remoting.wire import Wire, owner_of

from rocketmq_ops.remoting.channel import Channel
from rocketmq_ops.remoting.request_handlers import RequestHandlers


def paused_channel() -> Channel:
    channel = Channel(owner_of(RequestHandlers()), asyncio.get_running_loop())
    channel.connection_made(Wire())
    channel.pause_writing()
    return channel


def test_what_waits_goes_on_in_order_while_the_peer_drains() -> None:
    async def main() -> None:
        channel = paused_channel()
        seen: list[int] = []
        channel.when_drained(lambda: seen.append(1))
        channel.when_drained(lambda: (seen.append(2), channel.pause_writing())[0])
        channel.when_drained(lambda: seen.append(3))
        assert not channel.is_drained and not seen
        channel.resume_writing()
        assert not channel.is_drained and seen == [1, 2]
        channel.resume_writing()
        assert channel.is_drained and seen == [1, 2, 3]

    asyncio.run(main())


@pytest.mark.parametrize("end", [Channel.close, Channel.abort], ids=["close", "abort"])
def test_nothing_that_waited_goes_on_after_the_end(end: Callable[[Channel], None]) -> None:
    async def main() -> None:
        channel = paused_channel()
        seen: list[int] = []
        channel.when_drained(lambda: seen.append(1))
        end(channel)
        channel.resume_writing()  # what was sent before is taken at last
        assert not seen
        # Nor when the end comes while they go on.
        channel = paused_channel()
        channel.when_drained(lambda: (seen.append(2), end(channel))[0])
        channel.when_drained(lambda: seen.append(3))
        channel.resume_writing()
        assert seen == [2]

    asyncio.run(main())
