"""Bodies. Connected clients."""

from __future__ import annotations

import msgspec

from rocketmq_ops.remoting.bodies.base import RemotingSerializable
from rocketmq_ops.remoting.bodies.heartbeat import SubscriptionData


class Connection(RemotingSerializable, kw_only=True):
    """One client's connection; `version` is an ordinal of Apache's MQVersion."""

    client_addr: str = ""
    client_id: str = ""
    language: str = "JAVA"
    version: int = 0


class ConsumerConnection(RemotingSerializable, kw_only=True):
    """Clients of a consumer group: answer to GET_CONSUMER_CONNECTION_LIST."""

    connection_set: list[Connection] = []
    consume_from_where: str | None = None
    consume_type: str | None = None
    message_model: str | None = None
    subscription_table: dict[str, SubscriptionData] = {}


class ProducerConnection(RemotingSerializable, kw_only=True):
    """Clients of a producer group: answer to GET_PRODUCER_CONNECTION_LIST."""

    connection_set: list[Connection] = []


class ProducerInfo(RemotingSerializable, kw_only=True):
    """One producer's connection; time in ms."""

    client_id: str = ""
    language: str = "JAVA"
    last_update_timestamp: int = 0
    remote_ip: str = msgspec.field(default="", name="remoteIP")
    version: int = 0


class ProducerTableInfo(RemotingSerializable, kw_only=True):
    """Producers by group: answer to GET_ALL_PRODUCER_INFO."""

    data: dict[str, list[ProducerInfo]] = {}
