"""A moment out of a run of a history (`recording.py`). A history of the prober makes moments too, of what it has."""

from __future__ import annotations

import re
from collections.abc import Mapping, Set
from typing import Final, TypeVar

import msgspec

from rocketmq_ops.housekeeping.history.file import History
from rocketmq_ops.housekeeping.history.gone import REGISTERED
from rocketmq_ops.housekeeping.history.runs import QueueKey
from rocketmq_ops.housekeeping.unsaved import Unsaved
from rocketmq_ops.tui.model.alarms import alarm_of, found, in_order
from rocketmq_ops.tui.model.broker_figures import PREFIX
from rocketmq_ops.tui.model.broker_state import judged, stale, without_topics
from rocketmq_ops.tui.model.choosing import WINDOW_MS, chosen, further, nearest
from rocketmq_ops.tui.model.derive import RATE_MS, Derived, derive
from rocketmq_ops.tui.model.events import SHOWN_MS as EVENTS_SHOWN_MS
from rocketmq_ops.tui.model.looks import Looks
from rocketmq_ops.tui.model.moment import (
    Alarm,
    BrokerSeen,
    ClientSeen,
    Event,
    GroupSeen,
    Moment,
    NameServerSeen,
    TopicQueues,
    TopicSeen,
    Totals,
)
from rocketmq_ops.tui.model.recording import (
    APART,
    ASKED,
    BASES,
    COUNTED,
    GROUP,
    INEXACT,
    NAME_SERVER,
    NOT_YET,
    TIMES,
    TOTAL,
    UNKNOWN,
    UNSAVED,
    UNTOLD,
    WAITING,
    WENT_BACK,
    Server,
)
from rocketmq_ops.tui.model.verdict import not_judged, verdict

T = TypeVar("T")

#: A topic on a broker, as histories write it (`recorder.surroundings`).
_QUEUES: Final = re.compile(r"^(.*) read (\d+) write (\d+) permission (\d+)$", re.MULTILINE)


def moment_at(history: History, at_ms: int, looks: Looks | None = None) -> Moment | None:
    """The moment of the last run at `at_ms` or before; None when all are later. `looks` of it (`looks_at`) may have
    been read. Raises HistoryError."""
    time_ms = history.last_time(at_ms)
    if time_ms is None:
        return None
    texts = history.texts_at(time_ms)
    figures: dict[tuple[str, str], float] = {
        key: points[-1][1] for key, points in history.figures(time_ms, time_ms).items()
    }
    looks = looks or looks_at(history, time_ms)
    last = looks.last
    told_in_part = last is not None and any(name == UNKNOWN for name, _ in figures)
    in_doubt = {name for name in last.groups if not last.keys(name)} if last is not None and told_in_part else set()
    bases = {name: dict(pairs) for name, pairs in _pairs(texts).items()}
    untold = frozenset(name for kind, name in figures if kind == UNTOLD)
    apart = msgspec.json.decode(texts.get(APART, "{}"), type=dict[str, frozenset[str]])
    without = _unsaved(figures)
    derived = derive(looks, {}, in_doubt=in_doubt, bases=bases, without=without, untold=untold, apart=apart)
    groups = {name: _with_figures(group, figures) for name, group in derived.groups.items()}
    brokers = _brokers(figures, texts, time_ms)
    name_servers = _name_servers(figures, texts)
    topics_ms = figures.get((TOTAL + "topics_ms", ""))
    topics = _topics(history.routes_at(time_ms), derived, figures, stale(brokers.values()).keys() | untold)
    if topics and without_topics(brokers.values(), topics):
        for topic in topics.values():
            topic.in_rate = topic.out_rate = None
    wrong = in_order(
        alarm_of(each, time_ms, begun_before=each.begun_before or each.since_ms is None)
        for each in found(name_servers.values(), brokers.values(), groups.values())
    )
    is_ours = "alarms" in texts
    # Of the prober: what is wrong then is an alarm then, of which no more is known than that it was there.
    alarms = msgspec.json.decode(texts["alarms"], type=list[Alarm]) if is_ours else wrong
    raised = {alarm.key for alarm in alarms if alarm.ended_ms is None}
    not_yet = _decoded(texts, NOT_YET, list[Alarm])
    if NOT_YET not in texts:  # it was not written down
        not_yet = [alarm for alarm in wrong if alarm.key not in raised]
    failures = history.failures(time_ms, time_ms).get(time_ms, [])
    watched = _whole(figures.get((TOTAL + "watched_ms", "")))
    if watched is None and is_ours:  # it was not written down
        watched = time_ms - EVENTS_SHOWN_MS
    return Moment(
        time_ms=time_ms,
        live=False,
        name_servers=name_servers,
        brokers=brokers,
        topics=topics,
        groups=groups,
        clients=_clients(texts),
        clients_whole=(TOTAL + "clients_whole", "") in figures,
        asked={name.removeprefix(ASKED): text for name, text in texts.items() if name.startswith(ASKED)},
        topics_ms=round(topics_ms) if topics_ms is not None else time_ms if topics else None,
        groups_ms=time_ms,
        totals=Totals(
            figures.get((TOTAL + "in_rate", "")),
            figures.get((TOTAL + "out_rate", "")),
            derived.lag,
            derived.lag_unknown,
            derived.lag_change,
            told_in_part or bool(untold),
        ),
        untold=untold,
        alarms=alarms,
        not_yet=not_yet,
        events=_decoded(texts, "events", list[Event]),
        verdict=verdict(
            name_servers,
            brokers,
            groups,
            alarms,
            failures,
            not_yet=not_yet,
            unknown=not_judged(groups.values()),
            in_part=bool(untold),
        ),
        failures=failures,
        watched_ms=watched,
    )


def looks_at(history: History, time_ms: int) -> Looks:
    """The looks that a moment is derived from: of those in between only the times."""
    times = history.times(time_ms - WINDOW_MS, time_ms)
    wanted = {times[place] for place in chosen(times)}
    if (rates_of := nearest(times, RATE_MS)) is not None:
        wanted.add(rates_of)
    for points in history.figures(times[0], time_ms, WENT_BACK).values():
        for at, _ in points:
            wanted |= {at, times[max(times.index(at) - 1, 0)]}
    silent: dict[int, set[str]] = {}
    for (_, name), points in history.figures(times[0], time_ms, UNKNOWN).items():
        for at, _ in points:
            silent.setdefault(at, set()).add(name)
    nobody: set[str] = set()
    for places in further(times, [silent.get(at, nobody) for at in times]).values():
        wanted |= {times[place] for place in places}
    looks = Looks()
    for at in times:
        unknown = silent.get(at, nobody)
        if at in wanted:
            looks.add(at, history.offsets_with_unknown(at, unknown), silent=unknown)
        else:
            looks.skip(at, unknown)
    return looks


def _decoded(texts: Mapping[str, str], name: str, kind: type[list[T]]) -> list[T]:
    return msgspec.json.decode(texts[name], type=kind) if name in texts else []


def _unsaved(figures: Mapping[tuple[str, str], float]) -> dict[str, Unsaved]:
    return {
        group: UNSAVED[round(value) - 1]
        for (name, group), value in figures.items()
        if name == GROUP + "unsaved" and round(value) <= len(UNSAVED)
    }


def _pairs(texts: Mapping[str, str]) -> dict[str, list[tuple[QueueKey, int]]]:
    """`GroupSeen.bases` by group; earlier recordings have none."""
    return msgspec.json.decode(texts.get(BASES, "{}"), type=dict[str, list[tuple[QueueKey, int]]])


def _clients(texts: Mapping[str, str]) -> dict[str, ClientSeen]:
    return msgspec.json.decode(texts["clients"], type=dict[str, ClientSeen]) if "clients" in texts else {}


def _with_figures(group: GroupSeen, figures: Mapping[tuple[str, str], float]) -> GroupSeen:
    group.since_ms = _whole(figures.get((GROUP + "since_ms", group.group)))
    group.begun_before = (GROUP + "begun_before", group.group) in figures
    group.idle = (GROUP + "idle", group.group) in figures
    for known, kind in ((WAITING, int), *INEXACT.items()):
        waiting = _whole(figures.get((GROUP + known, group.group)))
        if waiting is not None:
            group.waiting_ms = kind(waiting)
    group.least = max(group.least, _whole(figures.get((GROUP + "least", group.group))) or 0)
    return group


def _brokers(figures: Mapping[tuple[str, str], float], texts: Mapping[str, str], time_ms: int) -> dict[str, BrokerSeen]:
    of_broker: dict[str, dict[str, float]] = {}
    for (name, address), value in figures.items():
        if name.startswith(PREFIX):
            of_broker.setdefault(address, {})[name.removeprefix(PREFIX)] = value
    found_brokers: dict[str, BrokerSeen] = {}
    for name, text in texts.items():
        kind, _, address = name.partition("/")
        if kind == "broker":
            server = msgspec.json.decode(text, type=Server)
            held = of_broker.get(address, {})
            answered, failing, refusing, unlisted, since = (_whole(held.pop(key, None)) for key in TIMES)
            settings = texts.get(f"settings/{address}")
            found_brokers[address] = judged(
                BrokerSeen(
                    address=address,
                    cluster=server.cluster,
                    broker_name=server.name,
                    broker_id=server.id,
                    version=server.version,
                    failure=server.failure,
                    figures=held,
                    settings=None if settings is None else msgspec.json.decode(settings, type=dict[str, str]),
                    answered_ms=answered,
                    failing_since=failing,
                    refusing_since=refusing,
                    unlisted_since=unlisted,
                    settings_since=since,
                )
            )
    if found_brokers:
        return found_brokers
    for (name, place), value in figures.items():
        if name == REGISTERED:
            full, _, address = place.partition(" at ")
            cluster, _, broker_name = full.rpartition("/")
            found_brokers[address] = BrokerSeen(
                address=address,
                cluster=cluster,
                broker_name=broker_name,
                broker_id=round(value),
                figures=of_broker.get(address, {}),
                answered_ms=time_ms if address in of_broker else None,
            )
    return found_brokers


def _name_servers(figures: Mapping[tuple[str, str], float], texts: Mapping[str, str]) -> dict[str, NameServerSeen]:
    found_servers: dict[str, NameServerSeen] = {}
    for name, text in texts.items():
        kind, _, address = name.partition("/")
        if kind == "name-server":
            server = msgspec.json.decode(text, type=Server)
            answered, failing, refusing = (_whole(figures.get((NAME_SERVER + key, address))) for key in TIMES[:3])
            found_servers[address] = NameServerSeen(
                address=address,
                millis=figures.get((NAME_SERVER + "millis", address)),
                failure=server.failure,
                brokers=frozenset(server.brokers),
                topics=server.topics,
                answered_ms=answered,
                failing_since=failing,
                refusing_since=refusing,
            )
    return found_servers


def _whole(value: float | None) -> int | None:
    return None if value is None else round(value)


def _topics(
    routes: Mapping[str, str],
    derived: Derived,
    figures: Mapping[tuple[str, str], float],
    old: Set[str],
) -> dict[str, TopicSeen]:
    """`old`: brokers, by their names, that did not answer; rates of topics there are not known."""
    topics: dict[str, TopicSeen] = {}
    for topic, body in routes.items():
        on = {name: TopicQueues(int(read), int(write), int(perm)) for name, read, write, perm in _QUEUES.findall(body)}
        seen = topics[topic] = TopicSeen(topic=topic, on=on)
        if old.isdisjoint(on):
            seen.in_rate = derived.in_rates.get(topic, figures.get((COUNTED, topic)))
            seen.counted = topic not in derived.in_rates and seen.in_rate is not None
            seen.out_rate = derived.out_rates.get(topic)
    return topics
