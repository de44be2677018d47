"""Compares the units of batch queues with the records, both ways: as `queues.py` does for ordinary ones."""

from __future__ import annotations

import numpy as np

from rocketmq_ops.common.plurals import plural
from rocketmq_ops.store.inspect.check.findings import Report
from rocketmq_ops.store.inspect.check.log_files import report_strangers
from rocketmq_ops.store.inspect.reading.batch_queues import (
    FOLDER,
    Key,
    TopicMask,
    find_batch_unit,
    newest_offset,
    read_batch_units,
    usual_batch_file_size,
    wrong_types,
)
from rocketmq_ops.store.inspect.reading.damage import Damage, damage_of
from rocketmq_ops.store.inspect.reading.dispatch_columns import DispatchColumns
from rocketmq_ops.store.inspect.reading.scan import Block, Column
from rocketmq_ops.store.inspect.reading.store_files import FileChain, StoreDirectory


class BatchQueueCheck:
    """Compares batch queues with the records: feed `block()` with every block, then call `finish()`."""

    def __init__(self, store: StoreDirectory, report: Report, topics: frozenset[str], *, live: bool = False) -> None:
        self._store, self._report, self._live = store, report, live
        self._mask = TopicMask(topics)
        self._next: dict[Key, int] = {}  # the number of the unit that should come next
        self._holes: list[tuple[Key, Column]] = []  # units that no record was found for
        self._missing: dict[Key, list[int]] = {}  # offsets of records that no unit was found for
        size = usual_batch_file_size(store)
        for key, chain in store.batch_queues.items():
            for file in chain.files:
                if file.size != size:
                    report.add(
                        "CQ-LENGTH", f"the file has {file.size} bytes, not {size}",
                        file=f"{_folder(key)}/{file.path.name}", expected=size, actual=file.size,
                    )  # fmt: skip
            report_strangers(chain, report, "CQ-STRANGER", _folder(key), size)
        for topic, folder in wrong_types(store):
            report.add(
                "CQ-TYPE", f"topic {topic} has queues in {folder}, but is configured for the other queue type",
                file=f"{folder}/{topic}", topic=topic,
            )  # fmt: skip

    def block(self, block: Block, dispatch: DispatchColumns) -> None:
        """Compare the units of one block's records."""
        for key, expected in self._mask.batches(block, dispatch):
            chain = self._store.batch_queues.get(key)
            if chain is None:
                self._missing.setdefault(key, []).extend(expected["offset"].tolist())
                continue
            if key not in self._next:
                self._next[key] = find_batch_unit(chain, int(expected["offset"][0]))
            units = read_batch_units(chain, self._next[key], len(expected))
            self._report.count("units", len(units))
            if len(units) == len(expected) and bool((units["offset"] == expected["offset"]).all()):
                self._next[key] += len(units)
                self._compare(key, units, expected)
            else:
                self._one_by_one(key, chain, expected)

    def _one_by_one(self, key: Key, chain: FileChain, expected: Column) -> None:
        for i in range(len(expected)):
            number = find_batch_unit(chain, int(expected["offset"][i]))
            units = read_batch_units(chain, number, 1)
            if not len(units) or units["offset"][0] != expected["offset"][i]:
                self._missing.setdefault(key, []).append(int(expected["offset"][i]))
                continue
            if number > self._next[key]:
                self._holes.append((key, read_batch_units(chain, self._next[key], number - self._next[key])))
            self._next[key] = number + 1
            self._compare(key, units, expected[i : i + 1])

    def _compare(self, key: Key, units: Column, expected: Column) -> None:
        """Report fields that differ. A unit may stand for more messages than its record has, up to the next unit."""
        count = units["count"] < expected["count"]
        for kind, field, wrong in (
            ("CQ-SIZE", "size", units["size"] != expected["size"]),
            ("CQ-TAG", "tags_code", units["tags_code"] != expected["tags_code"]),
            ("CQ-OFFSET", "base", units["base"] != expected["base"]),
            ("CQ-OFFSET", "count", count),
        ):
            for i in np.flatnonzero(wrong).tolist():
                self._report.add(
                    kind, f"{key[0]} queue {key[1]}: a batch unit has {field} {int(units[field][i])}, its record "
                    f"{int(expected[field][i])}", file=_folder(key), offset=int(expected["offset"][i]), field=field,
                    expected=int(expected[field][i]), actual=int(units[field][i]),
                )  # fmt: skip

    def finish(self, log_start: int, log_end: int, damages: list[Damage]) -> None:
        """Judge what did not fit; `log_start` and `log_end` bound the readable log."""
        for key, chain in self._store.batch_queues.items():
            begin = self._next.get(key, find_batch_unit(chain, log_start))
            if self._live:
                continue
            while len(units := read_batch_units(chain, begin, 65536)):
                self._holes.append((key, units))
                begin += len(units)
        for key, units in self._holes:
            self._orphans(key, units, log_end, damages)
        for key, offsets in self._missing.items():
            if self._live:
                continue
            queue = self._store.batch_queues.get(key)
            kind = "CQ-NO-QUEUE" if queue is None else "CQ-MISSING"
            if queue is not None and offsets[0] > newest_offset(queue):
                kind = "CQ-BEHIND"
            self._report.add(
                kind, f"{key[0]} queue {key[1]}: {plural(len(offsets), 'record has', 'records have')} no batch unit",
                file=_folder(key),
                offset=offsets[0], records=len(offsets),
            )  # fmt: skip

    def _orphans(self, key: Key, units: Column, log_end: int, damages: list[Damage]) -> None:
        counts = {"CQ-BEYOND": 0, "CQ-LOST": 0, "CQ-ORPHAN": 0}
        for offset, messages in zip(units["offset"].tolist(), units["count"].tolist(), strict=True):
            hit = damage_of(damages, offset)
            counts["CQ-BEYOND" if offset >= log_end else "CQ-LOST" if hit is not None else "CQ-ORPHAN"] += messages
        for kind, messages in counts.items():
            if messages:
                what = {"CQ-BEYOND": "past the end of the log", "CQ-LOST": "into a damaged range"}.get(
                    kind, "where no record is"
                )
                self._report.add(
                    kind,
                    f"{key[0]} queue {key[1]}: batch units of {plural(messages, 'message', 'messages')} point {what}",
                    file=_folder(key), offset=int(units["offset"][0]), messages=messages,
                )  # fmt: skip


def _folder(key: Key) -> str:
    return f"{FOLDER}/{key[0]}/{key[1]}"
