"""Bodies. ACLs by access key, of brokers before 5.3.3."""

from __future__ import annotations

from rocketmq_ops.remoting.bodies.base import RemotingSerializable


class PlainAccessConfig(RemotingSerializable, kw_only=True):
    """An account: permissions as `DENY`, `PUB`, `SUB` or `PUB|SUB`, of single topics and groups as `name=PUB`."""

    access_key: str = ""
    admin: bool = False
    default_group_perm: str | None = None
    default_topic_perm: str | None = None
    group_perms: list[str] | None = None
    secret_key: str | None = None
    topic_perms: list[str] | None = None
    white_remote_address: str | None = None


class GetBrokerClusterAclConfigResponseBody(RemotingSerializable, kw_only=True):
    """Answer to GET_BROKER_CLUSTER_ACL_CONFIG (54)."""

    global_white_addrs: list[str] = []
    plain_access_configs: list[PlainAccessConfig] = []
