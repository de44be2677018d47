"""RemotingServer and RemotingClient over loopback, on asyncio's loop and on uvloop."""

import asyncio
import logging
import os
import resource
import socket
import struct
import time
from contextlib import asynccontextmanager, suppress

import pytest

from rocketmq_ops.common.processes import holder_of_port
from rocketmq_ops.remoting.bodies import HeartbeatData
from rocketmq_ops.remoting.channel import TURN_SECONDS, Channel
from rocketmq_ops.remoting.client import RemotingClient
from rocketmq_ops.remoting.command import HELD, ROCKETMQ, RemotingCommand
from rocketmq_ops.remoting.config import NettyClientConfig, NettyServerConfig
from rocketmq_ops.remoting.errors import (
    NameServersFailedError,
    RemotingConnectError,
    RemotingError,
    RemotingSendError,
    RemotingTimeoutError,
)
from rocketmq_ops.remoting.frame_codec import FrameDecoder, encode
from rocketmq_ops.remoting.headers import GetMinOffsetRequestHeader, GetMinOffsetResponseHeader
from rocketmq_ops.remoting.name_servers import NameServers
from rocketmq_ops.remoting.server import MAX_CONNECTIONS, RemotingServer


def echo(channel, request, header):
    return request.reply(0, body=bytes(request.body), ext_fields=request.ext_fields)


@asynccontextmanager
async def serving(host="127.0.0.1", register=(), **options):
    """(server, its address) with an echo handler under code 1000."""
    config = NettyServerConfig(bindAddress=host, listenPort=0)
    for key in list(options):
        if hasattr(config, key):
            setattr(config, key, options.pop(key))
    server = RemotingServer(config, **options)
    server.register(1000, None, echo)
    for code, cls, handler in register:
        server.register(code, cls, handler)
    await server.start()
    try:
        yield server, f"[{host}]:{server.port}" if ":" in host else f"{host}:{server.port}"
    finally:
        await server.stop()


async def until(condition):
    """Let the loop run until `condition()`; fails after ten seconds."""
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.002)


def test_requests_answers_and_unknown_codes(run):
    async def main():
        def min_offset(channel, request, header):
            return request.reply(header=GetMinOffsetResponseHeader(offset=header.queue_id + 1))

        async with serving(register=[(31, GetMinOffsetRequestHeader, min_offset)]) as (_, addr), RemotingClient() as c:
            answer = await c.invoke(addr, RemotingCommand.request(1000, body=b"x", ext_fields={"topic": "T"}))
            assert (answer.code, bytes(answer.body), answer.ext_fields) == (0, b"x", {"topic": "T"})
            request = RemotingCommand.request(31, GetMinOffsetRequestHeader(topic="T", queue_id=4))
            assert (await c.invoke(addr, request)).decode_header(GetMinOffsetResponseHeader).offset == 5
            request.serialize_type = ROCKETMQ
            answer = await c.invoke(addr, request)
            assert answer.serialize_type == ROCKETMQ and answer.ext_fields == {"offset": "5"}
            assert (await c.invoke(addr, RemotingCommand.request(4711))).code == 3
            answer = await c.invoke(addr, RemotingCommand.request(31, ext_fields={"topic": "T"}))
            assert answer.code == 1 and "queueId" in answer.remark

    run(main())


def has_ipv6() -> bool:
    if not socket.has_dualstack_ipv6():
        return False
    with suppress(OSError), socket.socket(socket.AF_INET6) as probe:
        probe.bind(("::1", 0))
        return True
    return False


WITH_IPV6 = pytest.mark.skipif(not has_ipv6(), reason="no IPv6 here")


@WITH_IPV6
def test_the_address_of_all_serves_both_families_and_shows_ipv4_as_it_is(run):
    async def main():
        remotes = []
        async with serving("::") as (server, _), RemotingClient() as c:
            server.on_connect(lambda channel: remotes.append((channel.remote, len(channel.remote_host_bytes))))
            for host in ("127.0.0.1", "[::1]"):
                assert (await c.invoke(f"{host}:{server.port}", RemotingCommand.request(1000))).code == 0
            assert [(remote.rpartition(":")[0], size) for remote, size in remotes] == [("127.0.0.1", 8), ("[::1]", 20)]

    run(main())


@pytest.mark.parametrize("host", ["localhost", "::ffff:127.0.0.1"])
def test_a_name_and_a_mapped_address_are_one_address_of_ipv4(run, host):
    async def main():
        async with serving(host) as (server, _), RemotingClient() as c:
            assert (await c.invoke(f"127.0.0.1:{server.port}", RemotingCommand.request(1000))).code == 0
            assert len(server.addresses) == 1

    run(main())


def test_a_taken_port_names_its_process(run):
    async def main():
        async with serving() as (server, _):
            other = RemotingServer(NettyServerConfig(bindAddress="127.0.0.1", listenPort=server.port))
            with pytest.raises(RemotingConnectError, match=rf"in use by this process \({os.getpid()}\) itself"):
                await other.start()

    run(main())


def test_who_holds_a_port_is_who_listens_on_that_address():
    with socket.socket() as other:
        other.bind(("127.0.0.2", 0))
        other.listen()
        port = other.getsockname()[1]
        assert holder_of_port("127.0.0.1", port) == ""
        for host in ("127.0.0.2", "0.0.0.0", "::"):
            assert holder_of_port(host, port) == f" by this process ({os.getpid()}) itself"


def test_an_address_that_is_none_is_said(run):
    async def main():
        server = RemotingServer(NettyServerConfig(bindAddress="no..host", listenPort=0))
        with pytest.raises(RemotingConnectError, match=r"'no\.\.host' cannot be resolved"):
            await server.start()

    run(main())


def test_a_failing_handler_answers_and_is_logged_once(run, caplog):
    def broken(channel, request, header):
        raise ValueError("no such luck")

    async def main():
        async with serving(register=[(5, None, broken)]) as (server, addr), RemotingClient() as client:
            answer = await client.invoke(addr, RemotingCommand.request(5))
            assert answer.code == 1 and "no such luck" in answer.remark
            assert server.handlers.handler_failures == 1
            assert (await client.invoke(addr, RemotingCommand.request(1000))).code == 0

    with caplog.at_level(logging.ERROR):
        run(main())
    assert len(caplog.records) == 1


def test_refused_requests_are_logged_once_in_a_while(run, caplog):
    def handler(channel, request, header):
        return request.reply(body=HeartbeatData.decode(request.body).encode())

    async def main():
        async with serving(register=[(34, None, handler)]) as (_, addr), RemotingClient() as client:
            for _ in range(3):
                request = RemotingCommand.request(34, body=b'{"consumerDataSet":[{"consumeType":9}]}')
                answer = await client.invoke(addr, request)
                assert answer.code == 1 and "consumerDataSet[0].consumeType: expected one of CONSUME_" in answer.remark

    with caplog.at_level(logging.WARNING):
        run(main())
    (line,) = [record.getMessage() for record in caplog.records]
    assert (
        line.startswith("HEART_BEAT from 127.0.0.1:")
        and "(PYTHON) refused: invalid body, expected HeartbeatData" in line
    )


def test_pipelined_requests_leave_in_few_writes(run):
    async def main():
        async with serving() as (server, addr), RemotingClient() as client:
            await client.invoke(addr, RemotingCommand.request(1000))
            (channel,) = server.channels
            writes = []
            transport = channel._transport

            class Counting:
                def write(self, data):
                    writes.append(len(data))
                    transport.write(data)

                def __getattr__(self, name):
                    return getattr(transport, name)

            channel._transport = Counting()
            futures = [client.submit(addr, RemotingCommand.request(1000, body=b"%d" % i)) for i in range(200)]
            answers = await asyncio.gather(*futures)
            assert [bytes(a.body) for a in answers] == [b"%d" % i for i in range(200)]
            assert len(writes) < 20

    run(main())


def test_many_slow_requests_of_one_connection_let_others_have_their_turn(run):
    async def main():
        handled = []

        def slow(channel, request, header):
            if not handled:
                other.sendall(b"".join(encode(RemotingCommand.request(2001))))
            until = time.perf_counter() + 2 * TURN_SECONDS
            while time.perf_counter() < until:
                pass
            handled.append("slow")
            return request.reply()

        def quick(channel, request, header):
            handled.append("quick")
            return request.reply()

        async with (
            serving(register=[(2000, None, slow), (2001, None, quick)]) as (server, addr),
            RemotingClient() as client,
        ):
            with socket.create_connection(("127.0.0.1", server.port)) as other:
                await client.invoke(addr, RemotingCommand.request(1000))
                await until(lambda: len(server.channels) == 2)
                answers = [client.submit(addr, RemotingCommand.request(2000), 60_000) for _ in range(32)]
                assert [answer.code for answer in await asyncio.gather(*answers)] == [0] * 32
                await until(lambda: "quick" in handled)
                assert handled.index("quick") < 32 and handled.count("slow") == 32

    run(main())


def test_held_answers_of_one_turn_leave_together(run):
    async def main():
        held = []

        def hold(channel, request, header):
            held.append((channel, request))
            return HELD

        async with serving(register=[(11, None, hold)]) as (_, addr), RemotingClient() as client:
            futures = [client.submit(addr, RemotingCommand.request(11)) for _ in range(5)]
            await until(lambda: len(held) == 5)
            for channel, request in held:
                channel.send(request.reply(0, remark="late"))
            assert {a.remark for a in await asyncio.gather(*futures)} == {"late"}

    run(main())


def test_oneway_requests_get_no_answer(run):
    async def main():
        seen = []

        def note(channel, request, header):
            seen.append(request.is_oneway)
            return request.reply(0)

        async with serving(register=[(15, None, note)]) as (_, addr), RemotingClient() as client:
            await client.invoke_oneway(addr, RemotingCommand.request(15))
            await client.invoke(addr, RemotingCommand.request(1000))
            assert seen == [True]
            assert client.channel(addr).responses.late_answers == 0

    run(main())


def test_hostile_bytes_close_that_connection_only(run, caplog):
    async def main():
        async with serving() as (server, addr), RemotingClient() as client:
            await client.invoke(addr, RemotingCommand.request(1000))
            for data in (b"\xff" * 64, struct.pack(">II", 12, 2 << 24 | 2) + b"{}......", b"GET / HTTP/1.1\r\n\r\n"):
                reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
                writer.write(data)
                with suppress(ConnectionResetError):
                    assert await reader.read() == b""
                writer.close()
            assert server.refused_frames == 3
            assert (await client.invoke(addr, RemotingCommand.request(1000))).code == 0
            await until(lambda: len(server.channels) == 1)

    with caplog.at_level(logging.WARNING):
        run(main())
    assert len(caplog.records) == 3


def test_a_peer_that_does_not_read_is_not_read_from(run):
    async def main():
        served = []
        blob = bytes(1 << 18)

        def big(channel, request, header):
            served.append(request.opaque)
            return request.reply(0, body=memoryview(blob))

        async with serving(register=[(11, None, big)]) as (server, _):
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port, limit=1 << 16)
            count = 400  # 100 MiB of answers
            requests = [RemotingCommand(code=11, opaque=i) for i in range(count)]
            writer.write(b"".join(part for r in requests for part in encode(r)))
            await until(lambda: served)
            (channel,) = server.channels
            await until(lambda: channel._write_paused)
            assert len(served) < count
            assert channel._transport.get_write_buffer_size() < 8 << 20
            decoder, answers = FrameDecoder(), []
            while len(answers) < count:
                answers += [c.opaque for c in decoder.feed(await reader.read(1 << 20))]
            assert answers == served == list(range(count))
            writer.close()

    run(main())


def test_idle_connections_are_closed(run):
    async def main():
        async with serving() as (server, addr), RemotingClient() as client:
            await client.invoke(addr, RemotingCommand.request(1000))
            (channel,) = server.channels
            server._sweep_idle()
            assert not channel.closed
            channel.idle_since -= server.config.serverChannelMaxIdleTimeSeconds
            server._sweep_idle()
            assert channel.closed and server.idle_closed == 1
            await until(lambda: client.channel(addr) is None)
            assert (await client.invoke(addr, RemotingCommand.request(1000))).code == 0

    run(main())


def test_more_connections_than_allowed_are_refused(run):
    async def main():
        async with serving(max_connections=1) as (server, addr), RemotingClient() as first, RemotingClient() as second:
            await first.invoke(addr, RemotingCommand.request(1000))
            with pytest.raises(RemotingSendError):
                await second.invoke(addr, RemotingCommand.request(1000))
            assert server.refused_connections == 1
            assert (await first.invoke(addr, RemotingCommand.request(1000))).code == 0

    run(main())


def test_connections_leave_half_of_the_open_files_to_others(monkeypatch):
    for soft, expected in ((1024, 512), (1, 1), (1 << 20, MAX_CONNECTIONS), (resource.RLIM_INFINITY, MAX_CONNECTIONS)):
        monkeypatch.setattr(resource, "getrlimit", lambda _, soft=soft: (soft, soft))
        assert RemotingServer(NettyServerConfig()).max_connections == expected


@pytest.mark.parametrize("host", ["127.0.0.1", pytest.param("::1", marks=WITH_IPV6)])
def test_both_ends_of_a_connection_send_without_delay(run, host):
    async def main():
        async with serving(host) as (server, addr), RemotingClient() as c:
            await c.invoke(addr, RemotingCommand.request(1000))
            for channel in (*server.channels, c.channel(addr)):
                raw = channel._transport.get_extra_info("socket")
                assert raw.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 1

    run(main())


def test_connections_are_announced(run):
    async def main():
        opened, closed = [], []
        async with serving() as (server, addr):
            server.on_connect(lambda channel: opened.append(channel.remote))
            server.on_close(lambda channel: closed.append(channel.remote))
            async with RemotingClient() as client:
                await client.invoke(addr, RemotingCommand.request(1000))
                (channel,) = server.channels
                assert channel.local == addr
                assert channel.remote_host_bytes[:4] == bytes([127, 0, 0, 1])
                assert channel.remote == f"127.0.0.1:{int.from_bytes(channel.remote_host_bytes[4:], 'big')}"
            await until(lambda: closed)
            assert opened == closed

    run(main())


def test_ipv6(run):
    async def main():
        async with serving(host="::1") as (server, addr), RemotingClient() as client:
            assert (await client.invoke(addr, RemotingCommand.request(1000))).code == 0
            (channel,) = server.channels
            assert channel.remote.startswith("[::1]:") and len(channel.remote_host_bytes) == 20

    run(main())


def test_several_listeners(run):
    async def main():
        server = RemotingServer(NettyServerConfig(bindAddress="127.0.0.1", listenPort=0))
        server.register(1000, None, echo)
        server.add_listener("127.0.0.1", 0)
        await server.start()
        async with RemotingClient() as client:
            for host, port in server.addresses:
                assert (await client.invoke(f"{host}:{port}", RemotingCommand.request(1000))).code == 0
            with pytest.raises(RemotingConnectError, match="cannot listen"):
                await RemotingServer(NettyServerConfig(bindAddress="127.0.0.1", listenPort=server.port)).start()
        await server.stop()

    run(main())


def test_server_to_client_requests(run):
    async def main():
        channels: list[Channel] = []
        notified = asyncio.Event()

        def notify(channel, request, header):
            notified.set()

        async with serving(register=[(34, None, lambda ch, r, h: (channels.append(ch), r.reply())[1])]) as (_, addr):
            async with RemotingClient() as client:
                client.register(307, None, lambda ch, r, h: r.reply(0, body=b"info"))
                client.register(40, None, notify)
                await client.invoke(addr, RemotingCommand.request(34))
                answer = await channels[0].invoke(RemotingCommand.request(307), 3000)
                assert bytes(answer.body) == b"info"
                channels[0].send_oneway(RemotingCommand.request(40))
                await asyncio.wait_for(notified.wait(), 10)
            await until(lambda: channels[0].closed)
            with pytest.raises(RemotingSendError):
                await channels[0].invoke(RemotingCommand.request(307), 3000)

    run(main())


def test_timeouts_name_the_address(run):
    async def main():
        async with serving(register=[(11, None, lambda *_: HELD)]) as (_, addr), RemotingClient() as client:
            long_wait = client.submit(addr, RemotingCommand.request(11), 60_000)
            with pytest.raises(RemotingTimeoutError, match=addr) as caught:
                await client.invoke(addr, RemotingCommand.request(11), 30)
            assert caught.value.address == addr and caught.value.next_step
            # The peer said nothing at all: its connection is given up, and what else waited on it fails at once.
            with pytest.raises(RemotingSendError, match=f"was lost: {addr} did not answer ") as lost:
                await long_wait
            assert "TLS" not in lost.value.next_step
            assert (await client.invoke(addr, RemotingCommand.request(1000))).code == 0

    run(main())


def test_a_slow_answer_keeps_a_live_connection(run):
    async def main():
        async with serving(register=[(11, None, lambda *_: HELD)]) as (_, addr), RemotingClient() as client:
            await client.invoke(addr, RemotingCommand.request(1000))
            channel = client.channel(addr)
            waiting = asyncio.ensure_future(client.invoke(addr, RemotingCommand.request(11), 300))
            while not waiting.done():
                await client.invoke(addr, RemotingCommand.request(1000))
            with pytest.raises(RemotingTimeoutError):
                await waiting
            assert client.channel(addr) is channel

    run(main())


def test_a_lost_connection_fails_what_waits_and_is_made_anew(run):
    async def main():
        async with serving(register=[(11, None, lambda *_: HELD)]) as (server, addr), RemotingClient() as client:
            waiting = [client.submit(addr, RemotingCommand.request(11), 60_000) for _ in range(3)]
            await until(lambda: server.channels)
            await asyncio.sleep(0)
            for channel in list(server.channels):
                channel.abort()
            results = await asyncio.gather(*waiting, return_exceptions=True)
            assert all(isinstance(r, RemotingSendError) and addr in str(r) for r in results), results
            assert (await client.invoke(addr, RemotingCommand.request(1000))).code == 0

    run(main())


def test_nobody_listens(run):
    async def main():
        async with serving() as (_, addr):
            pass
        async with RemotingClient() as client:
            with pytest.raises(RemotingConnectError, match=f"cannot connect to {addr}: connection refused"):
                await client.invoke(addr, RemotingCommand.request(1000))
            with pytest.raises(RemotingConnectError, match="invalid address"):
                await client.invoke("nonsense", RemotingCommand.request(1000))

    run(main())


def test_name_servers_fail_over(run):
    async def main():
        async with serving() as (_, dead):
            pass
        async with serving() as (_, alive), RemotingClient(NettyClientConfig()) as client:
            servers = NameServers()

            async def ask():
                return await servers.ask(lambda address: client.invoke(address, RemotingCommand.request(1000)))

            with pytest.raises(RemotingConnectError, match="no name server"):
                await ask()
            servers.update([dead, alive])
            assert (await ask()).code == 0
            assert servers.current == alive
            servers.update([alive, dead])
            assert servers.current == alive
            servers.update([dead])
            with pytest.raises(RemotingConnectError, match=dead):
                await ask()
            elsewhere = dead.replace("127.0.0.1", "127.0.0.2")
            servers.update([dead, elsewhere])
            with pytest.raises(NameServersFailedError, match="failed everywhere: ") as caught:
                await ask()
            assert isinstance(caught.value, RemotingError) and list(caught.value.causes) == [dead, elsewhere]

    run(main())


def test_stop_lets_queued_answers_leave(run):
    async def main():
        held = []

        def hold(channel, request, header):
            held.append((channel, request))
            return HELD

        async with RemotingClient() as client:
            async with serving(register=[(11, None, hold)]) as (_, addr):
                future = client.submit(addr, RemotingCommand.request(11))
                await until(lambda: held)
                channel, request = held[0]
                channel.send(request.reply(0, remark="bye"))
            assert (await future).remark == "bye"

    run(main())


def test_a_draining_server_can_answer_before_its_handlers(run):
    async def main():
        async with serving() as (server, addr), RemotingClient() as client:
            server.before_request = lambda channel, request: request.reply(14, "stopping")
            assert (await client.invoke(addr, RemotingCommand.request(1000))).code == 14

    run(main())


@pytest.mark.parametrize("port", [65536 + 10911, 99999, -1])
def test_a_port_that_does_not_exist_is_refused_and_no_other_taken(run, port):
    async def main():
        server = RemotingServer(NettyServerConfig(bindAddress="127.0.0.1", listenPort=port))
        with pytest.raises(RemotingConnectError, match=f"cannot listen on 127.0.0.1:{port}: invalid port"):
            await server.start()
        assert server.addresses == []
        await server.stop()

    run(main())


def test_a_peer_that_speaks_another_protocol_is_told_in_the_error(run):
    async def main():
        async def speak(reader, writer):
            await reader.read(1)
            writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            await writer.drain()
            await reader.read()
            writer.close()

        other = await asyncio.start_server(speak, "127.0.0.1", 0)
        addr = f"127.0.0.1:{other.sockets[0].getsockname()[1]}"
        async with RemotingClient() as client:
            with pytest.raises(RemotingSendError, match=f"connection to {addr} was lost: a frame of .* over the limit"):
                await client.invoke(addr, RemotingCommand.request(1000))
        other.close()

    run(main())
