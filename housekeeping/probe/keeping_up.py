"""How the groups keep up, and what they send back and give up, by this run and those of the history before it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from rocketmq_ops.client.errors import NotFoundError
from rocketmq_ops.common.plurals import plural
from rocketmq_ops.common.spans import human_span
from rocketmq_ops.common.topics import is_retry_topic, retry_topic
from rocketmq_ops.housekeeping.findings import Finding, Severity
from rocketmq_ops.housekeeping.history.gone import LATELY_MS, REGISTERED, gone
from rocketmq_ops.housekeeping.history.runs import Figure, GroupWindow, Run
from rocketmq_ops.housekeeping.lag import WINDOW_RUNS, LagState, judge, waits
from rocketmq_ops.housekeeping.probe import pulling
from rocketmq_ops.housekeeping.probe.report import GroupState, Measure, ProbeReport, measure

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rocketmq_ops.client.admin import MQAdmin
    from rocketmq_ops.housekeeping.history.file import History
    from rocketmq_ops.housekeeping.history.recorder import Surroundings
    from rocketmq_ops.housekeeping.probe.expectations import Expectations
    from rocketmq_ops.housekeeping.probe.groups import DeadLetters, GroupsSeen

#: Fewer messages are no storm, however short the time between two looks.
_LEAST_SENT_BACK: Final = 20
#: Groups of which the history is read one by one; more are read at once.
_ONE_BY_ONE: Final = 50
#: The figure of the history that holds how many dead letters a group ever had.
_EVER_DEAD: Final = "probe.deadLetters"

_SEVERITY: Final[dict[LagState, Severity]] = {
    LagState.SLOW: Severity.WARNING,
    LagState.REWOUND: Severity.WARNING,
    LagState.STALLED: Severity.CRITICAL,
    LagState.STOPPED: Severity.CRITICAL,
    LagState.OFFLINE: Severity.WARNING,
}
#: In these states the clients of a group are asked who holds the queue.
_WITH_CLIENTS: Final = (LagState.SLOW, LagState.STALLED, LagState.STOPPED)
#: Of so many groups in one run.
_ASKED_FOR_HOLDERS: Final = 10
_REMEDY: Final[dict[LagState, str]] = {
    LagState.SLOW: "`mqadmin consumerStatus -g {group}`: more consumers (at most as many as queues), or faster ones",
    LagState.REWOUND: "`mqadmin history`: were its offsets reset?",
    LagState.STALLED: "`mqadmin consumerStatus -g {group} -s`: what its consumers are doing",
    LagState.STOPPED: "`mqadmin consumerStatus -g {group} -s`: what its consumers are doing",
    LagState.OFFLINE: "start its consumers, or `mqadmin deleteSubGroup` if it is not used any more",
}


def record(
    history: History,
    report: ProbeReport,
    seen: GroupsSeen,
    dead: dict[str, DeadLetters],
    registered: dict[str, int],
    around: Surroundings,
    more: list[Figure],
) -> None:
    """Append the run; `registered` has each broker (`cluster/name at address`) with its id, `more` is what the next run
    goes on from. Raises HistoryError."""
    figures = [Figure(f"probe.{m.name}", m.target, m.value) for m in report.measures if m.value is not None]
    figures += [Figure(REGISTERED, place, broker_id) for place, broker_id in registered.items()]
    figures += [Figure(_EVER_DEAD, group, letters.ever) for group, letters in dead.items()]
    figures += [*more, *around.figures]
    figures += [
        Figure(f"host.{name}", host.target, value) for host in report.hosts for name, value in host.figures().items()
    ]
    history.append(
        Run(
            time_ms=seen.time_ms,
            groups=list(seen.groups.values()),
            figures=figures,
            routes=None if seen.failures else around.routes,  # who did not answer still holds its topics
            failures=[*report.failures, *seen.failures, *around.failures],
        )
    )


def judge_gone(history: History, report: ProbeReport, registered: dict[str, int], now_ms: int) -> None:
    """Find brokers that were registered lately and are not any more: name servers forget one that is killed."""
    figures = history.figures(now_ms - LATELY_MS, now_ms, REGISTERED)
    for each in gone({place: points for (_, place), points in figures.items()}, registered, now_ms):
        kind = "the master" if each.master else "a slave"
        ago = human_span(now_ms - each.last_ms)
        report.findings.append(
            Finding(
                id="probe.broker-gone",
                severity=Severity.CRITICAL if each.master and not each.replaced else Severity.WARNING,
                target=each.name,
                evidence=f"{kind} at {each.address} was registered {ago} ago, and no name server lists it now"
                + ("; another is the master" if each.replaced else ""),
                remedy="start it; if it was taken out on purpose, this ends an hour after",
            )
        )


def judge_lag(history: History | None, report: ProbeReport, seen: GroupsSeen) -> list[Standing]:
    """Add how each group keeps up. A group without lag does; of others the last runs are looked at.

    Those whose clients do not get on, each with its worst queue.
    """
    standing: list[Standing] = []
    behind = [name for name in seen.groups if seen.lag(name) != 0]
    windows = {} if history is None else _windows(history, behind)
    for name in sorted(seen.groups):
        lag = seen.lag(name)
        state = GroupState(
            name, LagState.OK, lag, "nothing is left to consume", seen.groups[name].members, _topics(seen, name)
        )
        report.groups.append(state)
        if lag == 0:
            continue
        window = windows.get(name)
        if window is None:
            state.state, state.evidence = str(LagState.UNKNOWN), "there is no history of its offsets yet"
            continue
        judged = judge(window)
        state.state, state.evidence = str(judged.state), judged.evidence
        severity = _SEVERITY.get(judged.state)
        if severity is None:
            continue
        if judged.state is LagState.OFFLINE and not _moved(window):
            severity = Severity.INFO  # nobody has used it for as long as is known
        report.findings.append(
            Finding(
                id=f"probe.group-{judged.state}",
                severity=severity,
                target=name,
                evidence=judged.evidence,
                remedy=_REMEDY[judged.state].format(group=name),
            )
        )
        if judged.state in _WITH_CLIENTS and seen.groups[name].members:
            worst = judged.queues[0]
            standing.append(Standing(report.findings[-1], (worst.topic, worst.broker, worst.queue_id)))
    return standing


def add_online(report: ProbeReport, seen: GroupsSeen, still: Mapping[str, str]) -> None:
    """Add the groups that have clients and no offset: their lag is unknown, and not 0. Those that were found to hang
    are there already. `still`: those that pull by themselves and take nothing, and how that is known."""
    known = (LagState.OK, LagState.UNKNOWN)
    hanging = {state.group for state in report.groups if state.state not in known}
    report.groups = [state for state in report.groups if state.group in hanging or state.group not in seen.online]
    for name, online in sorted(seen.online.items()):
        if name in hanging:
            continue
        clients = f"{plural(online.members, 'client is', 'clients are')} connected"
        state = LagState.UNKNOWN
        if name in still:
            state = LagState.STALLED
            evidence = f"{clients}, and no broker has an offset of the group; {still[name]}"
            remedy = _REMEDY[state].format(group=name)
            kind = f"probe.group-{state}"
            report.findings.append(
                Finding(id=kind, severity=Severity.WARNING, target=name, evidence=evidence, remedy=remedy)
            )
        elif online.subscribed.broadcasting:
            evidence = f"{clients}, in broadcasting mode: they keep their offsets themselves"
        else:
            evidence = f"{clients}, and no broker has an offset of the group: how far it is behind is unknown"
            report.findings.append(
                Finding(
                    id="probe.group-without-offset",
                    severity=Severity.INFO,
                    target=name,
                    evidence=evidence,
                    remedy=f"`mqadmin consumerStatus -g {name} -s`: whether it consumes; offsets come with the first "
                    "messages",
                )
            )
        unknown: dict[str, int | None] = dict.fromkeys(online.subscribed.topics)
        report.groups.append(GroupState(name, str(state), None, evidence, online.members, unknown))
    report.groups.sort(key=lambda state: state.group)


class Standing(NamedTuple):
    """A finding about a group whose clients do not get on, and the queue that it is about: topic, broker, queue id."""

    finding: Finding
    queue: tuple[str, str, int]


async def add_holders(admin: MQAdmin, report: ProbeReport, standing: list[Standing]) -> None:
    """Say in each finding which client holds the queue, and what waits for retry. Clients are asked, through a broker.

    Of the first few alone, for every client of a group is asked.
    """

    async def one(each: Standing) -> str | None:
        try:
            holders, _ = await admin.clients.queue_holders(each.finding.target)
        except NotFoundError:
            return None
        return holders.get(each.queue)

    asked = standing[:_ASKED_FOR_HOLDERS]
    fan = await admin.fan_out(range(len(asked)), lambda place: one(asked[place]))
    states = {state.group: state for state in report.groups}
    for place, each in enumerate(asked):
        if place in fan.errors:
            who = f"who holds it is unknown: {fan.errors[place].cause}"
        else:
            client = fan.answers[place]
            who = f"the queue is held by the client {client}" if client else "no client that answered holds the queue"
        in_retry = states[each.finding.target].topics.get(retry_topic(each.finding.target))
        if in_retry:
            who = f"{who}; {waits(in_retry)} to be consumed again"
        found = msgspec.structs.replace(each.finding, evidence=f"{each.finding.evidence}; {who}")
        report.findings[report.findings.index(each.finding)] = found


def _windows(history: History, groups: list[str]) -> dict[str, GroupWindow]:
    if len(groups) > _ONE_BY_ONE:
        return history.last_windows(WINDOW_RUNS, set(groups))
    times = history.last_times(WINDOW_RUNS)
    return {group: history.window(group, times[0], times[-1]) for group in groups} if times else {}


def _moved(window: GroupWindow) -> bool:
    """Whether the group consumed anything within the window."""
    for columns in window.queues.values():
        known = {offset for offset in columns.committed if offset is not None}
        if len(known) > 1:
            return True
    return False


def _topics(seen: GroupsSeen, group: str) -> dict[str, int | None]:
    found: dict[str, int | None] = {}
    for queue in seen.groups[group].queues:
        topic = queue.queue.topic
        known, lag = found.setdefault(topic, 0), queue.lag
        found[topic] = None if known is None or lag is None else known + lag
    return found


class Before:
    """The last run of the history before this one, as far as rates need it."""

    def __init__(self, history: History | None, now_ms: int) -> None:
        self.time_ms: int | None = None
        self.sent_back: dict[str, int] = {}
        self.dead: dict[str, float] = {}
        #: The first message that waited in each client that told of it.
        self.held: dict[str, float] = {}
        #: Groups that had a queue with messages and no offset of it.
        self.unsaved: set[str] = set()
        times = [] if history is None else history.last_times(1)
        if history is None or not times or not now_ms - LATELY_MS < times[0] < now_ms:
            return
        self.time_ms = times[0]
        unknown: set[str] = set()
        for group, topic, end, saved in history.ends_at(times[0]):
            if end and not saved:
                self.unsaved.add(group)
            known = self.sent_back.setdefault(group, 0)
            if is_retry_topic(topic):
                self.sent_back[group] = known + (end or 0)
                if end is None:
                    unknown.add(group)
        for group in unknown:
            del self.sent_back[group]
        figures = history.figures(times[0], times[0], _EVER_DEAD)
        self.dead = {group: points[-1][1] for (_, group), points in figures.items()}
        told = history.figures(times[0], times[0], pulling.HELD)
        self.held = {target: points[-1][1] for (_, target), points in told.items()}


def judge_sent_back(
    wanted: Expectations, report: ProbeReport, before: dict[str, int], after: dict[str, int], between_ms: int
) -> None:
    """Add the rate at which each group sends back, of those that sent back anything between two looks."""
    for group in sorted(after.keys() & before.keys()):
        count = after[group] - before[group]
        if count < 1 or between_ms < 1:
            continue
        found = measure(wanted, "retryRate", group, count * 60_000 / between_ms)
        if count < _LEAST_SENT_BACK:
            found.severity = Severity.OK
        report.measures.append(found)
        if found.severity is not Severity.OK:
            report.findings.append(
                _of_group(
                    "retry-storm",
                    found,
                    f"it sent back {count} messages in {between_ms / 1000:.0f} s, {found.value:.0f} a minute",
                    f"`mqadmin printMsg -t %RETRY%{group}`: which messages fail; and the log of its consumers",
                )
            )


def judge_dead(
    wanted: Expectations, report: ProbeReport, dead: dict[str, DeadLetters], before: Before, now_ms: int
) -> None:
    """Add the rate at which groups give up messages, and how long their oldest dead letters will be there."""
    for group in sorted(dead):
        letters = dead[group]
        if letters.left_ms is not None:
            left = measure(wanted, "deadLetterLeft", group, letters.left_ms)
            report.measures.append(left)
            if left.severity is not Severity.OK:
                report.findings.append(
                    _of_group(
                        "dead-letters-expire",
                        left,
                        f"{letters.there} dead letters are there; the oldest may be deleted in "
                        f"{max(letters.left_ms, 0) / 3_600_000:.1f} h",
                        f"`mqadmin printMsg -t %DLQ%{group}`: save what is still needed",
                    )
                )
        if before.time_ms is None or group not in before.dead or letters.ever <= before.dead[group]:
            continue
        count, between_ms = letters.ever - before.dead[group], now_ms - before.time_ms
        rate = measure(wanted, "deadLetterRate", group, count * 60_000 / between_ms)
        report.measures.append(rate)
        if rate.severity is not Severity.OK:
            report.findings.append(
                _of_group(
                    "dead-letters",
                    rate,
                    f"it gave up {count:.0f} messages in {between_ms / 1000:.0f} s; {letters.there} dead letters "
                    "are there",
                    f"`mqadmin printMsg -t %DLQ%{group}`",
                )
            )


def _of_group(kind: str, found: Measure, evidence: str, remedy: str) -> Finding:
    return Finding(id=f"probe.{kind}", severity=found.severity, target=found.target, evidence=evidence, remedy=remedy)
