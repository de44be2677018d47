"""Bodies. Plain tables and lists of names."""

from __future__ import annotations

from rocketmq_ops.remoting.bodies.base import RemotingSerializable


class KVTable(RemotingSerializable, kw_only=True):
    """Keys and values: runtime info, KV namespaces."""

    table: dict[str, str] = {}


class GroupList(RemotingSerializable, kw_only=True):
    """Names of consumer groups."""

    group_list: list[str] = []


class GetConsumerListByGroupResponseBody(RemotingSerializable, kw_only=True):
    """Client ids of a group: answer to GET_CONSUMER_LIST_BY_GROUP."""

    consumer_id_list: list[str] = []
