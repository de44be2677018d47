"""Writes rows to stdout as they come, in every output form and in constant memory; for results of any length.

The documents of JSON and YAML are the same envelope that `output.py` makes, with `data` before `status`, since how it
went is known last. What a row holds is for the caller.
"""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from rocketmq_ops.common.errors import Failure
from rocketmq_ops.mqadmin.lang import tr_heading
from rocketmq_ops.mqadmin.render.outcome import Cell
from rocketmq_ops.mqadmin.render.output import (
    cell_text,
    csv_cell,
    dropped_line,
    fitting,
    name_column,
    names_text,
    terminal_width,
    width_of,
)

MEASURED = 200  # rows of a table that decide how wide its columns are
MAX_WIDTH = 60


def write_text(text: str) -> None:
    """Write to stdout as UTF-8 whatever the locale says."""
    buffer = getattr(sys.stdout, "buffer", None)
    if buffer is None:
        sys.stdout.write(text)
        return
    sys.stdout.flush()
    buffer.write(text.encode("utf-8", "replace"))


class Stream:
    """`lines()` takes rows that are JSON already, `rows()` structs or dicts; `finish()` ends the document.

    `name` is the field of `data` that holds the rows; `columns` those of CSV; `table` gives the headings and makes a
    table's cells of a row (as a dict). `naming` is the column of `--output name`, where `name_column` finds another.
    `version`: of the document's schema. Names are not remembered: each comes once in rows that are given together.
    """

    def __init__(
        self,
        command: str,
        form: str,
        name: str,
        columns: Sequence[str],
        table: tuple[Sequence[str], Callable[[dict[str, Any]], list[Cell]]] | None = None,
        naming: str = "",
        version: int = 1,
    ) -> None:
        self._version = version
        self._naming = naming or name_column(columns)
        self._command = command
        self._form = form
        self._name = name
        self._columns = list(columns)
        self._table = table or (self._columns, lambda row: [_plain(row.get(c)) for c in self._columns])
        self._widths: list[int] = []
        self._begun = False
        self.count = 0

    def lines(self, lines: list[str]) -> None:
        """Rows as JSON texts, each with its line feed."""
        if not lines:
            return
        if self._form == "jsonl":
            self.count += len(lines)
            write_text("".join(lines))
        elif self._form == "json":
            self._json([line[:-1] for line in lines])
        else:
            self._dicts([msgspec.json.decode(line) for line in lines])

    def rows(self, rows: Sequence[Any]) -> None:
        """Rows as structs or dicts."""
        if self._form in ("json", "jsonl"):
            self.lines([msgspec.json.encode(row).decode() + "\n" for row in rows])
        elif rows:
            self._dicts([msgspec.to_builtins(row) for row in rows])

    def flush(self) -> None:
        """Let the reader see what was written so far."""
        sys.stdout.flush()

    def finish(self, status: str, errors: list[Failure], notes: list[str]) -> None:
        """End the document."""
        ending = {"status": status, "errors": errors, "notes": notes}
        if self._form == "json":
            if not self._begun:
                self._json([])
            close = "\n]}," if self.count else "]},"
            write_text(close + msgspec.json.encode(ending).decode()[1:] + "\n")
        elif self._form == "yaml":
            if not self.count:
                write_text(_yaml({"command": self._command, "schemaVersion": self._version, "data": {self._name: []}}))
            write_text(_yaml(msgspec.to_builtins(ending)))
        elif self._form == "csv" and not self._begun:
            self._csv([])
        elif self._form == "table" and self._widths and len(self._widths) < len(self._table[0]):
            write_text(dropped_line([tr_heading(heading) for heading in self._table[0][len(self._widths) :]]))

    def _json(self, texts: list[str]) -> None:
        if not self._begun:
            self._begun = True
            name = msgspec.json.encode(self._command).decode()
            write_text(f'{{"command":{name},"schemaVersion":{self._version},"data":{{"{self._name}":[')
        if texts:
            write_text(("," if self.count else "") + "\n" + ",\n".join(texts))
        self.count += len(texts)

    def _dicts(self, rows: list[dict[str, Any]]) -> None:
        if self._form == "yaml":
            head = (
                ""
                if self.count
                else f"command: {self._command}\nschemaVersion: {self._version}\ndata:\n  {self._name}:\n"
            )
            write_text(head + "".join("  " + line for line in _yaml(rows).splitlines(keepends=True)))
        elif self._form == "csv":
            self._csv(rows)
        elif self._form == "name":
            write_text(names_text(self._naming, rows))
        else:
            self._grid(rows)
        self.count += len(rows)

    def _csv(self, rows: list[dict[str, Any]]) -> None:
        buffer = io.StringIO()
        writer = csv.writer(buffer, lineterminator="\n")
        if not self._begun:
            self._begun = True
            writer.writerow(self._columns)
        writer.writerows([[csv_cell(row.get(column)) for column in self._columns] for row in rows])
        write_text(buffer.getvalue())

    def _grid(self, rows: list[dict[str, Any]]) -> None:
        cells_of = self._table[1]
        headings = [tr_heading(heading) for heading in self._table[0]]
        lines = [[cell_text(cell) for cell in cells_of(row)] for row in rows]
        if not self._widths:
            measured = [list(headings), *lines[:MEASURED]]
            self._widths = [min(MAX_WIDTH, max(width_of(line[i]) for line in measured)) for i in range(len(headings))]
            if self._form == "table":
                del self._widths[fitting(self._widths, terminal_width()) :]
            lines.insert(0, list(headings))
        text = []
        for line in lines:
            padded = [cell + " " * (width - width_of(cell)) for cell, width in zip(line, self._widths, strict=False)]
            text.append("  ".join(padded).rstrip() + "\n")
        write_text("".join(text))


def _plain(value: Any) -> Cell:
    if value is None or isinstance(value, (str, int, float)):
        return "" if value is None else value
    return msgspec.json.encode(value).decode()


def _yaml(value: Any) -> str:
    import yaml

    dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)  # the one in C is eight times as fast
    return str(yaml.dump(value, Dumper=dumper, sort_keys=False, allow_unicode=True))
