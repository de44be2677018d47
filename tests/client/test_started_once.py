"""A client that was stopped says so when it is started again: nothing of it would run any more."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest

from rocketmq_ops.client import (
    ClientInstance,
    ClientOptions,
    ConsumeSettings,
    LitePullConsumer,
    Producer,
    PullConsumer,
    PushConsumer,
    TransactionProducer,
)
from rocketmq_ops.client.consumer.consume_settings import BROADCASTING
from rocketmq_ops.client.errors import ClientError
from rocketmq_ops.common.errors import CorruptDataError


def options() -> ClientOptions:
    return ClientOptions(name_servers=["127.0.0.1:1"])


MAKERS: dict[str, Callable[[ClientInstance | None], Any]] = {
    "producer": lambda instance: Producer("G", options(), instance=instance),
    "transaction": lambda instance: TransactionProducer("G", Mock(), options(), instance=instance),
    "push": lambda instance: PushConsumer("G", lambda messages, context: None, options(), instance=instance),
    "lite": lambda instance: LitePullConsumer("G", options(), instance=instance),
    "pull": lambda instance: PullConsumer("G", options(), instance=instance),
}


@pytest.mark.parametrize("shared", [False, True], ids=["alone", "shared"])
@pytest.mark.parametrize("kind", list(MAKERS))
def test_what_was_stopped_does_not_start_again(kind: str, shared: bool) -> None:
    async def main() -> None:
        instance = ClientInstance(options()) if shared else None
        if instance is not None:
            await instance.start()
        make = MAKERS[kind]
        member = make(instance)
        await member.start()
        with pytest.raises(ClientError, match="'G' is started already"):
            await member.start()
        await member.stop()
        with pytest.raises(ClientError, match="'G' was stopped, and does not start again") as raised:
            await member.start()
        assert raised.value.next_step in ("make a new producer", "make a new consumer")
        if instance is not None:  # the group is free for another
            await make(instance).start()
            await instance.stop()
            await instance.stop()

    asyncio.run(main())


def test_an_instance_ends_with_its_last_user() -> None:
    async def main() -> None:
        instance = ClientInstance(options())
        async with Producer("G", instance=instance):
            pass
        with pytest.raises(ClientError, match="does not start again") as raised:
            await Producer("H", instance=instance).start()
        assert "a new ClientInstance" in raised.value.next_step
        assert not instance.producers

    asyncio.run(main())


def test_a_start_that_failed_leaves_nothing_behind(tmp_path: Path) -> None:
    """A consumer that cannot read its offsets can be started once they are put right, and its stop ends all."""

    async def main() -> None:
        settings = ConsumeSettings(message_model=BROADCASTING, offset_dir=str(tmp_path))
        consumer = PushConsumer("G", lambda messages, context: None, options(), settings=settings)
        path = Path(consumer.offsets.path)  # type: ignore[attr-defined]
        path.parent.mkdir(parents=True)
        for broken in (path, path.with_name(path.name + ".bak")):
            broken.write_text("{")
        with pytest.raises(CorruptDataError):
            await consumer.start()
        for broken in (path, path.with_name(path.name + ".bak")):
            broken.unlink()
        await consumer.start()
        await consumer.stop()
        with pytest.raises(ClientError, match="does not start again"):
            await consumer.instance.start()

    asyncio.run(main())
