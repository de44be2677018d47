"""What a planned change, and one that was made, say: a line for each thing, each with how bad it is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, TypeVar

from rocketmq_ops.client.admin.affected import Affected
from rocketmq_ops.client.admin.changes import Change
from rocketmq_ops.client.api.send import SendStatus
from rocketmq_ops.common.errors import Failure
from rocketmq_ops.common.plurals import plural
from rocketmq_ops.common.spans import human_span
from rocketmq_ops.housekeeping.lag import waits
from rocketmq_ops.tui.changes import MadeChange, PlannedChange
from rocketmq_ops.tui.model.table import Health

T = TypeVar("T")
#: A text in English, and how bad it is.
Said = tuple[str, Health]
#: Things of a kind that are listed.
MOST = 12

#: Whom a change touches, where that is nobody.
NOBODY: Final = "no group reads what changes, and no client is connected"
#: What a client answers that has consumed a message (CMResult).
_CONSUMED = ("CR_SUCCESS", "CR_COMMIT")
_STATES = {
    "done": Health.OK,
    "unchanged": Health.INFO,
    "planned": Health.INFO,
    "partial": Health.WARNING,
    "unverified": Health.WARNING,
    "no_effect": Health.CRITICAL,
}


def plan_lines(plan: PlannedChange) -> list[Said]:
    """What would change, whom it touches, and what is not known of that."""
    lines: list[Said] = []
    if not plan.recorded:
        lines.append(("it sends a message; the journal does not keep that, and it cannot be undone", Health.WARNING))
    for change in _some(plan.changes, lines):
        if change.state == "planned":
            lines.append((f"would {change.action} {change.kind} {change.name} on {change.target}", Health.INFO))
            lines += _fields(change)
        else:
            lines.append((f"{change.kind} {change.name} on {change.target} is so already", Health.OK))
    if plan.affected is not None:
        lines += _affected(plan.affected)
    lines += _ending(plan.failures, plan.notes)
    return lines


def _some(changes: Sequence[Change], lines: list[Said]) -> Sequence[Change]:
    if len(changes) > MOST:
        lines.append((f"{len(changes)} things; the first {MOST} are listed", Health.INFO))
    return changes[:MOST]


def _first(things: Sequence[T], said: str, lines: list[Said]) -> Sequence[T]:
    """The first of many, behind a line that says of how many."""
    if len(things) > MOST:
        lines.append((said, Health.WARNING))
    return things[:MOST]


def _fields(change: Change) -> list[Said]:
    return [(f"  {field.name}: {_shown(field.before)} → {_shown(field.after)}", Health.OK) for field in change.fields]


def _shown(value: object) -> str:
    return "-" if value is None else str(value)


def _affected(found: Affected) -> list[Said]:
    lines: list[Said] = []
    groups, senders, brokers = found.groups, found.producers or [], found.brokers
    for group in _first(groups, f"touches {len(groups)} groups; the first {MOST} are listed", lines):
        online = None if group.consumers is None else len(group.consumers)
        lines.append((f"touches group {group.group} with {_clients(online)}", Health.WARNING))
        for each in _first(group.topics, f"  {len(group.topics)} topics; the first {MOST} are listed", lines):
            said = f"  topic {each.topic}: {waits(each.lag)}"
            if each.lag_millis:
                said = f"  topic {each.topic}: {waits(each.lag)}, the oldest for {human_span(each.lag_millis)}"
            lines.append((said, Health.OK))
    lines += [
        (f"may touch producers of group {producers.group}: {_clients(len(producers.clients))}", Health.WARNING)
        for producers in _first(senders, f"{len(senders)} groups of producers; the first {MOST} are listed", lines)
    ]
    if found.producers:
        lines.append(("brokers do not record to which of their topics a producer sends", Health.INFO))
    for broker in _first(brokers, f"touches {len(brokers)} brokers; the first {MOST} are listed", lines):
        lines.append((f"touches broker {broker.address} with {_clients(broker.clients)}", Health.WARNING))
    if not lines and not found.failures:
        lines.append((NOBODY, Health.OK))
    lines += _ending(found.failures, ())
    return lines


def _clients(count: int | None) -> str:
    return "an unknown number of clients" if count is None else plural(count, "client", "clients")


def _ending(failures: Iterable[Failure], notes: Iterable[str]) -> list[Said]:
    lines: list[Said] = []
    for failure in failures:
        lines.append((f"{failure.target}: {failure.cause}" if failure.target else failure.cause, Health.WARNING))
    lines += [(note, Health.INFO) for note in notes]
    return list(dict.fromkeys(lines))


def made_lines(made: MadeChange) -> list[Said]:
    """What became of it, as it was read back."""
    lines: list[Said] = []
    for change in _some(made.changes, lines):
        if change.state == "done":
            text = f"{change.action} {change.kind} {change.name} on {change.target}: read back as wanted"
        elif change.state == "unchanged":
            text = f"{change.kind} {change.name} on {change.target} was so already"
        elif change.state == "unverified":
            text = f"{change.kind} {change.name} on {change.target} was taken, and could not be read back"
        elif change.state == "no_effect":
            text = f"{change.kind} {change.name} on {change.target} was taken, and reads back as before"
        else:
            text = f"{change.kind} {change.name} on {change.target}: not taken: {', '.join(change.not_taken)}"
        lines.append((text, _STATES[change.state]))
        lines += _fields(change)
    for sent in made.sent:
        where = f"topic {sent.topic}, {sent.broker} queue {sent.queue}, offset {sent.offset}, id {sent.message_id}"
        lines.append((f"it was sent to {where}", Health.OK))
        if sent.status != SendStatus.SEND_OK:
            lines.append((f"it is stored less safely than the broker is set to: {sent.status}", Health.WARNING))
    for consumed in made.consumed:
        took = human_span(consumed.took_ms)
        if consumed.result in _CONSUMED:
            lines.append((f"the client consumed it in {took}", Health.OK))
        else:
            lines.append((f"the client did not consume it: {consumed.result}, after {took}", Health.CRITICAL))
        if consumed.remark:
            lines.append((f"it says: {consumed.remark}", Health.INFO))
    if made.change_id is not None:
        lines.append((f"it is change {made.change_id} in the journal", Health.INFO))
    lines += _ending(made.failures, made.notes)
    return lines
