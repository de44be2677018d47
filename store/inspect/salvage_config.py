"""The configuration files of a salvaged store: each from the file or its `.bak`, offsets moved with their queues."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from ...common.fastjson import FastjsonError, dumps, loads
from ...common.files import save_with_backup
from ...common.topics import SCHEDULE_TOPIC
from .check_small_files import CONFIGS
from .source import StoreDirectory


class Renumbering(Protocol):
    """Says where an offset of the damaged store lies in the new one."""

    def new(self, old: int) -> int:
        """The new offset."""


def salvage_configs(
    store: StoreDirectory, target: Path, numbering: Mapping[tuple[str, int], Renumbering]
) -> dict[str, str]:
    """Write the usable configuration files into `target/config`; says of each `kept`, `from .bak`, `changed` or `lost`."""
    outcome: dict[str, str] = {}
    for name in CONFIGS:
        found = [store.small_file(f"config/{name}{end}") for end in ("", ".bak")]
        if found == [None, None]:
            continue
        for data, word in zip(found, ("kept", "from .bak"), strict=True):
            if (content := _parse(data)) is None or data is None:
                continue
            if name in ("consumerOffset.json", "delayOffset.json"):
                moved = _move(content, numbering, delay=name == "delayOffset.json")
                if moved:
                    data, word = dumps(content, pretty=True), word + f", {moved} offset(s) moved"
            save_with_backup(str(target / "config" / name), data)
            outcome[name] = word
            break
        else:
            outcome[name] = "lost"
    return outcome


def _parse(data: bytes | None) -> dict[str, Any] | None:
    if data is None or not data.strip(b"\0 \r\n\t"):
        return None
    try:
        value = loads(data)
    except FastjsonError:
        return None
    return value if isinstance(value, dict) else None


def _move(content: dict[str, Any], numbering: Mapping[tuple[str, int], Renumbering], *, delay: bool) -> int:
    """Put the new offsets into `content`; how many differ."""
    moved = 0
    found = content.get("offsetTable")
    table: dict[Any, Any] = found if isinstance(found, dict) else {}
    for key, value in list(table.items()):
        queues = {key: value} if delay else value
        topic = SCHEDULE_TOPIC if delay else str(key).partition("@")[0]
        for queue, offset in list(queues.items()) if isinstance(queues, dict) else ():
            number = numbering.get((topic, int(queue) - (1 if delay else 0))) if str(queue).isdigit() else None
            if number is None or not isinstance(offset, int) or (new := number.new(offset)) == offset:
                continue
            if delay:
                table[key] = new
            else:
                queues[queue] = new
            moved += 1
    return moved
