"""What can be changed about topics, groups and brokers: of one, from its screen; of many, from the rows of a list."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from rocketmq_ops.tui.model.details.broker import seen_as
from rocketmq_ops.tui.model.moment import Moment
from rocketmq_ops.tui.model.table import Row
from rocketmq_ops.tui.screens.change import Offer
from rocketmq_ops.tui.screens.names import clusters

Each = Sequence[Mapping[str, str]]


def of_topics(moment: Moment, names: Sequence[str]) -> list[Offer]:
    """Permission, queues, the topics themselves, in each cluster that has them."""

    def offers(each: Each) -> list[Offer]:
        topic = ["-t", "@topic", "-c", "@cluster"]
        return [
            Offer("its permission: 6 read and write, 4 read, 2 write", ["updateTopicPerm", *topic, "-p", "6"]).of(each),
            Offer("take no more messages: permission 4", ["updateTopicPerm", *topic, "-p", "4"], complete=True).of(
                each
            ),
            Offer("its queues", ["updateTopic", *topic, "-r", "8", "-w", "8"]).of(each),
            Offer("delete the topic with its messages", ["deleteTopic", *topic]).of(each),
        ]

    def brokers_of(name: str) -> set[str] | None:
        seen = moment.topics.get(name)
        return None if seen is None else set(seen.on)

    return _in_clusters(moment, "topic", names, brokers_of, offers)


def of_groups(moment: Moment, names: Sequence[str], topic: str | None) -> list[Offer]:
    """Offsets in a topic, the way to consume, the groups themselves. Offsets of many are changed in the topic that the
    list is about."""
    found = []
    if topic is not None or len(names) == 1:
        each: Each = [{"group": name} for name in names]
        words = ["-g", "@group", "-t", topic or "TOPIC"]
        found = [
            Offer("skip what it has not consumed of a topic", ["skipAccumulatedMessage", *words]).of(each),
            Offer("set its offsets to a time", ["resetOffsetByTime", *words, "-s", "now"]).of(each),
        ]

    def offers(each: Each) -> list[Offer]:
        group = ["-g", "@group", "-c", "@cluster"]
        way = ["setConsumeMode", "-c", "@cluster", "-t", topic or "TOPIC", "-g", "@group", "-m", "PULL"]
        listed = [
            Offer("stop it from consuming", ["updateSubGroup", *group, "-s", "false"]),
            Offer("let it consume", ["updateSubGroup", *group, "-s", "true"]),
            *([Offer("how it fetches: PULL or POP", way)] if topic is not None or len(names) == 1 else []),
            Offer("delete the group with its settings", ["deleteSubGroup", *group]),
        ]
        return [offer.of(each) for offer in listed]

    def brokers_of(name: str) -> set[str] | None:
        seen = moment.groups.get(name)
        return None if seen is None else {key.broker for key in seen.offsets.keys}

    return [*found, *_in_clusters(moment, "group", names, brokers_of, offers)]


def of_brokers(names: Sequence[str]) -> list[Offer]:
    """Write permission."""
    each = [{"broker": name} for name in dict.fromkeys(names)]
    return [
        Offer("take no more messages: wipe its write permission", ["wipeWritePerm", "-b", "@broker"]).of(each),
        Offer("take messages again: give it write permission", ["addWritePerm", "-b", "@broker"]).of(each),
    ]


def of_rows(moment: Moment, rows: Sequence[Row], topic: str | None) -> list[Offer] | None:
    """What can be changed about what rows open; None where that is nothing of these, or of several kinds."""
    opened = [row.opens for row in rows if row.opens is not None]
    kinds = {address.screen for address in opened}
    if len(opened) != len(rows) or len(kinds) != 1:
        return None
    names = [address.name for address in opened]
    kind = kinds.pop()
    if kind == "topic":
        return of_topics(moment, names)
    if kind == "group":
        return of_groups(moment, names, topic)
    if kind == "broker":
        seen = [(name, seen_as(name, moment)) for name in names]
        return of_brokers([name if broker is None else broker.broker_name for name, broker in seen])
    return None


def _in_clusters(
    moment: Moment,
    key: str,
    names: Sequence[str],
    brokers_of: Callable[[str], set[str] | None],
    offers: Callable[[Each], list[Offer]],
) -> list[Offer]:
    """Offers of one thing for each cluster by itself; of many for all clusters that have them."""
    each: list[Mapping[str, str]] = []
    for name in names:
        on = brokers_of(name)
        here = {broker.cluster for broker in moment.brokers.values() if on is None or broker.broker_name in on}
        each += [{key: name, "cluster": cluster} for cluster in sorted(here) or clusters(moment)]
    if len(names) > 1:
        return offers(each)
    return [offer for one in each for offer in offers([one])]
