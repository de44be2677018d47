"""How a push consumer consumes; Apache's defaults. Times in ms, thresholds a queue."""

from __future__ import annotations

from typing import Final, get_args

import msgspec

from rocketmq_ops.client.consumer.allocate import AllocateStrategy, averagely
from rocketmq_ops.client.consumer.offset_store import DEFAULT_OFFSET_DIR
from rocketmq_ops.client.errors import ClientError
from rocketmq_ops.common.clock import now_ms
from rocketmq_ops.common.topics import TRACE_TOPIC
from rocketmq_ops.remoting.bodies.enums import BROADCASTING, CLUSTERING, ConsumeFromWhere, MessageModel

FROM_LAST_OFFSET: Final = "CONSUME_FROM_LAST_OFFSET"
FROM_FIRST_OFFSET: Final = "CONSUME_FROM_FIRST_OFFSET"
FROM_TIMESTAMP: Final = "CONSUME_FROM_TIMESTAMP"

HALF_AN_HOUR_MS = 30 * 60 * 1000
_AT_LEAST_ONE = ("concurrency", "batch_size", "pull_threshold", "pull_threshold_bytes", "max_span")
_FOR_TOPIC = ("pull_threshold_for_topic", "pull_threshold_bytes_for_topic")


class ConsumeSettings(msgspec.Struct, kw_only=True):
    """Settings of one push consumer."""

    message_model: MessageModel = CLUSTERING
    #: One message (or batch) of a queue at a time, in the order of the queue.
    orderly: bool = False
    #: Where a group starts in a queue that it has no saved offset for.
    consume_from_where: ConsumeFromWhere = FROM_LAST_OFFSET
    #: For CONSUME_FROM_TIMESTAMP; half an hour before these settings were made unless given.
    consume_timestamp_ms: int = msgspec.field(default_factory=lambda: now_ms() - HALF_AN_HOUR_MS)
    #: Calls of the listener at a time.
    concurrency: int = 20
    #: Messages given to one call of the listener, at most.
    batch_size: int = 1
    pull_batch_size: int = 32
    #: Messages held, from which pulling pauses.
    pull_threshold: int = 1000
    pull_threshold_bytes: int = 100 * 1024 * 1024
    #: The same for all held queues together: where given, each queue has an equal part of it instead.
    pull_threshold_for_topic: int | None = None
    pull_threshold_bytes_for_topic: int | None = None
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
    #: How long a call of the listener may take before its messages are delivered again; not when orderly.
    consume_timeout_ms: int = 15 * 60 * 1000
    #: How long `stop` waits for calls of the listener that run: what they have is then left to whoever gets the queue
    #: next, which consumes it again (awaitTerminationMillisWhenShutdown, by Apache's default 0).
    stop_timeout_ms: int = 30_000
    lock_interval_ms: int = 20_000
    allocate: AllocateStrategy = averagely
    offset_dir: str = DEFAULT_OFFSET_DIR
    #: Message traces: what was consumed is written to `trace_topic`, which has to exist.
    trace: bool = False
    trace_topic: str = TRACE_TOPIC

    def __post_init__(self) -> None:
        for name in (*_AT_LEAST_ONE, *_FOR_TOPIC):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ClientError(f"invalid {name} {value}: expected 1 or more")
        for name, allowed in (
            ("consume_from_where", get_args(ConsumeFromWhere)),
            ("message_model", get_args(MessageModel)),
        ):
            if (value := getattr(self, name)) not in allowed:
                raise ClientError(f"invalid {name} {value!r}", f"give one of {', '.join(allowed)}")
        if not isinstance(self.consume_timestamp_ms, int):
            raise ClientError(f"invalid consume_timestamp_ms {self.consume_timestamp_ms!r}", "give ms since the epoch")
        if not callable(self.allocate):
            raise ClientError(f"invalid allocate {self.allocate!r}", "give a strategy, as averagely")

    def held_limits(self, queues: int) -> tuple[int, int]:
        """Messages and bytes that one of `queues` held queues may hold (RebalancePushImpl.messageQueueChanged)."""
        count, size = self.pull_threshold_for_topic, self.pull_threshold_bytes_for_topic
        return (
            self.pull_threshold if count is None else max(count // max(queues, 1), 1),
            self.pull_threshold_bytes if size is None else max(size // max(queues, 1), 1),
        )

    @property
    def broadcasting(self) -> bool:
        """Every client gets every message."""
        return self.message_model == BROADCASTING
