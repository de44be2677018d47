"""How a push consumer consumes; Apache's defaults. Times in ms, thresholds a queue."""

from __future__ import annotations

from typing import Final

import msgspec

from rocketmq_ops.client.consumer.allocate import AllocateStrategy, averagely
from rocketmq_ops.client.consumer.offset_store import DEFAULT_OFFSET_DIR
from rocketmq_ops.remoting.bodies.enums import BROADCASTING, CLUSTERING, ConsumeFromWhere, MessageModel

FROM_LAST_OFFSET: Final = "CONSUME_FROM_LAST_OFFSET"
FROM_FIRST_OFFSET: Final = "CONSUME_FROM_FIRST_OFFSET"
FROM_TIMESTAMP: Final = "CONSUME_FROM_TIMESTAMP"


class ConsumeSettings(msgspec.Struct, kw_only=True):
    """Settings of one push consumer."""

    message_model: MessageModel = CLUSTERING
    #: One message (or batch) of a queue at a time, in the order of the queue.
    orderly: bool = False
    #: Where a group starts in a queue that it has no saved offset for.
    consume_from_where: ConsumeFromWhere = FROM_LAST_OFFSET
    #: For CONSUME_FROM_TIMESTAMP.
    consume_timestamp_ms: int = 0
    #: Calls of the listener at a time.
    concurrency: int = 20
    #: Messages given to one call of the listener, at most.
    batch_size: int = 1
    pull_batch_size: int = 32
    #: Messages held, from which pulling pauses.
    pull_threshold: int = 1000
    pull_threshold_bytes: int = 100 * 1024 * 1024
    #: Distance of the oldest held message to the newest, from which pulling pauses.
    max_span: int = 2000
    pull_suspend_ms: int = 15_000
    pull_timeout_ms: int = 30_000
    #: Pause after a failed pull.
    retry_pull_ms: int = 3_000
    #: Deliveries again before the dead-letter topic; -1 is 16, and endless when orderly.
    max_reconsume_times: int = -1
    #: How long an orderly queue rests after RECONSUME_LATER.
    suspend_queue_ms: int = 1_000
    consume_timeout_ms: int = 15 * 60 * 1000
    lock_interval_ms: int = 20_000
    allocate: AllocateStrategy = averagely
    offset_dir: str = DEFAULT_OFFSET_DIR

    @property
    def broadcasting(self) -> bool:
        """Every client gets every message."""
        return self.message_model == BROADCASTING
