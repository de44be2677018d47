"""The answer to a client about the outcome of a put: response code and remark for every PutStatus.

Mirrors SendMessageProcessor.handlePutMessageResult; the remarks are Apache's, because clients and operators search
for them.
"""

from __future__ import annotations

from rocketmq_ops.remoting.codes import ResponseCode
from rocketmq_ops.store.config import MessageStoreConfig
from rocketmq_ops.store.inner_message import PutStatus

FAQ_HINT = "\nSee https://rocketmq.apache.org/docs/bestPractice/06FAQ for further details."

#: The message is stored; some of these still answer with a code of their own.
STORED = frozenset(
    {
        PutStatus.PUT_OK,
        PutStatus.FLUSH_DISK_TIMEOUT,
        PutStatus.FLUSH_SLAVE_TIMEOUT,
        PutStatus.SLAVE_NOT_AVAILABLE,
    }
)

_ANSWERS: dict[PutStatus, tuple[int, str | None]] = {
    PutStatus.PUT_OK: (ResponseCode.SUCCESS, None),
    PutStatus.FLUSH_DISK_TIMEOUT: (ResponseCode.FLUSH_DISK_TIMEOUT, None),
    PutStatus.FLUSH_SLAVE_TIMEOUT: (ResponseCode.FLUSH_SLAVE_TIMEOUT, None),
    PutStatus.SLAVE_NOT_AVAILABLE: (ResponseCode.SLAVE_NOT_AVAILABLE, None),
    PutStatus.IN_SYNC_REPLICAS_NOT_ENOUGH: (ResponseCode.SYSTEM_ERROR, "in-sync replicas not enough"),
    PutStatus.CREATE_MAPPED_FILE_FAILED: (
        ResponseCode.SYSTEM_ERROR,
        "create mapped file failed, server is busy or broken.",
    ),
    PutStatus.OS_PAGE_CACHE_BUSY: (
        ResponseCode.SYSTEM_BUSY,
        "[PC_SYNCHRONIZED]broker busy, start flow control for a while",
    ),
    PutStatus.WHEEL_TIMER_NOT_ENABLE: (
        ResponseCode.SYSTEM_ERROR,
        "accurate timer message is not enabled, timerWheelEnable is false",
    ),
    PutStatus.DISK_FULL: (
        ResponseCode.SERVICE_NOT_AVAILABLE,
        "service not available now: no space is left on the disk of the store; free space or delete topics",
    ),
    PutStatus.SERVICE_NOT_AVAILABLE: (
        ResponseCode.SERVICE_NOT_AVAILABLE,
        "service not available now. It may be caused by one of the following reasons: "
        "the broker's disk is full, messages are put to the slave, message store has been shut down, etc.",
    ),
    PutStatus.UNKNOWN_ERROR: (ResponseCode.SYSTEM_ERROR, "UNKNOWN_ERROR"),
}


def code_of(status: PutStatus) -> int:
    """The response code for the outcome of a put that was stored."""
    return _ANSWERS[status][0]


def put_answer(status: PutStatus, store_config: MessageStoreConfig) -> tuple[int, str | None]:
    """(response code, remark) for the outcome of a put."""
    if status in (PutStatus.MESSAGE_ILLEGAL, PutStatus.PROPERTIES_SIZE_EXCEEDED):
        return ResponseCode.MESSAGE_ILLEGAL, (
            "the message is illegal, maybe msg body or properties length not matched. "
            f"msg body length limit {store_config.maxMessageSize}B, msg properties length limit 32KB."
        )
    if status is PutStatus.WHEEL_TIMER_MSG_ILLEGAL:
        return ResponseCode.MESSAGE_ILLEGAL, (
            "timer message illegal, the delay time should not be bigger than the max delay "
            f"{store_config.timerMaxDelaySec * 1000}ms; or if set del msg, the delay time should be bigger than the "
            "current time"
        )
    if status is PutStatus.WHEEL_TIMER_FLOW_CONTROL:
        most = store_config.timerCongestNumEachSlot
        return ResponseCode.SYSTEM_ERROR, (
            f"timer message is under flow control, max num limit is {2 * most} or the current value is greater than "
            f"{most} and less than {2 * most}, trigger random flow control"
        )
    return _ANSWERS.get(status, (ResponseCode.SYSTEM_ERROR, "UNKNOWN_ERROR DEFAULT"))
