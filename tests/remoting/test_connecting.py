"""Names with several addresses, IPv6, address maps, and address servers."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

import pytest

from rocketmq_ops.common.addresses import is_address_server, name_server_addresses
from rocketmq_ops.remoting import name_servers
from rocketmq_ops.remoting.address_server import AddressServerError, address_server_url, fetch_name_servers
from rocketmq_ops.remoting.client import RemotingClient
from rocketmq_ops.remoting.command import RemotingCommand
from rocketmq_ops.remoting.config import NettyServerConfig
from rocketmq_ops.remoting.connecting import Connector
from rocketmq_ops.remoting.errors import RemotingConnectError, UnknownHostError
from rocketmq_ops.remoting.name_servers import NameServers
from rocketmq_ops.remoting.server import RemotingServer

CODE = 1000


@contextlib.asynccontextmanager
async def serving(host: str = "127.0.0.1") -> AsyncIterator[int]:
    """The port of a server that answers CODE."""
    server = RemotingServer(NettyServerConfig(bindAddress=host, listenPort=0))
    server.register(CODE, None, lambda channel, request, header: request.reply(0))
    await server.start()
    try:
        yield server.port
    finally:
        await server.stop()


async def until(condition: Callable[[], bool]) -> None:
    """Wait until it holds; the test's own time limit ends it otherwise."""
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.005)


async def asked(address: str, connector: Connector | None = None, limit_ms: int = 3000) -> int:
    """The code that the server at an address answers."""
    async with RemotingClient(connector=connector) as client:
        client.config.connectTimeoutMillis = limit_ms
        return (await client.invoke(address, RemotingCommand.request(CODE), 10_000)).code


@pytest.fixture
def two_addresses(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """`cluster.example` is 127.0.0.2, where nobody listens, and 127.0.0.1."""
    real = socket.getaddrinfo

    def found(host: object, port: object, *args: int, **more: int) -> list[object]:
        if host != "cluster.example":
            return list(real(host, port, *args, **more))  # type: ignore[arg-type]
        kind = (socket.AF_INET, socket.SOCK_STREAM, 6, "")
        return [(*kind, (address, port)) for address in ("127.0.0.2", "127.0.0.1", "127.0.0.1")]

    with monkeypatch.context() as patch:
        patch.setattr(socket, "getaddrinfo", found)
        yield


def test_each_address_of_a_name_is_tried(two_addresses: None) -> None:
    async def main() -> None:
        async with serving() as port:
            assert await asked(f"cluster.example:{port}") == 0

    asyncio.run(main())


def test_an_address_that_does_not_answer_takes_its_share_of_the_time_only(two_addresses: None) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        connect = loop.create_connection

        async def hanging(factory: object, host: str, port: int, **more: object) -> object:
            if host == "127.0.0.2":
                await asyncio.Event().wait()
            return await connect(factory, host, port, **more)  # type: ignore[call-overload]

        loop.create_connection = hanging  # type: ignore[assignment, method-assign]
        async with serving() as port:
            assert await asked(f"cluster.example:{port}", limit_ms=2000) == 0

    asyncio.run(main())


def test_the_error_names_every_address_that_was_tried(two_addresses: None) -> None:
    async def main() -> None:
        async with serving() as port:
            pass
        with pytest.raises(RemotingConnectError) as caught:
            await asked(f"cluster.example:{port}")
        assert caught.value.cause == (
            f"cannot connect to cluster.example:{port}: 127.0.0.2: connection refused; 127.0.0.1: connection refused"
        )

    asyncio.run(main())


def test_ipv6() -> None:
    if not socket.has_ipv6:
        pytest.skip("no IPv6")

    async def main() -> None:
        try:
            async with serving("::1") as port:
                assert await asked(f"[::1]:{port}") == 0
                assert await asked(f"::1:{port}") == 0
        except OSError:
            pytest.skip("no IPv6 on loopback")

    asyncio.run(main())


def test_an_address_map_says_where_an_address_is_from_here() -> None:
    async def main() -> None:
        async with serving() as port:
            inside = "172.17.0.2:10911"
            assert await asked(inside, Connector({inside: f"127.0.0.1:{port}"})) == 0
        with pytest.raises(RemotingConnectError) as caught:
            await asked(inside, Connector({inside: f"127.0.0.1:{port}"}))
        assert caught.value.cause == (
            f"cannot connect to {inside} at 127.0.0.1:{port}, as the address map says: connection refused"
        )
        assert caught.value.address == inside
        with pytest.raises(UnknownHostError, match=f"{inside} at no.such.host.invalid:1, as the address map says"):
            await asked(inside, Connector({inside: "no.such.host.invalid:1"}))

    asyncio.run(main())


# Address servers


@contextlib.asynccontextmanager
async def web(answer: Callable[[bytes], bytes]) -> AsyncIterator[str]:
    """The root URL of a web server that answers a request's head so."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError):
            writer.write(answer(await reader.readuntil(b"\r\n\r\n")))
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()


OK = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"


@pytest.mark.parametrize(
    "answer",
    [
        OK + b"\r\n10.0.0.1:9876;10.0.0.2:9876\n",
        OK + b"content-length: 27\r\n\r\n10.0.0.1:9876;10.0.0.2:9876 behind it",
        OK + b"\r\n\r\n 10.0.0.1:9876;10.0.0.2:9876\r\nsecond:1\r\n",
    ],
)
def test_the_first_line_of_an_address_server_names_the_name_servers(answer: bytes) -> None:
    requests = []

    async def main() -> None:
        async with web(lambda head: requests.append(head) or answer) as root:  # type: ignore[func-returns-value]
            assert await fetch_name_servers(f"{root}/rocketmq/nsaddr?nofix=1") == ["10.0.0.1:9876", "10.0.0.2:9876"]

    asyncio.run(main())
    assert requests[0].startswith(b"GET /rocketmq/nsaddr?nofix=1 HTTP/1.0\r\nHost: 127.0.0.1:")


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (b"HTTP/1.1 404 Not Found\r\n\r\n10.0.0.1:9876", "its answer is 'HTTP/1.1 404 Not Found'"),
        (OK + b"\r\n", "its answer is empty"),
        (OK + b"\r\n<html>", "invalid address '<html>'"),
        (OK + b"Content-Length: x\r\n\r\n", "invalid literal"),
        (OK + b"Content-Length: 99\r\n\r\nshort", "bytes"),
        (b"RocketMQ", "bytes"),
        (OK + b"\r\n\xff", "utf-8"),
        (b"x" * 100_000 + b"\r\n\r\n", "limit"),
    ],
)
def test_what_an_address_server_answers_instead_is_named(answer: bytes, said: str) -> None:
    async def main() -> None:
        async with web(lambda head: answer) as root:
            with pytest.raises(AddressServerError, match=said) as caught:
                await fetch_name_servers(f"{root}/nsaddr")
            assert f"{root}/nsaddr" in caught.value.cause

    asyncio.run(main())


def test_an_address_server_that_is_not_there_or_does_not_answer() -> None:
    async def main() -> None:
        async with web(lambda head: b"") as root:
            pass
        with pytest.raises(
            AddressServerError, match=f"cannot read the name servers from {root}/x: connection refused$"
        ):
            await fetch_name_servers(f"{root}/x")
        with (
            socket.create_server(("127.0.0.1", 0)) as silent,
            pytest.raises(AddressServerError, match="no answer within 50 ms"),
        ):
            await fetch_name_servers(f"http://127.0.0.1:{silent.getsockname()[1]}/x", 50)

    asyncio.run(main())


def _echo() -> Callable[[str], Awaitable[str]]:
    async def call(address: str) -> str:
        return address

    return call


def test_name_servers_of_an_address_server_are_fetched_once_and_again_when_due(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    lines = [b"a:1;b:2", b"c:3"]
    fetched: list[bytes] = []

    def answer(head: bytes) -> bytes:
        fetched.append(head)
        return OK + b"\r\n" + lines[0] if lines else b"HTTP/1.1 503 Busy\r\n\r\n"

    async def main() -> None:
        async with web(answer) as root:
            servers = NameServers([f"{root}/nsaddr"])
            assert servers.addresses == []
            assert await asyncio.gather(*(servers.ask(_echo()) for _ in range(3))) == ["a:1"] * 3
            assert len(fetched) == 1
            del lines[0]
            monkeypatch.setattr(name_servers, "REFETCH_SECONDS", 0)
            assert await servers.ask(_echo()) == "a:1", "nobody waits for it"
            await until(lambda: servers.addresses == ["c:3"])
            del lines[0]
            with caplog.at_level(logging.WARNING):
                assert await servers.ask(_echo()) == "c:3"
                await until(lambda: "the addresses known before are used" in caplog.text)
            assert servers.addresses == ["c:3"]

    asyncio.run(main())


def test_the_next_address_server_is_asked_and_addresses_beside_it_are_kept() -> None:
    async def main() -> None:
        async with web(lambda head: OK + b"\r\nc:3") as root:
            servers = NameServers(["http://127.0.0.1:9/x", f"{root}/x"])
            await servers.ready()
            assert servers.addresses == ["c:3"]
            servers.update(["b:2", f"{root}/x", f"{root}/y"])
            assert await servers.ask(_echo()) == "b:2"
            await until(lambda: servers.addresses == ["b:2", "c:3"])
        with pytest.raises(AddressServerError):
            await NameServers(["http://127.0.0.1:9/x"]).ask(_echo())

    asyncio.run(main())


def test_what_is_an_address_server() -> None:
    (url,) = name_server_addresses("http://jmenv.tbsite.net:8080/rocketmq/nsaddr")
    assert url == "http://jmenv.tbsite.net:8080/rocketmq/nsaddr" and is_address_server(url)
    assert name_server_addresses("a:1 b:2, c:3;;http://d:4/x") == ["a:1", "b:2", "c:3", "http://d:4/x"]
    assert not any(map(is_address_server, name_server_addresses("http://a:1;http://instance.example/b:2")))


@pytest.mark.parametrize(
    ("domain", "url"),
    [
        ("jmenv.tbsite.net", "http://jmenv.tbsite.net:8080/rocketmq/nsaddr"),
        ("10.0.0.1:8081", "http://10.0.0.1:8081/rocketmq/nsaddr"),
    ],
)
def test_the_url_of_an_address_server_is_apaches(domain: str, url: str) -> None:
    assert address_server_url(domain, "nsaddr") == url and is_address_server(url)
