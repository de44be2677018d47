"""How users and ACL entries look, in every command that shows them."""

from __future__ import annotations

from rocketmq_ops.client.admin.accounts.access import AclEntry
from rocketmq_ops.client.admin.accounts.user import User
from rocketmq_ops.mqadmin.render.outcome import Table


def user_table(users: list[User]) -> Table:
    """One row for each user on each broker; a password is never shown."""
    columns = ["#UserName", "#Password", "#UserType", "#UserStatus", "#Broker"]
    rows = [[u.username, "******" if u.has_password else "", u.user_type, u.user_status, u.broker] for u in users]
    return Table(columns, [list(row) for row in rows])


def acl_table(entries: list[AclEntry]) -> Table:
    """One row for each entry on each broker."""
    columns = ["#Subject", "#PolicyType", "#Resource", "#Actions", "#SourceIp", "#Decision", "#Broker"]
    rows = [
        [e.subject, e.policy_type, e.resource, ",".join(e.actions), ",".join(e.source_ips) or "*", e.decision, e.broker]
        for e in entries
    ]
    return Table(columns, [list(row) for row in rows])
