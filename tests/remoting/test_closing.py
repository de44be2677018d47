"""A client that is closed has let go of every socket by then: its loop may end right after."""

from __future__ import annotations

import asyncio
import gc
import socket
import threading
import warnings
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from rocketmq_ops.remoting import client as client_module
from rocketmq_ops.remoting import event_loop
from rocketmq_ops.remoting.channel import Channel
from rocketmq_ops.remoting.client import RemotingClient
from rocketmq_ops.remoting.command import RemotingCommand
from rocketmq_ops.remoting.config import NettyServerConfig
from rocketmq_ops.remoting.connecting import Connector
from rocketmq_ops.remoting.errors import RemotingConnectError
from rocketmq_ops.remoting.http_page import HttpPage
from rocketmq_ops.remoting.server import RemotingServer
from rocketmq_ops.remoting.tls_system_config import TlsSystemConfig

FILES = Path(__file__).parent / "files" / "tls"
Run = Callable[[Coroutine[Any, Any, Any]], Any]


@pytest.fixture(params=["asyncio", "uvloop"])
def run(request: pytest.FixtureRequest) -> Run:
    """Runs a coroutine on one of the two loops; what is left open when the loop has ended fails the test."""
    if request.param == "uvloop":
        pytest.importorskip("uvloop")

    def run(main: Coroutine[Any, Any, Any]) -> None:
        gc.collect()
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            (event_loop.run if request.param == "uvloop" else asyncio.run)(main)
            gc.collect()
        assert [str(one.message) for one in caught if issubclass(one.category, ResourceWarning)] == []

    return run


class Watched(RemotingClient):
    """Notes the connections that are lost."""

    def __init__(self, tls: str | None = None) -> None:
        super().__init__(connector=Connector(tls=tls))
        self.lost: list[Channel] = []

    def channel_closed(self, channel: Channel, cause: Exception | None) -> None:
        super().channel_closed(channel, cause)
        self.lost.append(channel)


@contextmanager
def server_elsewhere() -> Iterator[str]:
    """The address of a server on a loop of its own, which takes both kinds of connections and answers code 1000."""
    ready, ending = threading.Event(), threading.Event()
    at: list[str] = []

    async def serve() -> None:
        tls = TlsSystemConfig(tlsServerCertPath=str(FILES / "server.pem"), tlsServerKeyPath=str(FILES / "server.key"))
        server = RemotingServer(NettyServerConfig(bindAddress="127.0.0.1", listenPort=0), tls)
        server.register(1000, None, lambda channel, request, header: request.reply(0))
        await server.start()
        at.append(f"127.0.0.1:{server.port}")
        ready.set()
        await asyncio.to_thread(ending.wait)
        await server.stop()

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    try:
        assert ready.wait(20)
        yield at[0]
    finally:
        ending.set()
        thread.join()


@contextmanager
def silent_listener() -> Iterator[str]:
    """The address of who takes connections, and neither reads nor writes."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"127.0.0.1:{listener.getsockname()[1]}"


@pytest.mark.parametrize("tls", [None, "true"], ids=["plain", "tls"])
def test_connections_are_closed_when_close_returns(run: Run, tls: str | None) -> None:
    async def main() -> None:
        client = Watched(tls)
        await client.invoke(address, RemotingCommand.request(1000), 20_000)
        channel = client.channel(address)
        await client.close()
        assert client.lost == [channel]

    with server_elsewhere() as address:
        run(main())


def test_one_that_was_given_up_before_is_waited_for_too(run: Run) -> None:
    """Its place may have been taken by another connection to the same address."""

    async def main() -> None:
        client = Watched("true")
        await client.invoke(address, RemotingCommand.request(1000), 20_000)
        first = client.channel(address)
        assert first is not None
        first.close()
        await client.invoke(address, RemotingCommand.request(1000), 20_000)
        second = client.channel(address)
        await client.close()
        assert second is not first and set(client.lost) == {first, second}

    with server_elsewhere() as address:
        run(main())


def test_a_handshake_that_nobody_answers_is_cut(run: Run) -> None:
    async def main() -> None:
        client = Watched("true")
        with pytest.raises(RemotingConnectError):
            await client.invoke(address, RemotingCommand.request(1000), 50)
        await client.close()
        with pytest.raises(RemotingConnectError, match="the client is closed"):
            await client.invoke(address, RemotingCommand.request(1000), 50)

    with silent_listener() as address:
        run(main())


def test_who_does_not_take_what_was_written_is_not_waited_for_long(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "CLOSE_TIMEOUT_SECONDS", 0.05)

    async def main() -> None:
        client = Watched()
        request = RemotingCommand.request(1000, body=bytes(16_000_000))
        await client.invoke_oneway(address, request)
        channel = client.channel(address)
        await client.close()
        assert client.lost == [channel]

    with silent_listener() as address:
        run(main())


@pytest.mark.parametrize("turns", range(5))
@pytest.mark.parametrize("kind", ["server", "page"])
def test_who_was_accepted_just_before_a_stop_is_not_let_in(kind: str, turns: int, run: Run) -> None:
    """The listener is closed in one turn of the loop, and whom it has accepted is told of in a later one."""

    async def main() -> None:
        if kind == "server":
            server = RemotingServer(NettyServerConfig(bindAddress="127.0.0.1", listenPort=0))
            await server.start()
            stop, port = server.stop, server.port
        else:
            page = HttpPage("127.0.0.1", 0, "/")
            await page.start()
            stop, port = page.stop, int(page.url.rpartition(":")[2].strip("/"))
        with socket.create_connection(("127.0.0.1", port)) as visitor:
            visitor.setblocking(False)
            for _ in range(turns):
                await asyncio.sleep(0)
            await stop()
            try:
                async with asyncio.timeout(20):
                    assert await asyncio.get_running_loop().sock_recv(visitor, 1) == b""
            except ConnectionResetError:
                pass

    run(main())
