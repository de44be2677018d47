"""`mqadmin history`: the changes that were made with this tool by this user on this machine."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence
from typing import Annotated

import msgspec

from rocketmq_ops.client.admin.changes import Change
from rocketmq_ops.common.errors import Failure
from rocketmq_ops.common.plurals import plural
from rocketmq_ops.mqadmin.declare import Opt, command
from rocketmq_ops.mqadmin.errors import not_found, usage
from rocketmq_ops.mqadmin.exit_codes import ExitCode
from rocketmq_ops.mqadmin.journal.entries import ChangeRecord, records
from rocketmq_ops.mqadmin.journal.file import JournalFile, Verdict
from rocketmq_ops.mqadmin.lang import tr_message
from rocketmq_ops.mqadmin.options.local import ChangeId
from rocketmq_ops.mqadmin.options.messages import Limit
from rocketmq_ops.mqadmin.render.outcome import Outcome, Table
from rocketmq_ops.mqadmin.render.report import change_lines
from rocketmq_ops.mqadmin.run import Run


class History(msgspec.Struct, rename="camel"):
    """Changes, the newest last, each with its result; with --verify what was found of the journal."""

    path: str
    changes: list[ChangeRecord]
    verdict: Verdict | None = None


@command(result=History, rows="changes", offline=True, example="mqadmin history 12")
async def history(
    run: Run,
    change_id: Annotated[ChangeId | None, "show this change with the state before"] = None,
    verify: Annotated[bool, Opt("--verify", help="look whether the journal is as it was written")] = False,
    limit: Annotated[Limit | None, "only the last of so many (default 50)"] = None,
) -> Outcome:
    """Each change of a cluster stands in the journal before it is made, with what was there before."""
    journal = JournalFile()
    if verify:
        if change_id is not None:
            raise usage("--verify looks at the whole journal", "give it without the id of a change")
        return _verified(journal)
    unread: list[int] = []
    found = records(journal, unread)
    if change_id is not None:
        record = found.get(change_id)
        if record is None:
            raise not_found(f"there is no change {change_id} in {journal.path}", "`mqadmin history` lists them")
        return Outcome(data=History(str(journal.path), [record]), blocks=_details(record))
    shown = list(found.values())[-(limit or 50) :]
    table = Table(["#ID", "#Time (UTC)", "#User", "#Host", "#Result", "#Command"], [], ours=["#Result"])
    table.rows += [
        [r.id, r.started.time[:19], r.started.user, r.started.host, _state(r), _command_line(r)] for r in shown
    ]
    notes = []
    if len(found) > len(shown):
        notes.append(f"{len(found) - len(shown)} older changes are not shown: --limit {len(found)}")
    if unread:
        notes.append(f"lines {', '.join(map(str, unread))} of {journal.path} cannot be read: see history --verify")
    if not found:
        notes.append(f"{journal.path} has no change")
    return Outcome(
        data=History(str(journal.path), shown), blocks=[table], status="ok" if shown else "empty", notes=notes
    )


def _state(record: ChangeRecord) -> str:
    if record.undone_by:
        return f"undone by {record.undone_by[-1]}"
    return record.result.status if record.result is not None else "unfinished"


def _command_line(record: ChangeRecord) -> str:
    return f"{record.started.command} {shlex.join(record.started.arguments)}".strip()


def _details(record: ChangeRecord) -> list[Table | str]:
    started, result = record.started, record.result
    user = f"{started.user} (sudo by {started.sudo_user})" if started.sudo_user else started.user
    lines: list[Table | str] = [
        f"change {record.id}: mqadmin {_command_line(record)}",
        f"  at {started.time} by {user} on {started.host}, name servers {';'.join(started.name_servers) or 'none'}",
        f"  result: {_state(record)}" + (f" at {result.time}" if result is not None else ""),
    ]
    lines += change_lines(record.changes(), _ended if result is not None and result.changes else _planned)
    for saved in started.saved:
        offsets = ", ".join(f"{queue}: {offset}" for queue, offset in sorted(saved.offsets.items()))
        lines.append(f"saved offsets of group {saved.group} of topic {saved.topic} on {saved.target}: {offsets}")
    lines += _problems("not saved", started.unsaved)
    lines += _problems("failed", result.failures if result is not None else ())
    return lines


def _planned(change: Change) -> str:
    return f"{change.action} {change.kind} {change.name} on {change.target}, result: not known"


def _ended(change: Change) -> str:
    return f"{change.action} {change.kind} {change.name} on {change.target}, result: {change.state}"


def _problems(what: str, failures: Iterable[Failure]) -> list[str]:
    return [tr_message(f"{what}: {f.target}: {f.cause}" if f.target else f"{what}: {f.cause}") for f in failures]


def _verified(journal: JournalFile) -> Outcome:
    verdict = journal.verify()
    errors = list(verdict.broken)
    errors += [
        Failure(f"line {number}", "it is not whole: a crash cut it short, or it was changed", "compare it with a copy")
        for number in verdict.torn
    ]
    lines = [
        f"{verdict.path}: {plural(verdict.lines, 'line', 'lines')}, {_words(verdict)}",
        f"SHA-256 of the last line: {verdict.last_hash}",
    ]
    return Outcome(
        data=History(str(journal.path), [], verdict),
        blocks=lines if verdict.lines else lines[:1],
        status="failed" if verdict.broken else "partial" if verdict.torn else "ok",
        exit_code=ExitCode.FAILED if verdict.broken else None,
        errors=sorted(errors, key=_line_of),
    )


def _words(verdict: Verdict) -> str:
    bad: Sequence[object] = [*verdict.broken, *verdict.torn]
    return (
        "each as it was written" if not bad else f"{len(verdict.broken)} not as written, {len(verdict.torn)} not whole"
    )


def _line_of(failure: Failure) -> int:
    return int(failure.target.split()[1])
