"""Makes the accounts of 4.x users and ACLs, those that are no users yet (`migrateAuthFromV1Enabled`).

White lists of addresses have no counterpart. A permission that is none of PUB, SUB and both denies, as it does in
plain_acl.yml; Apache's AuthMigrator, which this mirrors, makes it allow everything.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Final

from rocketmq_ops.broker.access.gate import AccessRefusedError
from rocketmq_ops.broker.acl.permission import PUB, SUB, parse_permission
from rocketmq_ops.broker.auth.acl import CUSTOM, DEFAULT
from rocketmq_ops.broker.auth.acl_manager import AclManager
from rocketmq_ops.broker.auth.resource import GROUP, TOPIC
from rocketmq_ops.broker.auth.user_manager import NORMAL, SUPER, UserManager
from rocketmq_ops.remoting.bodies import AclInfo, PlainAccessConfig, PolicyEntryInfo, PolicyInfo, UserInfo

log = logging.getLogger(__name__)

_ACTIONS: Final = {PUB: ["Pub"], SUB: ["Sub"], PUB | SUB: ["Pub", "Sub"]}


def migrate(accounts: Iterable[PlainAccessConfig], users: UserManager, acls: AclManager) -> None:
    """Add those whose names no user has."""
    made = []
    for account in accounts:
        name = account.access_key
        if name in users.table:
            continue
        kind = SUPER if account.admin else NORMAL
        try:
            users.create(UserInfo(username=name, password=account.secret_key, user_type=kind))
            policies = _policies(account)
            if policies:
                acls.put(None, AclInfo(subject=f"User:{name}", policies=policies))
        except AccessRefusedError as error:
            log.error("the account '%s' is not, or not wholly, a user: %s", name, error)
            continue
        made.append(name)
    if made:
        log.info("accounts of 4.x that are users now: %s", ", ".join(made))


def _policies(account: PlainAccessConfig) -> list[PolicyInfo]:
    named = [*_entries(TOPIC, account.topic_perms), *_entries(GROUP, account.group_perms)]
    others = [
        _entry(f"{kind}:*", permission)
        for kind, permission in ((TOPIC, account.default_topic_perm), (GROUP, account.default_group_perm))
        if (permission or "").strip()
    ]
    policies = ((CUSTOM, named), (DEFAULT, others))
    return [PolicyInfo(policy_type=kind, entries=entries) for kind, entries in policies if entries]


def _entries(kind: str, permissions: list[str] | None) -> Iterable[PolicyEntryInfo]:
    for text in permissions or ():
        items = [item.strip() for item in text.split("=") if item]
        if len(items) == 2:
            yield _entry(f"{kind}:{items[0]}", items[1])


def _entry(resource: str, permission: str | None) -> PolicyEntryInfo:
    actions = _ACTIONS.get(parse_permission(permission))
    return PolicyEntryInfo(
        resource=resource, actions=actions or ["All"], decision="Deny" if actions is None else "Allow"
    )
