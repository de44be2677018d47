"""The name server as its clients' address server: what it answers, what it refuses, and its bounds."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from tests.broker.support import until

from rocketmq_ops.common.config import ConfigValueError
from rocketmq_ops.namesrv.config import NamesrvConfig
from rocketmq_ops.namesrv.controller import NamesrvController
from rocketmq_ops.remoting import http_page
from rocketmq_ops.remoting.address_server import AddressServerError, fetch_name_servers
from rocketmq_ops.remoting.config import NettyServerConfig
from rocketmq_ops.remoting.errors import RemotingBindError
from rocketmq_ops.remoting.listening import listening_socket
from rocketmq_ops.remoting.name_servers import NameServers
from rocketmq_ops.remoting.tls_system_config import TlsSystemConfig


def free_port(host: str = "127.0.0.1") -> int:
    with listening_socket(host, 0) as bound:
        return int(bound.getsockname()[1])


@asynccontextmanager
async def serving(
    folder: Path, host: str = "127.0.0.1", tls: TlsSystemConfig | None = None, **keys: object
) -> AsyncIterator[NamesrvController]:
    config = NamesrvConfig(
        kvConfigPath=str(folder / "kv.json"),
        configStorePath=str(folder / "namesrv.properties"),
        **{"addressServerPort": free_port(), **keys},  # type: ignore[arg-type]
    )
    controller = NamesrvController(config, NettyServerConfig(bindAddress=host, listenPort=0), tls_config=tls)
    await controller.start()
    try:
        yield controller
    finally:
        await controller.stop()


def url_of(controller: NamesrvController, host: str = "127.0.0.1") -> str:
    return f"http://{host}:{controller.config.addressServerPort}/rocketmq/nsaddr"


async def ask(controller: NamesrvController, request: bytes) -> tuple[int, list[bytes], bytes]:
    """Status, header lines and body of the answer to raw bytes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", controller.config.addressServerPort)
    try:
        writer.write(request)
        head, _, body = (await asyncio.wait_for(reader.read(), 10)).partition(b"\r\n\r\n")
    finally:
        writer.close()
    status, *lines = head.split(b"\r\n")
    assert b"Connection: close" in lines
    return int(status.split()[1]), lines, body


def test_it_is_off_by_default(tmp_path: Path) -> None:
    async def main() -> None:
        async with serving(tmp_path, addressServerPort=NamesrvConfig().addressServerPort) as controller:
            assert controller.address_server is None

    asyncio.run(main())


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0", "localhost"])
def test_our_clients_find_the_name_server_where_they_reached_it(tmp_path: Path, host: str) -> None:
    async def main() -> None:
        async with serving(tmp_path, host) as controller:
            assert controller.address_server is not None
            assert await fetch_name_servers(url_of(controller)) == [f"127.0.0.1:{controller.server.port}"]
            servers = NameServers([url_of(controller)])
            await servers.ready()
            assert servers.current == f"127.0.0.1:{controller.server.port}"

    asyncio.run(main())


def test_on_every_address_of_both_kinds_it_is_reached_at_that_of_ipv4(tmp_path: Path) -> None:
    async def main() -> None:
        try:
            listening_socket("::", 0).close()
        except OSError:
            pytest.skip("no IPv6 here")
        async with serving(tmp_path, "::") as controller:
            assert await fetch_name_servers(url_of(controller)) == [f"127.0.0.1:{controller.server.port}"]
            assert await fetch_name_servers(url_of(controller, "[::1]")) == [f"[::1]:{controller.server.port}"]

    asyncio.run(main())


def test_the_addresses_given_are_answered_as_they_are_now(tmp_path: Path) -> None:
    async def main() -> None:
        async with serving(tmp_path, addressServerAddresses="10.0.0.1:9876; 10.0.0.2:9876") as controller:
            assert await fetch_name_servers(url_of(controller)) == ["10.0.0.1:9876", "10.0.0.2:9876"]
            controller.configuration.update({"addressServerAddresses": "10.0.0.3:9876"}, "")
            assert await fetch_name_servers(url_of(controller)) == ["10.0.0.3:9876"]

    asyncio.run(main())


def test_addresses_that_are_none_are_refused() -> None:
    with pytest.raises(ConfigValueError, match=r"addressServerAddresses.*'10\.0\.0\.1'"):
        NamesrvConfig().set("addressServerAddresses", "10.0.0.1")


@pytest.mark.parametrize(
    ("request_", "status", "body"),
    [
        (b"GET /rocketmq/nsaddr HTTP/1.1\r\nHost: x\r\n\r\n", 200, b"a:1;b:2"),
        (b"GET /rocketmq/nsaddr?nofix=1 HTTP/1.0\r\n\r\n", 200, b"a:1;b:2"),
        (b"HEAD /rocketmq/nsaddr HTTP/1.1\r\n\r\n", 200, b""),
        (b"POST /rocketmq/nsaddr HTTP/1.1\r\nContent-Length: 0\r\n\r\n", 405, b"use GET"),
        (b"POST /rocketmq/nsaddr HTTP/1.1\r\nContent-Length: 9000\r\n\r\n" + b"x" * 9000, 405, b"use GET"),
        (b"GET / HTTP/1.1\r\n\r\n", 404, b"nothing here but /rocketmq/nsaddr"),
        (b"GET /rocketmq/nsaddr-unit?nofix=1 HTTP/1.1\r\n\r\n", 200, b"a:1;b:2"),
        (b"GET /rocketmq/nsaddr-unit/x HTTP/1.1\r\n\r\n", 404, b"nothing here"),
        (b"GET /rocketmq/nsaddress HTTP/1.1\r\n\r\n", 404, b"nothing here"),
        (b"HEAD / HTTP/1.1\r\n\r\n", 404, b""),
        (b"\x00\x00\x00\x10garbage\r\n\r\n", 400, b"not an HTTP request"),
        (b"GET /rocketmq/nsaddr HTTP/1.1\r\nX: " + b"x" * 9000, 431, b"8192 bytes"),
    ],
)
def test_answers(tmp_path: Path, request_: bytes, status: int, body: bytes) -> None:
    async def main() -> None:
        async with serving(tmp_path, addressServerAddresses="a:1;b:2") as controller:
            answered, lines, text = await ask(controller, request_)
            assert answered == status
            assert text == body if status == 200 or not body else body in text
            length = next(int(line.split()[1]) for line in lines if line.startswith(b"Content-Length:"))
            assert length == (len(text) if not request_.startswith(b"HEAD") else length) and length > 0
            assert (b"Allow: GET, HEAD" in lines) == (status == 405)

    asyncio.run(main())


def test_a_request_that_does_not_come_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_page, "REQUEST_SECONDS", 0.05)

    async def main() -> None:
        async with serving(tmp_path) as controller:
            assert (await ask(controller, b"GET /rocketmq/nsaddr HTTP/1.1\r\n"))[0] == 408

    asyncio.run(main())


def test_connections_are_bounded_and_one_that_ends_makes_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(http_page, "MAX_CONNECTIONS", 2)

    async def main() -> None:
        async with serving(tmp_path, addressServerAddresses="a:1") as controller:
            server = controller.address_server
            assert server is not None

            def open_are(count: int) -> Callable[[], bool]:
                return lambda: len(server._visitors) == count

            silent = [await asyncio.open_connection("127.0.0.1", controller.config.addressServerPort) for _ in range(2)]
            await until(open_are(2))
            with pytest.raises(AddressServerError):
                await fetch_name_servers(url_of(controller))
            assert "refused: 2 are open, the limit" in caplog.text
            silent[0][1].close()
            await until(open_are(1))
            assert (await ask(controller, b"GET /rocketmq/nsaddr HTTP/1.1\r\n\r\n"))[0] == 200
        # A connection that says nothing does not hold the end up.
        assert not server._visitors
        silent[1][1].close()

    asyncio.run(main())


def test_a_port_that_is_taken_leaves_nothing_open(tmp_path: Path) -> None:
    async def main() -> None:
        with listening_socket("127.0.0.1", 0) as taken:
            port, own = taken.getsockname()[1], free_port()
            config = NamesrvConfig(kvConfigPath=str(tmp_path / "kv.json"), addressServerPort=port)
            controller = NamesrvController(config, NettyServerConfig(bindAddress="127.0.0.1", listenPort=own))
            with pytest.raises(RemotingBindError, match=f"cannot listen on 127.0.0.1:{port}: address already in use"):
                await controller.start()
            listening_socket("127.0.0.1", own).close()

    asyncio.run(main())
