"""Users and ACLs as Apache's brokers store them, from and to the bodies of requests.

Stored are the objects themselves, whose enumerations are numbers, not the names that requests have. Mirrors User, Acl,
Policy, PolicyEntry, Resource and Environment as LocalAuthenticationMetadataProvider and
LocalAuthorizationMetadataProvider write them. What is none of it raises CorruptDataError.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from rocketmq_ops.broker.auth.resource import ANY, Pattern, Resource
from rocketmq_ops.common.errors import CorruptDataError
from rocketmq_ops.remoting.bodies import AclInfo, PolicyEntryInfo, PolicyInfo, UserInfo

_USER_TYPES: Final = {1: "Super", 2: "Normal"}
_USER_STATUSES: Final = {1: "enable", 2: "disable"}
_POLICY_TYPES: Final = {1: "Custom", 2: "Default"}
_DECISIONS: Final = {1: "Allow", 2: "Deny"}
_ACTIONS: Final = dict(enumerate(("Unknown", "All", "Any", "Pub", "Sub", "Create", "Update", "Delete", "Get", "List")))
_RESOURCE_TYPES: Final = dict(enumerate(("Unknown", ANY, "Cluster", "Namespace", "Topic", "Group")))
_PATTERNS: Final = {1: Pattern.ANY, 2: Pattern.LITERAL, 3: Pattern.PREFIXED}
#: SubjectType.USER, the only one.
_USER: Final = 1


def user_model(info: UserInfo) -> dict[str, Any]:
    """A user as it is stored."""
    return {
        "password": info.password,
        "subjectType": _USER,
        "userStatus": _code(_USER_STATUSES, info.user_status),
        "userType": _code(_USER_TYPES, info.user_type),
        "username": info.username,
    }


def user_info(name: str, model: Mapping[str, Any]) -> UserInfo:
    """A stored user. Raises CorruptDataError."""
    return UserInfo(
        username=name,
        password=model.get("password"),
        user_status=_name(_USER_STATUSES, model.get("userStatus", 1)),
        user_type=_name(_USER_TYPES, model.get("userType", 2)),
    )


def acl_model(info: AclInfo) -> dict[str, Any]:
    """The ACL of a user as it is stored."""
    policies = [
        {
            "entries": [_entry_model(entry) for entry in policy.entries],
            "policyType": _code(_POLICY_TYPES, policy.policy_type),
        }
        for policy in info.policies
    ]
    return {
        "policies": policies,
        "subject": {"subjectType": _USER, "username": info.subject.partition(":")[2]},
    }


def acl_info(subject: str, model: Mapping[str, Any]) -> AclInfo:
    """A stored ACL. Raises CorruptDataError."""
    policies = [
        PolicyInfo(
            policy_type=_name(_POLICY_TYPES, policy.get("policyType", 1)),
            entries=[_entry_info(entry) for entry in policy.get("entries") or ()],
        )
        for policy in model.get("policies") or ()
    ]
    return AclInfo(subject=subject, policies=policies)


def _entry_model(info: PolicyEntryInfo) -> dict[str, Any]:
    resource = Resource.parse(info.resource)
    assert resource is not None
    named = {} if resource.name is None else {"resourceName": resource.name}
    return {
        "actions": [_code(_ACTIONS, action) for action in info.actions],
        "decision": _code(_DECISIONS, info.decision),
        "environment": {"sourceIps": info.source_ips} if info.source_ips else {},
        "resource": {
            **named,
            "resourcePattern": _code(_PATTERNS, resource.pattern),
            "resourceType": _code(_RESOURCE_TYPES, resource.type),
        },
    }


def _entry_info(model: Mapping[str, Any]) -> PolicyEntryInfo:
    resource = model.get("resource") or {}
    key = Resource(
        _name(_RESOURCE_TYPES, resource.get("resourceType")),
        resource.get("resourceName"),
        _name(_PATTERNS, resource.get("resourcePattern")),
    )
    return PolicyEntryInfo(
        resource=str(key),
        actions=[_name(_ACTIONS, action) for action in model.get("actions") or ()],
        source_ips=(model.get("environment") or {}).get("sourceIps") or None,
        decision=_name(_DECISIONS, model.get("decision")),
    )


def _code(names: Mapping[int, Any], name: Any) -> int:
    return next(code for code, known in names.items() if known == name)


def _name(names: Mapping[int, Any], code: Any) -> Any:
    try:
        return names[code]
    except (KeyError, TypeError):
        raise CorruptDataError(f"{code!r} is none of {', '.join(map(str, names))}") from None
