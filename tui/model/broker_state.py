"""What is the matter with a broker, by its own figures and settings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

import msgspec

from rocketmq_ops.common.addresses import MASTER_ID
from rocketmq_ops.common.permission import PERM_WRITE
from rocketmq_ops.tui.model.moment import BrokerSeen, State, TopicSeen
from rocketmq_ops.tui.model.table import NOTHING, Health, Value, worst_first

#: A slave that lacks more bytes than this is behind (haMaxGapNotInSync is 256 MiB, at which a master stops waiting).
_GAP_BYTES: Final = 64 << 20
#: Bytes that are in the commitlog and not yet in the consumequeues.
_DISPATCH_BYTES: Final = 64 << 20

DEAD: Final = "does not answer"
REFUSING: Final = "refuses to answer"
UNLISTED: Final = "is not listed by any name server"
READ_ONLY: Final = "refuses writes"
DISK_FULL: Final = "has a full disk and refuses writes"
DISK_NEAR: Final = "has a disk that is nearly full"
BUSY: Final = "has a busy page cache"
SENDS_WAIT: Final = "lets sends wait"
NOT_REPLICATING: Final = "does not replicate"
BEHIND: Final = "is behind its master"
DISPATCH: Final = "is late with its consumequeues"
#: What is the matter with a broker, in a word or two; it is said of many alike too.
IN_SHORT: Final = {
    DEAD: "no answer",
    REFUSING: "all refused",
    UNLISTED: "not listed",
    READ_ONLY: "no writes",
    DISK_FULL: "disk full",
    DISK_NEAR: "nearly full",
    BUSY: "busy cache",
    SENDS_WAIT: "sends wait",
    NOT_REPLICATING: "not copying",
    BEHIND: "behind",
    DISPATCH: "late queues",
}


def judged(broker: BrokerSeen) -> BrokerSeen:
    """The broker with its states; since when is known of those that it has by itself."""
    states = tuple(sorted(_states(broker), key=lambda state: state.health is not Health.CRITICAL))
    health = states[0].health if states else Health.OK
    if not states and broker.answered_ms is None:
        health = Health.UNKNOWN
    if (health, states) == (broker.health, broker.states):
        return broker
    return msgspec.structs.replace(broker, health=health, states=states)


def _states(broker: BrokerSeen) -> list[State]:
    found: list[State] = []
    worst = Health.CRITICAL if broker.broker_id == MASTER_ID else Health.WARNING
    if broker.failing_since is not None:
        found.append(State(DEAD, worst, broker.failing_since))
    if broker.refusing:
        found.append(State(REFUSING, worst, broker.refusing_since))
    if broker.unlisted_since is not None:
        found.append(State(UNLISTED, worst, broker.unlisted_since))
    if found:
        return found  # its figures are old
    figures, settings = broker.figures, broker.settings or {}
    disk = figures.get("disk_ratio")
    if disk is not None and disk * 100 >= _number(settings, "diskSpaceWarningLevelRatio", 90):
        found.append(State(DISK_FULL, Health.CRITICAL))
    elif disk is not None and disk * 100 >= _number(settings, "diskSpaceCleanForciblyRatio", 85):
        found.append(State(DISK_NEAR, Health.WARNING))
    permission = settings.get("brokerPermission", "")
    if permission.isdecimal() and not int(permission) & PERM_WRITE:
        found.append(State(READ_ONLY, Health.WARNING))
    if figures.get("page_cache_lock_ms", 0) > _number(settings, "osPageCacheBusyTimeOutMills", 1000):
        found.append(State(BUSY, Health.WARNING))
    if figures.get("send_wait_ms", 0) > _number(settings, "waitTimeMillsInSendQueue", 200):
        found.append(State(SENDS_WAIT, Health.WARNING))
    if figures.get("ha_problem"):
        found.append(State(NOT_REPLICATING, Health.WARNING))
    if figures.get("gap_bytes", 0) > _GAP_BYTES:
        found.append(State(BEHIND, Health.WARNING))
    if figures.get("dispatch_behind_bytes", 0) > _DISPATCH_BYTES:
        found.append(State(DISPATCH, Health.WARNING))
    return found


def in_short(broker: BrokerSeen) -> str | None:
    """How it is, in a word or two; None where it has not answered yet."""
    if broker.states:
        return IN_SHORT.get(broker.states[0].text, broker.states[0].text)
    return "ok" if broker.answered_ms is not None else None


def _number(settings: Mapping[str, str], key: str, otherwise: int) -> float:
    text = settings.get(key, "")
    return float(text) if text.isdecimal() else float(otherwise)


def telling(brokers: Iterable[BrokerSeen]) -> dict[str, BrokerSeen]:
    """By address, the brokers that know a name's topics and groups: the master, or the lowest slave where there is
    none.

    A name of which no broker is listed any more has one too: its queues are not gone, but unknown.
    """
    best: dict[tuple[str, str], BrokerSeen] = {}
    for broker in brokers:
        key = broker.cluster, broker.broker_name
        if key not in best or _rank(broker) < _rank(best[key]):
            best[key] = broker
    return {broker.address: broker for broker in best.values()}


def _rank(broker: BrokerSeen) -> tuple[bool, int]:
    return broker.unlisted_since is not None, broker.broker_id


def stale(brokers: Iterable[BrokerSeen]) -> dict[str, int]:
    """The names whose topics are not told of now, and when each told of itself last (ms since 1970)."""
    return {
        broker.broker_name: broker.stale_since for broker in telling(brokers).values() if broker.stale_since is not None
    }


def without_topics(brokers: Iterable[BrokerSeen], topics: Mapping[str, TopicSeen]) -> frozenset[str]:
    """The names of which no topic is known: they have not told of any, as every broker has some of the system."""
    names = {broker.broker_name for broker in telling(brokers).values()}
    for topic in topics.values():
        if not names:
            break
        names -= topic.on.keys()
    return frozenset(names)


def signs(brokers: Iterable[BrokerSeen]) -> dict[str, Health]:
    """The names that tell of nothing now, and how each is."""
    return {
        broker.broker_name: min(judged(broker).health, Health.UNKNOWN, key=worst_first)
        for broker in telling(brokers).values()
        if broker.outdated
    }


def gap_of(broker: BrokerSeen) -> Value:
    """How many bytes it lacks, for a cell: a master lacks none, and of a slave it may be unknown."""
    return NOTHING if broker.broker_id == MASTER_ID else broker.figures.get("gap_bytes")


def with_gaps(brokers: Mapping[str, BrokerSeen]) -> dict[str, BrokerSeen]:
    """All of them, slaves with how many bytes of the commitlog they lack, where they and their masters answer."""
    masters = {(b.cluster, b.broker_name): b for b in brokers.values() if b.broker_id == MASTER_ID}
    found = dict(brokers)
    for address, broker in brokers.items():
        if broker.broker_id == MASTER_ID:
            continue
        master = masters.get((broker.cluster, broker.broker_name))
        gap = None
        if master is not None and not master.dead and not broker.dead:
            end, own = master.figures.get("log_max_bytes"), broker.figures.get("log_max_bytes")
            gap = max(end - own, 0.0) if end is not None and own is not None else None
        figures = {name: value for name, value in broker.figures.items() if name != "gap_bytes"}
        if gap is not None:
            figures["gap_bytes"] = gap
        if figures != broker.figures:
            found[address] = msgspec.structs.replace(broker, figures=figures)
    return found
