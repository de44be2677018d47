"""The text of message traces, as producers and consumers write it into the trace topic. Mirrors TraceDataEncoder.

A context is fields parted by FIELD_END and ended by CONTEXT_END; what is not there is `null`.
"""

from __future__ import annotations

from typing import Final

FIELD_END: Final = "\x01"
CONTEXT_END: Final = "\x02"

#: MessageType by its number.
NORMAL_MESSAGE, HALF_MESSAGE, COMMIT_MESSAGE, DELAY_MESSAGE = range(4)
#: ConsumeReturnType by its number.
SUCCESS, TIME_OUT, EXCEPTION, RETURN_NULL, FAILED = range(5)
#: Their names by their numbers.
RETURN_TYPES: Final = ("SUCCESS", "TIME_OUT", "EXCEPTION", "RETURNNULL", "FAILED")


def _context(*fields: object) -> str:
    return FIELD_END.join("null" if field is None else str(field) for field in fields) + CONTEXT_END


def _flag(value: bool) -> str:
    return "true" if value else "false"


def published(
    *,
    time_ms: int,
    region: str,
    group: str,
    topic: str,
    msg_id: str,
    tags: str | None,
    keys: str | None,
    store_host: str,
    body_length: int,
    cost_ms: int,
    message_type: int,
    offset_msg_id: str,
    success: bool,
) -> str:
    """Pub: a message was sent."""
    return _context(
        "Pub", time_ms, region, group, topic, msg_id, tags or None, keys or None, store_host, body_length, cost_ms,
        message_type, offset_msg_id, _flag(success),
    )  # fmt: skip


def consume_begins(
    *, time_ms: int, region: str, group: str, request_id: str, msg_id: str, retries: int, keys: str | None
) -> str:
    """SubBefore: a listener gets a message."""
    return _context("SubBefore", time_ms, region, group, request_id, msg_id, retries, keys or None)


def consume_ended(
    *, request_id: str, msg_id: str, cost_ms: int, success: bool, keys: str | None, code: int, time_ms: int, group: str
) -> str:
    """SubAfter: the listener is done with it; `code` is a ConsumeReturnType."""
    return _context("SubAfter", request_id, msg_id, cost_ms, _flag(success), keys or None, code, time_ms, group)


def transaction_ended(
    *,
    time_ms: int,
    region: str,
    group: str,
    topic: str,
    msg_id: str,
    tags: str | None,
    keys: str | None,
    store_host: str,
    transaction_id: str | None,
    state: str,
    from_check: bool,
) -> str:
    """EndTransaction: the broker was told the outcome of a transaction."""
    return _context(
        "EndTransaction", time_ms, region, group, topic, msg_id, tags or None, keys or None, store_host, COMMIT_MESSAGE,
        transaction_id, state, _flag(from_check),
    )  # fmt: skip
