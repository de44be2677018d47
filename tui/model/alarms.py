"""Alarms: what needs a person, with its age. It is raised after it has lasted a while and ends a while after.

So what flickers is one alarm and not twenty.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Final, NamedTuple

import msgspec

from rocketmq_ops.common.errors import Failure
from rocketmq_ops.housekeeping.lag import LagState
from rocketmq_ops.remoting.codes import ResponseCode
from rocketmq_ops.tui.model.address import Address
from rocketmq_ops.tui.model.broker_state import DEAD, REFUSING, UNLISTED
from rocketmq_ops.tui.model.moment import Alarm, BrokerSeen, GroupSeen, NameServerSeen
from rocketmq_ops.tui.model.table import Health, worst_first

#: How long something has to last until it is an alarm, and how long it has to be over until the alarm ends, ms.
RAISE_MS: Final = 8_000
CLEAR_MS: Final = 25_000
#: How long an alarm that has ended is shown, ms.
SHOWN_MS: Final = 10 * 60_000

GROUP_HEALTH: Final = {
    LagState.OK: Health.OK,
    LagState.UNKNOWN: Health.UNKNOWN,
    LagState.SLOW: Health.WARNING,
    LagState.REWOUND: Health.WARNING,
    LagState.OFFLINE: Health.WARNING,
    LagState.STALLED: Health.CRITICAL,
    LagState.STOPPED: Health.CRITICAL,
}
_AT_ONCE: Final = (LagState.STALLED, LagState.STOPPED)


#: What is known of a server also while it tells nothing, as keys end.
_KNOWN_OF_SILENT: Final = (DEAD, REFUSING, UNLISTED, "refuses")


class Found(NamedTuple):
    """Something that is wrong now; `since_ms` where it is known, `begun_before` where it was so then already."""

    key: str
    health: Health
    target: str
    text: str
    since_ms: int | None
    opens: Address | None
    begun_before: bool = False


def found(
    name_servers: Collection[NameServerSeen], brokers: Iterable[BrokerSeen], groups: Iterable[GroupSeen]
) -> Iterator[Found]:
    """All that is wrong at a moment. A group that has been offline since it was first seen is nobody's matter."""
    for server in name_servers:
        if server.outdated:
            text, since = (DEAD, server.failing_since) if server.dead else (REFUSING, server.refusing_since)
            key = f"name-server/{server.address}" + ("" if server.dead else "/refuses")
            begun = server.answered_ms is None
            yield Found(key, Health.CRITICAL, server.address, text, since, Address("nameservers"), begun)
    answering = _answering(name_servers)
    every = frozenset[tuple[str, str, int, str]]().union(*(server.brokers for server in answering))
    for server in answering:
        if server.brokers != every:
            key = f"name-server/{server.address}/lacks"
            yield Found(key, Health.CRITICAL, server.address, "lacks brokers", None, Address("nameservers"))
    for broker in brokers:
        for state in broker.states:
            if state.health in (Health.WARNING, Health.CRITICAL):
                opens = Address("broker", broker.address)
                key = f"broker/{broker.address}/{state.text}"
                begun = broker.answered_ms is None and state.text in (DEAD, REFUSING)
                yield Found(key, state.health, broker.label, state.text, state.since_ms, opens, begun)
    for group in groups:
        health = GROUP_HEALTH[group.lag.state]
        if health in (Health.WARNING, Health.CRITICAL) and not group.idle:
            key = f"group/{group.group}/{group.lag.state.value}"
            opens = Address("group", group.group)
            yield Found(key, health, group.group, group.lag.state.value, group.since_ms, opens, group.begun_before)


def _answering(name_servers: Iterable[NameServerSeen]) -> list[NameServerSeen]:
    return [server for server in name_servers if not server.outdated and server.answered_ms is not None]


def watched(name_servers: Iterable[NameServerSeen], brokers: Iterable[BrokerSeen]) -> frozenset[str]:
    """The beginnings of keys of what is looked at: something that is found of it for the first time has just begun."""
    answering = _answering(name_servers)
    compared = {f"name-server/{server.address}" for server in answering} if len(answering) > 1 else set()
    told = {f"broker/{each.address}" for each in brokers if each.settings is not None and each.figures}
    return frozenset(compared | told)


def in_doubt(
    name_servers: Iterable[NameServerSeen],
    brokers: Iterable[BrokerSeen],
    groups: Iterable[GroupSeen],
    *,
    looked: bool = True,
) -> Callable[[str], bool]:
    """By the key of something that is not found any more, whether that is only because nobody tells of it now: then it
    is not over. Before anybody has `looked` at groups nobody has told of brokers and groups."""
    silent = {f"name-server/{server.address}" for server in name_servers if server.outdated}
    silent |= {f"broker/{broker.address}" for broker in brokers if broker.outdated}
    silent |= {f"group/{group.group}" for group in groups if group.lag.state is LagState.UNKNOWN}

    def doubtful(key: str) -> bool:
        if not looked and key.startswith(("group/", "broker/")):
            return True
        whose, _, what = key.rpartition("/")
        return whose in silent and what not in _KNOWN_OF_SILENT

    return doubtful


def failures_alone(failures: Iterable[Failure], servers: Iterable[NameServerSeen | BrokerSeen]) -> list[Failure]:
    """Failures to ask or to write that a person has to look at, each once. Of a server that does not answer an alarm
    tells, and what an older version does not know is nobody's fault."""
    dead = {server.address for server in servers if server.dead}
    each_once = {
        (each.target, each.cause): each
        for each in failures
        if each.target not in dead and each.code != ResponseCode.REQUEST_CODE_NOT_SUPPORTED
    }
    return list(each_once.values())


def withheld(failures: Iterable[Failure], brokers: Collection[BrokerSeen]) -> Failure | None:
    """Why a broker that answers has not told all that it is asked for; None where none has withheld anything."""
    addresses = {broker.address for broker in brokers}
    return next((each for each in failures_alone(failures, brokers) if each.target in addresses), None)


class _Lasting(msgspec.Struct):
    found: Found
    first_ms: int
    last_ms: int
    begun_before: bool


class Alarms:
    """Keeps what lasts."""

    def __init__(self) -> None:
        self._lasting: dict[str, _Lasting] = {}
        self._raised: dict[str, Alarm] = {}
        #: What was looked at the last time, see `watched`, and when that was.
        self._watched: Collection[str] = ()
        self._now_ms = 0

    def update(
        self,
        now_ms: int,
        wrong: Iterable[Found],
        doubtful: Callable[[str], bool] = lambda key: False,
        watched: Collection[str] = (),
    ) -> list[Alarm]:
        """What is an alarm now, the worst first, the youngest of those first, and behind them those that have ended.
        What is `doubtful` now stays what it was. What is not `watched` since before may have begun before."""
        for each in wrong:
            known = self._lasting.get(each.key)
            if known is None:
                before = each.since_ms is None and each.key.rpartition("/")[0] not in self._watched
                self._lasting[each.key] = _Lasting(each, now_ms, now_ms, before or each.begun_before)
            else:
                known.found, known.last_ms = each, now_ms
        self._watched, self._now_ms = watched, now_ms
        for key, lasting in list(self._lasting.items()):
            if lasting.last_ms < now_ms and key in self._raised and doubtful(key):
                lasting.last_ms = now_ms
            if now_ms - lasting.last_ms >= CLEAR_MS:
                del self._lasting[key]
                alarm = self._raised.get(key)
                if alarm is not None and alarm.ended_ms is None:
                    self._raised[key] = msgspec.structs.replace(alarm, over_ms=None, ended_ms=lasting.last_ms)
                continue
            now = alarm_of(lasting.found, lasting.first_ms, begun_before=lasting.begun_before)
            alarm = self._raised.get(key)
            since, begun_before = now.since_ms, now.begun_before
            if alarm is None or alarm.ended_ms is not None:
                if lasting.last_ms - since < RAISE_MS:
                    continue
            else:
                since, begun_before = min(since, alarm.since_ms), alarm.begun_before
            over = lasting.last_ms if lasting.last_ms < now_ms else None
            self._raised[key] = msgspec.structs.replace(now, since_ms=since, begun_before=begun_before, over_ms=over)
        for key, alarm in list(self._raised.items()):
            if alarm.ended_ms is not None and now_ms - alarm.ended_ms > SHOWN_MS:
                del self._raised[key]
        return in_order(self._raised.values())

    def go_on(self, alarms: Iterable[Alarm], now_ms: int) -> None:
        """These were alarms a moment ago. What of it is not found now is over since now."""
        for each in alarms:
            self._raised[each.key] = each
            if each.ended_ms is None:
                was = Found(each.key, each.health, each.target, each.text, each.since_ms, each.opens, each.begun_before)
                last_ms = now_ms if each.over_ms is None else each.over_ms
                self._lasting[each.key] = _Lasting(was, each.since_ms, last_ms, each.begun_before)

    def not_yet(self) -> list[Alarm]:
        """What is wrong now, at the last update, for too short a time to be an alarm."""
        young = (
            alarm_of(lasting.found, lasting.first_ms, begun_before=lasting.begun_before)
            for key, lasting in self._lasting.items()
            if lasting.last_ms == self._now_ms
            and ((alarm := self._raised.get(key)) is None or alarm.ended_ms is not None)
        )
        return in_order(young)


def alarm_of(wrong: Found, first_ms: int, *, begun_before: bool) -> Alarm:
    """What has been found, as an alarm; `first_ms`: when."""
    return Alarm(
        key=wrong.key,
        health=wrong.health,
        target=wrong.target,
        text=wrong.text,
        since_ms=first_ms if wrong.since_ms is None else min(wrong.since_ms, first_ms),
        begun_before=begun_before,
        opens=wrong.opens,
    )


def since_as(alarms: Iterable[Alarm], groups: Mapping[str, GroupSeen]) -> None:
    """Groups are as they are since when their alarms say: these have lasted while nobody told of the groups, and
    through gaps that are no end of them."""
    for alarm in alarms:
        if alarm.key.startswith("group/") and alarm.ended_ms is None and alarm.over_ms is None:
            seen = groups.get(alarm.target)
            if seen is not None and seen.lag.state.value == alarm.text:
                seen.since_ms, seen.begun_before = alarm.since_ms, alarm.begun_before


def health_now(alarm: Alarm) -> Health:
    """What is over is a warning at most, as it may come again; and nothing to see to once it has ended."""
    if alarm.ended_ms is not None:
        return Health.INFO
    return alarm.health if alarm.over_ms is None else max(alarm.health, Health.WARNING, key=worst_first)


def in_order(alarms: Iterable[Alarm]) -> list[Alarm]:
    """The worst first, of those the youngest first; those that have ended come last."""
    return sorted(alarms, key=lambda a: (a.ended_ms is not None, worst_first(a.health), -a.since_ms, a.key))
