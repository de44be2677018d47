"""Permissions of accounts: their texts, and whether what an account has covers what a request needs.

Mirrors org.apache.rocketmq.acl.common.Permission.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from rocketmq_ops.common.errors import RocketMQError
from rocketmq_ops.remoting.codes import LegacyRequestCode, RequestCode

DENY: Final = 1
PUB: Final = 4
SUB: Final = 8

_TEXTS: Final = {"PUB": PUB, "SUB": SUB, "PUB|SUB": PUB | SUB, "SUB|PUB": PUB | SUB, "DENY": DENY}

#: Requests that need an account with `admin: true`: Apache's, what does the same to several at once, and what Apache
#: 4.9 lets every account do: read everybody's secret key or make itself an administrator, delete files, change how a
#: group consumes, have any transaction checked again, pass for a slave or a server that consumers get messages from.
ADMIN_CODES: Final = frozenset(
    {
        RequestCode.UPDATE_AND_CREATE_TOPIC,
        RequestCode.UPDATE_BROKER_CONFIG,
        RequestCode.DELETE_TOPIC_IN_BROKER,
        RequestCode.UPDATE_AND_CREATE_SUBSCRIPTIONGROUP,
        RequestCode.DELETE_SUBSCRIPTIONGROUP,
        RequestCode.UPDATE_AND_CREATE_TOPIC_LIST,
        RequestCode.UPDATE_AND_CREATE_SUBSCRIPTIONGROUP_LIST,
        RequestCode.UPDATE_AND_GET_GROUP_FORBIDDEN,
        RequestCode.SET_MESSAGE_REQUEST_MODE,
        RequestCode.RESUME_CHECK_HALF_MESSAGE,
        RequestCode.TRIGGER_DELETE_FILES,
        RequestCode.CLEAN_EXPIRED_CONSUMEQUEUE,
        RequestCode.CLEAN_UNUSED_TOPIC,
        RequestCode.DELETE_EXPIRED_COMMITLOG,
        RequestCode.REGISTER_FILTER_SERVER,
        RequestCode.EXCHANGE_BROKER_HA_INFO,
        RequestCode.RESET_MASTER_FLUSH_OFFSET,
        LegacyRequestCode.UPDATE_AND_CREATE_ACL_CONFIG,
        LegacyRequestCode.DELETE_ACL_CONFIG,
        LegacyRequestCode.GET_BROKER_CLUSTER_ACL_INFO,
        LegacyRequestCode.UPDATE_GLOBAL_WHITE_ADDRS_CONFIG,
        LegacyRequestCode.GET_BROKER_CLUSTER_ACL_CONFIG,
    }
)


class AclFormatError(RocketMQError):
    """A text that is no account, permission or address pattern."""


def covers(owned: int, needed: int) -> bool:
    """Whether a permission allows what is needed; DENY allows nothing."""
    return not owned & DENY and owned & needed > 0


def parse_permission(text: str | None) -> int:
    """The permission that a text means; anything that is none is DENY."""
    return DENY if text is None else _TEXTS.get(text.strip(), DENY)


def parse_permissions(kind: str, texts: Iterable[str]) -> dict[str, int]:
    """`name=PERMISSION` texts of topics or groups (`kind`). Raises AclFormatError."""
    found = {}
    for text in texts:
        items = [item for item in text.split("=") if item]
        if len(items) != 2:
            raise AclFormatError(
                f"Parse resource permission failed for {kind}:{text}", f"write it as {kind.upper()}=PUB|SUB"
            )
        found[items[0].strip()] = parse_permission(items[1])
    return found


def check_permissions(texts: Iterable[str]) -> None:
    """Refuse texts that an administrator cannot mean. Raises AclFormatError with Apache's words."""
    for text in texts:
        items = [item for item in text.split("=") if item]
        if len(items) != 2:
            raise AclFormatError(
                f"Parse Resource format error for {text}.\n"
                "The expected resource format is 'Res=Perm'. For example: topicA=SUB"
            )
        if items[1].strip() not in _TEXTS:
            raise AclFormatError(
                f"Parse resource permission error for {text}.\n"
                "The expected permissions are 'SUB' or 'PUB' or 'SUB|PUB' or 'PUB|SUB'."
            )
