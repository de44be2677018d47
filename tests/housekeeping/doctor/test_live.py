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
from rocketmq_ops.client.consumer.consume_settings import FROM_FIRST_OFFSET, ConsumeSettings
from rocketmq_ops.client.consumer.listener import ConsumeContext, ConsumeResult
from rocketmq_ops.client.consumer.push_consumer import PushConsumer
from rocketmq_ops.client.options import ClientOptions
from rocketmq_ops.common.message import MessageExt
from rocketmq_ops.housekeeping.doctor.examine import examine, needed, rules_of
from rocketmq_ops.housekeeping.doctor.facts import Part
from rocketmq_ops.housekeeping.doctor.gather import gather, gather_again
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
            assert "1 message lies there" in findings["topics.write-more-than-read"].evidence

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


@pytest.mark.parametrize("orderly", [True, False], ids=["orderly", "concurrent"])
def test_a_message_that_an_orderly_client_fails_on_again_and_again(pair: RocketMQBroker, orderly: bool) -> None:
    topic = group = f"Poison{orderly}"
    attempts = 0
    again = asyncio.Event()

    async def listener(messages: list[MessageExt], _: ConsumeContext) -> ConsumeResult:
        nonlocal attempts
        attempts += 1
        again.set()
        return ConsumeResult.RECONSUME_LATER

    async def run() -> list[Finding]:
        options = ClientOptions(name_servers=pair.namesrv, rebalance_interval_ms=500, api_timeout_ms=PATIENT_MS)
        settings = ConsumeSettings(orderly=orderly, consume_from_where=FROM_FIRST_OFFSET, suspend_queue_ms=50)
        async with MQAdmin([pair.namesrv], PATIENT_MS) as admin:
            await admin.topics.update(topic, TopicSettings(), broker_addr=pair.broker, force=True)
            await admin.messages.send(SendRequest(topic=topic, body=b"x", broker_name="broker-a", queue_id=0))
            consumer = PushConsumer(group, listener, options, settings=settings)
            consumer.subscribe(topic)
            async with consumer:
                rules = [each for each in rules_of("clients", [Part.LATER]) if each.id == "clients.poison-message"]
                await again.wait()
                facts = await gather(admin, needed(rules))
                seen = attempts
                while orderly and attempts < seen + 2:
                    again.clear()
                    await again.wait()
                facts.later = await gather_again(admin, facts, 1)
                facts.asked.append(Part.LATER)
                return examine(facts, rules)

    found = asyncio.run(run())
    if not orderly:
        assert found == [], "it went to the retry topic, and the queue goes on"
        return
    [finding] = found
    assert finding.target == group and f"{topic} broker-a queue 0: offset 0 did not move" in finding.evidence
