"""Bodies. Queue locks of orderly consumption."""

from __future__ import annotations

from typing import Annotated

import msgspec

from rocketmq_ops.common.fastjson_types import NOT_NULL
from rocketmq_ops.common.message import MessageQueue
from rocketmq_ops.remoting.bodies.base import CLIENT_BODY_BYTES, RemotingSerializable


class LockBatchRequestBody(RemotingSerializable, kw_only=True):
    """Body of LOCK_BATCH_MQ."""

    most_bytes = CLIENT_BODY_BYTES
    client_id: Annotated[str, NOT_NULL]
    consumer_group: Annotated[str, NOT_NULL]
    mq_set: Annotated[list[MessageQueue], NOT_NULL] = []
    only_this_broker: bool = False


class LockBatchResponseBody(RemotingSerializable, kw_only=True):
    """The queues that were locked."""

    lock_ok_mq_set: list[MessageQueue] = msgspec.field(default_factory=list, name="lockOKMQSet")


class UnlockBatchRequestBody(RemotingSerializable, kw_only=True):
    """Body of UNLOCK_BATCH_MQ."""

    most_bytes = CLIENT_BODY_BYTES
    client_id: Annotated[str, NOT_NULL]
    consumer_group: Annotated[str, NOT_NULL]
    mq_set: Annotated[list[MessageQueue], NOT_NULL] = []
    only_this_broker: bool = False
