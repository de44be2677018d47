"""Settings with secrets beside each other: none is shown, and whether they are the same is said all the same."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from rocketmq_ops.common.secrets import REMOVED, settings_without
from rocketmq_ops.tui.model.details.detail import FROM_THE_DEFAULT, Section, table_of
from rocketmq_ops.tui.model.table import Health, worst_first

Settings = Mapping[str, str]
#: What is said of settings that are the same everywhere; see `side_by_side`.
_ALIKE: Final = ("", FROM_THE_DEFAULT)


def without_secrets(
    sources: Mapping[str, Settings | None], expected: Settings
) -> tuple[dict[str, dict[str, str] | None], dict[str, str]]:
    """Settings of several sources and the expected ones, with secrets removed: those that differ are numbered, by the
    order of the sources, so that they differ as they are shown."""
    clean = {source: None if told is None else settings_without(told) for source, told in sources.items()}
    usual = dict(expected)
    numbers: dict[str, dict[str, int]] = {}
    for source, told in sources.items():
        for name, value in (told or {}).items():
            if (clean[source] or {}).get(name) != value:
                own = numbers.setdefault(name, {})
                own.setdefault(value, len(own) + 1)
    for name, own in numbers.items():
        if expected.get(name) in own:  # it is public
            usual[name] = _numbered(settings_without({name: expected[name]})[name], own[expected[name]], len(own))
        for source, told in sources.items():
            shown = clean[source]
            if told is not None and shown is not None and told.get(name) in own:
                shown[name] = _numbered(shown[name], own[told[name]], len(own))
    return clean, usual


def _numbered(shown: str, number: int, among: int) -> str:
    return shown if among == 1 else f"{shown} #{number}"


def hides_secrets(cell: object) -> bool:
    """Whether a cell lacks a secret: of another time it cannot be said whether that was the same."""
    return isinstance(cell, str) and REMOVED in cell


def not_recorded(section: Section) -> Section:
    """Of settings that a moment has, alone or beside others: secrets look alike there, and whether they are is not
    known."""
    if section.table is None:
        return section
    rows = []
    for row in section.table.rows:
        if sum(map(hides_secrets, row.cells[2:])) > 1 and row.cells[1] in _ALIKE:
            row = msgspec.structs.replace(row, cells=(row.cells[0], "not known", *row.cells[2:]), health=Health.UNKNOWN)
        rows.append(row)
    rows.sort(key=lambda row: worst_first(row.health))
    return msgspec.structs.replace(section, table=table_of(section.table.columns, rows, section.table.note).table)
