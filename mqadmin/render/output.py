"""One renderer for every command: an Outcome as a table, wide, JSON, YAML, CSV or names. Writes nothing."""

from __future__ import annotations

import os
import sys
import typing
from collections.abc import Sequence
from typing import Any

import msgspec

from rocketmq_ops.common.errors import Failure
from rocketmq_ops.mqadmin.lang import tr_heading, tr_message, tr_result
from rocketmq_ops.mqadmin.render.outcome import Cell, Outcome, Table

UNKNOWN = "unknown"

#: What a terminal would act on, but for line ends, tabs and the colours of `hexview`.
_UNSAFE = r"\x1b(?!\[(?:0|3[1-6]|9[1-6])m)|[\x00-\x08\x0b-\x1a\x1c-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]"


#: Columns that name a row, the first that a row has; else its first column does.
_NAMING = ("name", "msgId", "clientId", "brokerName", "address")


class Rows(msgspec.Struct, frozen=True):
    """Where a result has its rows: `path`, `csv` and `name` are what a Declaration has as `rows`, `csv` and `name`."""

    path: str
    csv: type[msgspec.Struct] | None = None
    name: str = ""


def render(command: str, outcome: Outcome, form: str, rows: Rows, *, version: int = 1, width: int | None = None) -> str:
    """The text for stdout; `version` is that of the document's schema, `width` that of the terminal it goes to."""
    if outcome.text is not None:
        return outcome.text
    if form == "json":
        return msgspec.json.format(msgspec.json.encode(envelope(command, outcome, version)), indent=2).decode() + "\n"
    if form == "yaml":
        import yaml

        builtin = msgspec.to_builtins(envelope(command, outcome, version))
        return str(yaml.safe_dump(builtin, sort_keys=False, allow_unicode=True))
    if form in ("csv", "jsonl", "name"):
        items = outcome.csv_rows if rows.csv is not None else rows_of(outcome.data, rows.path)
        if form == "jsonl":
            return "".join(msgspec.json.encode(item).decode() + "\n" for item in items)
        columns = csv_columns(type(outcome.data), rows.path, rows.csv)
        if form == "name":
            return names_text(rows.name or name_column(columns), items)
        return csv_text(columns, items)
    return table_text(outcome, wide=form == "wide", width=width)


def envelope(command: str, outcome: Outcome, version: int) -> dict[str, Any]:
    """The document of JSON and YAML output."""
    return {
        "command": command,
        "schemaVersion": version,
        "status": outcome.status,
        "data": outcome.data,
        "errors": outcome.errors,
        "notes": outcome.notes,
    }


def plugin_failure(cause: str) -> str:
    """The line of a plugin that could not look: monitoring shows what stands on stdout, and nothing else."""
    return f"ROCKETMQ UNKNOWN: {' '.join(cause.replace('|', '/').split())}\n"


def failure_document(command: str, problem: Failure, form: str, version: int) -> str:
    """What stdout holds when a command failed and the form is for programs (JSON, YAML, a plugin's); else nothing."""
    if form == "nagios":
        return plugin_failure(problem.cause)
    document = {
        "command": command,
        "schemaVersion": version,
        "status": "failed",
        "data": None,
        "errors": [problem],
        "notes": [],
    }
    if form == "json":
        return msgspec.json.format(msgspec.json.encode(document), indent=2).decode() + "\n"
    if form == "yaml":
        import yaml

        return str(yaml.safe_dump(msgspec.to_builtins(document), sort_keys=False, allow_unicode=True))
    return ""


def table_text(outcome: Outcome, *, wide: bool = False, width: int | None = None) -> str:
    """Blocks one after the other: tables aligned, with the columns of `wide` or those that fit; text with its lines."""
    return "".join(
        (_grid(block) if wide else _grid(_narrow(block), width))
        if isinstance(block, Table)
        else safe_text(tr_result(block)) + "\n"
        for block in outcome.blocks
    )


def _narrow(table: Table) -> Table:
    """The table without the columns that only `wide` shows."""
    if not table.wide:
        return table
    return Table(table.columns[: -table.wide], [row[: -table.wide] for row in table.rows], ours=table.ours)


def safe_text(text: str) -> str:
    """Text of messages and servers without what would steer the terminal it is shown on; that becomes `\\x1b`."""
    if text.replace("\n", "").isprintable():
        return text
    import re  # the pattern takes longer to compile than most outputs to write

    return re.sub(_UNSAFE, lambda found: f"\\x{ord(found[0]):02x}", text)


def cell_text(cell: Cell) -> str:
    """A cell for people: unknown instead of None, true/false in lower case, no stray control characters."""
    if cell is None:
        return tr_heading(UNKNOWN)
    if isinstance(cell, bool):
        return "true" if cell else "false"
    text = str(cell)
    return text if text.isprintable() else "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in text)


def width_of(text: str) -> int:
    """How many columns of a terminal a text takes: two for a wide character, none for one that joins another."""
    if text.isascii():
        return len(text)
    from wcwidth import wcswidth

    width: int = wcswidth(text)
    return width if width >= 0 else len(text)  # it holds a control character


def terminal_width() -> int | None:
    """The columns of the terminal that stdout is, by `COLUMNS` or by its size; None where it is none, or unknown."""
    if not sys.stdout.isatty():
        return None
    columns = os.environ.get("COLUMNS", "")
    if columns.isdecimal() and int(columns):
        return int(columns)
    try:
        return os.get_terminal_size(sys.stdout.fileno()).columns or None
    except OSError:
        return None


def fitting(widths: Sequence[int], available: int | None) -> int:
    """How many of a table's columns, from the first, fit in a terminal of this width: one at least."""
    if available is None:
        return len(widths)
    used = -2
    for number, width in enumerate(widths):
        used += 2 + width
        if used > available:
            return max(number, 1)
    return len(widths)


def dropped_line(headings: Sequence[str]) -> str:
    """What stands below a table without these columns."""
    what, names = "1 column does" if len(headings) == 1 else f"{len(headings)} columns do", ", ".join(headings)
    return tr_result(f"... {what} not fit here: {names}; --output wide shows all") + "\n"


def _grid(table: Table, available: int | None = None) -> str:
    """The headings are the first row for tabulate too: as `headers` it would pad them."""
    import tabulate

    tabulate.PRESERVE_WHITESPACE = True
    headings = [tr_heading(heading) for heading in table.columns]
    said = [tr_message if heading in table.ours else str for heading in table.columns]
    rows = [[say(cell_text(cell)) for say, cell in zip(said, row, strict=True)] for row in table.rows]
    lines = [headings, *rows]
    shown = len(table.columns)
    if available is not None:
        shown = fitting([max(map(width_of, column)) for column in zip(*lines, strict=True)], available)
        lines = [line[:shown] for line in lines]
    numeric = [
        bool(table.rows)
        and all(isinstance(row[i], (int, float)) and not isinstance(row[i], bool) for row in table.rows)
        for i in range(shown)
    ]
    text = tabulate.tabulate(
        lines,
        tablefmt="plain",
        colalign=["right" if right else "left" for right in numeric],
        disable_numparse=True,
    )
    mark = dropped_line(headings[shown:]) if shown < len(table.columns) else ""
    return "".join(line.rstrip(" ") + "\n" for line in text.split("\n")) + mark


def rows_of(data: msgspec.Struct, row_path: str) -> list[Any]:
    """The items at `row_path` (`messages`, or `messages.message` for a field of each); the data itself for ''."""
    if not row_path:
        return [data]
    name, _, inner = row_path.partition(".")
    items = getattr(data, name)
    return [getattr(item, inner) for item in items] if inner else list(items)


def csv_text(columns: list[str], items: Sequence[Any]) -> str:
    """A header line and one line for each item; nested values as JSON, unknown as an empty field."""
    import csv
    import io

    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(columns)
    for item in items:
        plain = msgspec.to_builtins(item)
        if isinstance(plain, dict):
            writer.writerow([csv_cell(plain.get(column)) for column in columns])
        else:
            writer.writerow([csv_cell(plain)])
    return buffer.getvalue()


def name_column(columns: Sequence[str]) -> str:
    """The column that names a row, where the declaration does not say."""
    return next((name for name in _NAMING if name in columns), columns[0])


def names_text(column: str, items: Sequence[Any]) -> str:
    """Each name once, a line each, in the order of the rows; a row without a name has no line."""
    names: dict[str, None] = {}
    for item in items:
        value = msgspec.to_builtins(item)
        for key in column.split("."):
            value = value.get(key) if isinstance(value, dict) else value
        text = csv_cell(value)
        if text:
            names[safe_text(text).replace("\n", "\\x0a")] = None
    return "".join(name + "\n" for name in names)


def csv_columns(kind: type[msgspec.Struct], row_path: str, csv_type: type[msgspec.Struct] | None = None) -> list[str]:
    """The column names of a result's CSV form."""
    item: Any = csv_type or kind
    if row_path and csv_type is None:
        name, _, inner = row_path.partition(".")
        item = typing.get_args(typing.get_type_hints(kind)[name])[-1]
        if inner:
            item = typing.get_type_hints(item)[inner]
    if isinstance(item, type) and issubclass(item, msgspec.Struct):
        return list(item.__struct_encode_fields__)
    return [row_path]


def csv_cell(value: Any) -> str:
    """A value as a CSV field."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (dict, list)):
        return msgspec.json.encode(value).decode()
    return str(value)
