"""From typed results to outcomes: failures to problems, status words, and how change reports and messages look."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from rocketmq_ops.client.admin.changes import HIDDEN, Change, ChangeReport
from rocketmq_ops.common.errors import Failure, some_of
from rocketmq_ops.mqadmin.lang import tr_heading
from rocketmq_ops.mqadmin.render.outcome import Cell, Outcome, Status, Table
from rocketmq_ops.mqadmin.render.output import cell_text
from rocketmq_ops.mqadmin.values import human_time

if TYPE_CHECKING:
    from rocketmq_ops.client.admin.messages.message_results import FoundMessage, MessageView
    from rocketmq_ops.common.errors import Failure


#: Kinds of changes whose values are words of ours, not what a server holds.
_WORDS_OF_OURS = ("route",)
#: Fields that were not taken, named at most: a name server may have thousands of topics.
_NAMED = 20


def labelled(label: str, value: Cell, between: str = "\t") -> str:
    """A line with one value behind its heading, which is translated as those of tables are; None is unknown."""
    return f"{tr_heading(label)}{between}{cell_text(value)}"


def status(failures: Sequence[Failure], *, empty: bool = False) -> Status:
    """partial when something failed, else empty or ok."""
    return "partial" if failures else "empty" if empty else "ok"


def change_outcome(
    report: ChangeReport, describe: Callable[[Change], str], nothing: str, *, if_none: Status = "unchanged"
) -> Outcome:
    """The outcome of a change: a line for each change with its fields.

    `nothing` says what it means that nothing changed, and `if_none` is the status then: unchanged for settings that are
    so already, no_effect for a delete of what is not there.
    """
    blocks: list[Table | str] = []
    for change in report.changes:
        blocks += change_lines([change], lambda change: _headline(change, describe))
    errors = [*report.failures, *change_problems(report.changes)]
    notes = list(report.notes)
    outcome = Outcome(data=report, blocks=blocks, errors=errors, notes=notes)
    if errors:
        outcome.status = "partial" if report.effective or report.failures else "no_effect"
    elif not report.effective:
        notes.append(nothing)
        outcome.status = if_none
    elif report.planned:
        outcome.status = "planned"
    return outcome


def change_problems(changes: Sequence[Change]) -> list[Failure]:
    """What a server accepted and did not do, or not all of it, and what could not be read back."""
    problems = []
    for change in changes:
        if change.state == "no_effect":
            cause = f"accepted the change of {change.kind} {change.name}, but it reads back as before"
            step = "see the server's log; a setting may be fixed by its configuration or be changed only at its start"
        elif change.state == "partial":
            cause = f"accepted the change of {change.kind} {change.name}, but not {some_of(change.not_taken, _NAMED)}"
            step = "its version may not know the setting; see the server's log"
        elif change.state == "unverified":
            cause, step = "accepted the change, but it could not be read back", "read it again"
        else:
            continue
        problems.append(Failure(change.target, cause, step))
    return problems


def change_lines(changes: Sequence[Change], headline: Callable[[Change], str]) -> list[str]:
    """A line for each change, and one for each of its fields."""
    lines = []
    for change in changes:
        lines.append(headline(change))
        ours = change.kind in _WORDS_OF_OURS
        lines += [f"  {f.name}: {_shown(f.before, ours)} -> {_shown(f.after, ours)}" for f in change.fields]
    return lines


def _headline(change: Change, describe: Callable[[Change], str]) -> str:
    if change.state == "planned":
        return f"would {change.action} {change.kind} {change.name} on {change.target}"
    if change.state == "unchanged":
        return f"{change.kind} {change.name} on {change.target}: unchanged"
    if change.state == "no_effect":
        return f"{change.action} {change.kind} {change.name} on {change.target}: no effect"
    return describe(change)


def _shown(value: object, ours: bool) -> str:
    """A value of a field; `ours` are values that are words of ours."""
    if value is None:
        return tr_heading("(absent)")
    if value == HIDDEN or ours:
        return tr_heading(str(value))
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if value != "" else '""'


def message_blocks(found: FoundMessage) -> list[Table | str]:
    """A message as `name: value` lines in the order that Apache's tool prints them, then the tracks."""
    m = found.message
    fields = [
        ("OffsetID:", m.offset_msg_id),
        ("MsgID:", m.msg_id),
        ("Topic:", m.topic),
        ("Tags:", f"[{m.tags or ''}]"),
        ("Keys:", f"[{' '.join(m.keys)}]"),
        ("Queue ID:", m.queue_id),
        ("Queue Offset:", m.queue_offset),
        ("CommitLog Offset:", m.commit_log_offset),
        ("Reconsume Times:", m.reconsume_times),
        ("Born Timestamp:", human_time(m.born_timestamp)),
        ("Store Timestamp:", human_time(m.store_timestamp)),
        ("Born Host:", m.born_host),
        ("Store Host:", m.store_host),
        ("System Flag:", m.sys_flag),
        ("Properties:", f"{{{', '.join(f'{k}={v}' for k, v in m.properties.items())}}}"),
        ("Message Body:", body_text(m)),
    ]
    blocks: list[Table | str] = [f"{name:<20} {value}" for name, value in fields]
    if found.tracks is not None:
        blocks.append("")
        for track in found.tracks:
            about = f"trackType={track.track_type}, exceptionDesc={track.detail or 'null'}"
            blocks.append(f"MessageTrack [consumerGroup={track.consumer_group}, {about}]")
        if not found.tracks:
            blocks.append("no consumer group has consumed this topic")
    blocks.append("")
    return blocks


def body_text(message: MessageView) -> str:
    """The body for people: text, or its size and base64 where it is not text."""
    if message.body is not None:
        return message.body
    if message.body_error is not None:
        stored = f"; as stored, base64: {message.body_base64}" if message.body_base64 is not None else ""
        return f"(undecodable, {message.body_length} bytes: {message.body_error}{stored})"
    if message.body_base64 is not None:
        return f"({message.body_length} bytes, not text; base64) {message.body_base64}"
    return "NOT PRINT BODY"


def message_line(message: MessageView) -> str:
    """One line for a message, with the fields that Apache's printMsg shows."""
    m = message
    properties = ", ".join(f"{k}={v}" for k, v in m.properties.items())
    broker = m.broker_name or "null"
    return (
        f"MSGID: {m.msg_id} MessageExt [brokerName={broker}, queueId={m.queue_id}, storeSize={m.store_size}, "
        f"queueOffset={m.queue_offset}, sysFlag={m.sys_flag}, bornTimestamp={m.born_timestamp}, "
        f"bornHost=/{m.born_host}, storeTimestamp={m.store_timestamp}, storeHost=/{m.store_host}, "
        f"msgId={m.offset_msg_id}, commitLogOffset={m.commit_log_offset}, bodyCRC={m.body_crc}, "
        f"reconsumeTimes={m.reconsume_times}, preparedTransactionOffset={m.prepared_transaction_offset}, "
        f"topic='{m.topic}', flag={m.flag}, properties={{{properties}}}] BODY: {body_text(m)}"
    )
