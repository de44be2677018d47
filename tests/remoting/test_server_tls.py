"""TLS of servers: which connections are let in, by which certificates, and what strangers can do to it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import shutil
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest

from rocketmq_ops.remoting import self_signed, server_tls, ssl_handler
from rocketmq_ops.remoting.channel import Channel
from rocketmq_ops.remoting.client import RemotingClient
from rocketmq_ops.remoting.command import RemotingCommand
from rocketmq_ops.remoting.config import NettyServerConfig
from rocketmq_ops.remoting.connecting import Connector
from rocketmq_ops.remoting.errors import RemotingConnectError, RemotingError
from rocketmq_ops.remoting.frame_codec import FrameDecoder, encode
from rocketmq_ops.remoting.server import RemotingServer
from rocketmq_ops.remoting.server_certificates import ServerCertificates
from rocketmq_ops.remoting.tls import client_context_by
from rocketmq_ops.remoting.tls_suites import TlsError
from rocketmq_ops.remoting.tls_system_config import TlsSystemConfig

FILES = Path(__file__).parent / "files" / "tls"
OWN = {"tlsServerCertPath": str(FILES / "server.pem"), "tlsServerKeyPath": str(FILES / "server.key")}
Run = Callable[[Coroutine[Any, Any, None]], None]


class Served(RemotingServer):
    """Echoes under code 1000, and keeps what it was asked."""

    def __init__(self, tls: TlsSystemConfig, **options: Any) -> None:
        super().__init__(NettyServerConfig(bindAddress="127.0.0.1", listenPort=0), tls, **options)
        self.asked: list[bytes] = []
        self.register(1000, None, self._echo)

    def _echo(self, channel: Channel, request: RemotingCommand, header: None) -> RemotingCommand:
        self.asked.append(bytes(request.body_bytes))
        return request.reply(0, body=bytes(request.body_bytes))

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"


@contextlib.asynccontextmanager
async def serving(mode: str = "permissive", **tls: Any) -> AsyncIterator[Served]:
    server = Served(TlsSystemConfig(tlsMode=mode, **tls))  # type: ignore[arg-type]
    await server.start()
    try:
        yield server
    finally:
        await server.stop()


async def ask(server: Served, tls: str | ssl.SSLContext | None, body: bytes = b"x") -> bytes:
    async with RemotingClient(connector=Connector(tls=tls)) as client:
        answer = await client.invoke(server.address, RemotingCommand.request(1000, body=body), 20_000)
        return bytes(answer.body_bytes)


def client(**properties: object) -> ssl.SSLContext:
    """`certPath=...` is `tls.client.certPath`."""
    return client_context_by({f"tls.client.{key}": str(value) for key, value in properties.items()}, "here")


def frame(body: bytes = b"x") -> bytes:
    return b"".join(encode(RemotingCommand.request(1000, body=body)))


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.002)


async def end_of(reader: asyncio.StreamReader) -> bytes:
    """What comes until the server closes the connection."""
    async with asyncio.timeout(20):
        with contextlib.suppress(ConnectionError):
            return await reader.read()
    return b""


# --- modes ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("given", [OWN, {}])
def test_one_port_takes_both_kinds_of_connections(run: Run, given: dict[str, str]) -> None:
    async def main() -> None:
        async with serving(**given) as server:
            for size in (0, 1, ssl_handler.RECORD_BYTES, 3_000_000):
                body = os.urandom(size)
                assert await ask(server, None, body) == body
                assert await ask(server, "true", body) == body
            assert server.tls is not None and server.tls.failed_handshakes == 0

    run(main())


def test_enforcing_refuses_plain_before_anything_is_acted_on(run: Run, caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        async with serving("enforcing", **OWN) as server:
            for data in (frame(), frame()[:1], b"\0", b"GET / HTTP/1.0\r\n\r\n"):
                reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
                writer.write(data)
                assert await end_of(reader) == b""
                writer.close()
            assert server.asked == []
            assert await ask(server, "true") == b"x"
            assert server.tls is not None and server.tls.refused_connections == 4

    run(main())
    assert len([line for line in caplog.messages if "tls.server.mode=enforcing" in line]) == 1, "once in a while"


def test_disabled_takes_no_tls(run: Run) -> None:
    async def main() -> None:
        async with serving("disabled") as server:
            assert server.tls is None
            assert await ask(server, None) == b"x"
            with pytest.raises(RemotingConnectError, match=r"TLS handshake failed|closed|reset"):
                await ask(server, "true")

    run(main())


def test_a_hello_that_comes_byte_by_byte(run: Run) -> None:
    async def main() -> None:
        async with serving(**OWN) as server:
            incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
            tls = client().wrap_bio(incoming, outgoing)
            with pytest.raises(ssl.SSLWantReadError):
                tls.do_handshake()
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
            for byte in outgoing.read():
                writer.write(bytes([byte]))
                await asyncio.sleep(0)
            while True:
                with contextlib.suppress(ssl.SSLWantReadError):
                    tls.do_handshake()
                    break
                incoming.write(await reader.read(65536))
            tls.write(frame(b"whole"))
            writer.write(outgoing.read())
            await until(lambda: server.asked)
            assert server.asked == [b"whole"]
            writer.close()

    run(main())


# --- certificates -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("asked", ["require", "optional"])
def test_certificates_of_clients_are_checked(run: Run, asked: str) -> None:
    checked = {
        "tlsServerNeedClientAuth": asked,
        "tlsServerAuthClient": True,
        "tlsServerTrustCertPath": str(FILES / "ca.pem"),
    }

    async def main() -> None:
        async with serving("enforcing", **OWN, **checked) as server:
            own = client(certPath=FILES / "client.pem", keyPath=FILES / "client.key")
            assert await ask(server, own) == b"x"
            without = contextlib.nullcontext() if asked == "optional" else pytest.raises(RemotingError)
            with without:
                assert await ask(server, "true") == b"x"
            assert len(server.asked) == (2 if asked == "optional" else 1)

    run(main())


def test_a_certificate_of_another_authority_is_refused(run: Run, tmp_path: Path) -> None:
    checked = {
        "tlsServerNeedClientAuth": "REQUIRE",
        "tlsServerAuthClient": True,
        "tlsServerTrustCertPath": OWN["tlsServerCertPath"],
    }

    async def main() -> None:
        async with serving("enforcing", **OWN, **checked) as server:
            with pytest.raises(RemotingError):
                await ask(server, client(certPath=FILES / "client.pem", keyPath=FILES / "client.key"))
            assert server.asked == []
            assert server.tls is not None
            await until(lambda: server.tls is not None and server.tls.failed_handshakes)

    run(main())


def test_a_key_with_a_password(run: Run) -> None:
    async def main() -> None:
        key = {"tlsServerKeyPath": str(FILES / "client-encrypted.key"), "tlsServerKeyPassword": "keypass"}
        async with serving(tlsServerCertPath=str(FILES / "client.pem"), **key) as server:
            assert await ask(server, "true") == b"x"

    run(main())


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"tlsServerCertPath": "/not/there"}, "cannot use the certificate /not/there with the key .*No such file"),
        ({"tlsServerKeyPath": str(FILES / "client.key")}, "KEY_VALUES_MISMATCH"),
        ({"tlsServerKeyPath": str(FILES / "client-encrypted.key")}, "cannot use the certificate"),
        ({"tlsServerCertPath": __file__}, r"cannot use the certificate .+ with the key .+: not in PEM form$"),
        (
            {"tlsServerNeedClientAuth": "require", "tlsServerAuthClient": True, "tlsServerTrustCertPath": "/none"},
            "the certificates /none of tls.server.trustCertPath: No such file",
        ),
    ],
)
def test_certificates_that_cannot_be_used(given: dict[str, Any], said: str) -> None:
    with pytest.raises(TlsError, match=said) as caught:
        ServerCertificates(TlsSystemConfig(**{**OWN, **given}))
    assert caught.value.next_step


@pytest.fixture
def copied(tmp_path: Path) -> Iterator[dict[str, str]]:
    """A server's certificate and key that may be changed."""
    for name in ("server.pem", "server.key"):
        shutil.copy(FILES / name, tmp_path)
    yield {key: str(tmp_path / Path(path).name) for key, path in OWN.items()}


def replace(path: str, text: str) -> None:
    """Put a file in place of another, as who renews certificates does."""
    new = Path(path + ".new")
    new.write_text(text)
    new.replace(path)


def test_renewed_certificates_are_read_and_rubbish_is_not(
    run: Run, copied: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    """The rubbish leaves the former in force, as does a certificate whose key has not come yet."""
    caplog.set_level(logging.INFO)
    certificate, key = copied.values()

    async def main() -> None:
        async with serving("enforcing", **copied) as server:

            async def given() -> bytes | None:
                async with RemotingClient(connector=Connector(tls="true")) as client:
                    await client.invoke(server.address, RemotingCommand.request(1000), 20_000)
                    return client.peer_certificate(server.address)

            def said(what: str) -> int:
                return sum(what in line for line in caplog.messages)

            old = ssl.PEM_cert_to_DER_cert((FILES / "server.pem").read_text())
            new = ssl.PEM_cert_to_DER_cert((FILES / "client.pem").read_text())
            async with RemotingClient(connector=Connector(tls="true")) as staying:
                await staying.invoke(server.address, RemotingCommand.request(1000), 20_000)
                open_before = staying.channel(server.address)
                replace(certificate, "rubbish")
                await until(lambda: said("the former ones stay in use") == 1)
                assert await given() == old
                os.unlink(certificate)
                assert await given() == old
                replace(certificate, (FILES / "client.pem").read_text())
                await until(lambda: said("the former ones stay in use") == 2)
                assert await given() == old
                replace(key, (FILES / "client.key").read_text())
                await until(lambda: said("certificates read again"))
                assert await given() == new
                await staying.invoke(server.address, RemotingCommand.request(1000), 20_000)
                assert staying.channel(server.address) is open_before

    run(main())


def test_a_renewed_certificate_with_the_same_key_is_read(copied: dict[str, str]) -> None:
    certificates = ServerCertificates(TlsSystemConfig(**copied))  # type: ignore[arg-type]
    before = certificates.context
    certificates.look()
    assert certificates.context is before, "nothing has changed"
    certificate = copied["tlsServerCertPath"]
    replace(certificate, Path(certificate).read_text() + "\n")
    certificates.look()
    assert certificates.context is not before


@pytest.mark.parametrize("place", ["file", "configuration"])
def test_what_connects_reads_renewed_certificates_and_no_rubbish(run: Run, tmp_path: Path, place: str) -> None:
    certificate, key = str(tmp_path / "own.pem"), str(tmp_path / "own.key")
    Path(certificate).write_text((FILES / "server.pem").read_text())
    Path(key).write_text((FILES / "server.key").read_text())
    properties = tmp_path / "tls.properties"
    properties.write_text(f"tls.client.certPath={certificate}\ntls.client.keyPath={key}\n")
    checked = {
        "tlsServerNeedClientAuth": "require",
        "tlsServerAuthClient": True,
        "tlsServerTrustCertPath": str(FILES / "ca.pem"),
    }
    if place == "file":
        connector = Connector(tls=str(properties))
    else:
        connector = TlsSystemConfig(tlsClientCertPath=certificate, tlsClientKeyPath=key).connector()

    async def main() -> None:
        async with serving("enforcing", **OWN, **checked) as server:
            server.register(1001, None, lambda channel, request, _: request.reply(0, body=channel.peer_certificate))

            async def given() -> bytes:
                async with RemotingClient(connector=connector) as client:
                    answer = await client.invoke(server.address, RemotingCommand.request(1001), 20_000)
                    return bytes(answer.body_bytes)

            old = ssl.PEM_cert_to_DER_cert((FILES / "server.pem").read_text())
            new = ssl.PEM_cert_to_DER_cert((FILES / "client.pem").read_text())
            assert await given() == old
            replace(certificate, (FILES / "client.pem").read_text())
            assert await given() == old, "its key has not come yet"
            replace(key, (FILES / "client.key").read_text())
            assert await given() == new
            replace(certificate, "rubbish")
            assert await given() == new
            os.unlink(certificate)
            assert await given() == new

    run(main())


# --- the certificate of the test mode -----------------------------------------------------------------------------------


def test_a_certificate_is_made_once_and_when_it_is_needed(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    made = []
    make = self_signed.self_signed_context
    monkeypatch.setattr(self_signed, "self_signed_context", lambda: made.append(1) or make())

    async def main() -> None:
        async with serving() as server:
            assert await ask(server, None) == b"x"
            assert made == []
            assert await asyncio.gather(*(ask(server, "true") for _ in range(5))) == [b"x"] * 5
            assert await ask(server, "true") == b"x"
            assert made == [1]

    run(main())


def test_without_openssl_plain_connections_are_served_and_those_with_tls_are_told(
    run: Run, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    async def main() -> None:
        async with serving() as server:
            with pytest.raises(RemotingError):
                await ask(server, "true")
            assert await ask(server, None) == b"x"

    run(main())
    assert "a connection with TLS is refused: cannot make a certificate with the command openssl" in caplog.text
    with pytest.raises(TlsError, match="command openssl: No such file") as caught:
        ServerCertificates(TlsSystemConfig(), now=True)
    assert "install openssl" in caught.value.next_step


def test_openssl_that_fails_is_quoted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    failing = tmp_path / "openssl"
    failing.write_text("#!/bin/sh\necho 'first' >&2\necho 'no such curve' >&2\nexit 1\n")
    failing.chmod(0o700)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(TlsError, match="openssl cannot make a certificate: no such curve"):
        self_signed.self_signed_context()


# --- strangers --------------------------------------------------------------------------------------------------------


def test_a_handshake_that_stalls_is_cut(
    run: Run, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(server_tls, "HANDSHAKE_TIMEOUT_MS", 50)

    async def main() -> None:
        async with serving(**OWN) as server:
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
            writer.write(b"\x16\x03\x01")
            assert await end_of(reader) == b""
            writer.close()
            await until(lambda: not server.channels)
            assert server.tls is not None and server.tls.failed_handshakes == 1
            assert await ask(server, "true") == b"x"

    run(main())
    assert "it took more than 50 ms" in caplog.text


def hello() -> bytes:
    """The first bytes of a client."""
    outgoing = ssl.MemoryBIO()
    with pytest.raises(ssl.SSLWantReadError):
        client().wrap_bio(ssl.MemoryBIO(), outgoing).do_handshake()
    return outgoing.read()


@pytest.mark.parametrize(
    "data",
    [
        b"\x16" + b"\xff" * 40,
        b"\x16\x03\x01\x00\x02\x01\x00",
        b"\x16\x03\x01" + frame(),
        hello()[:60] + b"\0" * 600,
        hello() + frame(),
        hello() + b"\x17\x03\x03\x00\x05abcde",
        b"\x16\x03\x01\x3f\xff\x01\x01\xff\xfc" + b"\0" * (ssl_handler.MAX_HANDSHAKE_BYTES + 1),
    ],
    ids=["noise", "short", "a frame", "cut", "a frame behind", "data behind", "without end"],  # each hello is another
)
def test_what_is_no_handshake_learns_nothing(run: Run, data: bytes, caplog: pytest.LogCaptureFixture) -> None:
    """The server ends it, with an alert of TLS at most, and says it in one line without a stack trace."""

    async def main() -> None:
        async with serving(**OWN) as server:
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
            writer.write(data)
            writer.write_eof()
            answer = await end_of(reader)
            writer.close()
            assert not answer or answer[0] in (0x15, 0x16, 0x14, 0x17), answer[:40]
            await until(lambda: not server.channels)
            assert server.asked == [] and server.tls is not None and server.tls.failed_handshakes == 1
            assert await ask(server, None) == b"x"

    run(main())
    assert len([record for record in caplog.records if record.levelno >= logging.WARNING]) == 1
    assert "Traceback" not in caplog.text


def test_half_handshakes_count_as_connections_and_are_bounded(run: Run) -> None:
    """Beyond the limit connections are refused; with the strangers gone everything is given back."""

    async def main() -> None:
        server = Served(TlsSystemConfig(**OWN), max_connections=200)  # type: ignore[arg-type]
        await server.start()
        first, strangers = hello(), []
        for _ in range(200):
            strangers.append(await asyncio.open_connection("127.0.0.1", server.port))
            strangers[-1][1].write(first)
        for reader, _ in strangers:
            assert (await reader.read(1))[0] == 0x16
        with pytest.raises(RemotingError):
            await ask(server, "true")
        assert server.refused_connections >= 1
        for _, writer in strangers:
            writer.transport.abort()
        await until(lambda: not server.channels)
        assert await ask(server, "true") == b"x"
        assert server.tls is not None and not server.tls._handshakes
        await server.stop()

    run(main())


def test_many_that_begin_at_once_let_others_have_their_turn(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """A handshake costs a server about a ms: of those that come together each turn of the loop begins a few."""
    monkeypatch.setattr(server_tls, "TURN_SECONDS", 0.0)
    turn, begun = 0, []
    answered = ssl_handler.SslHandler.data_received

    def noted(handler: ssl_handler.SslHandler, data: bytes) -> None:
        begun.append(turn)
        answered(handler, data)

    monkeypatch.setattr(ssl_handler.SslHandler, "data_received", noted)

    async def main() -> None:
        loop = asyncio.get_running_loop()

        def count() -> None:
            nonlocal turn
            turn += 1
            loop.call_soon(count)

        async with serving(**OWN) as server:
            strangers = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(20)]
            await until(lambda: len(server.channels) == 20)
            first = hello()
            for stranger in strangers:
                stranger.sendall(first)
            strangers.pop().close()
            count()
            await until(lambda: len(begun) >= 19)
            assert len(set(begun)) == len(begun), "one in each turn, for there is no time for more"
            for stranger in strangers:
                assert (await asyncio.to_thread(stranger.recv, 1))[0] == 0x16
                stranger.close()
            await until(lambda: not server.channels)
            assert await ask(server, "true") == b"x"

    run(main())


def test_half_handshakes_count_in_what_connections_hold(run: Run) -> None:
    async def main() -> None:
        async with serving(**OWN) as server:
            _, writer = await asyncio.open_connection("127.0.0.1", server.port)
            writer.write(hello())
            await until(lambda: sum(channel.held_bytes() for channel in server.channels) > 40_000)
            writer.transport.abort()
            async with RemotingClient(connector=Connector(tls="true")) as client:
                await client.invoke(server.address, RemotingCommand.request(1000), 20_000)
                await until(lambda: sum(channel.held_bytes() for channel in server.channels) == 0)

    run(main())


def test_broken_records_end_a_connection(run: Run, caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        async with serving(**OWN) as server:
            tls, raw = await asyncio.to_thread(connected, server.port)
            await asyncio.to_thread(raw.sendall, b"\x17\x03\x03\x00\x20" + b"\0" * 32)
            await until(lambda: not server.channels)
            assert server.asked == []
            raw.close()
            tls.close()

    run(main())
    assert "Traceback" not in caplog.text


def connected(port: int) -> tuple[ssl.SSLSocket, socket.socket]:
    """A connection with TLS, and a second handle of its socket, for what is not TLS."""
    plain = socket.create_connection(("127.0.0.1", port), 20)
    raw = plain.dup()
    return client().wrap_socket(plain), raw


# --- as any connection --------------------------------------------------------------------------------------------------


def test_who_reads_nothing_is_read_no_more(run: Run) -> None:
    """Back-pressure: of 200 requests whose answers nobody reads only a part is handled."""

    async def main() -> None:
        async with serving(**OWN) as server:
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port, ssl=client(), limit=1024)
            for _ in range(200):
                writer.write(frame(b"y" * 200_000))
            await until(lambda: any(channel._write_paused for channel in server.channels))
            (channel,) = server.channels
            seen = len(server.asked)
            assert 0 < seen < 200 and channel.held_bytes() > 0
            decoder, answers = FrameDecoder(), 0
            async with asyncio.timeout(60):
                while answers < 200:
                    answers += sum(1 for _ in decoder.feed(await reader.read(65536)))
            assert len(server.asked) == 200
            writer.close()

    run(main())


def test_an_answer_comes_before_the_end_of_who_has_finished_sending(run: Run) -> None:
    """A request and TLS's word of the end in one write."""

    async def main() -> None:
        async with serving(**OWN) as server:
            tls, raw = await asyncio.to_thread(connected, server.port)

            def talk() -> bytes:
                tls.sendall(frame(b"last"))
                with contextlib.suppress(OSError):
                    raw.shutdown(socket.SHUT_WR)
                found = b""
                while part := tls.recv(65536):
                    found += part
                return found

            assert b"last" in await asyncio.to_thread(talk)
            tls.close()
            raw.close()
            await until(lambda: not server.channels)

    run(main())


def test_the_server_says_the_end(run: Run) -> None:
    """With TLS's word, so that a client can tell it from a cut."""

    async def main() -> None:
        async with serving(**OWN) as server:
            tls, raw = await asyncio.to_thread(connected, server.port)
            raw.close()
            tls.suppress_ragged_eofs = False
            await server.stop()
            assert await asyncio.to_thread(tls.recv, 10) == b""
            tls.close()

    run(main())


@pytest.mark.parametrize(
    ("mode", "other", "said"),
    [
        ("enforcing", "permissive", True),
        ("enforcing", "disabled", True),
        ("enforcing", "enforcing", False),
        ("permissive", "permissive", False),
    ],
)
def test_a_port_that_enforcing_is_not_for_is_said(
    caplog: pytest.LogCaptureFixture, mode: Any, other: str, said: bool
) -> None:
    server = Served(TlsSystemConfig(tlsMode=mode, **OWN))
    assert caplog.text == ""
    server.secure_port("tls.other.mode", other)
    assert ("tls.other.mode=enforcing refuses them there too" in caplog.text) is said
