"""TLS of clients: which certificates are given and checked, and what a failure says."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from rocketmq_ops.client.api.session import Session
from rocketmq_ops.common.errors import RocketMQError
from rocketmq_ops.common.properties import NoSuchPropertiesError
from rocketmq_ops.remoting.client import RemotingClient
from rocketmq_ops.remoting.command import RemotingCommand
from rocketmq_ops.remoting.connecting import Connector
from rocketmq_ops.remoting.errors import RemotingConnectError
from rocketmq_ops.remoting.frame_codec import FrameDecoder, encode
from rocketmq_ops.remoting.tls import client_context
from rocketmq_ops.remoting.tls_suites import TlsError

FILES = Path(__file__).parent / "files" / "tls"
BODY = b"x" * 200_000


@contextlib.asynccontextmanager
async def serving(*, client_certificate: bool = False) -> AsyncIterator[str]:
    """The address of a server over TLS that sends a request's body back."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(FILES / "server.pem", FILES / "server.key")
    # With 1.3 a server refuses a client's certificate only after the client's part of the handshake.
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    if client_certificate:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(FILES / "ca.pem")

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        decoder = FrameDecoder()
        while data := await reader.read(65536):
            for request in decoder.feed(data):
                assert isinstance(request, RemotingCommand)
                writer.writelines(encode(request.reply(0, body=bytes(request.body_bytes))))
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    try:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()


async def asked(address: str, tls: str) -> bytes:
    async with RemotingClient(connector=Connector(tls=tls)) as client:
        answers = await asyncio.gather(
            *(client.invoke(address, RemotingCommand.request(1000, body=BODY), 20_000) for _ in range(3))
        )
        return bytes(answers[-1].body_bytes)


def properties(tmp_path: Path, **values: object) -> str:
    """A property file; `certPath=...` is `tls.client.certPath`."""
    path = tmp_path / "tls.properties"
    path.write_text("".join(f"tls.client.{key}={value}\n" for key, value in values.items()))
    return str(path)


def test_any_certificate_of_a_server_is_taken_unless_it_shall_be_checked(tmp_path: Path) -> None:
    async def main() -> None:
        async with serving() as address:
            assert await asked(address, "true") == BODY
            assert await asked(address, properties(tmp_path)) == BODY
            trusting = properties(tmp_path, authServer="true", trustCertPath=FILES / "ca.pem")
            assert await asked(address, trusting) == BODY
            other = properties(tmp_path, authServer="true", trustCertPath=FILES / "client.pem")
            with pytest.raises(
                RemotingConnectError, match=f"cannot connect to {address}: TLS handshake failed: unable"
            ):
                await asked(address, other)

    asyncio.run(main())


def test_the_certificate_of_a_server_can_be_looked_at() -> None:
    async def main() -> None:
        async with serving() as address, RemotingClient(connector=Connector(tls="true")) as client:
            session = Session(client, timeout_ms=20_000)
            assert session.certificate_of(address) is None
            await client.invoke(address, RemotingCommand.request(1000), 20_000)
            assert session.certificate_of(address) == ssl.PEM_cert_to_DER_cert((FILES / "server.pem").read_text())
            session.bound(2, ())
            assert session.certificate_of(address) is not None, "through the bound, too"

    asyncio.run(main())


@pytest.mark.parametrize(
    "key", [{"keyPath": "client.key"}, {"keyPath": "client-encrypted.key", "keyPassword": "keypass"}]
)
def test_a_server_that_asks_for_a_certificate_gets_it(key: dict[str, str], tmp_path: Path) -> None:
    given = {"certPath": FILES / "client.pem", **key, "keyPath": FILES / key["keyPath"]}

    async def main() -> None:
        async with serving(client_certificate=True) as address:
            assert await asked(address, properties(tmp_path, **given)) == BODY
            with pytest.raises(RemotingConnectError, match=r"TLS handshake failed|it was closed meanwhile"):
                await asked(address, "true")

    asyncio.run(main())


def test_a_server_without_tls_is_named() -> None:
    async def main() -> None:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"plain text\n")
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        with pytest.raises(RemotingConnectError, match=r"cannot connect to .*TLS handshake failed"):
            await asked(f"127.0.0.1:{server.sockets[0].getsockname()[1]}", "true")
        server.close()

    asyncio.run(main())


def test_settings_that_cannot_be_used(tmp_path: Path) -> None:
    wrong: list[tuple[dict[str, object], str]] = [
        ({"certPath": FILES / "client.pem"}, "only one of"),
        ({"certPath": tmp_path / "none", "keyPath": FILES / "client.key"}, "cannot use the certificate .*No such file"),
        ({"certPath": FILES / "client.pem", "keyPath": FILES / "server.key"}, "KEY_VALUES_MISMATCH"),
        ({"certPath": FILES / "client.pem", "keyPath": FILES / "client-encrypted.key"}, "cannot use the certificate"),
        ({"authServer": "true", "trustCertPath": tmp_path / "none"}, "trustCertPath: No such file"),
    ]
    for values, said in wrong:
        with pytest.raises(TlsError, match=said) as caught:
            client_context(properties(tmp_path, **values))
        assert caught.value.next_step
    with pytest.raises(NoSuchPropertiesError):
        client_context(str(tmp_path / "not-there"))
    with pytest.raises(RocketMQError):
        Connector(tls=str(tmp_path / "not-there"))


def test_test_mode_ignores_certificates_as_apaches_does(tmp_path: Path) -> None:
    path = tmp_path / "tls.properties"
    path.write_text("tls.test.mode.enable=true\ntls.client.authServer=true\ntls.client.trustCertPath=/not/there\n")
    assert client_context(str(path)).verify_mode is ssl.CERT_NONE
