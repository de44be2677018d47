"""The configuration files of a salvaged store: each from the file or its `.bak`, offsets moved with their queues."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Protocol

from rocketmq_ops.common.delay_levels import LOG_END
from rocketmq_ops.common.fastjson import FastjsonError, dumps, loads
from rocketmq_ops.common.files import save_with_backup
from rocketmq_ops.common.plurals import plural
from rocketmq_ops.common.topics import SCHEDULE_TOPIC, split_topic_group
from rocketmq_ops.store.inspect.reading.broker_config import CONFIGS, TABLES
from rocketmq_ops.store.inspect.reading.store_files import StoreDirectory
from rocketmq_ops.store.inspect.salvage.proof import Config, ProofWriter, digest

# Without these a broker starts, and no consumer gets what it should: that they are not there must be said.
NEEDED: Final = ("topics.json", "consumerOffset.json")


class Renumbering(Protocol):
    """Says where an offset of the damaged store lies in the new one."""

    def new(self, old: int) -> int:
        """The new offset, never past the end of the new queue."""


def salvage_configs(
    store: StoreDirectory, target: Path, numbering: Mapping[tuple[str, int], Renumbering], proof: ProofWriter
) -> dict[str, str]:
    """Write the usable configuration files into `target/config`; says of each `kept`, `from .bak`, `changed` or
    `lost`."""
    outcome: dict[str, str] = {}
    for name in CONFIGS:
        found = [store.small_file(f"config/{name}{end}") for end in ("", ".bak")]
        if found == [None, None] and name not in NEEDED:
            continue
        data, outcome[name] = _usable(name, found, numbering)
        if data is not None:
            save_with_backup(str(target / "config" / name), data)
        proof.add(Config(name=name, outcome=outcome[name], sha256=digest(data) if data is not None else ""))
    return outcome


def _usable(
    name: str, found: list[bytes | None], numbering: Mapping[tuple[str, int], Renumbering]
) -> tuple[bytes | None, str]:
    """What to write and a word for it; None and `lost` when neither the file nor its .bak can be read."""
    for data, word in zip(found, ("kept", "from .bak"), strict=True):
        if (content := _parse(data)) is None or (name in TABLES and TABLES[name] not in content):
            continue
        if name in ("consumerOffset.json", "delayOffset.json"):
            moved = _move(content, numbering, delay=name == "delayOffset.json")
            has_end = content.pop(LOG_END, None) is not None  # of the damaged commitlog
            if moved:
                return dumps(content, pretty=True), word + f", {plural(moved, 'offset', 'offsets')} moved"
            if has_end:
                return dumps(content, pretty=True), word
        return data, word
    return None, "lost"


def _parse(data: bytes | None) -> dict[str, Any] | None:
    if data is None or not data.strip(b"\0 \r\n\t"):
        return None
    try:
        value = loads(data)
    except (FastjsonError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _move(content: dict[str, Any], numbering: Mapping[tuple[str, int], Renumbering], *, delay: bool) -> int:
    """Put the new offsets into `content`; how many differ. Invalid offsets are removed: a broker cannot load
    them."""
    moved = 0
    found = content.get("offsetTable")
    table: dict[Any, Any] = found if isinstance(found, dict) else {}
    for key, value in list(table.items()):
        queues = table if delay else value
        topic = SCHEDULE_TOPIC if delay else split_topic_group(str(key))[0]
        if not isinstance(queues, dict):
            del table[key]
            moved += 1
            continue
        for queue, offset in [(key, value)] if delay else list(queues.items()):
            new = _new_offset(topic, queue, offset, numbering, delay=delay)
            if new is None:
                del queues[queue]
            elif new != offset:
                queues[queue] = new
            moved += new != offset
    return moved


def _new_offset(
    topic: str, queue: Any, offset: Any, numbering: Mapping[tuple[str, int], Renumbering], *, delay: bool
) -> int | None:
    """The new offset; 0 for a queue of which nothing was kept, since it begins again; None for an invalid offset."""
    text = str(queue)
    if not (text.isascii() and text.isdigit()) or not isinstance(offset, int) or isinstance(offset, bool):
        return None
    state = numbering.get((topic, int(text) - 1 if delay else int(text)))
    return 0 if state is None or offset < 0 else state.new(offset)
