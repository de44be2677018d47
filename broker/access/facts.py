"""What the tables of rights ask of the broker besides the request.

The tables are in `broker/acl/plain_access_validator.py` and `broker/auth/authorization_contexts.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rocketmq_ops.common.topics import reply_topic

if TYPE_CHECKING:
    from rocketmq_ops.broker.controller import BrokerController


class Facts:
    """Those of one broker."""

    def __init__(self, controller: BrokerController) -> None:
        self._controller = controller

    @property
    def cluster(self) -> str:
        """The broker's cluster."""
        return self._controller.config.brokerClusterName

    @property
    def reply_topic(self) -> str:
        """Where clients send their replies to requests (MixAll.getReplyTopic)."""
        return reply_topic(self.cluster)
