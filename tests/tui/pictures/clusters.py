"""The states in which a cluster is drawn: as usual, before its first answer, without one, with too much of everything."""

from __future__ import annotations

import msgspec

from rocketmq_ops.common.errors import Failure
from rocketmq_ops.housekeeping.history.runs import QueueKey, QueueOffsets
from rocketmq_ops.housekeeping.lag import GroupLag, LagState
from rocketmq_ops.remoting.errors import RemotingConnectError
from rocketmq_ops.tui.model.address import Address
from rocketmq_ops.tui.model.asked import Asked
from rocketmq_ops.tui.model.broker_state import DEAD, DISK_NEAR, judged
from rocketmq_ops.tui.model.details.detail import Section
from rocketmq_ops.tui.model.moment import (
    Alarm,
    BrokerSeen,
    ClientSeen,
    Event,
    Moment,
    NameServerSeen,
    TopicQueues,
    TopicSeen,
    Totals,
)
from rocketmq_ops.tui.model.table import Health, OrMore
from rocketmq_ops.tui.model.verdict import verdict
from tests.tui.fakes import MINUTE, NOW_MS, FakeModel, group, moment

HOUR = 60 * MINUTE
#: A name as long as the broker takes it, in wide characters and in narrow ones.
LONG = "很长的消费组名称" * 12
LONG_NARROW = "a-very-long-name-of-a-thing-" * 9


def usual() -> FakeModel:
    """A cluster with a stalled group, a slow one, a dead broker, a name server that disagrees; ten minutes of figures."""
    return with_past(_cluster(moment(groups=40, topics=30, brokers=4)))


def _cluster(now: Moment) -> Moment:
    for number, broker in enumerate(now.brokers.values()):
        if broker.dead:
            continue
        broker.figures = {
            "in_rate": 100.4 * (number + 1), "out_rate": 90.0 * number, "disk_ratio": 0.41 + number / 5,
            "page_cache_lock_ms": 3.0, "send_wait_ms": 12.0 * number, "dispatch_behind_bytes": 4096.0 * number,
            "boot_ms": NOW_MS - 40 * 24 * HOUR,
        }  # fmt: skip
    first, *_ = now.brokers.values()
    now.brokers["10.0.1.0:10911"] = BrokerSeen(
        address="10.0.1.0:10911", cluster=first.cluster, broker_name=first.broker_name, broker_id=1, version="V5_3_3",
        figures={"in_rate": 0.0, "out_rate": 4.2, "disk_ratio": 0.4, "gap_bytes": 1_300_000.0}, answered_ms=NOW_MS,
    )  # fmt: skip
    listed = frozenset((b.cluster, b.broker_name, b.broker_id, b.address) for b in now.brokers.values())
    now.name_servers = {
        "10.0.0.9:9876": NameServerSeen(
            address="10.0.0.9:9876", millis=1.0, answered_ms=NOW_MS, brokers=listed, topics=30
        ),
        "10.0.0.8:9876": NameServerSeen(
            address="10.0.0.8:9876", millis=2.0, answered_ms=NOW_MS, brokers=frozenset(sorted(listed)[1:]), topics=29
        ),
    }
    for number, seen in enumerate(now.groups.values()):
        seen.waiting_ms = number * 700
        seen.drained_in_ms = number * MINUTE if seen.consume_rate else None
        seen.members = 1 + number % 4
        if seen.lag.state is not LagState.OK:
            seen.since_ms, seen.waiting_ms = NOW_MS - 2 * MINUTE, 3 * MINUTE
    now.groups["订单-消费组"] = group(
        "订单-消费组", 88_123, LagState.SLOW, consume_rate=12.5, members=3, waiting_ms=HOUR, since_ms=NOW_MS - HOUR
    )
    _with_queues(now)
    for number, topic in enumerate(now.topics.values()):
        topic.out_rate = number * 1.7
    now.topics["订单"] = TopicSeen(topic="订单", on={"broker-a": TopicQueues(8, 8, 4)}, in_rate=0.0, out_rate=12.0)
    now.clients = {
        each.client_id: each
        for each in (
            ClientSeen(
                client_id=f"10.1.0.{number}@77", address=f"10.1.0.{number}:5000", language="JAVA", version="V5_3_3",
                groups=(f"group-{number:05d}", "订单-消费组")[: 1 + number % 2], producer=number == 4,
                seen_ms=NOW_MS - number * 9000,
            )
            for number in range(6)
        )
    }  # fmt: skip
    (stalled,), silent = now.alarms, next(broker for broker in now.brokers.values() if broker.dead)
    now.alarms = [
        msgspec.structs.replace(stalled, key="group/group-00001/stalled"),
        Alarm(
            key="broker/silent", health=Health.CRITICAL, target=silent.label, text=DEAD, since_ms=NOW_MS - MINUTE,
            opens=Address("broker", silent.address),
        ),
        Alarm(
            key="group/slow", health=Health.WARNING, target="订单-消费组", text="slow", since_ms=NOW_MS - HOUR,
            opens=Address("group", "订单-消费组"),
        ),
        Alarm(
            key="broker/disk", health=Health.WARNING, target="broker-c", text=DISK_NEAR, since_ms=NOW_MS - 2 * HOUR,
            over_ms=NOW_MS - MINUTE, ended_ms=NOW_MS - MINUTE,
        ),
    ]  # fmt: skip
    now.failures = [Failure(silent.address, "no answer within 3000 ms", RemotingConnectError.next_step)]
    now.events += [
        Event(time_ms=NOW_MS - 8 * MINUTE, kind="topic", target="订单", text="was made", health=Health.INFO),
        Event(time_ms=NOW_MS - 9 * MINUTE, kind="group", target="group-00001", text="stalled", health=Health.CRITICAL),
    ]
    return now


def _with_queues(now: Moment) -> None:
    """Each group has eight queues that share its lag; of one of which that is not known nothing was ever committed, and
    some has come."""
    for seen in now.groups.values():
        lag = seen.lag.lag
        if lag is None:
            evidence = "orders broker-a:0: the group has committed no offset of it; it ends at 10154"
            seen.lag = msgspec.structs.replace(seen.lag, state=LagState.UNKNOWN, evidence=evidence)
            seen.least, seen.waiting_ms = 1_234, OrMore(20_000)
            seen.consume_rate = seen.drained_in_ms = None
        for at in range(8):
            key, share = QueueKey("orders", "broker-a", at), seen.least if lag is None else lag
            end = 10_000 + share // 8 + (share % 8 if not at else 0)
            seen.offsets.queues.append(QueueOffsets(key, end, None if lag is None else 10_000))
            if lag is None:
                seen.bases = {**seen.bases, key: 10_000}


class _Remembering(FakeModel):
    """What a screen is told it has been told ten minutes before too, a while before the moment."""

    def keep(self, name: str, section: Section, *, whole: bool = True) -> None:
        super().keep(name, section, whole=whole)
        *_, before, _ = self.past
        asked = Asked()
        asked.texts = before.asked
        asked.put(name, section, before.time_ms - 2 * MINUTE)
        before.asked = asked.texts


def _as_recorded(before: Moment, now: Moment) -> None:
    """What a recording has of a moment, from one of the present."""
    for at, broker in enumerate(before.brokers.values()):
        if not broker.dead:
            broker.figures = {"in_rate": 80.2 * (at + 1), "out_rate": 91.0 * at, "disk_ratio": 0.4 + at / 5}
    listed = frozenset((b.cluster, b.broker_name, b.broker_id, b.address) for b in before.brokers.values())
    for server in before.name_servers.values():
        server.brokers, server.topics = listed, 30
    before.brokers = {address: judged(broker) for address, broker in before.brokers.items()}
    before.topics_ms = before.groups_ms = before.watched_ms = before.time_ms
    before.totals = Totals(in_rate=801.0, out_rate=546.0, lag=660_000, lag_unknown=1, lag_change=-3.5, in_part=True)
    before.clients = {
        name: msgspec.structs.replace(client, seen_ms=before.time_ms - 9_000)
        for name, client in list(now.clients.items())[:4]
    }


def with_past(now: Moment) -> FakeModel:
    """With a moment of ten and one of thirty minutes before, and figures of ten minutes."""
    lags = [seen.lag.lag for seen in now.groups.values()]
    rates = {
        name: [broker.figures.get(name, 0.0) for broker in now.brokers.values()] for name in ("in_rate", "out_rate")
    }
    now.totals = Totals(
        in_rate=sum(rates["in_rate"]), out_rate=sum(rates["out_rate"]), lag=sum(filter(None, lags)),
        lag_unknown=lags.count(None), lag_change=12.5, in_part=True,
    )  # fmt: skip
    now.verdict = verdict(now.name_servers, now.brokers, now.groups, now.alarms)
    now.topics_ms = now.groups_ms = now.time_ms
    now.brokers = {address: judged(broker) for address, broker in now.brokers.items()}
    before = moment(NOW_MS - 10 * MINUTE, groups=39, topics=30, brokers=4)
    for seen in before.groups.values():
        seen.consume_rate = 0.0 if seen.lag.state is LagState.STALLED else 5.0
    _with_queues(before)
    _as_recorded(before, now)
    model = _Remembering(now, [moment(NOW_MS - 30 * MINUTE), before])
    times = [NOW_MS - at * 10_000 for at in range(120, 0, -1)]
    for number, address in enumerate(now.brokers):
        for name in ("in_rate", "out_rate"):
            model.lines[(f"broker.{name}", address)] = [
                (time_ms, float(at * (number + 1) % 17)) for at, time_ms in enumerate(times[number * 9 :])
            ]
    of_screens = ("topic.in_rate", "topic-00001"), ("topic.out_rate", "topic-00001"), ("group.lag", "group-00001")
    for number, line in enumerate(of_screens):
        model.lines[line] = [(time_ms, float(at // 6 * (number + 3) % 19)) for at, time_ms in enumerate(times)]
    for name in ("in_rate", "out_rate", "lag"):
        model.lines[(f"total.{name}", "")] = [(time_ms, float(at % 23)) for at, time_ms in enumerate(times)]
    return model


def later(now: Moment, *silent: str) -> Moment:
    """Half a minute later, in which these brokers, without any all servers, have not answered."""
    died = now.time_ms
    then = msgspec.structs.replace(now, time_ms=died + MINUTE // 2)
    then.brokers, then.name_servers = dict(now.brokers), dict(now.name_servers)
    for address in silent or now.brokers:
        broker = now.brokers[address]
        if not broker.dead:
            failure = Failure(address, "no answer within 3000 ms", RemotingConnectError.next_step)
            then.brokers[address] = judged(msgspec.structs.replace(broker, failing_since=died, failure=failure))
    if not silent:
        for address, server in now.name_servers.items():
            failure = Failure(address, "no answer within 3000 ms", RemotingConnectError.next_step)
            then.name_servers[address] = msgspec.structs.replace(server, failing_since=died, failure=failure)
        then.groups = {
            name: msgspec.structs.replace(
                seen, lag=GroupLag(name, LagState.UNKNOWN, None, "", []), consume_rate=None, drained_in_ms=None
            )
            for name, seen in now.groups.items()
        }
        then.topics = {name: msgspec.structs.replace(t, in_rate=None, out_rate=None) for name, t in now.topics.items()}
    then.verdict = verdict(then.name_servers, then.brokers, then.groups, then.alarms)
    return then


def empty() -> FakeModel:
    """Before the first answer."""
    return FakeModel(Moment(time_ms=NOW_MS))


def failed() -> FakeModel:
    """No name server answers."""
    failure = Failure("10.0.0.9:9876", "connection refused", RemotingConnectError.next_step)
    server = NameServerSeen(address="10.0.0.9:9876", failure=failure, failing_since=NOW_MS - MINUTE)
    servers = {server.address: server}
    return FakeModel(Moment(time_ms=NOW_MS, name_servers=servers, verdict=verdict(servers, {}, (), ())))


def huge() -> FakeModel:
    """Names and figures that are too long for their columns, and hundreds of rows."""
    now = _cluster(moment(groups=300, topics=300, brokers=12))
    for number, seen in enumerate(now.groups.values()):
        seen.lag = msgspec.structs.replace(seen.lag, lag=(seen.lag.lag or 1) * 12_345_678)
        seen.consume_rate = 1_234_567.0 if seen.lag.state is not LagState.STALLED else 0.0
        seen.waiting_ms = 400 * 24 * HOUR
        seen.drained_in_ms = number * 9_000 * HOUR if seen.consume_rate else None
    now.groups[LONG] = msgspec.structs.replace(now.groups["group-00001"], group=LONG)
    now.topics = {
        LONG_NARROW: TopicSeen(topic=LONG_NARROW, on={LONG_NARROW: TopicQueues(800, 800, 6)}, in_rate=9e9)
    } | {name: msgspec.structs.replace(seen, out_rate=98_765_432.0) for name, seen in now.topics.items()}
    for broker in now.brokers.values():
        broker.figures = {
            name: value * 3_000_000_000 if "ratio" not in name and "boot" not in name else value
            for name, value in broker.figures.items()
        }
    first = next(iter(now.brokers.values()))
    now.brokers[first.address] = msgspec.structs.replace(first, broker_name=LONG_NARROW)
    now.clients["long"] = ClientSeen(
        client_id=f"{LONG_NARROW}@1", address="[fe80:1234:5678:9abc:def0:1234:5678:9abc]:50000", language="OTHER",
        version="V5_3_3_SNAPSHOT", groups=tuple(f"group-{number:05d}" for number in range(90)), seen_ms=NOW_MS - HOUR,
    )  # fmt: skip
    one = now.name_servers["10.0.0.8:9876"]
    now.name_servers["long"] = msgspec.structs.replace(
        one, address=f"{LONG_NARROW}.example:9876", brokers=frozenset(), millis=123_456.0, topics=2_000_000
    )
    now.alarms = [
        msgspec.structs.replace(
            alarm, key=f"{alarm.key.partition('/')[0]}/{number}",
            target=LONG if number == 4 else f"{alarm.key.partition('/')[0]}-{number:05d}",
        )
        for number, alarm in enumerate(now.alarms * 50)
    ]  # fmt: skip
    now.events = [
        msgspec.structs.replace(
            event, target=LONG_NARROW if number == 2 else f"{event.kind}-{number:05d}", time_ms=NOW_MS - number * 1000
        )
        for number, event in enumerate(now.events * 67)
    ]
    model = with_past(now)
    now.totals = Totals(
        in_rate=9.87e9, out_rate=8.76e9, lag=98_765_432_109_876, lag_unknown=299, lag_change=-7.6e9, in_part=True
    )
    return model


CLUSTERS = {"silent": usual, "partly": usual, "usual": usual, "empty": empty, "failed": failed, "huge": huge}
