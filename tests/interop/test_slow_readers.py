"""Consumers that read from far behind: which broker ours sends them to, beside Apache's 5.3.3, and that Apache's Java clients go
there, and come back; and groups that the broker refuses for it.

How far is far is a part of the machine's memory. Without any (`accessMessageInMemoryMaxRatio=0`) every message is.
"""

from __future__ import annotations

import asyncio
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest
from tests.interop.apache import Broker, Driver, DriverError, wait_until
from tests.interop.ours import OurBroker, OurNameServer, mqadmin
from tests.interop.raw import Answer, call, wait_for_route
from tests.interop.sessions import LANGUAGES, Session
from tests.interop.test_failover import MASTER, SLAVE, handed_out
from tests.interop.test_java_clients import Consumer, bodies, make_topic, send
from tests.interop.test_replication import Group
from tests.interop.toolchain import VERSIONS

from rocketmq_ops.broker.processors.pull_message import GROUP_FORBIDDEN
from rocketmq_ops.client import ClientOptions, Producer
from rocketmq_ops.common import fastjson
from rocketmq_ops.common.message import Message
from rocketmq_ops.remoting.codes import RequestCode, ResponseCode

TABLE = "TableOfAnswers"
NOT_FROM_SLAVES = "not from slaves"
SENT = 40
NEVER_IN_MEMORY = {"accessMessageInMemoryMaxRatio": "0"}
GROUPS = {"usual": ("0", "1"), "stays": ("0", "0"), "elsewhere": ("2", "3")}


class Two(NamedTuple):
    """A master and its slave of one kind, as the driver's functions want a pair."""

    master: Broker | OurBroker
    slave: Broker | OurBroker
    namesrv_address: str
    cluster: str = "DefaultCluster"
    broker_name: str = "broker-a"


def configure(broker: Broker | OurBroker, **settings: str) -> None:
    body = "".join(f"{key}={value}\n" for key, value in settings.items()).encode()
    assert call(broker.address, RequestCode.UPDATE_BROKER_CONFIG, body=body).code == ResponseCode.SUCCESS


def pull(broker: Broker | OurBroker, group: str, topic: str, offset: int, tags: str = "*", **more: str) -> Answer:
    """One pull of queue 0 with a subscription of its own, which does not wait."""
    fields = {
        "consumerGroup": group, "topic": topic, "queueId": "0", "queueOffset": str(offset), "maxMsgNums": "32",
        "sysFlag": "4", "commitOffset": "0", "suspendTimeoutMillis": "0", "subscription": tags, "subVersion": "0",
        "expressionType": "TAG",
    }  # fmt: skip
    return call(broker.address, RequestCode.PULL_MESSAGE, fields | more, timeout=10)


def end(broker: Broker | OurBroker, topic: str) -> int:
    answer = call(broker.address, RequestCode.GET_MAX_OFFSET, {"topic": topic, "queueId": "0"})
    return int(answer.ext_fields.get("offset", -1))


@pytest.fixture(scope="module")
def twos(scratch: Path) -> Iterator[Callable[[str], Two]]:
    """The pair of a kind, `ours` or a version of Apache's, started at its first use; its slave with 10 percent."""
    with ExitStack() as stack:
        started: dict[str, Two] = {}

        def get(kind: str) -> Two:
            if kind not in started:
                group = Group(scratch / f"slow-readers-{kind}", stack)
                master = group.start(kind, "master", MASTER | NEVER_IN_MEMORY)
                slave = group.start(kind, "slave", SLAVE | {"accessMessageInMemoryMaxRatio": "10"})
                wait_for_route(group.namesrv.address, "TBW102", "broker-a")
                started[kind] = Two(master, slave, group.namesrv.address)
            return started[kind]

        yield get


def fill(driver: Driver, two: Two, topic: str, count: int, first: int = 0) -> None:
    """Send `count` messages that both brokers have in their queue then."""
    messages = [{"topic": topic, "body": str(first + at), "tags": "a", "queue": 0} for at in range(count)]
    goal = end(two.master, topic) + count if first else count
    send(driver, two, messages, group="slow_readers_producer")
    wait_until(lambda: end(two.master, topic) == end(two.slave, topic) == goal, "both have the messages", 60)


class Row(NamedTuple):
    """An answer as far as it says where a consumer goes on."""

    code: int
    remark: str | None
    suggested: str | None
    next_offset: str | None


def rows(two: Two) -> dict[tuple[str, str, str], Row]:
    """By broker, group and pull; as told twice in a row.

    Apache's slave empties its tables of topics and groups for a moment each time that it takes over its master's
    (`SlaveSynchronize.syncTopicConfig`): a pull in between is answered as if the topic or the group were not there, and
    one that has found its messages already is never answered (`DefaultPullMessageResultHandler.handle` wants the topic).
    """
    found = told(two)
    for _ in range(10):
        before, found = found, told(two)
        if found == before:
            return found
    raise AssertionError(f"ten answers in a row differ: {before} and {found}")


def told(two: Two) -> dict[tuple[str, str, str], Row]:
    pulls = {
        "first": (0, "*"), "middle": (SENT // 2, "*"), "last": (SENT - 1, "*"), "end": (SENT, "*"), "beyond": (SENT + 5, "*"),
        "other tag": (0, "b"),
    }  # fmt: skip
    found = {}
    for broker in ("master", "slave"):
        for group in GROUPS:
            for what, (offset, tags) in pulls.items():
                try:
                    answer = pull(getattr(two, broker), group, TABLE, offset, tags)
                except TimeoutError as error:
                    found[broker, group, what] = Row(-1, str(error), None, None)
                    continue
                fields = answer.ext_fields
                place = fields.get("suggestWhichBrokerId"), fields.get("nextBeginOffset")
                remark = answer.remark if answer.code != ResponseCode.SYSTEM_BUSY else None
                found[broker, group, what] = Row(answer.code, remark, *place)
    return found


def answers(driver: Driver, two: Two) -> dict[str, dict[tuple[str, str, str], Row]]:
    """All rows in each state of the pair."""
    make_topic(driver, two, TABLE, 1)
    for group, (home, slowly) in GROUPS.items():
        line = ("updateSubGroup", "-b", two.master.address, "-g", group, "-i", home, "-w", slowly)
        assert mqadmin(*line, namesrv=two.namesrv_address).code == 0
    fill(driver, two, TABLE, SENT)

    def groups_of(broker: Broker | OurBroker) -> dict[str, tuple[Any, Any]]:
        answer = call(broker.address, RequestCode.GET_ALL_SUBSCRIPTIONGROUP_CONFIG)
        table = fastjson.loads(answer.body)["subscriptionGroupTable"]
        return {
            name: (table[name]["brokerId"], table[name]["whichBrokerWhenConsumeSlowly"])
            for name in GROUPS
            if name in table
        }

    wait_until(lambda: len(groups_of(two.slave)) == len(GROUPS), "the slave has the groups", 60)
    assert groups_of(two.slave) == groups_of(two.master)
    found = {"far from both": rows(two)}
    configure(two.slave, accessMessageInMemoryMaxRatio="40")
    found["far from the master"] = rows(two)
    configure(two.master, accessMessageInMemoryMaxRatio="40")
    found["near"] = rows(two)
    configure(two.master, accessMessageInMemoryMaxRatio="0", slaveReadEnable="false")
    configure(two.slave, slaveReadEnable="false")
    found[NOT_FROM_SLAVES] = rows(two)
    configure(two.master, slaveReadEnable="true")
    configure(two.slave, slaveReadEnable="true", accessMessageInMemoryMaxRatio="0")
    return found


def test_slow_readers_are_sent_where_apaches_brokers_send_them(
    twos: Callable[[str], Two], drivers: Callable[[str], Driver]
) -> None:
    ours, theirs = (answers(drivers("5.3.3"), twos(kind)) for kind in ("ours", "5.3.3"))
    differing = {
        (state, *asked) for state, table in ours.items() for asked, row in table.items() if row != theirs[state][asked]
    }
    # A slave of ours sends who is not far behind to the master that serves, at once and whatever the group's `brokerId`. Apache's
    # has code for it that never runs (`getMinBrokerIdInGroup` is the broker's own id): who has read all waits at the slave.
    near = {
        (state, "slave", "elsewhere", what)
        for state in ("far from the master", "near")
        for what in ("first", "middle", "last", "other tag")
    }
    served = set(ours) - {NOT_FROM_SLAVES}
    read_all = {(state, "slave", group, "end") for state in served for group in GROUPS}
    beyond = {(state, "slave", "elsewhere", "beyond") for state in served}
    assert differing == near | read_all | beyond
    for state, *asked in differing:
        their = theirs[state][tuple(asked)]
        code = ResponseCode.PULL_RETRY_IMMEDIATELY if their.code == ResponseCode.PULL_NOT_FOUND else their.code
        assert ours[state][tuple(asked)] == their._replace(code=code, suggested="0")
    far = ours["far from both"]
    assert [far["master", group, "first"].suggested for group in GROUPS] == ["1", "0", "3"]
    assert far["master", "usual", "first"].next_offset == "8"
    assert far["slave", "usual", "first"].suggested == "1"
    assert ours["far from the master"]["slave", "usual", "first"].suggested == "0"
    assert ours["near"]["master", "elsewhere", "first"].suggested == "2"
    assert ours[NOT_FROM_SLAVES]["master", "usual", "first"].suggested == "0"


@pytest.mark.parametrize("version", VERSIONS)
def test_a_java_client_reads_old_messages_from_the_slave_and_new_ones_from_the_master(
    twos: Callable[[str], Two], drivers: Callable[[str], Driver], version: str
) -> None:
    two, driver = twos("ours"), drivers(version)
    topic = f"Old{version.replace('.', '')}"
    configure(two.master, accessMessageInMemoryMaxRatio="0")
    configure(two.slave, accessMessageInMemoryMaxRatio="0")
    make_topic(driver, two, topic, 1)
    fill(driver, two, topic, 100)
    before = handed_out(two.master), handed_out(two.slave)

    def handed() -> tuple[int, int]:
        """How many messages each has given since then."""
        return handed_out(two.master) - before[0], handed_out(two.slave) - before[1]

    with Consumer(driver, two, f"far-{topic}", f"far_{topic}", topic) as consumer:
        assert Counter(bodies(consumer.received(100))) == Counter(map(str, range(100)))
        # The master gives what it gives of old messages at once, and sends the client away.
        assert handed() == (8, 92)
        configure(two.master, accessMessageInMemoryMaxRatio="40")
        fill(driver, two, topic, 20, first=100)
        assert Counter(bodies(consumer.received(120))) == Counter(map(str, range(120)))
        assert handed() == (28, 92)
        wait_until(lambda: consumer.committed(two, 1), "the master has the offsets", 60)

    configure(two.master, accessMessageInMemoryMaxRatio="0")
    line = ("updateSubGroup", "-b", two.master.address, "-g", f"stays_{topic}", "-w", "0")
    assert mqadmin(*line, namesrv=two.namesrv_address).code == 0
    with Consumer(driver, two, f"stays-{topic}", f"stays_{topic}", topic) as consumer:
        assert Counter(bodies(consumer.received(120))) == Counter(map(str, range(120)))
    assert handed() == (148, 92)
    driver.ask("producer.close", namesrv=two.namesrv_address, group="slow_readers_producer")


HURRIED = (sys.executable, str(Path(__file__).parent / "hurried_broker.py"))
REFUSED = "subscription group no permission, "


def may_consume(broker: Broker | OurBroker, group: str) -> bool:
    answer = call(broker.address, RequestCode.GET_SUBSCRIPTIONGROUP_CONFIG, {"group": group})
    return bool(fastjson.loads(answer.body)["consumeEnable"])


@pytest.fixture(scope="module")
def protected(scratch: Path) -> Iterator[Any]:
    """A broker that refuses groups which are further behind than nothing, and looks for them twice a second."""
    with ExitStack() as stack:
        nameserver = OurNameServer(scratch / "protected-namesrv")
        stack.callback(nameserver.child.kill)
        settings = {"disableConsumeIfConsumerReadSlowly": "true", "consumerFallbehindThreshold": "1000"}
        folder, address = scratch / "protected", nameserver.address
        broker = OurBroker(
            folder, address, settings=settings | {"brokerClusterName": "DefaultCluster"}, program=HURRIED
        )
        stack.callback(broker.child.kill)
        broker.wait_ready()
        wait_for_route(address, "TBW102", "broker-a")
        yield SimpleNamespace(
            broker=broker, namesrv_address=address, cluster="DefaultCluster", broker_name="broker-a", version="ours"
        )


def allow(pair: Any, group: str) -> None:
    """What an operator does: first the bound, else the broker refuses the group again."""
    at = ("-b", pair.broker.address)
    for line in (
        ("updateBrokerConfig", *at, "-k", "consumerFallbehindThreshold", "-v", "1000000000"),
        ("updateSubGroup", *at, "-g", group, "-s", "true"),
    ):
        assert mqadmin(*line, namesrv=pair.namesrv_address).code == 0
    assert may_consume(pair.broker, group)


@pytest.mark.parametrize("version", VERSIONS)
def test_a_java_client_is_told_that_its_group_is_refused(
    protected: Any, drivers: Callable[[str], Driver], version: str
) -> None:
    driver, topic, group = drivers(version), f"Pulled{version.replace('.', '')}", "interop_pull"
    configure(protected.broker, consumerFallbehindThreshold="1000")
    make_topic(driver, protected, topic, 1)
    messages = [{"topic": topic, "body": f"{at} " * 100, "queue": 0} for at in range(SENT)]
    send(driver, protected, messages, group="slow_readers_producer")
    asking: dict[str, Any] = {"namesrv": protected.namesrv_address, "topic": topic}
    assert len(driver.ask("pull", **asking)) == SENT
    # It has read all. Another of its group goes back, and stays there.
    assert may_consume(protected.broker, group)
    assert pull(protected.broker, group, topic, 0, maxMsgNums="1").code == ResponseCode.SUCCESS
    wait_until(lambda: not may_consume(protected.broker, group), "the broker refuses the group", 60)
    with pytest.raises(DriverError, match=f"CODE: 16 .*DESC: {REFUSED}{group}"):
        driver.ask("pull", **asking)
    allow(protected, group)
    assert len(driver.ask("pull", **asking)) == SENT


def test_a_slow_java_push_consumer_is_refused_and_goes_on_when_it_is_allowed(
    protected: Any, drivers: Callable[[str], Driver]
) -> None:
    """It gets what it has room for, 1000 messages, and consumes none; its messages are kept until then."""
    driver, topic, group = drivers("5.3.3"), "PushedTo", "pushed_to"
    configure(protected.broker, consumerFallbehindThreshold="1000")
    make_topic(driver, protected, topic, 1)
    count = 1200
    send(
        driver,
        protected,
        [{"topic": topic, "body": str(at), "queue": 0} for at in range(count)],
        group="slow_readers_producer",
    )
    with Consumer(driver, protected, "stuck", group, topic, orderly=True, rejectFirst=1_000_000):
        wait_until(lambda: not may_consume(protected.broker, group), "the broker refuses the group", 60)
        assert f"[PROTECT_BROKER] the consumer[{group}] consume slowly" in protected.broker.child.output
    with Consumer(driver, protected, "going-on", group, topic) as consumer:
        assert consumer.assigned(1) == [0]
        assert not may_consume(protected.broker, group)
        allow(protected, group)
        assert Counter(bodies(consumer.received(count))) == Counter(map(str, range(count)))


async def keep(namesrv: str, topic: str, texts: list[str]) -> None:
    async with Producer("slow_readers_producer", ClientOptions(name_servers=[namesrv])) as producer:
        for text in texts:
            await producer.send(Message(topic, f"{text} ".encode() + b"x" * 100))


@pytest.mark.parametrize("language", LANGUAGES)
def test_slow_consumers_of_other_languages_are_refused_and_go_on_when_they_are_allowed(
    protected: Any, tmp_path: Path, language: str
) -> None:
    topic, group, texts = f"Slow_{language}", f"slow_{language}", ["hold", *(f"m{at}" for at in range(20))]
    configure(protected.broker, consumerFallbehindThreshold="1000")
    line = ("updateTopic", "-c", protected.cluster, "-t", topic, "-r", "1", "-w", "1")
    assert mqadmin(*line, namesrv=protected.namesrv_address).code == 0
    asyncio.run(keep(protected.namesrv_address, topic, texts))
    with Session(language, tmp_path / language, protected.namesrv_address, topic, group) as client:
        wait_until(lambda: not may_consume(protected.broker, group), "the broker refuses the group", 60)
        client.go_on()
        assert len(client.got()) < len(texts) // 2
        allow(protected, group)
        wait_until(lambda: len(client.got()) == len(texts), "it goes on", 60)
        assert client.got() == texts


def test_the_refusal_is_apaches(twos: Callable[[str], Two], protected: Any, drivers: Callable[[str], Driver]) -> None:
    """Its broker looks for such groups every 3 minutes; what it does to them is what `updateSubGroup -s false` does."""
    found = []
    two = twos("5.3.3")
    make_topic(drivers("5.3.3"), two, "Refused", 1)
    make_topic(drivers("5.3.3"), protected, "Refused", 1)
    for broker, namesrv in ((two.master, two.namesrv_address), (protected.broker, protected.namesrv_address)):
        line = ("updateSubGroup", "-b", broker.address, "-g", "refused", "-s", "false")
        assert mqadmin(*line, namesrv=namesrv).code == 0
        answer = pull(broker, "refused", "Refused", 0)
        found.append((answer.code, answer.remark, answer.ext_fields.get("forbiddenType")))
    assert found[0] == found[1] == (ResponseCode.NO_PERMISSION, f"{REFUSED}refused", str(GROUP_FORBIDDEN))
