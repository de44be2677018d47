"""Offsets that consumers have committed to this slave: while its master is away, or seems so to them.

A slave takes all offsets over from its master. What is noted here its master does not know, until it was handed back
(`hand_back.py`). It is kept in `config/slaveOffset.json`, so that a slave which restarts during the outage still has
it, with the names of the groups among them that came into being here; Apache's brokers have no such file and pass
over it.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from rocketmq_ops.broker.offset.consumer_offset_manager import OffsetTable, parse_offset_table
from rocketmq_ops.broker.state.config_manager import ConfigManager
from rocketmq_ops.common import fastjson
from rocketmq_ops.common.errors import CorruptDataError
from rocketmq_ops.common.topics import split_topic_group, topic_at_group

if TYPE_CHECKING:
    from rocketmq_ops.broker.controller import BrokerController


class OwnCommits(ConfigManager):
    """`table`: topic@group -> queue id -> offset; the last commit of a queue counts, forward or back."""

    file_name = "slaveOffset.json"

    def __init__(self, controller: BrokerController) -> None:
        super().__init__(controller)
        self._dirty = False
        self.table: OffsetTable = {}

    def load(self) -> bool:
        """Read the file or its backup; False when there is neither. Raises CorruptDataError for unusable content."""
        loaded = self.document(_content)
        if loaded is None:
            return False
        self.table, made_here = loaded
        self._controller.groups.made_here.update(made_here)
        return True

    def encode(self, *, pretty: bool = False) -> bytes:
        """The file's content."""
        made_here = self._controller.groups.made_here & {split_topic_group(key)[1] for key in self.table}
        return fastjson.dumps({"offsetTable": self.table, "groupsMadeHere": sorted(made_here)}, pretty=pretty)

    def note(self, key: str, queue_id: int, offset: int) -> None:
        """A consumer has committed `offset` here; `key` is topic@group."""
        self.table.setdefault(key, {})[queue_id] = offset
        self.changed()

    def __iter__(self) -> Iterator[tuple[str, str, int, int]]:
        """Topic, group, queue id and offset of each commit."""
        for key, queues in self.table.items():
            topic, group = split_topic_group(key)
            for queue_id, offset in queues.items():
                yield topic, group, queue_id, offset

    def settle(self, topic: str, group: str, queue_id: int, offset: int) -> None:
        """The master knows of this commit; one that came after it stays."""
        key = topic_at_group(topic, group)
        queues = self.table.get(key)
        if queues is None or queues.get(queue_id) != offset:
            return
        del queues[queue_id]
        if not queues:
            del self.table[key]
        self.changed()

    def drop(self, matches: Callable[[str, str], bool]) -> None:
        """Forget the commits of the topics and groups that `matches(topic, group)` is true of."""
        for key in [key for key in self.table if matches(*split_topic_group(key))]:
            del self.table[key]
            self.changed()


def _content(document: dict[str, Any]) -> tuple[OffsetTable, list[str]]:
    made_here = document.get("groupsMadeHere") or []
    if not isinstance(made_here, list) or not all(isinstance(group, str) for group in made_here):
        raise CorruptDataError("groupsMadeHere is not a list of names")
    return parse_offset_table(document.get("offsetTable") or {}), made_here


def forget_own_commits(controller: BrokerController) -> None:
    """Remove the file on a master: that of a slave which was promoted would undo resets if it were one again."""
    path = OwnCommits(controller).path
    for name in (path, path + ".bak"):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(name)
