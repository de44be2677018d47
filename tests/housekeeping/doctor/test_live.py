"""The doctor on real servers: our pair when all is well, and with faults that are seeded there."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from rocketmq_ops.client.admin import MQAdmin
from rocketmq_ops.client.admin.groups.group_change import GroupSettings
from rocketmq_ops.client.admin.messages.message_send import SendRequest
from rocketmq_ops.client.admin.topics.topic_change import TopicSettings
from rocketmq_ops.housekeeping.doctor.examine import examine, needed, rules_of
from rocketmq_ops.housekeeping.doctor.gather import gather
from rocketmq_ops.housekeeping.findings import Finding, Severity
from rocketmq_ops.pytest_plugin import RocketMQBroker, rocketmq_server

PATIENT_MS = 60_000  # what is slow is not unknown
UNREACHABLE = "127.0.0.9"  # of this machine, and the broker does not listen there


@pytest.fixture(scope="module")
def pair() -> Iterator[RocketMQBroker]:
    with rocketmq_server() as server:
        yield server


async def found(admin: MQAdmin, subject: str | None = None) -> dict[str, Finding]:
    """What is worse than worth knowing, by rule; of several of a rule the last."""
    rules = rules_of(subject)
    findings = examine(await gather(admin, needed(rules)), rules)
    return {finding.id: finding for finding in findings if finding.severity is not Severity.INFO}


def test_nothing_is_found_where_all_is_well(pair: RocketMQBroker) -> None:
    async def look() -> None:
        async with MQAdmin([pair.namesrv], PATIENT_MS) as admin:
            for _ in range(3):
                assert await found(admin) == {}

    asyncio.run(look())


def test_seeded_faults_are_named_and_gone_when_mended(pair: RocketMQBroker) -> None:
    async def run() -> None:
        async with MQAdmin([pair.namesrv], PATIENT_MS) as admin:

            async def shape(read: int, write: int) -> None:
                settings = TopicSettings(read_queue_nums=read, write_queue_nums=write)
                await admin.topics.update("Seeded", settings, broker_addr=pair.broker, force=True)

            await shape(2, 3)
            send = SendRequest(topic="Seeded", body=b"x", broker_name="broker-a", queue_id=2)
            await admin.messages.send(send)
            await admin.groups.update("Late", GroupSettings(), broker_addr=pair.broker)
            await admin.offsets.set_consumer_offset(pair.broker, "Late", "Seeded", 0, 500)
            await admin.configs.write_permission("broker-a", give=False)
            findings = await found(admin)
            assert set(findings) == {
                "net.write-permission-wiped", "topics.write-more-than-read", "groups.offset-beyond-end",
            }  # fmt: skip
            assert "1 messages lie there" in findings["topics.write-more-than-read"].evidence

            await admin.configs.write_permission("broker-a", give=True)
            await shape(3, 3)
            await admin.offsets.set_consumer_offset(pair.broker, "Late", "Seeded", 0, 0)
            assert await found(admin) == {}

    asyncio.run(run())


def test_a_wrong_advertised_address(tmp_path: Path) -> None:
    config = tmp_path / "broker.conf"
    config.write_text(f"brokerIP1={UNREACHABLE}\nbindAddress=127.0.0.1\n")

    async def look(namesrv: str) -> None:
        async with MQAdmin([namesrv], PATIENT_MS) as admin:
            findings = await found(admin, "net")
            finding = findings["net.broker-unreachable"]
            assert finding.severity is Severity.CRITICAL
            assert UNREACHABLE in finding.target and "brokerIP1" in finding.remedy

    with rocketmq_server(config=str(config)) as server:
        asyncio.run(look(server.namesrv))
