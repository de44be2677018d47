"""Our client over TLS with Apache's name server and broker, whose test mode makes a certificate of its own; Apache's
clients over TLS with ours, each side checking the other's certificate.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tests.interop.apache import Driver, Pair
from tests.interop.ours import OurBroker, OurNameServer
from tests.interop.raw import call
from tests.interop.test_java_clients import Consumer, make_topic, send
from tests.interop.toolchain import VERSIONS

from rocketmq_ops.client.admin import MQAdmin
from rocketmq_ops.housekeeping.doctor.facts import Facts, Part
from rocketmq_ops.housekeeping.doctor.gather import gather
from rocketmq_ops.mqadmin import main as mqadmin


@pytest.fixture(scope="module")
def pair(scratch: Path) -> Iterator[Pair]:
    pair = Pair("5.3.3", scratch / "tls", tls=True)
    yield pair
    pair.kill()


CERTIFICATES = Path(__file__).parents[1] / "remoting" / "files" / "tls"
#: What both sides check the other by.
OF_CLIENTS: dict[str, object] = {
    "tls.client.authServer": "true",
    "tls.client.trustCertPath": CERTIFICATES / "ca.pem",
    "tls.client.certPath": CERTIFICATES / "client.pem",
    "tls.client.keyPath": CERTIFICATES / "client.key",
}
OF_SERVERS: dict[str, object] = {
    "tls.server.mode": "enforcing",
    "tls.server.certPath": CERTIFICATES / "server.pem",
    "tls.server.keyPath": CERTIFICATES / "server.key",
    "tls.server.need.client.auth": "require",
    "tls.server.authClient": "true",
    "tls.server.trustCertPath": CERTIFICATES / "ca.pem",
}


@pytest.fixture(scope="module")
def enforcing(scratch: Path) -> Iterator[Any]:
    """Our pair, which takes nobody without TLS; its broker registers over TLS, too."""
    settings = {key: str(value) for key, value in (OF_SERVERS | OF_CLIENTS).items()}
    nameserver = OurNameServer(scratch / "tls-namesrv", settings=settings)
    nameserver.child.wait_for("boot success")
    broker = OurBroker(scratch / "tls-broker", nameserver.address, settings=settings)
    try:
        broker.wait_ready()
        yield SimpleNamespace(
            namesrv_address=nameserver.address, broker_address=broker.address, cluster="DefaultCluster",
            broker_name="broker-a",
        )  # fmt: skip
    finally:
        broker.child.kill()
        nameserver.child.kill()


@pytest.mark.parametrize("version", VERSIONS)
def test_apaches_clients_and_commands_over_tls(version: str, enforcing: Any, scratch: Path) -> None:
    """Messages of one record of TLS and of many, both ways."""
    tls = {"tls.enable": "true", "tls.test.mode.enable": "false", **OF_CLIENTS}
    driver = Driver(version, scratch / f"tls-driver-{version}", properties=tls)
    try:
        topic, group = f"OverTls{version.replace('.', '')}", f"over_tls_{version.replace('.', '')}"
        make_topic(driver, enforcing, topic, 2)
        sent = ["small", "x" * 200_000]
        # A JVM that has not spoken TLS yet may take longer than the 3 s of a send on a loaded machine.
        messages = [{"topic": topic, "body": body} for body in sent]
        results = send(driver, enforcing, messages, sendTimeoutMs=30_000)
        assert {each["status"] for each in results} == {"SEND_OK"}
        with Consumer(driver, enforcing, group, group, topic) as consumer:
            assert {each["bodyLength"] for each in consumer.received(2)} == set(map(len, sent))
        assert "broker-a" in driver.mqadmin("clusterList", "-n", enforcing.namesrv_address)
        assert "putTps" in driver.mqadmin("brokerStatus", "-b", enforcing.broker_address)
    finally:
        driver.close()


def test_who_comes_without_tls_or_certificate_gets_nothing(enforcing: Any) -> None:
    for address in (enforcing.namesrv_address, enforcing.broker_address):
        with pytest.raises(OSError):
            call(address, 28)


def test_commands_over_tls(pair: Pair, capsys: pytest.CaptureFixture[str]) -> None:
    """The name server, then the broker by the address that it gives."""
    ask = ["-n", pair.namesrv_address, "--tls", "true", "--timeout", "20000"]
    assert mqadmin.run(["getBrokerConfig", "-c", "DefaultCluster", *ask]) == 0
    assert "fileReservedTime" in capsys.readouterr().out
    assert mqadmin.run(["updateTopic", "-b", pair.broker_address, "-t", "OverTls", *ask]) == 0
    capsys.readouterr()
    assert mqadmin.run(["sendMessage", "-t", "OverTls", "-p", "x" * 100_000, *ask]) == 0


def test_the_doctor_looks_at_the_certificates_of_servers(pair: Pair) -> None:
    async def asked(tls: str | None) -> Facts:
        async with MQAdmin([pair.namesrv_address], 20_000, tls=tls) as admin:
            return await gather(admin, {Part.CERTIFICATES})

    over_tls, plain = asyncio.run(asked("true")), asyncio.run(asked(None))
    assert set(over_tls.certificates) == {pair.namesrv_address, pair.broker_address}
    assert all(until > over_tls.taken_at for until in over_tls.certificates.values())
    assert plain.certificates == {} and not plain.missing
