"""All consumequeues of a store (mirrors ConsumeQueueStore).

What lives here: finding, making, loading and deleting queues, and going on where queues have lost their files. What
does not: the units of one queue (`consume_queue.py`).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator

from rocketmq_ops.common.record_layout import SMALLEST_RECORD
from rocketmq_ops.common.topics import is_system_topic
from rocketmq_ops.store.files.filesystem import FileSystem
from rocketmq_ops.store.layout import consume_queue_ext
from rocketmq_ops.store.layout.consume_queue import CQ_UNIT_SIZE
from rocketmq_ops.store.queue.consume_queue import ConsumeQueue, Packer

log = logging.getLogger(__name__)

#: Topic, queue id, queue offset.
QueueEnd = tuple[str, int, int]


def is_storable(topic: str, queue_id: int) -> bool:
    """False for names that cannot be folders; a broker lets none of them through, a damaged record may have one."""
    return queue_id >= 0 and topic not in ("", ".", "..") and "/" not in topic and "\0" not in topic


class ConsumeQueueStore:
    """The queues of one store, by topic and queue id."""

    def __init__(
        self, fs: FileSystem, root: str, file_size: int, packers_for: Callable[[int], dict[int, Packer]]
    ) -> None:
        """`root` is the folder of the queues, `file_size` mappedFileSizeConsumeQueue in bytes; `packers_for` are the
        packers of topics whose name with its length takes so many bytes (`CommitLog.packers_for`)."""
        self._fs = fs
        self.root = root
        self._file_size = -(-file_size // CQ_UNIT_SIZE) * CQ_UNIT_SIZE
        self._packers_for = packers_for
        self.table: dict[str, dict[int, ConsumeQueue]] = {}
        #: Store timestamp (ms) of the last message that has its unit.
        self.last_dispatched_timestamp = 0
        #: Of the messages that were read at the start the highest store timestamp (ms), and by how many ms a later one
        #: was below one before it, because the clock was set back.
        self.latest_timestamp = self.set_back_ms = 0

    # -- finding

    def find(self, topic: str, queue_id: int) -> ConsumeQueue | None:
        """The queue, None when nothing was ever put into it."""
        queues = self.table.get(topic)
        return queues.get(queue_id) if queues is not None else None

    def find_or_create(self, topic: str, queue_id: int) -> ConsumeQueue:
        """The queue; an empty one is made when there is none."""
        queues = self.table.setdefault(topic, {})
        queue = queues.get(queue_id)
        if queue is None:
            queue = ConsumeQueue(self._fs, self.root, topic, queue_id, self._file_size)
            queue.packers = self._packers_for(len(queue.topic_field))
            queues[queue_id] = queue
        return queue

    def __iter__(self) -> Iterator[ConsumeQueue]:
        """All queues that exist; others may be made or deleted meanwhile."""
        for queues in list(self.table.values()):
            yield from list(queues.values())

    def names(self) -> Iterator[tuple[str, int]]:
        """Topic and queue id of all queues that exist."""
        for queue in self:
            yield queue.topic, queue.queue_id

    def ids(self, topic: str, below: int) -> list[int]:
        """The queues of a topic that exist, those with an id under `below` alone, sorted.

        A topic may be configured to have many more: work that is done for each queue is done for these.
        """
        queues = self.table.get(topic)
        return sorted(queue_id for queue_id in queues if queue_id < below) if queues is not None else []

    def min_offset(self, topic: str, queue_id: int) -> int:
        """Offset of the first message of a queue that is still there, 0 when there is no queue."""
        queue = self.find(topic, queue_id)
        return queue.min_offset if queue is not None else 0

    def max_offset(self, topic: str, queue_id: int) -> int:
        """Offset after the last message of a queue that may be read, 0 when there is no queue."""
        queue = self.find(topic, queue_id)
        return queue.max_offset if queue is not None else 0

    # -- loading

    def load(self) -> None:
        """Map the files of all queues. Raises MissingFileError, FileLengthError, ForeignFileError, OSError."""
        self._fs.make_dirs(self.root)
        for topic in self._fs.list_dir(self.root):
            for name in self._fs.list_dir(f"{self.root}/{topic}"):
                if name.isascii() and name.isdigit():
                    self.find_or_create(topic, int(name)).load()

    def close(self) -> None:
        """Let go of all files. Does not flush."""
        for queue in self:
            queue.file_queue.close()
        self.table.clear()

    def with_files(self) -> list[str]:
        """The queues that have files, each with the byte at which its first one begins."""
        return [f"{q.topic}/{q.queue_id}/{q.file_queue.min_offset}" for q in self if q.file_queue.files]

    def lacks_any_of(self, ends: Iterable[QueueEnd]) -> bool:
        """Whether one of these queues, which had messages if the offset is above 0, has no files."""
        return any(end > 0 and not self._has_files(topic, queue_id) for topic, queue_id, end in ends)

    def _has_files(self, topic: str, queue_id: int) -> bool:
        queue = self.find(topic, queue_id)
        return queue is not None and bool(queue.file_queue.files)

    def start_behind(self, ends: Iterable[QueueEnd], log_end: int) -> None:
        """Let queues of which neither files nor records are left go on at these offsets, where groups have come to.

        More messages than fit into a commitlog that ends at `log_end` are believed of none."""
        for topic, queue_id, end in ends:
            if end > 0 and is_storable(topic, queue_id) and not self._has_files(topic, queue_id):
                queue = self.find_or_create(topic, queue_id)
                if queue.next_offset < end <= log_end // SMALLEST_RECORD:
                    queue.start_at(end)

    # -- deleting

    def deleting(self, topics: Iterable[str], forget: Callable[[ConsumeQueue], None]) -> Iterator[None]:
        """Remove the queues of some topics, one at each step; `forget` is called with each.

        Other work may be done between the steps, sends to the topic too."""
        for topic in topics:
            queues = self.table.get(topic)
            if queues is None:
                continue
            for queue in list(queues.values()):
                del queues[queue.queue_id]
                forget(queue)
                queue.destroy()
                yield
            if queues:
                continue  # somebody sent to it meanwhile
            del self.table[topic]
            try:
                self._fs.remove_dir(f"{self.root}/{topic}")
                self._fs.sync_dir(self.root)
                self._remove_extensions(topic)
            except OSError as error:
                log.warning("the folder of topic %s is kept: %s", topic, error)
            yield

    def _remove_extensions(self, topic: str) -> None:
        """Remove what Apache's broker has written for the queues of a topic under enableConsumeQueueExt: no unit leads
        there any more. Raises OSError."""
        folder = f"{self.root.rpartition('/')[0]}/{consume_queue_ext.FOLDER}/{topic}"
        if not self._fs.is_dir(folder):
            return
        for queue in self._fs.list_dir(folder):
            for name in self._fs.list_dir(f"{folder}/{queue}"):
                self._fs.remove(f"{folder}/{queue}/{name}")
            self._fs.remove_dir(f"{folder}/{queue}")
        self._fs.remove_dir(folder)

    def unused_topics(self, retain: Iterable[str]) -> list[str]:
        """The topics with queues but some and the system's."""
        kept = set(retain)
        return [t for t in self.table if t not in kept and not is_system_topic(t) and not t.startswith("%LMQ%")]
