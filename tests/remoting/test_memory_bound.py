"""The bound on what all connections hold together, and on what one holds whose peer does not read."""

import asyncio
import struct

import pytest
from tests.broker.support import until

from rocketmq_ops.remoting.command import RemotingCommand
from rocketmq_ops.remoting.config import NettyServerConfig
from rocketmq_ops.remoting.frame_codec import encode
from rocketmq_ops.remoting.memory_bound import MemoryBound
from rocketmq_ops.remoting.server import RemotingServer

LIMIT = 1_000_000


class Held:
    """A connection that holds so much."""

    def __init__(self, size):
        self.size, self.remote, self.aborted = size, f"peer-{size}", False

    def held_bytes(self):
        return self.size

    def abort(self):
        self.aborted = True


def test_those_that_hold_most_are_dropped_until_there_is_some_room(caplog):
    bound = MemoryBound()
    channels = [Held(size) for size in (100_000, 500_000, 300_000, 200_000)]
    bound.check(channels, LIMIT)
    assert [channel.aborted for channel in channels] == [False, True, False, False]
    assert (bound.held_bytes, bound.dropped) == (600_000, 1)
    assert "held 1100000 bytes together" in caplog.text and "peer-500000" in caplog.text


def test_below_the_bound_nobody_is_dropped(caplog):
    bound = MemoryBound()
    channels = [Held(LIMIT // 2), Held(LIMIT // 2)]
    bound.check(channels, LIMIT)
    assert not any(channel.aborted for channel in channels) and not caplog.records
    assert bound.held_bytes == LIMIT


@pytest.mark.parametrize(("connections", "ms"), [(0, 1000), (2000, 1000), (2001, 2000), (10_000, 5000)])
def test_many_connections_are_looked_at_more_seldom(connections, ms):
    assert MemoryBound.interval_ms(connections) == ms


def serving(handler):
    """A server whose code 1 has this handler."""
    server = RemotingServer(NettyServerConfig(bindAddress="127.0.0.1", listenPort=0))
    server.register(1, None, handler)
    return server


def request():
    return b"".join(bytes(part) for part in encode(RemotingCommand.request(1)))


def test_unsent_answers_and_unfinished_frames_count_and_the_server_serves_on():
    async def main():
        server = serving(lambda _channel, command, _header: command.reply(body=bytes(200_000)))
        await server.start()
        writers = []
        try:
            for _ in range(3):  # they ask for much, and read nothing
                _, writer = await asyncio.open_connection("127.0.0.1", server.port, limit=1)
                writer.transport.pause_reading()
                writer.write(request() * 60)
                writers.append(writer)
            _, half = await asyncio.open_connection("127.0.0.1", server.port)
            half.write(struct.pack(">i", 3_000_000) + bytes(2_000_000))
            writers.append(half)
            await until(lambda: sum(channel.held_bytes() for channel in server.channels) > 4_000_000)
            unfinished = [channel for channel in server.channels if channel._decoder.buffered_bytes > 1_000_000]
            await until(lambda: len(server.channels) == 4)
            assert len(unfinished) <= 1
            server.memory.check(server.channels, LIMIT)
            await until(lambda: sum(channel.held_bytes() for channel in server.channels) <= LIMIT)
            assert server.memory.dropped >= 3
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
            writers.append(writer)
            writer.write(request())
            assert len(await reader.readexactly(200_000)) == 200_000
        finally:
            for writer in writers:
                writer.transport.abort()
            await server.stop()

    asyncio.run(main())
