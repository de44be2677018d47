"""Tables of typed entries as Apache's brokers keep them in JSON files, without losing what we do not know.

An entry's fields that its class has no attribute for (a newer broker wrote them) are kept beside it and written
back. The files themselves are replaced by `common/files.py`; which tables there are is their managers' business.
"""

from __future__ import annotations

from typing import Any, Generic, TypeVar

import msgspec

from rocketmq_ops.common import fastjson
from rocketmq_ops.common.data_version import DataVersion
from rocketmq_ops.common.errors import CorruptDataError
from rocketmq_ops.common.fastjson_types import convert

T = TypeVar("T", bound=msgspec.Struct)


class ConfigEntries(Generic[T]):
    """Converts a JSON object of entries to `{name: entry}` and back."""

    def __init__(self, entry_class: type[T]) -> None:
        self._class = entry_class
        self._known = {field.encode_name for field in msgspec.structs.fields(entry_class)}
        self._unknown: dict[str, dict[str, Any]] = {}
        self._texts: dict[str, tuple[T, str]] = {}

    def decode(self, raw: Any) -> dict[str, T]:
        """The entries of a decoded JSON object (None is an empty table). Raises CorruptDataError."""
        if raw is None:
            return {}
        if not isinstance(raw, dict):
            raise CorruptDataError(f"a table of {self._class.__name__} must be a JSON object")
        result: dict[str, T] = {}
        for name, fields in raw.items():
            try:
                result[str(name)] = convert(fields, self._class)
            except CorruptDataError as error:
                raise CorruptDataError(f"{self._class.__name__} '{name}': {error}") from None
            unknown = {key: value for key, value in fields.items() if key not in self._known}
            if unknown:
                self._unknown[str(name)] = unknown
        return result

    def encode(self, table: dict[str, T]) -> dict[str, dict[str, Any]]:
        """The JSON object of the entries: their fields by wire name in order, nulls left out as fastjson does."""
        return {name: self.encode_entry(name, entry) for name, entry in table.items()}

    def text(self, table: dict[str, T]) -> fastjson.Text:
        """`encode` as it stands in a configuration file, one level deep.

        An entry is written out once: an update of the table replaces the entry, so that the text of the same object
        still holds. A table of thousands costs little more than joining them, however often it is saved.
        """
        texts, lines = self._texts, []
        for name, entry in table.items():
            known = texts.get(name)
            if known is None or known[0] is not entry:
                text = fastjson.indented(self.encode_entry(name, entry), 2)
                known = texts[name] = (entry, f"\n\t\t{fastjson.indented(name, 0)}:{text}")
            lines.append(known[1])
        return fastjson.Text("{" + ",".join(lines) + "\n\t}" if lines else "{}")

    def encode_entry(self, name: str, entry: T) -> dict[str, Any]:
        """One entry as a JSON object, with the unknown fields that were read with it."""
        fields: dict[str, Any] = without_nulls(msgspec.to_builtins(entry))
        unknown = self._unknown.get(name)
        if unknown:
            fields.update(unknown)
        return dict(sorted(fields.items()))

    def forget(self, name: str) -> None:
        """Drop what was kept of a removed entry."""
        self._unknown.pop(name, None)
        self._texts.pop(name, None)


def restore(table: dict[str, T], before: dict[str, T | None], changed: dict[str, T]) -> None:
    """Put back the entries that a change replaced; None stands for one that was not there.

    What was changed again since then (is no longer the entry of `changed`) is left as it is.
    """
    for name, entry in before.items():
        if table.get(name) is not changed[name]:
            continue
        if entry is None:
            del table[name]
        else:
            table[name] = entry


def without_nulls(value: Any) -> Any:
    """`value` without dict entries that are None, at any depth (fastjson does not write null fields)."""
    if isinstance(value, dict):
        return {key: without_nulls(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [without_nulls(item) for item in value]
    return value


def read_data_version(raw: Any) -> DataVersion:
    """The DataVersion of a configuration file; one of nothing changed when the file has none."""
    if raw is None:
        return DataVersion.fresh()
    try:
        return convert(raw, DataVersion)
    except CorruptDataError as error:
        raise CorruptDataError(f"dataVersion: {error}") from None
