"""Which columns of a table are drawn, and how wide: those that do not fit are left away, the largest `drop` first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from rich.cells import cell_len

from rocketmq_ops.tui.model.figures import COMPARED, WIDTHS, change
from rocketmq_ops.tui.model.table import Changes, Column, Kind, Row, Table, changes
from rocketmq_ops.tui.widgets.grid_texts import Texts

_FIGURES: Final = frozenset(WIDTHS)
#: Cells before the first column: the mark, the sign, a blank.
HEAD: Final = 3
#: Cells at the end of the heading for how many columns do not fit.
_MORE: Final = 5
#: Rows whose texts are measured for the widths of columns.
_MEASURED: Final = 2000
#: Cells of a name at least, of any other text half as many: with less none can be told from another.
_LEAST: Final = 8
#: Cells of a name, and of any text of others, up to which it comes before the rest of all texts.
_NAME: Final = 32
#: Cells of a state at least: most of our words for states are no longer, and it is what a row is looked at for.
_LEAST_STATE: Final = 16
#: Cells that a change of a figure takes at most, and by how many at once it gets more of them: with each look changes
#: are others, and columns are to stay where they are.
_CHANGE: Final = 9
_STEP: Final = 3


class Slot(NamedTuple):
    """A column as it is drawn."""

    place: int
    column: Column
    heading: str
    width: int
    #: Cells at its end for the change since then.
    change: int
    #: Cells between it and the next one.
    gap: int = 0

    @property
    def right(self) -> bool:
        return self.column.kind in _FIGURES or self.column.right

    @property
    def least(self) -> int:
        """Cells that it has at least: a figure all of its own, a text so many that it can be told from others."""
        if self.right:
            return self.width
        told_apart = _LEAST if self.place == 0 else _LEAST // 2
        if self.column.kind is Kind.STATE:
            told_apart = _LEAST_STATE
        return min(self.width, max(self.column.least, told_apart))


class Columns:
    """Those of one table after the other; what was measured of one is kept."""

    def __init__(self, texts: Texts) -> None:
        self._texts = texts
        self.slots: list[Slot] = []
        self.left_away = 0
        #: The column behind the first, which stays, that is drawn next.
        self.first = 0
        #: How many columns were measured: those of a table that is drawn again are not.
        self.measured = 0
        #: What the texts of a column take, and the states in it, by its place; the table that they were measured of.
        self._widths: dict[int, int] = {}
        self._states: dict[int, frozenset[str]] = {}
        self._of: Table | None = None

    @property
    def more(self) -> str:
        """What is said of columns that are not drawn."""
        return ("‹" if self.first else "") + (f"+{self.left_away}›" if self.left_away else "")

    def slide(self, direction: int, table: Table) -> bool:
        """Begin with an earlier or a later column, behind the first one; whether there is one."""
        if direction > 0 and not self.left_away:
            return False
        self.first = max(0, min(self.first + direction, len(table.columns) - 2))
        return True

    def lay_out(self, table: Table, near: Sequence[Row], width: int, before: Mapping[str, Row] | None) -> None:
        """Choose those that fit into so many cells. `near` are the rows around those that are seen, `before` those that
        they are compared with."""
        if self._of is not table:
            self._of = table
            self._widths.clear()
            self._states.clear()
        room = width - HEAD
        by = None if before is None else [changes(row, before.get(row.key)) for row in near]
        candidates = [
            self._slot(at, column, table, near, room, by)
            for at, column in enumerate(table.columns)
            if at == 0 or at > self.first
        ]
        kept = list(candidates)
        while len(kept) > 1 and _least(kept) > room:
            droppable = [slot for slot in kept if slot.column.drop] or kept[1:]
            kept.remove(max(droppable, key=lambda slot: (slot.column.drop, slot.place)))
        if len(kept) < len(candidates) or self.first:
            room -= _MORE
            while len(kept) > 2 and _least(kept) > room:
                kept.remove(max(kept[1:], key=lambda slot: (slot.column.drop, slot.place)))
        self.slots = _widened(kept, room)
        self.left_away = len(candidates) - len(kept)

    def _slot(
        self, at: int, column: Column, table: Table, near: Sequence[Row], room: int, by: Sequence[Changes] | None
    ) -> Slot:
        """A column with the width that it would like; `by` are the changes of the rows near."""
        heading = self._texts.heading(column.title)
        changed = 0
        if by is not None and column.kind in COMPARED:
            longest = max((len(change(each[at], column.kind)) for each in by), default=0)
            changed = min(-(-(longest + 1) // _STEP) * _STEP, _CHANGE)
        arrow = 2 if column.sortable and not column.tight else 0
        width = max(self._content(at, column, table.rows, near, room), min(cell_len(heading) + arrow, 20))
        return Slot(at, column, heading, width + changed, changed)

    def _content(self, at: int, column: Column, rows: Sequence[Row], near: Sequence[Row], room: int) -> int:
        """What the cells of a column take; of sentences as much as there is room for."""
        texts = self._texts
        if column.kind in _FIGURES:
            content = max((len(texts.of(row, at, column)) for row in near), default=1)
            return min(max(content, 5), WIDTHS[column.kind])
        if column.kind is Kind.STATE:
            if at not in self._states:
                self._states[at] = frozenset(str(row.cells[at]) for row in rows if row.cells[at] is not None)
                self.measured += 1
            return max((cell_len(texts.said(state)) for state in self._states[at]), default=1)
        if column.kind is Kind.SENTENCE:
            width = 1
            for row in near:
                width = max(width, cell_len(texts.of(row, at, column)))
                if width >= room:  # no more will be drawn, and to say a sentence in another language takes its time
                    break
            return width
        if at not in self._widths:
            self._widths[at] = _widest(rows[:_MEASURED], at)
            self.measured += 1
        return max(self._widths[at], _widest(near, at))


def _least(slots: Sequence[Slot]) -> int:
    return sum(slot.least for slot in slots) + sum(slot.column.gap for slot in slots[1:])


def _widest(rows: Sequence[Row], at: int) -> int:
    """The cells that the longest text of a column takes."""
    texts = [str(row.cells[at]) for row in rows if row.cells[at] is not None]
    return max((len(text) if text.isascii() else cell_len(text) for text in texts), default=1)


def _widened(slots: Sequence[Slot], room: int) -> list[Slot]:
    """Each with what it has at least and its share of what is left: long names leave to the others what they need,
    first to the states, then to sentences of ours."""
    spare = room - _least(slots)
    widths = {slot.place: slot.least for slot in slots}
    states_first = sorted(slots, key=lambda slot: slot.column.kind is not Kind.STATE)
    for slot, most in (
        *((s, _NAME if s.place == 0 or s.column.kind is Kind.TEXT else s.width) for s in states_first),
        *((s, s.width) for s in slots),
    ):
        more = min(max(spare, 0), max(min(slot.width, most) - widths[slot.place], 0))
        widths[slot.place] += more
        spare -= more
    found = [slot._replace(width=widths[slot.place]) for slot in slots]
    if found and spare < 0:
        found[0] = found[0]._replace(width=max(room, 1))
    gaps = [slot.column.gap for slot in [*found[1:], *found[-1:]]]
    return [slot._replace(gap=gap) for slot, gap in zip(found, gaps, strict=True)]
