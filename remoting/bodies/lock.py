"""Bodies. Queue locks of orderly consumption."""

from __future__ import annotations

import msgspec

from ...common.message import MessageQueue
from .base import RemotingSerializable


class LockBatchRequestBody(RemotingSerializable, kw_only=True):
    """Body of LOCK_BATCH_MQ."""

    client_id: str = ""
    consumer_group: str = ""
    mq_set: list[MessageQueue] = []
    only_this_broker: bool = False


class LockBatchResponseBody(RemotingSerializable, kw_only=True):
    """The queues that were locked."""

    lock_ok_mq_set: list[MessageQueue] = msgspec.field(default_factory=list, name="lockOKMQSet")


class UnlockBatchRequestBody(RemotingSerializable, kw_only=True):
    """Body of UNLOCK_BATCH_MQ."""

    client_id: str = ""
    consumer_group: str = ""
    mq_set: list[MessageQueue] = []
    only_this_broker: bool = False
