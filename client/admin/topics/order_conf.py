"""The order configuration of topics: `broker:queues` for each broker, kept by the name servers (ORDER_TOPIC_CONFIG)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from rocketmq_ops.client.admin.brokers.kv import ORDER_TOPIC_NAMESPACE
from rocketmq_ops.client.admin.changes import Change, ChangeReport, ChangingResult
from rocketmq_ops.client.errors import InvalidValueError, NotFoundError
from rocketmq_ops.common.errors import Failure, RocketMQError
from rocketmq_ops.common.topics import topic_problem

if TYPE_CHECKING:
    from rocketmq_ops.client.admin.core import MQAdmin


class OrderConfValue(msgspec.Struct, rename="camel"):
    """The order configuration on one name server, None where it has none."""

    name_server: str
    order_conf: str | None


class OrderConfReport(ChangingResult):
    """A topic's order configuration: what each name server holds now, and what was (or would be) changed there."""

    topic: str
    values: list[OrderConfValue] = []
    planned: bool = False
    changes: list[Change] = []
    failures: list[Failure] = []
    notes: list[str] = []

    def as_changes(self) -> list[Change]:
        """The changes."""
        return self.changes


async def get(admin: MQAdmin, topic: str) -> OrderConfReport:
    """What every name server holds. Raises NotFoundError when none has any, AllFailedError when none answers."""
    fan = await admin.kv.get_each(ORDER_TOPIC_NAMESPACE, topic)
    fan.require_some(f"reading the order configuration of {topic}")
    report = OrderConfReport(topic, _values(fan.answers), failures=fan.failures)
    held = set(fan.answers.values())
    if held == {None} and not fan.errors:
        raise NotFoundError(f"topic '{topic}' has no order configuration", "set one with the method put")
    if len(held) > 1:
        report.notes.append("the name servers differ: set it again to have the same on all")
    return report


async def values(admin: MQAdmin, topic: str) -> list[OrderConfValue]:
    """What each name server that answers holds."""
    return _values((await admin.kv.get_each(ORDER_TOPIC_NAMESPACE, topic)).answers)


def _values(by_address: dict[str, str | None]) -> list[OrderConfValue]:
    return [OrderConfValue(address, value) for address, value in by_address.items()]


async def put(admin: MQAdmin, topic: str, order_conf: str, *, plan: bool) -> ChangeReport:
    """Set it on every name server. Raises InvalidValueError for a text that is not an order configuration."""
    problem = topic_problem(topic)
    if problem is not None:
        raise InvalidValueError(problem, "choose another name")
    names = _broker_names(order_conf)
    report = await admin.kv.put(ORDER_TOPIC_NAMESPACE, topic, order_conf, plan=plan)
    report.notes += await _doubts(admin, names)
    return report


async def delete(admin: MQAdmin, topic: str, *, plan: bool) -> ChangeReport:
    """Delete it from every name server."""
    return await admin.kv.delete(ORDER_TOPIC_NAMESPACE, topic, plan=plan)


def _broker_names(order_conf: str) -> list[str]:
    names = []
    for part in order_conf.split(";"):
        name, colon, count = part.partition(":")
        if not name.strip() or not colon or not (count.isascii() and count.isdigit() and int(count) > 0):
            raise InvalidValueError(
                f"invalid order configuration '{order_conf}': '{part}' is not BROKER:QUEUES",
                "give each broker with its number of queues, as in broker-a:4;broker-b:4",
            )
        names.append(name)
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InvalidValueError(
            f"invalid order configuration '{order_conf}': broker '{twice[0]}' is in it twice", "give each broker once"
        )
    return names


async def _doubts(admin: MQAdmin, names: list[str]) -> list[str]:
    """What the user may not expect of what was set."""
    notes = []
    try:
        registered = {broker.broker_name for broker in await admin.cluster.brokers()}
    except RocketMQError:
        return []
    unknown = [name for name in names if name not in registered]
    if unknown:
        notes.append(f"no broker called {', '.join(unknown)} is registered: producers send nothing there")
    configs = await admin.each_namesrv(admin.configs.namesrv_config)
    silent = [a for a, config in configs.answers.items() if config.get("orderMessageEnable") == "false"]
    if silent:
        notes.append(
            f"{', '.join(silent)} gives the order configuration to clients only with orderMessageEnable=true, "
            "which is false there"
        )
    return notes
