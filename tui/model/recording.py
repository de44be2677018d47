"""A moment as a run of a history, and back. A history of the prober makes moments too, of what it has.

What a run has beside offsets: figures `broker.*` and `name-server.*` by address, `group.*` of groups that are not well,
`unknown.groups` for each broker that did not tell of its groups; and as texts, which are kept when they change, what
brokers and name servers are, settings, clients, alarms, events, and what screens were told.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Set
from typing import Final, TypeVar

import msgspec

from rocketmq_ops.common.errors import Failure
from rocketmq_ops.common.tasks import Pause, at_once
from rocketmq_ops.housekeeping.history.file import History
from rocketmq_ops.housekeeping.history.gone import REGISTERED
from rocketmq_ops.housekeeping.history.rows import AT_A_TIME
from rocketmq_ops.housekeeping.history.runs import Figure, QueueKey, Run
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
from rocketmq_ops.tui.model.table import Below, OrMore
from rocketmq_ops.tui.model.verdict import not_judged, verdict

T = TypeVar("T")

NAME_SERVER: Final = "name-server."
GROUP: Final = "group."
TOTAL: Final = "total."
#: A rate that brokers have counted, of a topic in which no offsets say it.
COUNTED: Final = "topic.counted_rate"
UNKNOWN: Final = "unknown.groups"
#: The brokers of these that have never told, by their names.
UNTOLD: Final = "untold.groups"
#: The groups of which an offset went back since the run before.
WENT_BACK: Final = GROUP + "went_back"
#: The name of the text of `Moment.not_yet`.
NOT_YET: Final = "not-yet"
#: The name of the text of `GroupSeen.bases`.
BASES: Final = "bases"
#: The name of the text of `GroupSeen.apart`.
APART: Final = "apart"
#: How long the oldest message has waited, where that is known, and where it is known to be less or more.
_WAITING: Final = "waiting_ms"
_UNSAVED: Final = tuple(Unsaved)
_INEXACT: Final = {"waiting_below_ms": Below, "waiting_least_ms": OrMore}
#: Before the name of what a screen was told.
ASKED: Final = "asked/"
#: Times of a server, which a moment has and its figures have not.
_TIMES: Final = ("answered_ms", "failing_since", "refusing_since", "unlisted_since", "settings_since")
#: Figures that a broker has at times at which its others are of an answer before (`Answered.outdated`).
SILENT: Final = (f"{PREFIX}failing_since", f"{PREFIX}refusing_since")
#: A topic on a broker, as histories write it (`recorder.surroundings`).
_QUEUES: Final = re.compile(r"^(.*) read (\d+) write (\d+) permission (\d+)$", re.MULTILINE)


class _Server(msgspec.Struct, omit_defaults=True):
    """What a server is, as a text."""

    cluster: str = ""
    name: str = ""
    id: int = 0
    version: str | None = None
    failure: Failure | None = None
    brokers: list[tuple[str, str, int, str]] = []
    topics: int | None = None


class Kept(msgspec.Struct):
    """A moment to be kept. `unknown`: brokers, by their names, that did not tell of their groups at that look;
    `went_back`: see `Derived`."""

    moment: Moment
    unknown: tuple[str, ...] = ()
    went_back: frozenset[str] = frozenset()


def run_of(kept: Kept, pause: Pause = at_once) -> Run:
    """The run to append. `pause` is called every few ms."""
    moment = kept.moment
    figures: list[Figure] = [Figure(UNKNOWN, name, 1.0) for name in kept.unknown]
    figures += [Figure(UNTOLD, name, 1.0) for name in moment.untold]
    figures += [Figure(WENT_BACK, name, 1.0) for name in kept.went_back]
    texts: dict[str, str] = {}
    for address, broker in moment.brokers.items():
        figures += [Figure(PREFIX + name, address, value) for name, value in broker.figures.items()]
        figures += _times(PREFIX, address, broker)
        server = _Server(broker.cluster, broker.broker_name, broker.broker_id, broker.version, broker.failure)
        texts[f"broker/{address}"] = _text(server)
        if broker.settings is not None:
            texts[f"settings/{address}"] = _text(broker.settings)
    for address, name_server in moment.name_servers.items():
        figures += _times(NAME_SERVER, address, name_server)
        if name_server.millis is not None:
            figures.append(Figure(NAME_SERVER + "millis", address, name_server.millis))
        brokers = sorted(name_server.brokers)
        server = _Server(failure=name_server.failure, brokers=brokers, topics=name_server.topics)
        texts[f"name-server/{address}"] = _text(server)
    for number, (name, group) in enumerate(moment.groups.items()):
        if number % AT_A_TIME == 0:
            pause()
        if group.since_ms is not None:
            figures.append(Figure(GROUP + "since_ms", name, group.since_ms))
            if group.begun_before:
                figures.append(Figure(GROUP + "begun_before", name, 1.0))
        if group.idle:
            figures.append(Figure(GROUP + "idle", name, 1.0))
        if group.waiting_ms:
            known = next((each for each, kind in _INEXACT.items() if isinstance(group.waiting_ms, kind)), _WAITING)
            figures.append(Figure(GROUP + known, name, float(group.waiting_ms)))
        if group.unsaved is not None:
            figures.append(Figure(GROUP + "unsaved", name, 1.0 + _UNSAVED.index(group.unsaved)))
        if group.least:
            figures.append(Figure(GROUP + "least", name, float(group.least)))
    figures += [
        Figure(COUNTED, name, topic.in_rate)
        for name, topic in moment.topics.items()
        if topic.in_rate is not None and (topic.counted or topic.out_rate is None)
    ]
    figures += [Figure(TOTAL + name, "", value) for name, value in totals_of(moment.totals)]
    if moment.clients_whole:
        figures.append(Figure(TOTAL + "clients_whole", "", 1.0))
    if moment.topics_ms is not None:
        figures.append(Figure(TOTAL + "topics_ms", "", moment.topics_ms))
    if moment.watched_ms is not None:
        figures.append(Figure(TOTAL + "watched_ms", "", moment.watched_ms))
    pause()
    texts[BASES] = _text({name: list(group.bases.items()) for name, group in moment.groups.items() if group.bases})
    texts[APART] = _text({name: sorted(group.apart) for name, group in moment.groups.items() if group.apart})
    texts["alarms"] = _text(moment.alarms)
    texts[NOT_YET] = _text(moment.not_yet)
    texts["events"] = _text(moment.events)
    texts |= {ASKED + name: text for name, text in moment.asked.items()}
    texts["clients"] = _text({key: msgspec.structs.replace(each, seen_ms=0) for key, each in moment.clients.items()})
    pause()
    return Run(
        time_ms=moment.groups_ms or moment.time_ms,
        groups=[group.offsets for group in moment.groups.values()],
        figures=figures,
        routes=None if moment.topics_ms is None else _routes(moment.topics, pause),
        failures=moment.failures,
        texts=texts,
    )


def totals_of(totals: Totals) -> Iterable[tuple[str, float]]:
    """Those that are known of all brokers, by the names that their series have."""
    lag = None if totals.in_part else totals.lag
    for name, value in (("in_rate", totals.in_rate), ("out_rate", totals.out_rate), ("lag", lag)):
        if value is not None:
            yield name, float(value)


def _times(prefix: str, address: str, server: BrokerSeen | NameServerSeen) -> list[Figure]:
    pairs = ((name, getattr(server, name, None)) for name in _TIMES)
    return [Figure(prefix + name, address, value) for name, value in pairs if value is not None]


def _text(value: object) -> str:
    return msgspec.json.encode(value).decode()


def _routes(topics: Mapping[str, TopicSeen], pause: Pause) -> dict[str, str]:
    found: dict[str, str] = {}
    for number, (name, topic) in enumerate(topics.items()):
        if number % AT_A_TIME == 0:
            pause()
        found[name] = _route(topic)
    return found


def _route(topic: TopicSeen) -> str:
    return "\n".join(
        sorted(f"{name} read {q.read} write {q.write} permission {q.perm}" for name, q in topic.on.items())
    )


# -- back


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
        group: _UNSAVED[round(value) - 1]
        for (name, group), value in figures.items()
        if name == GROUP + "unsaved" and round(value) <= len(_UNSAVED)
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
    for known, kind in ((_WAITING, int), *_INEXACT.items()):
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
            server = msgspec.json.decode(text, type=_Server)
            held = of_broker.get(address, {})
            answered, failing, refusing, unlisted, since = (_whole(held.pop(key, None)) for key in _TIMES)
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
            server = msgspec.json.decode(text, type=_Server)
            answered, failing, refusing = (_whole(figures.get((NAME_SERVER + key, address))) for key in _TIMES[:3])
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
