"""A healthy cluster as the doctor's facts: two masters with a slave each, two name servers, a topic and a group."""

from __future__ import annotations

from typing import Any

from rocketmq_ops.client.admin.brokers.cluster import BrokerAddress
from rocketmq_ops.client.admin.client import Subscription
from rocketmq_ops.client.admin.groups.consumer_status import (
    ClientStatus,
    ConsumerStatusReport,
    HeldQueue,
    RunningInfo,
    TopicRates,
)
from rocketmq_ops.housekeeping.doctor.facts import (
    Ends,
    Facts,
    FileFacts,
    Later,
    Part,
    Route,
    StoreFacts,
    StoreFile,
    Topic,
)
from rocketmq_ops.housekeeping.host.items import Item
from rocketmq_ops.housekeeping.host.rules import State
from rocketmq_ops.housekeeping.lint.keys import BROKER_CLASSES, keys_of

NOW = 1_700_000_000_000
HOUR = 3_600_000
NAME_SERVERS = ["10.0.0.1:9876", "10.0.0.2:9876"]
A, B, A_SLAVE, B_SLAVE = (
    BrokerAddress(f"10.0.1.{number}:10911", name, broker_id, "C")
    for number, (name, broker_id) in enumerate((("a", 0), ("b", 0), ("a", 1), ("b", 1)))
)
LOG_END = 5 << 30


def runtime() -> dict[str, str]:
    """The figures of a broker that has run for an hour."""
    return {
        "brokerVersionDesc": "V5_3_3",
        "bootTimestamp": str(NOW - HOUR),
        "runtime": "[ 0 days, 1 hours, 0 minutes, 0 seconds ]",
        "commitLogDiskRatio": "0.4",
        "consumeQueueDiskRatio": "0.4",
        "commitLogMinOffset": str(1 << 30),
        "commitLogMaxOffset": str(LOG_END),
        "commitLogDirCapacity": "Total : 100.0 GiB, Free : 60.0 GiB.",
        "earliestMessageTimeStamp": str(NOW - 80 * HOUR),
        "pageCacheLockTimeMills": "0",
        "putMessageFailedTimes": "0",
        "dispatchBehindBytes": "0",
        "timerReadBehind": "0",
        "remainTransientStoreBufferNumbs": "5",
        **{f"{pool}ThreadPoolQueueSize": "0" for pool in ("send", "pull", "ack")},
        **{f"{pool}ThreadPoolQueueCapacity": "10000" for pool in ("send", "pull", "ack")},
        **{f"{pool}ThreadPoolQueueHeadWaitTimeMills": "0" for pool in ("send", "pull", "ack")},
    }


def config(broker: BrokerAddress) -> dict[str, str]:
    """Apache's defaults, with what tells brokers apart."""
    keys = keys_of("5.3", BROKER_CLASSES)
    values = {name: key.defaults["5.3"] for name, key in keys.items()}
    return {
        **{name: value for name, value in values.items() if value not in (None, "*")},
        "namesrvAddr": ";".join(NAME_SERVERS),
        "brokerName": broker.broker_name or "",
        "brokerClusterName": broker.cluster or "",
        "brokerId": str(broker.broker_id),
        "brokerRole": "SLAVE" if broker.broker_id else "ASYNC_MASTER",
        "autoCreateTopicEnable": "false",
        "slaveReadEnable": "true",
    }  # type: ignore[dict-item]


def group_config() -> dict[str, Any]:
    return {"groupName": "G", "consumeEnable": True, "retryQueueNums": 1, "retryMaxTimes": 16}


def held(queue: int, broker: str, **more: Any) -> HeldQueue:
    """A queue of `T` that a client works on."""
    values: dict[str, Any] = {
        "commit_offset": 100, "cached": 0, "cached_min_offset": 0, "cached_max_offset": 0, "cached_size_mib": 0,
        "transaction_count": 0, "transaction_min_offset": 0, "transaction_max_offset": 0, "locked": False,
        "dropped": False, "try_unlock_times": 0, "last_pull_timestamp": NOW, "last_consume_timestamp": NOW,
        "last_lock_timestamp": None, **more,
    }  # fmt: skip
    return HeldQueue(topic="T", broker_name=broker, queue_id=queue, **values)


def client(
    name: str, queues: list[HeldQueue], *, failed: int = 0, failed_again: int = 0, version: str = "V5_3_3"
) -> ClientStatus:
    """A pushed consumer of `G`; failures are of the last hour, a tenth of them a second."""
    rates = [
        TopicRates(
            topic=topic, pull_rt=1.0, pull_tps=1.0, consume_rt=1.0, consume_ok_tps=1.0,
            consume_failed_tps=count / 10, consume_failed_msgs=count,
        )
        for topic, count in (("T", failed), ("%RETRY%G", failed_again))
    ]  # fmt: skip
    info = RunningInfo(
        consume_type="CONSUME_PASSIVELY", orderly=False, start_timestamp=NOW, subscriptions=[Subscription("T", "*")],
        queues=queues, pop_queues=[], rates=rates, properties={}, user_info={},
    )  # fmt: skip
    return ClientStatus(
        client_id=name, client_addr="10.0.2.1:1", language="JAVA", version=version, brokers=[A.address], info=info
    )


def report(clients: list[ClientStatus], *, model: str = "CLUSTERING") -> ConsumerStatusReport:
    return ConsumerStatusReport("G", "CONSUME_PASSIVELY", model, clients, True, True, [])


def item(name: str, state: State) -> Item:
    """A setting of the host."""
    return Item(id=name, state=state, current="60", wanted="1", why="why", source="", risk="", value="", hand="")


def facts() -> Facts:
    """All facts, of a cluster, a file, a store and a history in which nothing is wrong."""
    made = _facts()
    again = _facts()
    made.later = Later(
        seconds=60,
        runtimes=again.runtimes,
        answered_at=again.answered_at,
        offsets=again.offsets,
        ends=again.ends,
        clients=again.clients,
    )
    return made


def _facts() -> Facts:
    brokers = [A, A_SLAVE, B, B_SLAVE]
    masters = [A, B]
    return Facts(
        taken_at=NOW,
        name_servers=list(NAME_SERVERS),
        listed={server: list(brokers) for server in NAME_SERVERS},
        brokers=brokers,
        runtimes={broker.address: runtime() for broker in brokers},
        asked_at={broker.address: NOW - 100 for broker in brokers},
        answered_at={broker.address: NOW for broker in brokers},
        configs={broker.address: config(broker) for broker in brokers},
        topics={
            m.address: {"T": Topic(2, 2, 6), "%RETRY%G": Topic(1, 1, 6), "O": Topic(2, 2, 6, True)} for m in masters
        },
        groups={master.address: {"G": group_config()} for master in masters},
        offsets={broker.address: {"T@G": {0: 100, 1: 100}, "%RETRY%G@G": {0: 0}} for broker in brokers},
        routes=[Route(server, topic, {"a": 6, "b": 6}) for server in NAME_SERVERS for topic in ("T", "O")],
        order={"O": "a:2;b:2"},
        ends={
            m.address: {
                "T": {0: Ends(0, 100, NOW), 1: Ends(0, 100, NOW)},
                "%RETRY%G": {0: Ends(0, 0)},
                "%DLQ%G": {0: Ends(0, 0)},
            }
            for m in masters
        },
        clients={"G": report([client("c1", [held(0, "a"), held(0, "b")]), client("c2", [held(1, "a"), held(1, "b")])])},
        file=FileFacts("a.conf", {"brokerName": "a", "fileReservedTime": "72"}),
        store=StoreFacts(
            path="/store",
            files=[StoreFile("0" * 20, 1 << 30, NOW - HOUR, NOW - HOUR), StoreFile("1" * 20, 1 << 30, NOW, NOW)],
            deleted=[],
            abort=True,
            used=True,
            free=60,
            total=100,
        ),
        host=[item("vm.swappiness", State.OK)],
        host_figures={
            "a": {
                "io_pressure_percent": [(NOW - minutes * 60_000, 1.0) for minutes in (3, 2, 1)],
                "commit_log_resident_percent": [(NOW - minutes * 60_000, 100.0) for minutes in (3, 2, 1)],
                "clock_step_millis": [(NOW - 60_000, 2.0)],
            }
        },
        target="5.3",
        certificates={A.address: NOW + 365 * 24 * HOUR},
        asked=list(Part),
    )
