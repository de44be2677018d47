"""What a broker takes from its configuration files at its start: the file, its `.bak`, nothing, or it refuses.

Mirrors ConfigManager.load and the decode methods of the managers, as tried on 4.9.7, 5.3.3 and 5.5.0: a missing or
empty file and one that cannot be decoded are replaced by the `.bak`, and without a `.bak` the broker starts with
nothing; only a `.bak` that cannot be decoded either ends the start. What can be decoded counts, even where it holds no
table. Of ours: load_with_backup in `common/files.py`.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from rocketmq_ops.common.fastjson import FastjsonError, loads
from rocketmq_ops.common.topics import is_dlq_topic, is_retry_topic, is_system_topic
from rocketmq_ops.store.inspect.reading.store_files import StoreDirectory

TABLES: Final = {
    "topics.json": "topicConfigTable",
    "consumerOffset.json": "offsetTable",
    "delayOffset.json": "offsetTable",
    "subscriptionGroup.json": "subscriptionGroupTable",
}
OURS: Final = "ours"
_ROCKSDB: Final = ("topics", "consumerOffsets", "subscriptionGroups", "metadata")
# Files of blanks that fastjson 1 refuses; it takes them for nothing in the others.
_BLANK_REFUSED: Final = {("5.3", "consumerOffset.json"), ("4.9", "subscriptionGroup.json")}


class Loaded(NamedTuple):
    """A table as a broker has it after loading. `table` is None when nothing was loaded, or a content without the
    table; `file` is the name of the file that it comes from, "" for none; `why` says what is wrong with the file (""
    when it was taken), `refused` that the broker does not start."""

    table: dict[Any, Any] | None
    file: str
    why: str = ""
    refused: bool = False

    @property
    def entries(self) -> dict[Any, Any]:
        """The table, empty when nothing was loaded."""
        return self.table or {}


def is_user_topic(topic: str) -> bool:
    """True for topics that only topics.json knows of: not those that a broker or a group makes by itself."""
    return not (is_system_topic(topic) or is_retry_topic(topic) or is_dlq_topic(topic))


def is_deleted_topic(topics: dict[Any, Any], topic: str) -> bool:
    """True for a topic that a topics.json with other topics of users does not have."""
    return topic not in topics and not is_system_topic(topic) and any(is_user_topic(str(name)) for name in topics)


class _UnusableError(Exception):
    """The content cannot be decoded."""


def in_rocksdb(store: StoreDirectory) -> bool:
    """True when a 5.x broker keeps its configuration in a RocksDB database, which is not read here."""
    return any((store.root / "config" / name).is_dir() for name in _ROCKSDB)


def load_table(store: StoreDirectory, name: str, broker: str) -> Loaded:
    """What the `broker` ("4.9", "5.3", "5.5", "ours") loads of one of TABLES."""
    why, broken = "", False
    for candidate in (name, name + ".bak"):
        data = store.small_file(f"config/{candidate}")
        if not data or (broker == OURS and not data.strip(b"\0 \t\r\n")):
            why = why or ("missing" if data is None else "empty")
            continue
        try:
            table = _decode(data, name, broker)
            return Loaded(table, candidate, why or ("" if table is not None else "without a table"))
        except _UnusableError as error:
            why = why or str(error)
            broken = broken or broker == OURS or candidate != name
    return Loaded(None, "", why, refused=broken)


def _decode(data: bytes, name: str, broker: str) -> dict[Any, Any] | None:
    blank = not data.strip()
    if blank and broker != "5.5" and (broker, name) not in _BLANK_REFUSED:
        return None
    try:
        value = loads(data)
    except (FastjsonError, RecursionError) as error:
        raise _UnusableError("blank" if blank else "broken" if data.strip(b"\0") else "full of NULs") from error
    nothing = value is None or (value == [] and broker not in ("5.5", OURS))
    if nothing and broker != OURS:
        return None
    if not isinstance(value, dict):
        raise _UnusableError("of a wrong type")
    if TABLES[name] not in value:
        return None
    table = value[TABLES[name]]
    if table is None and (broker == OURS or name != "topics.json"):
        return None
    if not isinstance(table, dict) or not all(_fits(entry, name) for entry in table.values()):
        raise _UnusableError("of a wrong type")
    return table


def _fits(entry: Any, name: str) -> bool:
    if name == "delayOffset.json":
        return isinstance(entry, int)
    return isinstance(entry, dict) and (
        name != "consumerOffset.json" or all(isinstance(offset, int) for offset in entry.values())
    )


CONFIGS: Final = (
    "topics.json", "subscriptionGroup.json", "consumerOffset.json", "delayOffset.json", "consumerFilter.json",
    "consumerOrderInfo.json", "messageRequestMode.json", "topicQueueMapping.json", "timermetrics", "transactionMetrics",
)  # fmt: skip


def read_config(store: StoreDirectory, name: str) -> Any:
    """A parsed configuration file, or its `.bak` as a broker would fall back to it; None when there is neither."""
    for candidate in (f"config/{name}", f"config/{name}.bak"):
        data = store.small_file(candidate)
        if data and data.strip(b"\0 \r\n\t"):
            try:
                return loads(data)
            except FastjsonError:
                continue
    return None


def multi_tag_topics(store: StoreDirectory) -> frozenset[str]:
    """The topics whose messages may have several tags."""
    content = read_config(store, "topics.json")
    table = content.get("topicConfigTable") if isinstance(content, dict) else None
    items = table.items() if isinstance(table, dict) else ()
    return frozenset(str(n) for n, c in items if isinstance(c, dict) and c.get("topicFilterType") == "MULTI_TAG")
