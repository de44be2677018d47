"""The messages of an answer (records back to back) as clients take them: what can be read, whatever lies beside it.

Mirrors MessageDecoder.decodes and PullAPIWrapper.processPullResult. Apache's client drops a record that it cannot
decode with all that is behind it in the answer, and goes on silently; here the place where reading ended is reported,
and a body that is not what its flag says is handed over as stored.
"""

from __future__ import annotations

import zlib
from typing import NamedTuple

import msgspec

from rocketmq_ops.common.errors import CorruptDataError
from rocketmq_ops.common.message import MessageExt, string_to_properties
from rocketmq_ops.common.message_codec import BadRecordError, Buffer, iter_batch, message_of, read_record
from rocketmq_ops.common.sysflag import INNER_BATCH_FLAG, NEED_UNWRAP_FLAG

#: A record with both flags is a batch that was stored as one (in a topic with `queue.type=BatchCQ`).
WRAPPED = INNER_BATCH_FLAG | NEED_UNWRAP_FLAG


class Decoded(NamedTuple):
    """The messages up to the first broken record; `broken` says what is wrong with that one."""

    messages: list[MessageExt]
    broken: BadRecordError | None


def decode_answer(
    buffer: Buffer, *, broker_name: str | None = None, from_offset: int = 0, unwrap: bool = True
) -> Decoded:
    """The messages of an answer, bodies decompressed, batches that were stored as one taken apart.

    A body that cannot be decompressed, or does not have the CRC of its record, stays as stored and `body_error` says
    why. Items of a batch before `from_offset` (a queue offset) are left out: a pull into its middle answers all of it.
    """
    messages: list[MessageExt] = []
    offset, limit = 0, len(buffer)
    while offset < limit:
        try:
            message, size = _message_at(buffer, offset, broker_name)
        except BadRecordError as error:
            return Decoded(messages, error)
        offset += size
        if unwrap and message.sys_flag & WRAPPED == WRAPPED:
            messages += [item for item in unwrapped(message) if item.queue_offset >= from_offset]
        else:
            messages.append(message)
    return Decoded(messages, None)


def _message_at(buffer: Buffer, offset: int, broker_name: str | None) -> tuple[MessageExt, int]:
    wrong: str | None = None
    try:
        record = read_record(buffer, offset)
    except BadRecordError as error:
        if error.reason != "crc":
            raise
        record, wrong = read_record(buffer, offset, check_crc=False), error.detail
    if record is None:
        raise BadRecordError(offset, "blank", "there is a blank in place of a record")
    try:
        message = message_of(buffer, record, broker_name=broker_name)
    except BadRecordError:
        raise
    except CorruptDataError as error:
        message = message_of(buffer, record, decompress_body=False, broker_name=broker_name)
        wrong = wrong or str(error)
    message.body_error = wrong
    return message, record.size


def unwrapped(batch: MessageExt) -> list[MessageExt]:
    """The messages of a batch that was stored as one, with consecutive queue offsets (MessageDecoder.decodeMessage).

    A body that is not a batch gives the message itself, and `body_error` says so.
    """
    found: list[MessageExt] = []
    try:
        for place, item in enumerate(iter_batch(batch.body)):
            body = bytes(item.body)
            found.append(
                msgspec.structs.replace(
                    batch,
                    body=body,
                    body_crc=zlib.crc32(body) & 0x7FFFFFFF,
                    flag=item.flag,
                    queue_offset=batch.queue_offset + place,
                    properties=string_to_properties(str(item.properties, "utf-8", "replace")),
                )
            )
    except BadRecordError as error:
        batch.body_error = batch.body_error or f"the batch cannot be taken apart: {error.detail}"
        return [batch]
    return found
