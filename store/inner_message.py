"""The message as the broker hands it to the store, and the statuses and result of putting it.

What lives here: `InnerMessage` (mirrors MessageExtBrokerInner and MessageExtBatch), `PutStatus`,
`PutMessageResult`. What does not: how a record is laid out (`common/record_layout.py`) or appended
(`log/commit_log.py`).
"""

from __future__ import annotations

from enum import IntEnum

import msgspec


class PutStatus(IntEnum):
    """Outcome of a put; the first sixteen are Apache's PutMessageStatus in its order."""

    PUT_OK = 0
    FLUSH_DISK_TIMEOUT = 1
    FLUSH_SLAVE_TIMEOUT = 2
    SLAVE_NOT_AVAILABLE = 3
    SERVICE_NOT_AVAILABLE = 4
    CREATE_MAPPED_FILE_FAILED = 5
    MESSAGE_ILLEGAL = 6
    PROPERTIES_SIZE_EXCEEDED = 7
    OS_PAGE_CACHE_BUSY = 8
    UNKNOWN_ERROR = 9
    IN_SYNC_REPLICAS_NOT_ENOUGH = 10
    PUT_TO_REMOTE_BROKER_FAIL = 11
    LMQ_CONSUME_QUEUE_NUM_EXCEEDED = 12
    WHEEL_TIMER_FLOW_CONTROL = 13
    WHEEL_TIMER_MSG_ILLEGAL = 14
    WHEEL_TIMER_NOT_ENABLE = 15
    #: No blocks left for the message (ENOSPC, EDQUOT); nothing was written. Answer as SERVICE_NOT_AVAILABLE.
    DISK_FULL = 100


#: A message that was refused with one of these is refused whenever it is put again.
NEVER_STORED = frozenset(
    {
        PutStatus.MESSAGE_ILLEGAL,
        PutStatus.PROPERTIES_SIZE_EXCEEDED,
        PutStatus.WHEEL_TIMER_MSG_ILLEGAL,
        PutStatus.WHEEL_TIMER_NOT_ENABLE,
    }
)


class InnerMessage(msgspec.Struct, gc=False):
    """One message to store, or one batch of messages of the same queue (`MessageStore.put_messages`).

    `properties` and `properties_bytes` must say the same: the bytes (UTF-8, name 0x01 value 0x02 ...) go into
    the record as they are, the dict feeds the consumequeue (TAGS, DELAY) and the index (KEYS, UNIQ_KEY).
    Leave the IPv6 host bits of `sys_flag` and `tags_code` to the store.
    For a batch `body` is the batch body of request 320 and the properties are those of the batch, which are
    appended to those of every message in it.
    """

    topic: str
    queue_id: int
    body: bytes | bytearray | memoryview
    properties: dict[str, str]
    properties_bytes: bytes
    #: Packed host of the sender: 4 or 16 bytes of address and 4 of port.
    born_host: bytes
    #: ms since the epoch, by the sender's clock.
    born_timestamp: int
    flag: int = 0
    sys_flag: int = 0
    reconsume_times: int = 0
    #: Offset in the commitlog of the prepared message, for commit and rollback records.
    prepared_transaction_offset: int = 0
    #: Set by the store: Java's hash of TAGS, or in the delay topic the time of delivery (ms).
    tags_code: int = 0


class PutMessageResult(msgspec.Struct, gc=False):
    """What a put did. Offsets in bytes of the commitlog (`wrote_offset`) or in units of the queue."""

    status: PutStatus
    #: Offset in the commitlog of the (first) record.
    wrote_offset: int = 0
    #: Bytes written; `wrote_offset + wrote_bytes` is what `MessageStore.when_flushed` waits for.
    wrote_bytes: int = 0
    #: Offset in the queue of the (first) message.
    queue_offset: int = 0
    #: ms since the epoch, by the broker's clock.
    store_timestamp: int = 0
    #: Hex of store host and commitlog offset; for a batch one for each message, joined with commas.
    offset_msg_id: str = ""
    message_count: int = 1
