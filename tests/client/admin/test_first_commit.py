"""Offsets that are committed together on a broker of Apache's, which loses one of two first ones."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest

from rocketmq_ops.client.admin import MQAdmin
from rocketmq_ops.client.admin.offsets.offset import OffsetAdmin
from rocketmq_ops.client.api import offsets
from rocketmq_ops.common.errors import RocketMQError
from tests.offsets_of_apache import OffsetsOfApache


def committed_by(broker: OffsetsOfApache, monkeypatch: pytest.MonkeyPatch) -> OffsetAdmin:
    async def update(session: Any, address: str, group: str, topic: str, queue_id: int, offset: int) -> None:
        await broker.commit(group, topic, queue_id, offset)

    monkeypatch.setattr(offsets, "update_consumer_offset", update)
    return OffsetAdmin(cast("MQAdmin", SimpleNamespace(session=None)))


def test_the_first_is_sent_alone_and_the_others_together(monkeypatch: pytest.MonkeyPatch) -> None:
    broker = OffsetsOfApache()
    admin = committed_by(broker, monkeypatch)

    async def main() -> None:
        await asyncio.gather(*(admin.set_consumer_offset("h:1", "g", "T", queue, 7) for queue in range(16)))

    asyncio.run(main())
    assert broker.table == {("T", "g"): dict.fromkeys(range(16), 7)}
    assert broker.most_at_once > 1


def test_after_one_that_failed_the_next_is_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    broker, failing = OffsetsOfApache(), [0]
    commit = broker.commit

    async def failing_once(group: str, topic: str, queue_id: int, offset: int) -> None:
        if failing.pop() == queue_id if failing else False:
            raise RocketMQError("away")
        await commit(group, topic, queue_id, offset)

    monkeypatch.setattr(broker, "commit", failing_once)
    admin = committed_by(broker, monkeypatch)

    async def main() -> list[BaseException | None]:
        calls = (admin.set_consumer_offset("h:1", "g", "T", queue, 7) for queue in range(4))
        return await asyncio.gather(*calls, return_exceptions=True)

    answers = asyncio.run(main())
    assert [type(answer) for answer in answers] == [RocketMQError, type(None), type(None), type(None)]
    assert broker.table == {("T", "g"): {1: 7, 2: 7, 3: 7}}
