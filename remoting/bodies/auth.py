"""Bodies. Users and ACLs of 5.x."""

from __future__ import annotations

from rocketmq_ops.remoting.bodies.base import RemotingSerializable


class UserInfo(RemotingSerializable, kw_only=True):
    """A user."""

    password: str | None = None
    user_status: str | None = None
    user_type: str | None = None
    username: str = ""


class PolicyEntryInfo(RemotingSerializable, kw_only=True):
    """One rule of a policy; without `source_ips` it counts for every address."""

    actions: list[str] = []
    decision: str = ""
    resource: str = ""
    source_ips: list[str] | None = None


class PolicyInfo(RemotingSerializable, kw_only=True):
    """Rules of one type, CUSTOM or DEFAULT."""

    entries: list[PolicyEntryInfo] = []
    policy_type: str = ""


class AclInfo(RemotingSerializable, kw_only=True):
    """What a subject may do."""

    policies: list[PolicyInfo] = []
    subject: str = ""
