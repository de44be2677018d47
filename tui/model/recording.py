"""A moment as a run of a history; `recorded.py` makes moments of runs.

What a run has beside offsets: figures `broker.*` and `name-server.*` by address, `group.*` of groups that are not well,
`unknown.groups` for each broker that did not tell of its groups; and as texts, which are kept when they change, what
brokers and name servers are, settings, clients, alarms, events, and what screens were told.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

import msgspec

from rocketmq_ops.common.errors import Failure
from rocketmq_ops.common.tasks import Pause, at_once
from rocketmq_ops.housekeeping.history.rows import AT_A_TIME
from rocketmq_ops.housekeeping.history.runs import Figure, Run
from rocketmq_ops.housekeeping.unsaved import Unsaved
from rocketmq_ops.tui.model.broker_figures import PREFIX
from rocketmq_ops.tui.model.moment import (
    BrokerSeen,
    Moment,
    NameServerSeen,
    TopicSeen,
    Totals,
)
from rocketmq_ops.tui.model.table import Below, OrMore

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
WAITING: Final = "waiting_ms"
UNSAVED: Final = tuple(Unsaved)
INEXACT: Final = {"waiting_below_ms": Below, "waiting_least_ms": OrMore}
#: Before the name of what a screen was told.
ASKED: Final = "asked/"
#: Times of a server, which a moment has and its figures have not.
TIMES: Final = ("answered_ms", "failing_since", "refusing_since", "unlisted_since", "settings_since")
#: Figures that a broker has at times at which its others are of an answer before (`Answered.outdated`).
SILENT: Final = (f"{PREFIX}failing_since", f"{PREFIX}refusing_since")


class Server(msgspec.Struct, omit_defaults=True):
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
        server = Server(broker.cluster, broker.broker_name, broker.broker_id, broker.version, broker.failure)
        texts[f"broker/{address}"] = _text(server)
        if broker.settings is not None:
            texts[f"settings/{address}"] = _text(broker.settings)
    for address, name_server in moment.name_servers.items():
        figures += _times(NAME_SERVER, address, name_server)
        if name_server.millis is not None:
            figures.append(Figure(NAME_SERVER + "millis", address, name_server.millis))
        brokers = sorted(name_server.brokers)
        server = Server(failure=name_server.failure, brokers=brokers, topics=name_server.topics)
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
            known = next((each for each, kind in INEXACT.items() if isinstance(group.waiting_ms, kind)), WAITING)
            figures.append(Figure(GROUP + known, name, float(group.waiting_ms)))
        if group.unsaved is not None:
            figures.append(Figure(GROUP + "unsaved", name, 1.0 + UNSAVED.index(group.unsaved)))
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
    pairs = ((name, getattr(server, name, None)) for name in TIMES)
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
