"""One line that says what is wrong, where, and since when."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final

import msgspec

from rocketmq_ops.common.errors import Failure
from rocketmq_ops.housekeeping.lag import LagState
from rocketmq_ops.tui.model.address import Address
from rocketmq_ops.tui.model.alarms import failures_alone, health_now
from rocketmq_ops.tui.model.broker_state import DEAD, IN_SHORT, judged
from rocketmq_ops.tui.model.moment import Alarm, BrokerSeen, GroupSeen, NameServerSeen, Said, Verdict
from rocketmq_ops.tui.model.table import Health, worst_first

#: Parts that the line has at most; what is left is counted.
MOST_PARTS: Final = 4
#: What explains the most about a broker comes first of what is as bad.
_PLACES: Final = {text: place for place, text in enumerate(IN_SHORT)}


def verdict(
    name_servers: Mapping[str, NameServerSeen],
    brokers: Mapping[str, BrokerSeen],
    groups: Collection[str],
    alarms: Iterable[Alarm],
    failures: Iterable[Failure] = (),
    *,
    not_yet: Iterable[Alarm] = (),
    groups_known: bool = True,
    unknown: int = 0,
    in_part: bool = False,
) -> Verdict:
    """From the alarms that have not ended, and what is wrong now and is `not_yet` one, as rows have it at once. Without
    any alarm also from what could not be asked or written; without that either, that all is well, if that much
    is known. `in_part`: there may be more groups, on brokers that have never told."""
    lasting = [alarm for alarm in alarms if alarm.ended_ms is None]
    wrong, total = [*lasting, *not_yet], f"{'≥' if in_part else ''}{len(groups)}"
    if name_servers and all(server.outdated for server in name_servers.values()):
        since = max(server.failing_since or server.refusing_since or 0 for server in name_servers.values())
        refusing = [server.address for server in name_servers.values() if server.refusing]
        text = "no name server lists its brokers" if refusing else "no name server answers"
        none = Said(text, since, Address("nameservers"))
        causes = _failed([each for each in failures_alone(failures, ()) if each.target in refusing])
        others = [alarm for alarm in wrong if not alarm.key.startswith("name-server/")]
        return Verdict(Health.CRITICAL, (none, *causes, *_parts(others, total))[:MOST_PARTS])
    if not brokers and not any(server.answered_ms is not None for server in name_servers.values()):
        return Verdict(Health.UNKNOWN, (Said("waiting for the first answer"),))
    if not brokers:
        return Verdict(Health.CRITICAL, (Said("no broker is registered", None, Address("brokers")),))
    parts = _parts(wrong, total)
    every: list[NameServerSeen | BrokerSeen] = [*name_servers.values(), *brokers.values()]
    refused = [server.address for server in every if server.refusing]
    if parts:
        whys = [failure for failure in failures_alone(failures, ()) if failure.target in refused]
        if not lasting:
            whys = failures_alone(failures, every)
        worst = min((health_now(each) for each in wrong), key=worst_first)
        return Verdict(worst, tuple(_most([*parts, *_failed(whys)])))
    doubts = _failed(failures_alone(failures, every))
    if any(broker.answered_ms is None and not broker.outdated for broker in brokers.values()):
        return Verdict(Health.UNKNOWN, (Said("waiting for the brokers"),))
    if doubts:
        return Verdict(Health.WARNING, tuple(doubts))
    if any(server.answered_ms is None and not server.outdated for server in name_servers.values()):
        return Verdict(Health.UNKNOWN, (Said("waiting for the name servers", None, Address("nameservers")),))
    if not groups_known:
        return Verdict(Health.UNKNOWN, (Said("waiting for the groups"),))
    if unknown:
        said = f"nothing is known to be wrong; too little is known of {unknown} of {total} groups"
        return Verdict(Health.UNKNOWN, (Said(said, None, Address("groups")),))
    return Verdict(Health.OK, (Said("nothing is wrong"),))


def said_of(broker: BrokerSeen) -> Said | None:
    """How one broker is, and since when; None where it is well."""
    states = judged(broker).states
    if not states:
        return None
    begun = broker.answered_ms is None and states[0].text == DEAD
    also = tuple(IN_SHORT.get(state.text, state.text) for state in states[1:])
    return Said(states[0].text, states[0].since_ms, target=broker.label, also=also, begun_before=begun)


def not_judged(groups: Iterable[GroupSeen]) -> int:
    """How many groups are unknown: they have not been watched for long enough, or have committed nothing, and nothing
    has come since. Those that nobody uses do not count; of one whose clients were not asked for yet that is unknown."""
    return sum(group.lag.state is LagState.UNKNOWN and not group.keeps_own and group.members != 0 for group in groups)


def _most(parts: list[Said]) -> list[Said]:
    """So many that there is room for; what is left is counted."""
    if len(parts) <= MOST_PARTS:
        return parts
    left = len(parts) - MOST_PARTS + 1
    return [*parts[: MOST_PARTS - 1], Said(f"{left} more", None, Address("alarms"))]


def _failed(failures: Sequence[Failure]) -> list[Said]:
    """What could not be asked or written."""
    if not failures:
        return []
    count = len(failures)
    target, cause = failures[0].target, failures[0].cause
    one = cause if cause.startswith(target) else f"{target}: {cause}"
    text = one if count == 1 else f"{count} things could not be asked or written"
    return [Said(text, None, Address("alarms"))]


def _parts(alarms: Iterable[Alarm], total: str) -> list[Said]:
    """One for each kind of alarm, the worst first; what is over and what lasts are parts of their own. Other alarms of
    the same server go into its part: a broker that is dead is mostly not listed either. `total`: how many groups there
    are, as it is written."""
    of_one: dict[tuple[str, str, bool], list[Alarm]] = {}
    for alarm in _last_of_each_group(alarms):
        whose = alarm.key.rpartition("/")[0] if alarm.key.count("/") > 1 else alarm.key
        of_one.setdefault((whose, alarm.target, alarm.over_ms is not None), []).append(alarm)
    alike: dict[tuple[str, str, bool], list[list[Alarm]]] = {}
    for (_, _, over), of_it in of_one.items():
        of_it.sort(key=lambda alarm: (worst_first(alarm.health), _PLACES.get(alarm.text, len(_PLACES))))
        alike.setdefault((of_it[0].key.partition("/")[0], of_it[0].text, over), []).append(of_it)
    found: list[tuple[int, Said]] = []
    for (kind, text, over), same in alike.items():
        first = min((of_it[0] for of_it in same), key=lambda alarm: alarm.since_ms)
        count, short = len(same), IN_SHORT.get(text, text)
        if kind == "group":
            opens = first.opens if count == 1 else Address("groups")
            groups = total if count <= int(total.removeprefix("≥")) else f"{count}"  # some may have been deleted since
            said = Said(f"{count} of {groups} groups {text}", opens=opens, short=f"{count}/{groups} groups {text}")
        elif count == 1:
            said = Said(text, opens=first.opens, target=first.target, short=short)
        elif kind == "broker":
            said = Said(f"{count} brokers: {short}", opens=Address("brokers"))
        else:
            said = Said(f"{count} name servers: {short}", opens=Address("nameservers"))
        also = dict.fromkeys(IN_SHORT.get(other.text, other.text) for of_it in same for other in of_it[1:])
        said = msgspec.structs.replace(said, since_ms=first.since_ms, begun_before=first.begun_before, also=tuple(also))
        if over:
            said = msgspec.structs.replace(said, over_ms=max(of_it[0].over_ms or 0 for of_it in same))
        found.append((worst_first(health_now(first)), said))
    return [said for _, said in sorted(found, key=lambda each: each[0])]


def _last_of_each_group(alarms: Iterable[Alarm]) -> list[Alarm]:
    """Those that have not ended. A group is in one state at a time: of one that was slow and is stalled now, or was
    both of late, there is the last alone, or it would count as two."""
    lasting = [alarm for alarm in alarms if alarm.ended_ms is None]
    last: dict[str, Alarm] = {}
    for alarm in lasting:
        if alarm.key.startswith("group/") and ((other := last.get(alarm.target)) is None or _later(alarm, other)):
            last[alarm.target] = alarm
    return [alarm for alarm in lasting if not alarm.key.startswith("group/") or last[alarm.target] is alarm]


def _later(alarm: Alarm, other: Alarm) -> bool:
    """Whether it lasts and the other is over, or it was over later."""
    if alarm.over_ms is None or other.over_ms is None:
        return other.over_ms is not None
    return alarm.over_ms > other.over_ms
