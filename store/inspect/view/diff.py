"""Compares two stores message by message: what only one has, and which fields differ, queue by queue in one merge.

Both sides are read through their consumequeues in the order of queue offsets. Where both units point at the same offset
and the bytes of the records are equal, nothing is decoded, which is what a master and its slave are. What no unit leads
to (half-written tails, prepared and rolled-back transactions) is not a message of a queue; `check` looks at that.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import numpy as np

from rocketmq_ops.common.errors import RocketMQError
from rocketmq_ops.store.inspect.reading.blocks import block_at
from rocketmq_ops.store.inspect.reading.follow import end_of_log
from rocketmq_ops.store.inspect.reading.queue_units import Unit, queue_bounds, units_of
from rocketmq_ops.store.inspect.reading.scan import Block
from rocketmq_ops.store.inspect.reading.store_files import StoreDirectory
from rocketmq_ops.store.inspect.salvage.proof import PROOF_NAME
from rocketmq_ops.store.inspect.view.message_lines import FIELDS, MessageLines
from rocketmq_ops.store.layout.record import PLACE

#: Fields that name the same fact as another one, so that a difference is reported once.
DERIVED = frozenset({"offsetMsgId", "bodySha256", "msgId", "bodyLength"})
COMPARED = (*tuple(name for name in FIELDS if name not in DERIVED), "body")
_FIRST = np.zeros(1, np.int64)
#: What another broker that got the same messages would have different.
PLACEMENT = ("commitLogOffset", "storeTimestamp", "storeHost", "storeSize")


class Difference(msgspec.Struct, rename="camel", kw_only=True, omit_defaults=True):
    """One difference. `kind` is only-in-a, only-in-b, different or unreadable; `count` consecutive queue offsets have
    it, the first of them `queue_offset`. `fields` names what differs with both values."""

    kind: str
    topic: str
    queue_id: int
    queue_offset: int
    count: int = 1
    offset_a: int | None = None
    offset_b: int | None = None
    fields: dict[str, list[Any]] = {}
    detail: str = ""


class Totals(msgspec.Struct, rename="camel"):
    """What was compared, in messages. `moved` of the equal ones have another queue offset, when they are matched by
    their place in the commitlog."""

    queues: int = 0
    compared: int = 0
    equal: int = 0
    different: int = 0
    only_in_a: int = 0
    only_in_b: int = 0
    unreadable: int = 0
    moved: int = 0

    @property
    def same(self) -> bool:
        """True when nothing differs."""
        return not (self.different or self.only_in_a or self.only_in_b or self.unreadable)


class StoreDiff:
    """One comparison. `differences()` yields as it goes; `totals` is complete when it has ended.

    `ignore` names fields that may differ; `topic` and `queue_id` limit what is compared. With `by_place` messages are
    matched by their commitlog offset instead of their queue offset, which may then differ: a salvaged store keeps the
    one, and moves the other up behind what is lost.
    """

    def __init__(
        self,
        a: StoreDirectory,
        b: StoreDirectory,
        *,
        ignore: frozenset[str] = frozenset(),
        topic: str | None = None,
        queue_id: int | None = None,
        by_place: bool = False,
    ) -> None:
        unknown = ignore - set(COMPARED)
        if unknown:
            raise RocketMQError(f"unknown field '{sorted(unknown)[0]}'", f"the fields are {', '.join(COMPARED)}")
        self._a, self._b = a, b
        self._by_place = by_place
        self._ignore = ignore | {"queueOffset"} if by_place else ignore
        self._wanted = (topic, queue_id)
        self._lines = MessageLines("base64", keep_flags=True, as_stored=True)
        self.totals = Totals()

    def differences(self) -> Iterator[Difference]:
        """Every difference, queue by queue in the order of topics and queue ids. Raises RocketMQError."""
        for topic, queue_id in sorted({*self._a.queues, *self._b.queues}):
            if self._wanted[0] not in (None, topic) or self._wanted[1] not in (None, queue_id):
                continue
            self.totals.queues += 1
            yield from _joined(self._queue(topic, queue_id))

    def _queue(self, topic: str, queue_id: int) -> Iterator[Difference]:
        sides = [iter(_units(store, topic, queue_id)) for store in (self._a, self._b)]
        a, b = next(sides[0], None), next(sides[1], None)
        while a is not None or b is not None:
            if b is None or (a is not None and self._place(a) < self._place(b)):
                assert a is not None
                self.totals.only_in_a += 1
                yield _only("only-in-a", a)
                a = next(sides[0], None)
            elif a is None or self._place(b) < self._place(a):
                self.totals.only_in_b += 1
                yield _only("only-in-b", b)
                b = next(sides[1], None)
            else:
                found = self._pair(a, b)
                if found is not None:
                    yield found
                a, b = next(sides[0], None), next(sides[1], None)

    def _place(self, unit: Unit) -> int:
        return unit.offset if self._by_place else unit.queue_offset

    def _pair(self, a: Unit, b: Unit) -> Difference | None:
        self.totals.compared += 1
        if a.offset == b.offset and a.size == b.size and a.tags_code == b.tags_code:
            bytes_a, bytes_b = self._a.commitlog.read(a.offset, a.size), self._b.commitlog.read(b.offset, b.size)
            if bytes_a == bytes_b and len(bytes_a) == a.size and _is_of(bytes_a, a):
                self._equal(a, b)
                return None
        sides = [self._message(self._a, a), self._message(self._b, b)]
        texts = [side for side in sides if isinstance(side, str)]
        if texts:
            self.totals.unreadable += 1
            where = ["A" if isinstance(sides[0], str) else "", "B" if isinstance(sides[1], str) else ""]
            detail = "; ".join(f"in {w}: {t}" for w, t in zip([w for w in where if w], texts, strict=True))
            return _about("unreadable", a, b, detail=detail)
        fields = self._fields(sides[0], sides[1])  # type: ignore[arg-type]
        if a.tags_code != b.tags_code and not fields:
            fields["tagsCode"] = [a.tags_code, b.tags_code]
        if not fields:
            self._equal(a, b)
            return None
        self.totals.different += 1
        return _about("different", a, b, fields=fields)

    def _equal(self, a: Unit, b: Unit) -> None:
        self.totals.equal += 1
        self.totals.moved += a.queue_offset != b.queue_offset

    def _fields(self, a: dict[str, Any], b: dict[str, Any]) -> dict[str, list[Any]]:
        fields = {}
        for name in COMPARED:
            if name not in self._ignore and a.get(name) != b.get(name):
                if name == "body":
                    fields[name] = [a["bodySha256"], b["bodySha256"]]
                elif name == "properties":
                    fields[name] = _different_properties(a[name], b[name])
                else:
                    fields[name] = [a.get(name), b.get(name)]
        return fields

    def _message(self, store: StoreDirectory, unit: Unit) -> dict[str, Any] | str:
        item = block_at(store.commitlog, unit.offset, window=max(unit.size, 128))
        if not isinstance(item, Block):
            return f"the unit points at offset {unit.offset}, where no record begins"
        if item.crc_ok is not None and not bool(item.crc_ok[0]):
            return f"the body at offset {unit.offset} does not match its CRC"
        message: dict[str, Any] = msgspec.json.decode(self._lines.lines(item, _FIRST)[0])
        if (message["topic"], message["queueId"], message["queueOffset"]) != (
            unit.topic,
            unit.queue_id,
            unit.queue_offset,
        ):
            return f"the unit points at offset {unit.offset}, where another message is"
        return message


def is_salvaged(store: StoreDirectory) -> bool:
    """True for a store that `salvage` made."""
    return (store.root / PROOF_NAME).is_file()


def beyond_units(store: StoreDirectory) -> int | None:
    """The commitlog offset from which records follow that no consumequeue unit leads to, None without any.

    After a kill a broker dispatches them at its next start; a rolled-back transaction at the end never gets a unit.
    """
    if not store.commitlog.files:
        return None
    reached = store.commitlog.min_offset
    for (topic, queue_id), chain in store.queues.items():
        high = queue_bounds(chain)[1]
        for unit in units_of(topic, queue_id, chain, max(0, high - 1), high):
            reached = max(reached, unit.offset + unit.size if not unit.pre_blank else 0)
    last, _ = end_of_log(store.commitlog)
    return reached if last >= reached > store.commitlog.min_offset or (last and not store.queues) else None


def _is_of(record: bytes, unit: Unit) -> bool:
    """Whether equal bytes are the record that both units mean: queue id, queue offset and size are looked at."""
    if len(record) < PLACE.size:
        return False
    size, _, _, queue_id, _, queue_offset, _ = PLACE.unpack_from(record)
    return bool(size == unit.size and queue_id == unit.queue_id and queue_offset == unit.queue_offset)


def _different_properties(a: dict[str, str], b: dict[str, str]) -> list[Any]:
    names = [name for name in sorted({*a, *b}) if a.get(name) != b.get(name)]
    return [{n: a[n] for n in names if n in a}, {n: b[n] for n in names if n in b}]


def _units(store: StoreDirectory, topic: str, queue_id: int) -> Iterator[Unit]:
    chain = store.queues.get((topic, queue_id))
    if chain is not None:
        for unit in units_of(topic, queue_id, chain):
            if not unit.pre_blank and unit.size > 0:
                yield unit


def _only(kind: str, unit: Unit) -> Difference:
    in_a = kind == "only-in-a"
    return Difference(
        kind=kind, topic=unit.topic, queue_id=unit.queue_id, queue_offset=unit.queue_offset,
        offset_a=unit.offset if in_a else None, offset_b=None if in_a else unit.offset,
    )  # fmt: skip


def _about(kind: str, a: Unit, b: Unit, **more: Any) -> Difference:
    return Difference(
        kind=kind, topic=a.topic, queue_id=a.queue_id, queue_offset=a.queue_offset, offset_a=a.offset,
        offset_b=b.offset, **more,
    )  # fmt: skip


def _joined(found: Iterator[Difference]) -> Iterator[Difference]:
    """Consecutive messages that only one side has become one difference with a count."""
    last: Difference | None = None
    for one in found:
        if (
            last is not None
            and one.kind == last.kind
            and one.kind.startswith("only")
            and one.queue_offset == last.queue_offset + last.count
        ):
            last.count += 1
            continue
        if last is not None:
            yield last
        last = one
    if last is not None:
        yield last
