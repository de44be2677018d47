"""The HTTP pages of a server over TLS: the address server of the name server, and the pages for Prometheus."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import ssl
import subprocess
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
from tests.broker.support import running, until
from tests.namesrv.test_address_server import free_port, serving

from rocketmq_ops.client.admin.core import MQAdmin
from rocketmq_ops.common.errors import RocketMQError
from rocketmq_ops.namesrv.controller import NamesrvController
from rocketmq_ops.remoting import http_page
from rocketmq_ops.remoting.address_server import AddressServerError, fetch_name_servers
from rocketmq_ops.remoting.client_tls import ClientTls
from rocketmq_ops.remoting.tls import client_context_by
from rocketmq_ops.remoting.tls_system_config import TlsSystemConfig

FILES = Path(__file__).parents[1] / "remoting" / "files" / "tls"
OWN: dict[str, Any] = {
    "tlsServerCertPath": str(FILES / "server.pem"), "tlsServerKeyPath": str(FILES / "server.key"),
}  # fmt: skip
ENFORCED = {"tlsHttpMode": "enforcing", **OWN}
GET = b"GET /rocketmq/nsaddr HTTP/1.1\r\n\r\n"
CHECKED = {"tls.client.authServer": "true", "tls.client.trustCertPath": str(FILES / "ca.pem")}
Run = Callable[[Coroutine[Any, Any, None]], None]


def page_of(port: int, scheme: str = "https", host: str = "127.0.0.1") -> str:
    return f"{scheme}://{host}:{port}/rocketmq/nsaddr"


def page(controller: NamesrvController, scheme: str = "https") -> str:
    return page_of(controller.config.addressServerPort, scheme)


def context(**properties: str) -> Callable[[], ssl.SSLContext]:
    return lambda: client_context_by(properties, "here")


async def raw(port: int, data: bytes, tls: ssl.SSLContext | None = None) -> bytes:
    """All that comes for some bytes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=tls)
    try:
        writer.write(data)
        async with asyncio.timeout(20):
            with contextlib.suppress(ConnectionError):
                return await reader.read()
        return b""
    finally:
        writer.close()


def test_one_port_takes_http_and_https(run: Run, tmp_path: Path) -> None:
    """By default: Apache's clients and most who read figures know `http://` alone."""

    async def main() -> None:
        async with serving(tmp_path, tls=TlsSystemConfig(**OWN), addressServerAddresses="a:1;b:2") as controller:
            assert await fetch_name_servers(page(controller, "http")) == ["a:1", "b:2"]
            assert await fetch_name_servers(page(controller), tls=ClientTls("here", CHECKED).context) == ["a:1", "b:2"]
            assert controller.address_server is not None and controller.address_server.url.startswith("http://")

    run(main())


def test_enforcing_refuses_plain_before_anything_is_acted_on(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    asked = []
    monkeypatch.setattr(http_page.HttpPage, "asked", lambda *request: asked.append(request))

    async def main() -> None:
        async with serving(tmp_path, tls=TlsSystemConfig(**ENFORCED)) as controller:
            port = controller.config.addressServerPort
            for data in (GET, b"G", b"\0", bytes(20_000)):
                assert await raw(port, data) == b""
            assert controller.address_server is not None and controller.address_server.url.startswith("https://")
            await until(lambda: not controller.address_server or not controller.address_server._visitors)

    run(main())
    assert asked == []
    (line,) = [line for line in caplog.messages if "tls.http.mode=enforcing" in line]
    assert "read the page by https://" in line


def test_who_says_nothing_to_an_enforcing_page_is_told_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_page, "REQUEST_SECONDS", 0.05)

    async def main() -> None:
        async with serving(tmp_path, tls=TlsSystemConfig(**ENFORCED)) as controller:
            port = controller.config.addressServerPort
            assert await raw(port, b"") == b""
            assert not (await raw(port, b"\x16\x03\x01")).startswith(b"HTTP")
            monkeypatch.setattr(http_page, "REQUEST_SECONDS", 60)
            slow = asyncio.ensure_future(raw(port, b"GET /rocketmq/nsaddr", client_context_by({}, "here")))
            assert controller.address_server is not None
            visitors = controller.address_server._visitors
            await until(lambda: any(visitor._head for visitor in visitors))
            next(visitor for visitor in visitors if visitor._head)._too_slow()
            assert (await slow).startswith(b"HTTP/1.1 408 ")

    asyncio.run(main())


def test_half_a_handshake_and_rubbish_hold_nobody_up(run: Run, tmp_path: Path) -> None:
    async def main() -> None:
        async with (
            serving(tmp_path, tls=TlsSystemConfig(**ENFORCED), addressServerAddresses="a:1") as controller,
            contextlib.AsyncExitStack() as strangers,
        ):
            port = controller.config.addressServerPort
            for data in (b"", b"\x16", b"\x16\x03\x01\x02\x00", b"\x16\x03\x01\x00\x05hello"):
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                strangers.callback(writer.close)
                writer.write(data)
            assert await fetch_name_servers(page(controller), tls=context()) == ["a:1"]
            assert controller.address_server is not None
            visitors = controller.address_server._visitors
            await until(lambda: len(visitors) == 3)
        assert not visitors

    run(main())


def test_certificates_of_clients_are_asked_for_as_on_the_other_ports(run: Run, tmp_path: Path) -> None:
    asks = {
        "tlsServerNeedClientAuth": "require",
        "tlsServerAuthClient": True,
        "tlsServerTrustCertPath": str(FILES / "ca.pem"),
    }
    given = {"tls.client.certPath": str(FILES / "client.pem"), "tls.client.keyPath": str(FILES / "client.key")}

    async def main() -> None:
        async with serving(tmp_path, tls=TlsSystemConfig(**ENFORCED, **asks), addressServerAddresses="a:1") as server:
            assert await fetch_name_servers(page(server), tls=context(**given)) == ["a:1"]
            with pytest.raises(AddressServerError, match=r"CERTIFICATE_REQUIRED|reset|bytes|closed"):
                await fetch_name_servers(page(server), tls=context())

    run(main())


def test_a_renewed_certificate_is_given_to_who_comes_next(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rocketmq_ops.remoting.server.WATCH_INTERVAL_MS", 20)
    own = {key: shutil.copy(path, tmp_path) for key, path in OWN.items()}

    async def given(port: int) -> bytes:
        _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=client_context_by({}, "here"))
        try:
            return bytes(writer.get_extra_info("ssl_object").getpeercert(True))
        finally:
            writer.close()

    async def main() -> None:
        async with serving(tmp_path, tls=TlsSystemConfig(**own)) as controller:
            before = await given(controller.config.addressServerPort)
            for key, path in own.items():
                shutil.copy(FILES / ("client.pem" if key.endswith("CertPath") else "client.key"), path)
            async with asyncio.timeout(20):
                while await given(controller.config.addressServerPort) == before:  # noqa: ASYNC110
                    await asyncio.sleep(0.02)

    run(main())


# --- who reads an address server --------------------------------------------------------------------------------------


@pytest.fixture
def of_localhost(tmp_path: Path) -> dict[str, str]:
    """A certificate that is of localhost and signed by itself."""
    if shutil.which("openssl") is None:
        pytest.skip("needs openssl")
    certificate, key = tmp_path / "own.pem", tmp_path / "own.key"
    command = ["openssl", "req", "-x509", "-subj", "/CN=x", "-days", "30", "-nodes", "-newkey", "ec"]
    command += ["-pkeyopt", "ec_paramgen_curve:prime256v1", "-addext", "subjectAltName=DNS:localhost"]
    subprocess.run([*command, "-keyout", key, "-out", certificate], check=True, capture_output=True, timeout=30)
    return {"tlsServerCertPath": str(certificate), "tlsServerKeyPath": str(key)}


def test_without_a_setting_a_page_is_checked_as_browsers_do(
    tmp_path: Path, of_localhost: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def main() -> None:
        tls = TlsSystemConfig(tlsHttpMode="enforcing", **of_localhost)
        async with serving(tmp_path, tls=tls, addressServerAddresses="a:1") as controller:
            port = controller.config.addressServerPort
            with pytest.raises(AddressServerError, match="self-signed"):
                await fetch_name_servers(page_of(port, host="localhost"))
            monkeypatch.setitem(os.environ, "SSL_CERT_FILE", of_localhost["tlsServerCertPath"])
            assert await fetch_name_servers(page_of(port, host="localhost")) == ["a:1"]
            with pytest.raises(AddressServerError, match="IP address mismatch"):
                await fetch_name_servers(page_of(port))

    asyncio.run(main())


def test_our_commands_and_clients_read_it_by_their_setting_for_tls(tmp_path: Path) -> None:
    right, wrong = tmp_path / "right.properties", tmp_path / "wrong.properties"
    right.write_text("".join(f"{key}={value}\n" for key, value in CHECKED.items()))
    wrong.write_text(f"tls.client.authServer=true\ntls.client.trustCertPath={FILES / 'client.pem'}\n")

    async def main() -> None:
        async with serving(tmp_path, tls=TlsSystemConfig(tlsMode="enforcing", **ENFORCED)) as controller:
            for setting in (str(right), "true"):
                async with MQAdmin([page(controller)], 20_000, tls=setting) as admin:
                    assert await admin.cluster.info() is not None
                    assert admin.name_servers == [f"127.0.0.1:{controller.server.port}"]
            for setting in (str(wrong), None):
                async with MQAdmin([page(controller)], 20_000, tls=setting) as admin:
                    with pytest.raises(RocketMQError, match="TLS handshake failed: unable to get local issuer"):
                        await admin.cluster.info()

    asyncio.run(main())


@pytest.mark.parametrize("trusted", ["ca.pem", "client.pem"])
def test_a_broker_reads_it_by_its_own_keys(tmp_path: Path, trusted: str) -> None:
    keys = {"tlsClientAuthServer": True, "tlsClientTrustCertPath": str(FILES / trusted)}

    async def main() -> None:
        port = free_port()
        async with (
            serving(tmp_path / "n", tls=TlsSystemConfig(**ENFORCED), addressServerPort=port) as controller,
            running(
                tmp_path / "store",
                tls=keys,
                namesrvAddr=None,
                fetchNamesrvAddrByAddressServer=True,
                rmqAddressServerDomain=f"https://127.0.0.1:{port}",
            ) as session,
        ):
            found = session.broker.outer.name_servers
            assert found == ([f"127.0.0.1:{controller.server.port}"] if trusted == "ca.pem" else [])

    (tmp_path / "n").mkdir()
    asyncio.run(main())


# --- figures ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["permissive", "enforcing", "disabled"])
def test_the_pages_for_prometheus_of_both_servers(run: Run, tmp_path: Path, mode: str) -> None:
    pytest.importorskip("prometheus_client")
    keys: dict[str, Any] = {"metricsExporterType": "PROM", "metricsPromExporterPort": 0}
    tls: dict[str, Any] = {"tlsHttpMode": mode, **OWN}
    get = b"GET /metrics HTTP/1.1\r\n\r\n"

    async def main() -> None:
        async with (
            serving(tmp_path / "n", tls=TlsSystemConfig(**tls), addressServerPort=0, **keys) as controller,
            running(tmp_path / "store", tls=tls, **keys) as session,
        ):
            for server in (controller, session.broker):
                assert server.metrics is not None
                port = int(server.metrics.url.rpartition(":")[2].partition("/")[0])
                assert (b"rocketmq_" in await raw(port, get)) is (mode != "enforcing")
                if mode == "disabled":
                    with pytest.raises(OSError):
                        await raw(port, get, client_context_by({}, "here"))
                else:
                    assert b"rocketmq_" in await raw(port, get, client_context_by({}, "here"))

    (tmp_path / "n").mkdir()
    run(main())
