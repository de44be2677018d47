"""A binary layout as one table: fields of fixed size, one behind the other, all numbers big-endian.

What lives here: what follows from such a table: struct, size, positions and numpy's dtype. What does not: the tables
(`record_layout.py`, `store/layout/`).
"""

from __future__ import annotations

import struct
from functools import cached_property
from itertools import accumulate
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import numpy as np

#: numpy's types of struct's codes; bytes stay what they are.
_COLUMNS = {"b": ">i1", "B": ">u1", "h": ">i2", "H": ">u2", "i": ">i4", "I": ">u4", "q": ">i8", "Q": ">u8"}


class FieldType(NamedTuple):
    """One field of a table.

    `code` is struct's ("i"), or the layout of the parts that it is made of: bytes to struct, columns of their own to
    numpy. `label` is the name in results and findings, Apache's where it has one. `column` is numpy's type where it
    is not that of the code.
    """

    name: str
    code: str | Layout
    label: str = ""
    column: str = ""

    @property
    def format(self) -> str:
        """The code for struct."""
        return self.code if isinstance(self.code, str) else f"{self.code.size}s"


class Layout:
    """A table of fields and what follows from it. Make one where a module is loaded, not for each use."""

    def __init__(self, *fields: FieldType) -> None:
        self.fields = fields
        self.names = tuple(field.name for field in fields)
        self.labels = tuple(field.label or field.name for field in fields)
        #: The codes for struct, without byte order, to be part of a larger format.
        self.codes = "".join(field.format for field in fields)
        self.struct = struct.Struct(">" + self.codes)
        self.size = self.struct.size
        #: Length and position of each field in bytes.
        self.sizes = {field.name: struct.calcsize(">" + field.format) for field in fields}
        self.at = dict(zip(self.names, accumulate(self.sizes.values(), initial=0), strict=False))

    def label(self, name: str) -> str:
        """The label of a field."""
        return self.labels[self.names.index(name)]

    def part(self, first: str, last: str) -> Layout:
        """The layout of the fields from one to another, both with it."""
        return Layout(*self.fields[self.names.index(first) : self.names.index(last) + 1])

    def one(self, name: str) -> struct.Struct:
        """The struct of a single field."""
        return struct.Struct(">" + self.fields[self.names.index(name)].format)

    def only(self, *names: str) -> str:
        """Codes as `codes`, that pass over the bytes of all other fields."""
        return "".join(field.format if field.name in names else f"{self.sizes[field.name]}x" for field in self.fields)

    def slice_of(self, name: str) -> slice:
        """Where a field's bytes are."""
        return slice(self.at[name], self.at[name] + self.sizes[name])

    @cached_property
    def dtype(self) -> np.dtype[Any]:
        """The dtype of rows of this layout. Imports numpy, which most processes do without."""
        import numpy as np

        return np.dtype(self._columns())

    def column(self, name: str) -> np.dtype[Any]:
        """The dtype of a single field. Imports numpy."""
        import numpy as np

        ((_, kind),) = self.part(name, name)._columns()
        return np.dtype(kind)

    def _columns(self) -> list[tuple[str, str]]:
        found: list[tuple[str, str]] = []
        for field in self.fields:
            if isinstance(field.code, Layout):
                found += field.code._columns()
            else:
                found.append((field.name, field.column or _COLUMNS.get(field.code) or f"S{field.code[:-1]}"))
        return found
