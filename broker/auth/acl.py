"""The ACL of a user: entries that allow or deny actions on resources, and which of them decides.

Entries of the type CUSTOM count before those of DEFAULT. Of those that fit, the nearest decides: one that names the
type before `*`, a literal name before a prefix, a longer prefix before a shorter, a prefix before `Topic:*`, and at
last one that denies. That is the order of 5.5; the one of 5.3.3 contradicts itself, so that there the order in which
entries were made may decide, and a denial come last.

Mirrors Acl, Policy, PolicyEntry, Environment, AclAuthorizationHandler and the checks of
AuthorizationMetadataManagerImpl.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from typing import Final

from rocketmq_ops.broker.access.gate import AccessRefusedError
from rocketmq_ops.broker.auth.resource import ANY, Pattern, Resource
from rocketmq_ops.common.addresses import network_of
from rocketmq_ops.remoting.bodies import AclInfo, PolicyEntryInfo, PolicyInfo
from rocketmq_ops.remoting.codes import ResponseCode

CUSTOM: Final = "Custom"
DEFAULT: Final = "Default"
_POLICIES: Final = {"custom": CUSTOM, "default": DEFAULT}
_ALL: Final = "All"
_ACTIONS: Final[dict[str, str]] = {
    name.lower(): name
    for name in ("Unknown", _ALL, "Any", "Pub", "Sub", "Create", "Update", "Delete", "Get", "List")
}  # fmt: skip
_DECISIONS: Final = {"allow": "Allow", "deny": "Deny"}


def refused(text: str) -> AccessRefusedError:
    """Apache's AuthenticationException or AuthorizationException."""
    return AccessRefusedError(ResponseCode.NO_PERMISSION, text)


class Entry:
    """One entry. Raises AccessRefusedError for one that Apache refuses too, and for an unknown action among others."""

    __slots__ = ("_actions", "_networks", "info", "order", "resource")

    def __init__(self, given: PolicyEntryInfo) -> None:
        resource = Resource.parse(given.resource)
        if resource is None:
            raise refused("The resource is null.")
        actions = [known for name in given.actions if (known := _ACTIONS.get(name.lower())) is not None]
        if not actions:
            raise refused("The actions is empty.")
        if len(actions) < len(given.actions):
            unknown = next(name for name in given.actions if name.lower() not in _ACTIONS)
            raise refused(f"The action {unknown} is unknown.")
        if "Any" in actions:
            raise refused("The actions can not be Any.")
        decision = _DECISIONS.get(given.decision.lower())
        if decision is None:
            raise refused("The decision is null or illegal.")
        self.resource = resource
        self._actions = frozenset(actions)
        self._networks = [_network(ip) for ip in given.source_ips or ()]
        prefix = len(resource.name or "") if resource.pattern is Pattern.PREFIXED else 0
        #: By it entries that fit are sorted: the one that decides first.
        self.order = (resource.type == ANY, resource.pattern, -prefix, decision != "Deny")
        self.info = PolicyEntryInfo(
            resource=str(resource), actions=actions, source_ips=given.source_ips or None, decision=decision
        )

    @property
    def denies(self) -> bool:
        """Whether what fits is denied."""
        return self.info.decision == "Deny"

    def fits(self, kind: str, name: str | None, actions: Iterable[str], address: str) -> bool:
        """Whether the entry is about one of these actions on the resource, asked for from this address."""
        if not self.resource.covers(kind, name):
            return False
        if _ALL not in self._actions and self._actions.isdisjoint(actions):
            return False
        if not self._networks:
            return True
        try:
            source = ipaddress.ip_address(address.partition("%")[0])
        except ValueError:
            return False
        return any(source in network for network in self._networks)


class Acl:
    """The entries of one subject, `User:name`."""

    def __init__(self, subject: str) -> None:
        self.subject = subject
        self._policies: dict[str, list[Entry]] = {}

    @classmethod
    def of(cls, info: AclInfo) -> Acl:
        """From what was given or stored. Raises AccessRefusedError."""
        acl = cls(info.subject)
        acl.update(info.policies)
        return acl

    def update(self, policies: Iterable[PolicyInfo]) -> None:
        """Add entries; those of the same resource are replaced. All or none. Raises AccessRefusedError."""
        given = [
            (_POLICIES.get((policy.policy_type or "").lower(), CUSTOM), [Entry(info) for info in policy.entries])
            for policy in policies
            if policy.entries
        ]
        if not given:
            raise refused("The policies is empty.")
        for kind, entries in given:
            held = self._policies.setdefault(kind, [])
            for entry in entries:
                for place, other in enumerate(held):
                    if other.resource == entry.resource:
                        held[place] = entry
                        break
                else:
                    held.append(entry)

    def delete(self, kind: str | None, resource: Resource) -> None:
        """Delete the entry of a resource, if there is one; `kind` is CUSTOM when it is none."""
        kind = _POLICIES.get((kind or "").lower(), CUSTOM)
        left = [entry for entry in self._policies.get(kind, ()) if entry.resource != resource]
        if left:
            self._policies[kind] = left
        else:
            self._policies.pop(kind, None)

    def __bool__(self) -> bool:
        return bool(self._policies)

    def info(self, resource: str | None = None) -> AclInfo:
        """As it is stored and answered, or its entries whose resource contains a text alone."""
        policies = []
        for kind, entries in self._policies.items():
            shown = [entry.info for entry in entries if not resource or resource in entry.info.resource]
            if shown:
                policies.append(PolicyInfo(policy_type=kind, entries=shown))
        return AclInfo(subject=self.subject, policies=policies)

    def verdict(self, kind: str, name: str | None, actions: Iterable[str], address: str) -> str | None:
        """Why the subject may not do one of these actions on a resource, None when it may."""
        for policy in (CUSTOM, DEFAULT):
            fitting = [each for each in self._policies.get(policy, ()) if each.fits(kind, name, actions, address)]
            if fitting:
                deciding = min(fitting, key=lambda entry: entry.order)
                return "the decision is deny." if deciding.denies else None
        return "no matched policies."


def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    if not text.strip():
        raise refused("The source ip is empty.")
    try:
        return network_of(text)
    except ValueError:
        raise refused("The source ip is invalid.") from None
