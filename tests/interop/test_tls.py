"""Our client over TLS with Apache's name server and broker, whose test mode makes a certificate of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.interop.apache import Pair

from rocketmq_ops.client.admin import MQAdmin
from rocketmq_ops.housekeeping.doctor.facts import Facts, Part
from rocketmq_ops.housekeeping.doctor.gather import gather
from rocketmq_ops.mqadmin import main as mqadmin


@pytest.fixture(scope="module")
def pair(scratch: Path) -> Iterator[Pair]:
    pair = Pair("5.3.3", scratch / "tls", tls=True)
    yield pair
    pair.kill()


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
