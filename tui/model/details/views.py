"""The views that were saved: under which names, and what each opens."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from rocketmq_ops.tui.model.address import Address, AddressError
from rocketmq_ops.tui.model.details.detail import Section, table_of
from rocketmq_ops.tui.model.table import Column, Health, Kind, Row

_COLUMNS: Final = (
    Column(key="name", title="Name", least=16),
    Column(key="address", title="Address", least=20),
    Column(key="wrong", title="What is wrong", kind=Kind.SENTENCE, least=20),
)


def views_section(saved: Mapping[str, str], address_of: Callable[[str], Address]) -> Section:
    """The views by name; `address_of` raises AddressError for an address that no screen of this version has."""
    rows = []
    for name, text in sorted(saved.items()):
        opens, wrong = None, ""
        try:
            opens = address_of(text)
        except AddressError as error:
            wrong = error.cause
        health = Health.OK if opens is not None else Health.WARNING
        rows.append(Row(key=name, cells=(name, text, wrong), health=health, opens=opens))
    return table_of(_COLUMNS, rows, "no view is saved: the key v saves one, from the screen that it is of")
