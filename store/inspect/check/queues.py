"""Compares consumequeue units with the records they should point at, both ways.

Records come block by block in commitlog order. Where a queue's records continue where the last block left, their units
are compared in one numpy step; what does not fit is kept, bounded, and judged at the end, when both sides are known.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from rocketmq_ops.common.plurals import plural
from rocketmq_ops.common.sysflag import TRANSACTION_MASK, TRANSACTION_PREPARED_TYPE, TRANSACTION_ROLLBACK_TYPE
from rocketmq_ops.store.inspect.check.findings import Report, Severity
from rocketmq_ops.store.inspect.check.log_files import report_strangers
from rocketmq_ops.store.inspect.reading.batch_queues import TopicMask, batch_topics
from rocketmq_ops.store.inspect.reading.broker_config import is_deleted_topic, load_table
from rocketmq_ops.store.inspect.reading.damage import Damage, damage_of
from rocketmq_ops.store.inspect.reading.dispatch_columns import DispatchColumns
from rocketmq_ops.store.inspect.reading.queue_extensions import QueueExtensions
from rocketmq_ops.store.inspect.reading.queue_units import Unit, read_units, usual_file_size
from rocketmq_ops.store.inspect.reading.resync import record_at
from rocketmq_ops.store.inspect.reading.scan import Block, Column
from rocketmq_ops.store.inspect.reading.store_files import FileChain, StoreDirectory, read_chain
from rocketmq_ops.store.layout.consume_queue import CQ_UNIT_SIZE, PLACEHOLDER_SIZE

MAX_KEPT: Final = 20_000
MAX_HOLES: Final = 10_000  # of one queue
CHUNK_UNITS: Final = 400_000


@dataclass(slots=True)
class QueueState:
    """What is known of one queue: its files, the queue offsets [first, next) that records have confirmed, and
    misfits."""

    chain: FileChain
    first: int = -1
    next: int = -1
    holes: list[tuple[int, int]] = field(default_factory=list)
    wrong: int = 0
    right: int = 0


class QueueCheck:
    """Feed `block()` with every block, then call `finish()`."""

    def __init__(
        self,
        store: StoreDirectory,
        report: Report,
        *,
        live: bool = False,
        dispatch_from: Callable[[], int] | None = None,
    ) -> None:
        """`dispatch_from` gives the commitlog offset from which the next start dispatches all records again."""
        self._dispatch_from = dispatch_from
        self.report = report
        self._store = store
        self._live = live
        self._mask = TopicMask(batch_topics(store))
        self._dispatched = -1  # the newest commitlog offset that a unit was found for
        self._states = {key: QueueState(chain) for key, chain in store.queues.items()}
        # Of records whose unit is not where they say: the unit that they should have.
        self._claims: list[Unit] = []
        self._orphans: dict[int, tuple[str, int, int]] = {}
        self._mismatches: list[tuple[tuple[str, int], int, Unit, tuple[int, int, int]]] = []
        self._unlisted: Counter[tuple[str, int]] = Counter()  # records without a unit, beyond those kept
        self._misfits: set[tuple[str, int, int]] = set()
        # What the units say of records that say otherwise, by commitlog offset: (topic, queue id, queue offset).
        self.corrections: dict[int, tuple[str, int, int]] = {}
        self._file_size = usual_file_size(store)
        self._extensions = QueueExtensions(store)
        for key, state in self._states.items():
            self._check_chain(key, state.chain)

    def _check_chain(self, key: tuple[str, int], chain: FileChain) -> None:
        for file in chain.files:
            if self._live and file.size == 0 and file is chain.files[-1]:
                continue  # it is just being made
            if file.size != self._file_size or file.size % CQ_UNIT_SIZE:
                self.report.add(
                    "CQ-LENGTH", f"the file has {file.size} bytes, not {self._file_size}: brokers refuse to start",
                    file=_path(key, file.base), expected=self._file_size, actual=file.size,
                )  # fmt: skip
        for start, end in chain.gaps():
            self.report.add(
                "CQ-GAP", f"units {start // CQ_UNIT_SIZE} to {end // CQ_UNIT_SIZE} are missing with their file",
                file=_path(key, start), position=0, length=end - start,
            )  # fmt: skip
        report_strangers(chain, self.report, "CQ-STRANGER", f"consumequeue/{key[0]}/{key[1]}", self._file_size)

    def block(self, block: Block, dispatch: DispatchColumns) -> None:
        """Compare the units of one block's records."""
        queued = np.flatnonzero(self._mask.simple(dispatch))
        if not len(queued):
            return
        topic_ids = dispatch.topic_ids[queued]
        queue_ids = block.head["queue_id"][queued].astype(np.int64)
        order = np.lexsort((queue_ids, topic_ids))
        topic_ids, queue_ids, queued = topic_ids[order], queue_ids[order], queued[order]
        borders = np.flatnonzero((np.diff(topic_ids) != 0) | (np.diff(queue_ids) != 0)) + 1
        for rows in np.split(queued, borders):
            key = (dispatch.topic(int(rows[0])), int(block.head["queue_id"][rows[0]]))
            self._queue(key, block, dispatch, rows)

    def _queue(self, key: tuple[str, int], block: Block, dispatch: DispatchColumns, rows: Column) -> None:
        numbers = block.head["queue_offset"][rows].astype(np.int64)
        state = self._states.get(key)
        if state is None and self._live:
            state = self._refresh(key)
        if state is None:
            self._keep(key[0], key[1], block, dispatch, rows, numbers)
            return
        steps = np.diff(numbers) != 1
        if steps.any():
            for part in np.split(np.arange(len(rows)), np.flatnonzero(steps) + 1):
                self._run(key, state, block, dispatch, rows[part], numbers[part])
        else:
            self._run(key, state, block, dispatch, rows, numbers)

    def _refresh(self, key: tuple[str, int]) -> QueueState | None:
        """A queue's files as they are now: a running broker adds to them."""
        chain = read_chain(self._store.root / "consumequeue" / key[0] / str(key[1]))
        if not chain.files:
            return None
        state = self._states.setdefault(key, QueueState(chain))
        state.chain.close()
        state.chain = chain
        return state

    def _run(
        self,
        key: tuple[str, int],
        state: QueueState,
        block: Block,
        dispatch: DispatchColumns,
        rows: Column,
        numbers: Column,
    ) -> None:
        """Compare a run of consecutive queue offsets with their units, and note what the queue's records confirm."""
        first, count = int(numbers[0]), len(rows)
        units = read_units(state.chain, first, count)
        if len(units) < count and self._live and self._refresh(key):
            units = read_units(state.chain, first, count)
        have = len(units)
        if have < count:
            # Units may go on behind a missing or short file.
            after = self._skip_missing(state.chain, first + have)
            missing = count if after < 0 else min(count, after - first)
            self._keep(key[0], key[1], block, dispatch, rows[have:missing], numbers[have:missing])
            if missing < count:
                self._run(key, state, block, dispatch, rows[missing:], numbers[missing:])
        if not have:
            return
        offsets, sizes = block.offsets[rows], block.head["size"][rows].astype(np.int64)
        codes = dispatch.tags_code[rows]
        units = self._extensions.resolved(key, units)
        same = units["offset"] == offsets[:have]
        good = same & (units["size"] == sizes[:have]) & (units["tags_code"] == codes[:have])
        self.report.count("units", have)
        fitting = int(same.sum())
        state.right += fitting
        state.wrong += have - fitting
        if fitting:
            self._dispatched = max(self._dispatched, int(offsets[:have][same][-1]))
        for i in np.flatnonzero(~good):
            claim = Unit(key[0], key[1], int(numbers[i]), int(offsets[i]), int(sizes[i]), int(codes[i]))
            unit = units[i]
            if len(self._mismatches) < MAX_KEPT:
                self._mismatches.append((key, int(numbers[i]), claim, (int(unit[0]), int(unit[1]), int(unit[2]))))
                self._misfits.add((key[0], key[1], int(numbers[i])))
            else:
                self.report.count("unitsNotJudged")
        self._advance(state, first, first + have, bool(fitting), bool(same[0]))

    @staticmethod
    def _advance(state: QueueState, first: int, end: int, trusted: bool, begins: bool) -> None:
        """Units [first, end) are accounted for. A record that claims a wrong place must not move the borders."""
        if state.next < 0:
            if trusted:
                state.first, state.next = first, end
        elif first == state.next:
            state.next = end
        elif first > state.next and begins:
            if len(state.holes) < MAX_HOLES:
                state.holes.append((state.next, first))
            state.next = end

    def _keep(
        self, topic: str, queue_id: int, block: Block, dispatch: DispatchColumns, rows: Column, numbers: Column
    ) -> None:
        for row, number in zip(rows.tolist(), numbers.tolist(), strict=True):
            if len(self._claims) >= MAX_KEPT:
                self._unlisted[topic, queue_id] += 1
                continue
            self._claims.append(
                Unit(topic, queue_id, number, int(block.offsets[row]), int(block.head["size"][row]),
                      int(dispatch.tags_code[row]))
            )  # fmt: skip

    def finish(self, log_start: int, log_end: int, damages: list[Damage]) -> None:
        """Judge what did not fit. `log_start` and `log_end` bound the readable log."""
        for key, state in self._states.items():
            self._unconfirmed(key, state, log_start, log_end, damages)
        self._judge_mismatches()
        self._judge_claims()
        for offset, place in self._orphans.items():
            self._judge_orphan(offset, place)

    def _judge_orphan(self, offset: int, place: tuple[str, int, int]) -> None:
        """A unit that no record was joined with: another record claimed its place, or its record says it has none."""
        topic, queue_id, number = place
        record = record_at(self._store.commitlog, offset)
        if record is not None and record[:3] == place:
            kind = record[3] & TRANSACTION_MASK
            if kind in (TRANSACTION_PREPARED_TYPE, TRANSACTION_ROLLBACK_TYPE):
                self.report.add(
                    "CL-FLAG", f"sysFlag marks the record at {offset} as a prepared or rolled-back transaction, but "
                    f"{topic} queue {queue_id} has a unit for it", offset=offset, field="sys_flag", value=record[3],
                )  # fmt: skip
            return
        self._unit(
            "CQ-ORPHAN", (topic, queue_id), number,
            f"unit {number} points at {offset}, where no record of this queue begins", offset,
        )  # fmt: skip

    def _unconfirmed(
        self, key: tuple[str, int], state: QueueState, log_start: int, log_end: int, damages: list[Damage]
    ) -> None:
        """Units that no record confirmed: expired ones are normal, all others are classified."""
        if self._live:
            self._refresh(key)
        chain = state.chain
        low, high = chain.min_offset // CQ_UNIT_SIZE, chain.max_offset // CQ_UNIT_SIZE
        ranges = [(low, high)] if state.next < 0 else [(low, state.first), *state.holes, (state.next, high)]
        for start, end in ranges:
            while start < end:
                units = read_units(chain, start, min(CHUNK_UNITS, end - start))
                if not len(units):
                    start = self._skip_missing(chain, start)
                    if start < 0:
                        break
                    continue
                self.report.count("units", len(units))
                used = np.flatnonzero((units["size"] != 0) | (units["offset"] != 0) | (units["tags_code"] != 0))
                self._classify(key, start, units, used, log_start, log_end, damages)
                start += len(units)

    @staticmethod
    def _skip_missing(chain: FileChain, number: int) -> int:
        later = [f.base // CQ_UNIT_SIZE for f in chain.files if f.base // CQ_UNIT_SIZE > number]
        return later[0] if later else -1

    def _classify(
        self, key: tuple[str, int], start: int, units: Column, used: Column, log_start: int, log_end: int,
        damages: list[Damage],
    ) -> None:  # fmt: skip
        offsets, sizes = units["offset"][used].astype(np.int64), units["size"][used]
        filler = (offsets == 0) & (sizes == PLACEHOLDER_SIZE)  # units put before the first message (fillPreBlank)
        expired = offsets < log_start
        beyond = offsets >= log_end
        inside = ~(filler | expired | beyond)
        if (beyond & ~filler).any() and not self._live:
            i = int(np.flatnonzero(beyond & ~filler)[0])
            number = start + int(used[i])
            found = int((beyond & ~filler).sum())
            self._unit(
                "CQ-BEYOND", key, number,
                f"from {number} on {plural(found, 'unit points', 'units point')} past the end of the log at {log_end}",
                int(offsets[i]), units=found, lastOffset=int(offsets[-1]),
            )  # fmt: skip
        if (expired & ~filler).any():
            self.report.count("unitsOfExpiredRecords", int((expired & ~filler).sum()))
        lost: dict[int, int] = {}
        for i in np.flatnonzero(inside).tolist():
            offset, number = int(offsets[i]), start + int(used[i])
            if (key[0], key[1], number) in self._misfits:
                continue
            hit = damage_of(damages, offset)
            if hit is not None:
                lost[hit.start] = lost.get(hit.start, 0) + 1
            elif len(self._orphans) >= MAX_KEPT:
                self.report.count("unitsNotJudged")
            else:
                self._orphans[offset] = (key[0], key[1], number)
        for begin, count in lost.items():
            self.report.add(
                "CQ-LOST",
                f"the damaged range at {begin} holds {plural(count, 'message', 'messages')} of {key[0]} queue {key[1]}",
                file=f"consumequeue/{key[0]}/{key[1]}", offset=begin, messages=count,
            )  # fmt: skip

    def _judge_mismatches(self) -> None:
        foreign = {key for key, s in self._states.items() if s.wrong >= 8 and s.wrong > 4 * s.right}
        for key in foreign:
            self.report.add(
                "CQ-FOREIGN", f"{self._states[key].wrong} units do not point at records of this log: "
                "the queue is from another store or another time", file=f"consumequeue/{key[0]}/{key[1]}",
                wrong=self._states[key].wrong, right=self._states[key].right,
            )  # fmt: skip
        for key, number, claim, unit in self._mismatches:
            if key in foreign:
                continue
            if unit == (0, 0, 0):
                self._claims.append(claim)
            elif unit[0] != claim.offset:
                self._claims.append(claim)
                if len(self._orphans) < MAX_KEPT:
                    self._orphans.setdefault(unit[0], (key[0], key[1], number))
            elif unit[1] != claim.size:
                self._unit("CQ-SIZE", key, number, f"unit {number} has size {unit[1]}, its record {claim.size}",
                           claim.offset, expected=claim.size, actual=unit[1])  # fmt: skip
            else:
                self._unit(
                    "CQ-TAG", key, number,
                    f"unit {number} has {unit[2]}, its record's tag (or delivery time) gives {claim.tags_code}",
                    claim.offset, expected=claim.tags_code, actual=unit[2],
                )  # fmt: skip

    def _judge_claims(self) -> None:
        """Join records without a unit and units without a record: by place in the log, then by place in the queue."""
        by_place = {(t, q, n): o for o, (t, q, n) in self._orphans.items()}
        missing: dict[tuple[str, int], list[Unit]] = {}
        for claim in self._claims:
            place = self._orphans.pop(claim.offset, None)
            if place is not None:
                self._record_is_off(claim, place)
            elif (offset := by_place.get((claim.topic, claim.queue_id, claim.queue_offset))) in self._orphans:
                assert offset is not None
                del self._orphans[offset]
                self._unit(
                    "CQ-OFFSET", (claim.topic, claim.queue_id), claim.queue_offset,
                    f"unit {claim.queue_offset} points at {offset}, its record begins at {claim.offset}", claim.offset,
                    expected=claim.offset, actual=offset,
                )  # fmt: skip
            else:
                missing.setdefault((claim.topic, claim.queue_id), []).append(claim)
        for key, claims in missing.items():
            self._missing(key, claims)

    def _record_is_off(self, claim: Unit, place: tuple[str, int, int]) -> None:
        topic, queue_id, number = place
        if place == (claim.topic, claim.queue_id, claim.queue_offset):
            return
        if (topic, queue_id) == (claim.topic, claim.queue_id) and not self._in_order(place, claim.offset):
            self._unit(
                "CQ-OFFSET", (topic, queue_id), number,
                f"unit {number} points at {claim.offset}, whose record has queue offset {claim.queue_offset}",
                claim.offset,
            )  # fmt: skip
            return
        self.corrections[claim.offset] = place
        kind, claimed, held = "CL-QUEUE-OFFSET", str(claim.queue_offset), str(number)
        if topic != claim.topic:
            kind, claimed, held = "CL-TOPIC", claim.topic, topic
        elif queue_id != claim.queue_id:
            kind, claimed, held = "CL-QUEUE-ID", str(claim.queue_id), str(queue_id)
        self.report.add(
            kind, f"the record at {claim.offset} has {claimed}, but {topic} queue {queue_id} unit {number} points at "
            f"it ({held})",
            offset=claim.offset, length=claim.size, said=claimed, unit=held,
        )  # fmt: skip

    def _in_order(self, place: tuple[str, int, int], offset: int) -> bool:
        """True when a unit's offset lies between those of its neighbours, as in every sound queue."""
        state, number = self._states[place[0], place[1]], place[2]
        before, after = read_units(state.chain, number - 1, 1), read_units(state.chain, number + 1, 1)
        return not (
            (len(before) and before["size"][0] > 0 and before["offset"][0] >= offset)
            or (len(after) and after["size"][0] > 0 and after["offset"][0] <= offset)
        )

    def _missing(self, key: tuple[str, int], claims: list[Unit]) -> None:
        state = self._states.get(key)
        if self._live:
            late = sum(1 for c in claims if c.offset > self._dispatched)
            claims = [c for c in claims if c.offset <= self._dispatched]
            self.report.count("recordsNotDispatchedYet", late)
            if not claims:
                return
        first = min(claims, key=lambda c: c.queue_offset)
        count = len(claims) + self._unlisted[key]
        if state is None:
            if self._dispatch_from is not None:
                unseen = first.offset < self._dispatch_from()
            else:
                unseen = self._dispatched >= first.offset
            severity = Severity.CRITICAL if unseen else None
            if self._is_deleted(key[0]):
                severity = Severity.INFO
            self.report.add(
                "CQ-NO-QUEUE",
                f"{key[0]} queue {key[1]} has {plural(count, 'record', 'records')}, but no consumequeue",
                file=f"consumequeue/{key[0]}/{key[1]}", offset=first.offset, records=count,
                severity=severity,
            )  # fmt: skip
            return
        tail = all(c.queue_offset >= state.next or state.next < 0 for c in claims) or self._is_tail(state, claims)
        self._unit(
            "CQ-BEHIND" if tail else "CQ-MISSING", key, first.queue_offset,
            f"from queue offset {first.queue_offset} on {plural(count, 'record has', 'records have')} no unit",
            first.offset, records=count,
        )  # fmt: skip

    def _is_deleted(self, topic: str) -> bool:
        """True when topics.json, which has topics of users, does not have this one."""
        return is_deleted_topic(load_table(self._store, "topics.json", "5.3").entries, topic)

    @staticmethod
    def _is_tail(state: QueueState, claims: list[Unit]) -> bool:
        numbers = sorted(c.queue_offset for c in claims)
        return numbers == list(range(numbers[0], numbers[0] + len(numbers))) and numbers[-1] == state.next - 1

    def _unit(
        self, kind: str, key: tuple[str, int], number: int, message: str, offset: int,
        **evidence: Any,
    ) -> None:  # fmt: skip
        state = self._states.get(key)
        place = state.chain.at(number * CQ_UNIT_SIZE) if state else None
        self.report.add(
            kind, f"{key[0]} queue {key[1]}: {message}",
            file=_path(key, place[0].base) if place else f"consumequeue/{key[0]}/{key[1]}",
            position=place[1] if place else None, offset=offset, unit=number, **evidence,
        )  # fmt: skip


def _path(key: tuple[str, int], base: int) -> str:
    return f"consumequeue/{key[0]}/{key[1]}/{base:020d}"
