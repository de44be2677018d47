"""What changed between two moments, for the list of the last ten minutes."""

from __future__ import annotations

from collections import deque
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from typing import Final

from rocketmq_ops.tui.model.address import Address
from rocketmq_ops.tui.model.broker_state import REFUSING
from rocketmq_ops.tui.model.moment import Alarm, Answered, BrokerSeen, Event, Moment, TopicQueues, TopicSeen
from rocketmq_ops.tui.model.table import NOTHING, Health

#: How long events are shown, ms.
SHOWN_MS: Final = 10 * 60_000
#: Of one kind at one time; more are one event with their number.
_MOST_ALIKE: Final = 5


class Events:
    """The events of the last ten minutes."""

    def __init__(self) -> None:
        self._events: deque[Event] = deque()

    def add(self, events: Sequence[Event]) -> None:
        """Add what others have seen, and is not known yet."""
        new = [event for event in events if event not in self._events]
        self._events = deque(sorted([*new, *self._events], key=lambda event: -event.time_ms))

    def note(self, before: Moment | None, after: Moment) -> list[Event]:
        """Add what changed since; all there are, the latest first."""
        if before is not None:
            self._events.extendleft(_changes(before, after))
        while self._events and after.time_ms - self._events[-1].time_ms > SHOWN_MS:
            self._events.pop()
        return list(self._events)


def _changes(before: Moment, after: Moment) -> Iterator[Event]:
    now = after.time_ms
    yield from _brokers(before, after)
    yield from _name_servers(before, after)
    yield from _alarms(before.alarms, after.alarms, after.groups.keys(), now)
    if before.groups_ms is not None and before.groups_ms != after.groups_ms:
        members = [
            (name, f"clients: {was.members} -> {group.members}")
            for name, group in after.groups.items()
            if (was := before.groups.get(name)) is not None
            and None not in (was.members, group.members)
            and was.members != group.members
        ]
        yield from _alike(members, "members", now, f"{len(members)} groups: other clients", "group")
    whole = all(not broker.dead for broker in after.brokers.values())
    if before.topics_ms is not None and before.topics_ms != after.topics_ms and whole:
        made = [(topic, "was made") for topic in _made(before.topics, after.topics)]
        yield from _alike(made, "topic", now, f"{len(made)} topics were made", "topic")
        if before.brokers.keys() == after.brokers.keys():
            deleted = [(topic, "was deleted") for topic in before.topics.keys() - after.topics.keys()]
            yield from _alike(deleted, "topic", now, f"{len(deleted)} topics were deleted", "topics")
        changed = [
            (name, text)
            for name, topic in after.topics.items()
            if (old := before.topics.get(name)) is not None and (text := _other_queues(old.on, topic.on))
        ]
        yield from _alike(changed, "topic", now, f"{len(changed)} topics have other queues or permissions", "topic")


def _made(before: Mapping[str, TopicSeen], after: Mapping[str, TopicSeen]) -> Iterator[str]:
    """New topics, but not those of a broker that had not told of any before: it has had them."""
    new = after.keys() - before.keys()
    told = {broker for topic in before.values() for broker in topic.on} if new else set()
    return (topic for topic in new if not told.isdisjoint(after[topic].on))


def _other_queues(old: Mapping[str, TopicQueues], new: Mapping[str, TopicQueues]) -> str:
    """What of a topic is another on the brokers that had it before, from what to what; empty where nothing is."""
    if old is new:
        return ""
    both = old.keys() & new.keys()
    where: dict[str, list[str]] = {}
    for broker in sorted(both):
        was, now = old[broker], new[broker]
        if was.perm != now.perm:
            where.setdefault(f"perm: {was.perm} -> {now.perm}", []).append(broker)
        if was.write != now.write:
            where.setdefault(f"write queues: {was.write} -> {now.write}", []).append(broker)
        if was.read != now.read:
            where.setdefault(f"read queues: {was.read} -> {now.read}", []).append(broker)
    texts = []
    for text, brokers in where.items():
        if len(brokers) == len(both):
            texts.append(text)
        elif len(brokers) == 1:
            texts.append(f"{text} on broker {brokers[0]}")
        else:
            texts.append(f"{text} on {len(brokers)} of {len(both)} brokers")
    return ", ".join(texts)


def _brokers(before: Moment, after: Moment) -> Iterator[Event]:
    now = after.time_ms
    for address, broker in after.brokers.items():
        old = before.brokers.get(address)
        opens = Address("broker", address)

        def event(text: str, health: Health = Health.INFO, *, of: BrokerSeen = broker, at: Address = opens) -> Event:
            return Event(time_ms=now, kind="broker", target=of.label, text=text, health=health, opens=at)

        if old is None:
            if before.brokers:
                yield event("has registered", Health.OK)
            continue
        worst = Health.CRITICAL if broker.broker_id == 0 else Health.WARNING
        answering = _answering(old, broker, worst)
        if answering is not None:
            yield event(*answering)
        if broker.unlisted_since is not None and old.unlisted_since is None:
            yield event("is not listed by any name server any more", worst)
        elif old.unlisted_since is not None and broker.unlisted_since is None:
            yield event("is listed again", Health.OK)
        if broker.broker_id != old.broker_id:
            yield event(f"is {_role(broker)} now and was {_role(old)}", Health.WARNING)
        boot, boot_before = broker.figures.get("boot_ms"), old.figures.get("boot_ms")
        if boot is not None and boot_before is not None and boot > boot_before:
            yield event("started anew", Health.WARNING)
        if broker.version != old.version and None not in (broker.version, old.version):
            yield event(f"has version {broker.version} now and had {old.version}")
        if broker.settings is not None and old.settings is not None and broker.settings is not old.settings:
            for key in sorted(broker.settings.keys() | old.settings.keys()):
                value, was = broker.settings.get(key), old.settings.get(key)
                if value != was:
                    yield event(f"{key} is {_shown(value)} now and was {_shown(was)}", Health.WARNING)
            for key in broker.other_secrets:
                yield event(f"{key} was changed", Health.WARNING)
    for address in before.brokers.keys() - after.brokers.keys():
        broker = before.brokers[address]
        yield Event(time_ms=now, kind="broker", target=broker.label, text="is gone", health=Health.WARNING)


def _answering(before: Answered, after: Answered, worst: Health) -> tuple[str, Health] | None:
    """Whether a server has fallen silent, begun to refuse, or answers again; None where it is as it was, or unknown."""
    if (before.dead, before.refusing) == (after.dead, after.refusing):
        return None
    if before.answered_ms is None and not before.outdated:
        return None  # how it was before is not known
    if after.dead:
        return "does not answer any more", worst
    return (REFUSING, worst) if after.refusing else ("answers again", Health.OK)


def _role(broker: BrokerSeen) -> str:
    return "master" if broker.broker_id == 0 else f"slave {broker.broker_id}"


def _shown(value: str | None) -> str:
    return "not set" if value is None else f"'{value}'"


def _name_servers(before: Moment, after: Moment) -> Iterator[Event]:
    for address, server in after.name_servers.items():
        old = before.name_servers.get(address)
        answering = None if old is None else _answering(old, server, Health.CRITICAL)
        if answering is not None:
            text, health = answering
            opens = Address("nameservers")
            yield Event(
                time_ms=after.time_ms, kind="name server", target=address, text=text, health=health, opens=opens
            )


def _alarms(before: Iterable[Alarm], after: Iterable[Alarm], groups: Container[str], now: int) -> Iterator[Event]:
    """Of groups; servers have events of their own. A group that was deleted has not recovered."""
    was = {alarm.key: alarm for alarm in before if alarm.ended_ms is None}
    is_now = {alarm.key: alarm for alarm in after if alarm.ended_ms is None}
    begun = [alarm for key, alarm in is_now.items() if key not in was and key.startswith("group/")]
    by_text: dict[str, list[Alarm]] = {}
    for alarm in begun:
        by_text.setdefault(alarm.text, []).append(alarm)
    for text, alike in by_text.items():
        health = alike[0].health
        pairs = [(alarm.target, text) for alarm in alike]
        yield from _alike(pairs, "group", now, f"{len(pairs)} groups: {text}", "group", health)
    still = {alarm.target for alarm in is_now.values()}
    over = [
        (alarm.target, f"is not {alarm.text} any more")
        for key, alarm in was.items()
        if key not in is_now and key.startswith("group/") and alarm.target not in still and alarm.target in groups
    ]
    yield from _alike(over, "group", now, f"{len(over)} groups are well again", "group", Health.OK)


def _alike(
    pairs: list[tuple[str, str]],
    kind: str,
    now: int,
    together: str,
    screen: str,
    health: Health = Health.INFO,
) -> Iterator[Event]:
    """An event of each target, or one for all of many."""
    if len(pairs) > _MOST_ALIKE:
        yield Event(
            time_ms=now,
            kind=kind,
            target=NOTHING,
            text=together,
            health=health,
            opens=Address("groups" if screen == "group" else "topics"),
        )
        return
    for target, text in sorted(pairs):
        opens = Address(screen) if screen.endswith("s") else Address(screen, target)
        yield Event(time_ms=now, kind=kind, target=target, text=text, health=health, opens=opens)
