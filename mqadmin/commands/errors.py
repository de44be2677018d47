"""`mqadmin errors`: what response codes, texts of errors and lines of logs mean, and what to do about them."""

from __future__ import annotations

import gzip
from typing import IO, Annotated

import msgspec

from rocketmq_ops.mqadmin import standard_input
from rocketmq_ops.mqadmin.declare import Opt, command
from rocketmq_ops.mqadmin.errors import not_found, usage
from rocketmq_ops.mqadmin.exit_codes import ExitCode
from rocketmq_ops.mqadmin.explain.error_search import LogScan, Seen, all_codes, commands_in, find, next_step_of_code
from rocketmq_ops.mqadmin.explain.known.entry import Known
from rocketmq_ops.mqadmin.explain.known_errors import KNOWN
from rocketmq_ops.mqadmin.lang import tr, tr_word
from rocketmq_ops.mqadmin.render.outcome import Cell, Outcome, Table
from rocketmq_ops.mqadmin.response_table import advice_of
from rocketmq_ops.mqadmin.run import Run
from rocketmq_ops.mqadmin.values import path
from rocketmq_ops.remoting.codes import ResponseCode
from rocketmq_ops.remoting.response_meanings import meaning_of

#: What is found is explained at length up to this many; more are listed.
_AT_LENGTH = 6


class ExplainedError(msgspec.Struct, rename="camel", kw_only=True):
    """A response code or a known text. `name` is the code's, or the text's short one; `text` is Apache's wording, in
    which `…` stands for what differs, and `said_by` the class that has it. `exit_code` (how a command ends) and
    `retriable` (the same request may succeed later) are those of codes. `commands` show more. `lines`, `first`, `last`
    and `example` are of the log: null without --log, times as the log has them.
    """

    code: int | None
    name: str
    text: str
    said_by: str
    cause: str
    next_step: str
    commands: list[str]
    exit_code: int | None
    retriable: bool | None
    lines: int | None = None
    first: str | None = None
    last: str | None = None
    example: str | None = None


class ErrorsReport(msgspec.Struct, rename="camel", kw_only=True):
    """What was found, in a log the most frequent first; `lines_read` is null without --log."""

    found: list[ExplainedError]
    lines_read: int | None = None


@command(result=ErrorsReport, rows="found", offline=True, example="mqadmin errors 'sendDefaultImpl call timeout'")
async def errors(
    run: Run,
    what: Annotated[
        str | None, Opt("WHAT", help="a code, its name, or a text as it was pasted; none: list all")
    ] = None,
    log: Annotated[
        str | None, Opt("--log", help="find known lines in this log (- for stdin, or .gz)", parse=path, metavar="FILE")
    ] = None,
) -> Outcome:
    """A pasted text may be a whole line or stack trace; else all its words are looked for. Nothing known: exit code 4.

    A log is read once, in bounded memory. Times are the log's own; a line without one has that of the line before it.
    """
    if what is not None and log is not None:
        raise usage("give WHAT or --log, not both", "what a log holds is found by --log alone")
    if log is not None:
        return _of_log(log)
    if what is None:
        listed = [_of_code(code) for code in all_codes()] + [_of_text(known) for known in KNOWN]
        return Outcome(data=ErrorsReport(found=listed), blocks=_list(listed))
    codes, texts = find(what)
    found = [_of_code(code) for code in codes] + [_of_text(known) for known in texts]
    if not found:
        shown = what if len(what) <= 60 else what[:57] + "..."
        raise not_found(f"nothing is known of '{shown}'", "give fewer words; `mqadmin errors` lists all that is known")
    return Outcome(data=ErrorsReport(found=found), blocks=_told(found))


def _of_log(name: str) -> Outcome:
    scan = LogScan()
    with _opened(name) as source:
        scan.read(source)
    found = [_with(_of_code(code), seen) for code, seen in scan.codes.items()]
    found += [_with(_of_text(known), scan.texts[known.key]) for known in KNOWN if known.key in scan.texts]
    found.sort(key=lambda item: -(item.lines or 0))
    rows: list[list[Cell]] = [[item.lines, item.first, item.last, _title(item)] for item in found]
    blocks: list[Table | str] = [Table(["#Lines", "#First", "#Last", "#What"], rows)] if found else []
    for item in found:
        blocks += ["", *_paragraph(item)]
    return Outcome(
        data=ErrorsReport(found=found, lines_read=scan.lines),
        blocks=blocks,
        status="ok" if found else "empty",
        notes=[] if found else [f"none of the {scan.lines} lines is one that is known"],
    )


def _opened(name: str) -> IO[bytes]:
    if name == "-":
        return standard_input.raw()
    return gzip.open(name, "rb") if name.endswith(".gz") else open(name, "rb")  # type: ignore[return-value]


def _of_code(code: int) -> ExplainedError:
    meaning, advice = meaning_of(code), advice_of(code)
    known = code in set(all_codes())
    return ExplainedError(
        code=code,
        name=ResponseCode(code).name if known else "unknown",
        text=f"CODE: {code}",
        said_by="MQBrokerException",
        cause=meaning.cause,
        next_step=next_step_of_code(code),
        commands=commands_in(advice.next_step),
        exit_code=int(advice.exit_code),
        retriable=meaning.retriable,
    )


def _of_text(known: Known) -> ExplainedError:
    return ExplainedError(
        code=None,
        name=known.key,
        text=known.texts[0],
        said_by=known.where,
        cause=known.cause,
        next_step=known.remedy,
        commands=list(known.look),
        exit_code=None,
        retriable=None,
    )


def _with(item: ExplainedError, seen: Seen) -> ExplainedError:
    item.lines, item.first, item.last, item.example = seen.lines, seen.first, seen.last, seen.example
    return item


def _title(item: ExplainedError) -> str:
    return tr(f"code {item.code} {item.name}") if item.code is not None else item.text.strip()


def _list(found: list[ExplainedError]) -> list[Table | str]:
    rows: list[list[Cell]] = [
        [item.code if item.code is not None else "-", item.name, tr_word(item.cause)] for item in found
    ]
    table = Table(["#Code", "#Name", "#Cause"], rows)
    return [table, "", "`mqadmin errors NAME` (or a code, or a text as pasted) says what to do."]


def _told(found: list[ExplainedError]) -> list[Table | str]:
    if len(found) > _AT_LENGTH:
        return _list(found)
    blocks: list[Table | str] = []
    for item in found:
        blocks += [*([""] if blocks else []), *_paragraph(item)]
    return blocks


def _paragraph(item: ExplainedError) -> list[str]:
    lines = [f"{_title(item)} ({item.name}, {item.said_by})" if item.code is None else _title(item)]
    lines += [f"  {tr_word('cause')}: {tr_word(item.cause)}", f"  {tr_word('next')}: {tr_word(item.next_step)}"]
    lines += [f"  {tr_word('see')}: mqadmin {line}" for line in item.commands]
    if item.exit_code is not None:
        again = "; the same request may succeed later" if item.retriable else ""
        ends = f"a command ends with exit code {item.exit_code} ({ExitCode(item.exit_code).name}){again}"
        lines.append(f"  {tr(ends)}")
    if item.example is not None:
        lines.append(f"  {tr_word('first')}: {item.example}")
    return lines
