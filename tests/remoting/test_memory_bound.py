"""The bound on what all connections hold together, and on what one holds whose peer does not read."""

import asyncio
import contextlib
import socket
import struct
from pathlib import Path

import pytest
from tests.broker.support import until

from rocketmq_ops.remoting import memory_bound
from rocketmq_ops.remoting.answer_frame import header_frame, success_template
from rocketmq_ops.remoting.channel import Channel
from rocketmq_ops.remoting.command import HELD, RemotingCommand
from rocketmq_ops.remoting.config import NettyServerConfig
from rocketmq_ops.remoting.frame_codec import encode
from rocketmq_ops.remoting.memory_bound import MemoryBound
from rocketmq_ops.remoting.pending_answers import answer_later
from rocketmq_ops.remoting.server import RemotingServer
from rocketmq_ops.remoting.tls import client_context_by
from rocketmq_ops.remoting.tls_system_config import TlsSystemConfig

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
    channels = [Held(size) for size in (100_000, 500_000, 300_000, 50_000)]
    bound = MemoryBound(channels, lambda: LIMIT)
    bound.look()
    assert [channel.aborted for channel in channels] == [False, True, False, False]
    assert (bound.held_bytes, bound.room, bound.dropped) == (450_000, 550_000, 1)
    assert "held 950000 bytes together" in caplog.text and "peer-500000" in caplog.text


def test_with_room_enough_nobody_is_dropped(caplog):
    channels = [Held(LIMIT // 2), Held(LIMIT * 2 // 5)]
    bound = MemoryBound(channels, lambda: LIMIT)
    bound.look()
    assert not any(channel.aborted for channel in channels) and not caplog.records
    assert (bound.held_bytes, bound.room) == (LIMIT * 9 // 10, LIMIT // 10)


@pytest.mark.parametrize(("connections", "ms"), [(0, 1000), (2000, 1000), (2001, 2000), (10_000, 5000)])
def test_many_connections_are_looked_at_more_seldom(connections, ms):
    assert MemoryBound.interval_ms(connections) == ms


#: Bounds of the server that follows, small enough for connections of a test: of all, and on what one has unsent.
ALL, UNSENT = 4_000_000, 65_536
ANSWER, READ = 200_000, 262_144
FILES = Path(__file__).parent / "files" / "tls"


class Watched(Channel):
    """Looks at what all connections hold whenever this one has taken something in."""

    peak = 0

    def _look(self):
        Watched.peak = max(Watched.peak, sum(channel.held_bytes() for channel in self._owner.channels))

    def data_received(self, data):
        super().data_received(data)
        self._look()

    def _flush(self):
        super()._flush()
        self._look()


def request(body=b"", opaque=0):
    return b"".join(bytes(part) for part in encode(RemotingCommand(code=1, body=body, opaque=opaque)))


class Peers:
    """A server without looks but those that are due for what came, and those who connect to it and read nothing."""

    def __init__(self, tls):
        self.context = client_context_by({}, "here") if tls else None
        files = {"tlsServerCertPath": str(FILES / "server.pem"), "tlsServerKeyPath": str(FILES / "server.key")}
        config = NettyServerConfig(
            bindAddress="127.0.0.1",
            listenPort=0,
            maxBufferedBytes=ALL,
            writeBufferHighWaterMark=UNSENT,
            serverSocketSndBufSize=16_384,
        )
        self.server = RemotingServer(config, TlsSystemConfig(tlsMode="permissive", **files) if tls else None)
        self.server.new_channel = Watched
        self.server.register(1, None, self.handle)
        self.handle_with = None
        self.peers = []
        Watched.peak = 0

    def handle(self, channel, command, header):
        return self.handle_with(channel, command)

    async def close(self):
        for peer in self.peers:
            peer.close()
        await self.server.stop()

    async def connect(self, number):
        tls = self.server.tls
        for count in range(number):
            if tls is not None and count % 20 == 0:  # half handshakes count, too
                await until(lambda: not tls._handshakes)
            self.peers.append(await asyncio.to_thread(self._connected))
        await until(lambda: len(self.server.channels) == number and not (tls and tls._handshakes))

    def _connected(self):
        raw = socket.create_connection(("127.0.0.1", self.server.port), 10)
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16_384)
        return raw if self.context is None else self.context.wrap_socket(raw, server_hostname="here")

    async def send(self, data):
        """From each: what the server reads, or so little that it need not be read."""

        def send():
            for peer in self.peers:
                with contextlib.suppress(OSError):  # dropped
                    peer.sendall(data)

        await asyncio.to_thread(send)


async def half_frames(peers):
    peers.handle_with = lambda channel, command: None
    await peers.connect(40)
    await peers.send(struct.pack(">i", 400_000) + bytes(200_000))


async def large_answers(peers):
    peers.handle_with = lambda channel, command: command.reply(body=bytes(ANSWER))
    await peers.connect(40)
    await peers.send(request() * 40)


async def answers_that_were_held(peers):
    """All of them leave in one turn of the loop."""
    held = []
    peers.handle_with = lambda channel, command: (held.append((channel, command)), HELD)[1]
    await peers.connect(20)
    await peers.send(request() * 3)
    await until(lambda: len(held) == 60)
    for channel, command in held:
        channel.send(command.reply(body=bytes(ANSWER)))


async def small_answers_of_the_short_way(peers):
    """Each request a read of its own."""
    answer = header_frame(success_template(b'"a":"%b"') % (b"x" * 4096, 0))
    peers.handle_with = lambda channel, command: None
    await peers.connect(100)
    for channel in peers.server.channels:
        channel.raw_request_handler = lambda raw, body: answer
    for _ in range(200):
        await peers.send(request())


async def requests_that_wait(peers):
    never = asyncio.get_running_loop().create_future()

    async def wait(command):
        await asyncio.wait([never], timeout=None)
        return command.reply()

    peers.handle_with = lambda channel, command: answer_later(channel, command, wait(command))
    await peers.connect(20)
    for _ in range(5):
        await peers.send(request(bytes(100_000)))
    await until(lambda: peers.server.memory.dropped)
    never.set_result(None)


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize(
    "kind",
    [half_frames, large_answers, answers_that_were_held, small_answers_of_the_short_way, requests_that_wait],
    ids=lambda kind: kind.__name__,
)
def test_all_connections_together_never_hold_more_than_their_bound(run, monkeypatch, kind, tls):
    monkeypatch.setattr(memory_bound, "CHECK_INTERVAL_MS", 3_600_000)

    async def main():
        peers = Peers(tls)
        await peers.server.start()
        try:
            await kind(peers)
            await until(lambda: peers.server.memory.dropped)
            await asyncio.sleep(0.01)
            # One read, or one answer behind what may be unsent, comes before the look.
            assert ALL // 2 < Watched.peak <= ALL + max(READ, UNSENT + ANSWER + 1_000)
            # The others are served, and so is who comes.
            peers.handle_with = lambda channel, command: command.reply(body=b"served")
            assert len(peers.server.channels) > 1
            peer = await asyncio.to_thread(peers._connected)
            peers.peers.append(peer)
            await asyncio.to_thread(peer.sendall, request())
            assert b"served" in await asyncio.to_thread(peer.recv, 1_000)
        finally:
            await peers.close()

    run(main())


def test_what_a_dropped_connection_held_is_let_go_at_once():
    async def main():
        peers = Peers(tls=False)
        await peers.server.start()
        try:
            await peers.connect(1)
            await peers.send(struct.pack(">i", 400_000) + bytes(200_000))
            (channel,) = peers.server.channels
            await until(lambda: channel.held_bytes() == 200_004)
            channel.abort()
            assert channel.held_bytes() == 0 and channel._decoder.buffered_bytes == 0
        finally:
            await peers.close()

    asyncio.run(main())
