"""The offsets of a slave: its master's, and over them what consumers have committed to the slave itself.

Mirrors ConsumerOffsetManager as SlaveSynchronize.syncConsumerOffset uses it. Apache's slave lets its master's table
replace its own, queue by queue or not at all; here a newer commit of the slave's own stays until the master has it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from rocketmq_ops.broker.offset.consumer_offset_manager import ConsumerOffsetManager, OffsetTable
from rocketmq_ops.broker.slave.own_commits import OwnCommits
from rocketmq_ops.common.data_version import DataVersion
from rocketmq_ops.common.topics import topic_at_group

if TYPE_CHECKING:
    from rocketmq_ops.broker.controller import BrokerController


class SlaveOffsetManager(ConsumerOffsetManager):
    """`own` is what was committed here."""

    def __init__(self, controller: BrokerController) -> None:
        super().__init__(controller)
        self.own = OwnCommits(controller)

    def load(self) -> bool:
        """Read both files; False when there is no table of offsets."""
        self.own.load()
        return super().load()

    def persist(self) -> None:
        """Write both files."""
        super().persist()
        self.own.persist()

    def commit(self, group: str, topic: str, queue_id: int, offset: int) -> None:
        """Note that the group has consumed everything before `offset`, and that it was said here."""
        super().commit(group, topic, queue_id, offset)
        self.own.note(topic_at_group(topic, group), queue_id, offset)

    def take_over(self, masters: OffsetTable, version: DataVersion) -> None:
        """Take the offsets of the master; what it does not have stays, and so does what was committed here."""
        self.table.update(masters)
        for key, queues in self.own.table.items():
            self.table[key] = {**self.table.get(key, {}), **queues}
        self.data_version = version
        self.changed()

    def _remove(self, matches: Callable[[str, str], bool]) -> None:
        super()._remove(matches)
        self.own.drop(matches)
