"""Replication over TLS: pairs of ours, who is refused, and that Apache's, which have none, are served as before."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from rocketmq_ops.broker.controller import BrokerController
from rocketmq_ops.broker.ha import ha_service, master_link
from rocketmq_ops.broker.ha.wire import TLS_WANTED
from rocketmq_ops.common.config import ConfigValueError
from rocketmq_ops.remoting import server_tls
from rocketmq_ops.remoting.bodies import KVTable
from rocketmq_ops.remoting.codes import RequestCode, ResponseCode
from rocketmq_ops.remoting.tls import client_context_by
from rocketmq_ops.remoting.tls_system_config import TlsSystemConfig
from tests.broker.ha.pairs import SYNC, Pair, assert_alike, caught_up, log_bytes, until
from tests.broker.ha.test_wire import FakeSlave, fake_slave
from tests.broker.support import Session

FILES = Path(__file__).parents[2] / "remoting" / "files" / "tls"
OWN = {"tlsServerCertPath": str(FILES / "server.pem"), "tlsServerKeyPath": str(FILES / "server.key")}
ENFORCED: dict[str, Any] = {"tlsHaMode": "enforcing", **OWN}
#: A slave that checks its master's certificate.
CHECKS: dict[str, Any] = {
    "tlsHaEnable": True, "tlsClientAuthServer": True, "tlsClientTrustCertPath": str(FILES / "ca.pem"),
}  # fmt: skip
GIVES = {"tlsClientCertPath": str(FILES / "client.pem"), "tlsClientKeyPath": str(FILES / "client.key")}
ASKS = {
    "tlsServerNeedClientAuth": "require", "tlsServerAuthClient": True, "tlsServerTrustCertPath": str(FILES / "ca.pem"),
}  # fmt: skip
Run = Callable[[Coroutine[Any, Any, None]], None]


def problem_of(slave: BrokerController) -> str:
    assert slave.ha.client is not None
    return slave.ha.client.problem


@contextlib.asynccontextmanager
async def slave_of(
    replication: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]], folder: Path
) -> AsyncIterator[BrokerController]:
    """A slave that wants TLS, of a master whose port for slaves another has in its place."""
    server = await asyncio.start_server(replication, "127.0.0.1", 0)
    async with Pair(folder) as pair:
        await pair.start_master()
        place = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
        slave = await pair.start_slave(haMasterAddress=place, tls={"tlsHaEnable": True})
        yield slave
        await slave.stop()
    server.close()


async def status_of(pair: Pair, slave: BrokerController) -> dict[str, str]:
    answer = await Session(slave, pair.client).ask(RequestCode.GET_BROKER_RUNTIME_INFO)
    return KVTable.decode(answer.body_bytes).table


async def send(pair: Pair, master: Any, count: int = 5) -> None:
    for at in range(count):
        assert (await master.send("T", b"%d" % at * 300)).code == ResponseCode.SUCCESS


def cut(master: BrokerController) -> None:
    """Cut the connections of all slaves."""
    for connection in list(master.ha.connections):
        connection.abort()


@contextlib.asynccontextmanager
async def tls_slave(pair: Pair, **properties: str) -> Any:
    """A slave made of bytes alone that begins its handshake at once."""
    context = client_context_by({f"tls.client.{key}": value for key, value in properties.items()}, "here")
    port = pair.master.store_config.haListenPort
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
    try:
        yield FakeSlave(reader, writer)
    finally:
        writer.close()


# --- pairs of ours ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("certificates", [False, True], ids=["", "with certificates of slaves"])
def test_a_pair_replicates_over_tls_and_goes_on_after_a_cut(run: Run, tmp_path: Path, *, certificates: bool) -> None:
    async def main() -> None:
        async with Pair(tmp_path, **SYNC) as pair:
            master = await pair.start_master(tls=ENFORCED | (ASKS if certificates else {}))
            assert (await master.send("T")).code == ResponseCode.SLAVE_NOT_AVAILABLE
            slave = await pair.start_slave(tls=CHECKS | (GIVES if certificates else {}))
            await caught_up(pair.master, slave)
            await send(pair, master)
            assert pair.master.ha.connections[0].is_secured
            assert (await status_of(pair, slave))["haTls"] == "true"
            cut(pair.master)
            await until(lambda: not pair.master.ha.connections)
            await until(lambda: pair.master.ha.connections)
            await send(pair, master)
            assert pair.master.ha.connections[0].is_secured
            await caught_up(pair.master, slave)
            assert_alike(pair.master, slave)
            assert problem_of(slave) == ""

    run(main())


def test_much_at_once_and_frames_of_every_size(run: Run, tmp_path: Path) -> None:
    async def main() -> None:
        async with Pair(tmp_path, haTransferBatchSize=70_000) as pair:
            master = await pair.start_master(tls=ENFORCED)
            slave = await pair.start_slave(tls=CHECKS)
            for size in (0, 1, 16_384, 16_385, 100_000, *([60_000] * 30)):
                await master.send("T", bytes(size))
            await caught_up(pair.master, slave)
            assert_alike(pair.master, slave)

    run(main())


def test_a_renewed_certificate_is_given_to_the_next_connection_and_open_ones_go_on(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rocketmq_ops.remoting.server.WATCH_INTERVAL_MS", 20)

    own = {key: shutil.copy(path, tmp_path) for key, path in OWN.items()}

    async def main() -> None:
        async with Pair(tmp_path, **SYNC) as pair:
            master = await pair.start_master(tls={"tlsHaMode": "enforcing", **own})
            await pair.start_slave(tls=CHECKS)
            await until(lambda: pair.master.ha.connections)
            (before,) = pair.master.ha.connections
            assert pair.master.ha._tls is not None
            context = pair.master.ha._tls.context
            for key, path in own.items():
                name = "client.pem" if key.endswith("CertPath") else "client.key"
                shutil.copy(FILES / name, path)
            await until(lambda: pair.master.ha._tls is not None and pair.master.ha._tls.context is not context)
            await send(pair, master)
            assert pair.master.ha.connections == [before]
            cut(pair.master)
            await until(lambda: pair.master.ha.connections and before not in pair.master.ha.connections)
            await send(pair, master)
            async with tls_slave(pair) as stranger:
                given = stranger.writer.get_extra_info("ssl_object").getpeercert(True)
            assert given == ssl.PEM_cert_to_DER_cert((FILES / "client.pem").read_text())

    run(main())


# --- who gets no TLS, and says why ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("master_tls", "slave_tls", "said"),
    [
        (
            ENFORCED,
            CHECKS | {"tlsClientTrustCertPath": str(FILES / "client.pem")},
            "unable to get local issuer certificate; look at the tls.client.* keys",
        ),
        (ENFORCED | ASKS, CHECKS, "CERTIFICATE_REQUIRED; look at the tls.client.* keys"),
        ({"tlsHaMode": "disabled"}, {"tlsHaEnable": True}, "it has not agreed to TLS; the master's log says why"),
        (ENFORCED, {"tlsHaEnable": False}, "where it takes TLS alone, set tls.ha.enable=true"),
    ],
    ids=["another CA", "no certificate of its own", "no TLS there", "plain"],
)
def test_a_slave_that_gets_no_tls_says_why_and_replicates_nothing(
    run: Run,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    master_tls: dict[str, Any],
    slave_tls: dict[str, Any],
    said: str,
) -> None:
    monkeypatch.setattr(master_link, "_CONNECT_TIMEOUT_S", 1.0)

    async def main() -> None:
        async with Pair(tmp_path, **SYNC) as pair:
            master = await pair.start_master(tls=master_tls)
            slave = await pair.start_slave(tls=slave_tls)
            await until(lambda: said in problem_of(slave))
            assert (await status_of(pair, slave))["haProblem"] == problem_of(slave)
            assert (await master.send("T")).code == ResponseCode.SLAVE_NOT_AVAILABLE
            assert slave.store.max_phy_offset == 0

    run(main())


def test_a_master_of_apaches_is_sent_nothing_that_it_takes_for_a_report(run: Run, tmp_path: Path) -> None:
    """Its SYNC_MASTER would take all for replicated that lies before the offset that the first 8 bytes make."""
    got: list[bytes] = []

    async def main() -> None:
        async def apache(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            got.append(await reader.read())
            writer.close()

        async with slave_of(apache, tmp_path) as slave:
            await until(lambda: "one of Apache's has no TLS there: tls.ha.enable=false" in problem_of(slave))
            await until(lambda: got)

    run(main())
    assert set(got) == {TLS_WANTED} and len(TLS_WANTED) < struct.calcsize(">q")


@pytest.mark.parametrize("answer", [TLS_WANTED + b"x", b"x", struct.pack(">qi", 0, 0)])
def test_what_is_no_agreement_is_none(run: Run, tmp_path: Path, answer: bytes) -> None:
    async def main() -> None:
        async def other(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(answer)
            with contextlib.suppress(ConnectionError):
                assert await reader.read() == TLS_WANTED
            writer.close()

        async with slave_of(other, tmp_path) as slave:
            await until(lambda: "it has not agreed to TLS" in problem_of(slave))

    run(main())


# --- what comes to a master -------------------------------------------------------------------------------------------


def test_enforcing_refuses_plain_before_anything_is_acted_on(
    run: Run, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        async with Pair(tmp_path, **SYNC, haAllowedAddresses="127.0.0.1") as pair:
            master = await pair.start_master(tls=ENFORCED)
            await master.send("T")
            end = pair.master.store.max_phy_offset
            for data in (struct.pack(">q", 0), struct.pack(">q", end), b"\0", b"\xff" * 8, b"GET / HTTP/1.1\r\n\r\n"):
                async with fake_slave(pair) as slave:
                    slave.writer.write(data)
                    assert await slave.is_closed()
                async with fake_slave(pair) as slave:
                    slave.writer.write(TLS_WANTED)
                    assert await slave.reader.readexactly(1) == TLS_WANTED
                    slave.writer.write(data)
                    assert await slave.is_closed()
            assert pair.master.ha.acked(1) == -1 and not pair.master.ha.connections
            assert (await master.send("T")).code == ResponseCode.SLAVE_NOT_AVAILABLE
            assert pair.master.ha._tls is not None and pair.master.ha._tls.refused_connections == 10

    run(main())
    (line,) = [line for line in caplog.messages if "tls.ha.mode=enforcing" in line]
    assert "set tls.ha.enable=true at that slave" in line and "tls.ha.mode=permissive" in line


@pytest.mark.parametrize("mode", ["permissive", "disabled"])
@pytest.mark.parametrize("silent", [False, True], ids=["", "silent at first"])
def test_a_plain_slave_such_as_apaches_is_served_as_before(
    run: Run, tmp_path: Path, mode: str, *, silent: bool
) -> None:
    async def main() -> None:
        async with Pair(tmp_path, **SYNC) as pair:
            master = await pair.start_master(tls={"tlsHaMode": mode, **OWN})
            await master.send("T")
            end = pair.master.store.max_phy_offset
            async with fake_slave(pair) as slave:
                if silent:  # Apache's reports up to 5 s after it has connected
                    await asyncio.sleep(0.1)
                slave.report(0)
                assert b"".join(data for _, data in await slave.frames_until(end)) == log_bytes(pair.master.store)
                slave.report(end)
                await until(lambda: pair.master.ha.acked(1) == end)
                sending = asyncio.ensure_future(master.send("T"))
                (frame,) = await slave.frames_until(end + 1)
                slave.report(frame[0] + len(frame[1]))
                assert (await sending).code == ResponseCode.SUCCESS

    run(main())


def test_one_port_takes_both_kinds_of_slaves(run: Run, tmp_path: Path) -> None:
    async def main() -> None:
        async with Pair(tmp_path) as pair:
            master = await pair.start_master(tls=OWN)
            await send(pair, master)
            plain = await pair.start_slave("plain")
            secured = await pair.start_slave("secured", tls=CHECKS, brokerId=2)
            for slave in (plain, secured):
                await caught_up(pair.master, slave)
                assert_alike(pair.master, slave)
            assert sorted(slave.is_secured for slave in pair.master.ha.connections) == [False, True]
            async with tls_slave(pair) as slave:
                slave.report(0)
                await slave.frames_until(pair.master.store.max_phy_offset)

    run(main())


def test_disabled_says_what_a_slave_with_tls_needs(run: Run, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        async with Pair(tmp_path) as pair:
            await pair.start_master(tls={"tlsHaMode": "disabled"})
            with pytest.raises((OSError, EOFError)):
                async with tls_slave(pair):
                    pass
            assert not pair.master.ha.connections

    run(main())
    assert "it wants TLS, and tls.ha.mode is disabled here" in caplog.text


@pytest.mark.parametrize("beginning", [b"", b"\x16", b"\x16\x03\x01\x02\x00\x01", TLS_WANTED], ids=repr)
def test_half_a_handshake_keeps_no_slave_out(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, beginning: bytes
) -> None:
    """More strangers than there are places for slaves hang in the middle."""
    monkeypatch.setattr(ha_service, "MAX_SLAVES", 3)
    monkeypatch.setattr(server_tls, "HANDSHAKE_TIMEOUT_MS", 60_000)

    async def main() -> None:
        async with (
            Pair(tmp_path, **SYNC, haHousekeepingInterval=60_000) as pair,
            contextlib.AsyncExitStack() as strangers,
        ):
            master = await pair.start_master(tls=ENFORCED)
            port = pair.master.store_config.haListenPort
            for _ in range(8):  # at once, so that the master accepts many in one turn
                stranger = socket.create_connection(("127.0.0.1", port))
                strangers.callback(stranger.close)
                stranger.sendall(beginning)
            await until(lambda: pair.master.ha._newcomers)
            assert len(pair.master.ha._newcomers) <= 3
            ours = await pair.start_slave(tls=CHECKS)
            await caught_up(pair.master, ours)
            await until(lambda: len(pair.master.ha.connections) == 1)
            await send(pair, master)
            assert len(pair.master.ha._newcomers) <= 3

    run(main())


@pytest.mark.parametrize("rubbish", [b"\x16" + bytes(70_000), b"\x16\x03\x01\x00\x05hello" * 9, b"\x16\xff" * 40])
def test_hostile_handshakes_end_their_connection_alone(run: Run, tmp_path: Path, rubbish: bytes) -> None:
    async def main() -> None:
        async with Pair(tmp_path, **SYNC) as pair:
            master = await pair.start_master(tls=ENFORCED)
            ours = await pair.start_slave(tls=CHECKS)
            await caught_up(pair.master, ours)
            async with fake_slave(pair) as slave:
                slave.writer.write(rubbish)
                async with asyncio.timeout(10):
                    with contextlib.suppress(ConnectionError):
                        await slave.reader.read()
            await send(pair, master)
            assert pair.master.ha._tls is not None and pair.master.ha._tls.failed_handshakes == 1

    run(main())


def test_a_handshake_that_takes_too_long_is_cut(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_tls, "HANDSHAKE_TIMEOUT_MS", 50)

    async def main() -> None:
        async with Pair(tmp_path) as pair:
            await pair.start_master(tls=ENFORCED)
            async with fake_slave(pair) as slave:
                slave.writer.write(b"\x16\x03\x01")
                assert await slave.is_closed()
            assert not pair.master.ha._newcomers

    run(main())


# --- keys -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("keys", "modes", "with_tls"),
    [
        ({}, ("permissive", "permissive"), False),
        ({"tlsMode": "disabled"}, ("disabled", "disabled"), False),
        ({"tlsMode": "enforcing"}, ("permissive", "permissive"), False),
        ({"tlsMode": "disabled", "tlsHaMode": "enforcing"}, ("enforcing", "disabled"), True),
        ({"tlsHttpMode": "enforcing", "tlsHaEnable": True}, ("permissive", "enforcing"), True),
        ({"tlsHaMode": "enforcing", "tlsHaEnable": False}, ("enforcing", "permissive"), False),
    ],
)
def test_modes_that_are_not_set(keys: dict[str, Any], modes: tuple[str, str], *, with_tls: bool) -> None:
    config = TlsSystemConfig(**keys)
    assert (config.ha_mode, config.http_mode) == modes and config.replicates_with_tls is with_tls


@pytest.mark.parametrize("key", ["tls.ha.mode", "tls.http.mode", "tls.server.mode"])
def test_a_mode_is_one_of_three(key: str) -> None:
    config = TlsSystemConfig()
    config.set(key, "enforcing")
    assert config.to_properties()[key] == "enforcing"
    with pytest.raises(ConfigValueError) as refused:
        config.set(key, "enforced")
    assert refused.value.next_step == "give it one of disabled, permissive, enforcing"
