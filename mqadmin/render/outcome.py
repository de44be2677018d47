"""What a command hands back: data, how it looks as text, and how it went. Nothing here prints or exits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec

from rocketmq_ops.common.errors import Failure
from rocketmq_ops.mqadmin.exit_codes import ExitCode, PluginCode

Cell = str | int | float | None
Status = Literal["ok", "empty", "unchanged", "planned", "partial", "no_effect", "failed"]

EXIT_OF_STATUS: dict[Status, ExitCode] = {
    "ok": ExitCode.OK,
    "empty": ExitCode.OK,
    "unchanged": ExitCode.OK,
    "planned": ExitCode.OK,
    "partial": ExitCode.PARTIAL,
    "no_effect": ExitCode.NO_EFFECT,
    "failed": ExitCode.FAILED,
}


class Table(msgspec.Struct):
    """Columns and rows of the table output. A cell of None is unknown and shows as such, never as 0.

    The last `wide` columns are shown by `--output wide` only. The cells of the columns with the headings `ours` are
    texts of ours, which have other languages; all others are names, numbers, and what users stored.
    """

    columns: list[str]
    rows: list[list[Cell]]
    wide: int = 0
    ours: Sequence[str] = ()

    def widen(self, items: Sequence[msgspec.Struct], *fields: str) -> Table:
        """Itself, with these fields of the rows' items as columns of `wide`; lists and objects as their texts."""
        self.columns = [*self.columns, *(f"#{_words(field)}" for field in fields)]
        for field in fields:
            for row, item in zip(self.rows, items, strict=True):
                row.append(_cell(getattr(item, field)))
        self.wide += len(fields)
        return self


def _words(field: str) -> str:
    """`put_tps` as `Put Tps`."""
    return " ".join(word.capitalize() for word in field.split("_"))


def _cell(value: object) -> Cell:
    """A field's value as a cell."""
    if value is None or isinstance(value, (str, int, float)):
        return value
    if isinstance(value, dict):
        return ", ".join(f"{key}={item}" for key, item in value.items())
    if isinstance(value, (list, tuple)):
        return ", ".join(str(item) for item in value)
    return msgspec.json.encode(value).decode()


class Outcome(msgspec.Struct, kw_only=True):
    """The result of one command.

    `data` is the documented JSON shape; `blocks` is the table output; `errors` lists what failed (then `status` is
    partial or failed); `notes` go to stderr. `csv_rows` are the CSV's items where the declaration gives them a type of
    their own. `exit_code` overrides what the status implies. `text` is what stdout gets instead of a rendering: "" when
    the command has written everything already.
    """

    data: msgspec.Struct
    blocks: Sequence[Table | str] = ()
    status: Status = "ok"
    errors: list[Failure] = []
    notes: list[str] = []
    csv_rows: Sequence[msgspec.Struct] = ()
    exit_code: ExitCode | PluginCode | None = None
    text: str | None = None

    @property
    def exit(self) -> ExitCode | PluginCode:
        """The process's exit code."""
        return EXIT_OF_STATUS[self.status] if self.exit_code is None else self.exit_code
