"""Which entry of an ACL decides: as Apache's 5.5.0 orders them (AclAuthorizationHandler.comparePolicyEntries)."""

from __future__ import annotations

import pytest

from rocketmq_ops.broker.access.gate import AccessRefusedError
from rocketmq_ops.broker.auth.acl import Acl
from rocketmq_ops.broker.auth.resource import Pattern, Resource
from rocketmq_ops.remoting.bodies import AclInfo, PolicyEntryInfo, PolicyInfo

NO_MATCH, DENIED = "no matched policies.", "the decision is deny."


def entry(resource: str, decision: str = "Allow", actions: str = "Pub,Sub", ips: str = "") -> PolicyEntryInfo:
    return PolicyEntryInfo(
        resource=resource,
        actions=actions.split(","),
        decision=decision,
        source_ips=[ip for ip in ips.split(",") if ip] or None,
    )


def acl(*entries: PolicyEntryInfo, default: tuple[PolicyEntryInfo, ...] = ()) -> Acl:
    policies = [PolicyInfo(policy_type="Custom", entries=list(entries))]
    if default:
        policies.append(PolicyInfo(policy_type="DEFAULT", entries=list(default)))
    return Acl.of(AclInfo(subject="User:u", policies=policies))


def verdict(found: Acl, topic: str | None = "orders", actions: str = "Pub", address: str = "10.0.0.1") -> str | None:
    return found.verdict("Topic", topic, actions.split(","), address)


@pytest.mark.parametrize(
    ("entries", "wanted"),
    [
        ((entry("Topic:orders"),), None),
        ((entry("topic:orders", "allow", "pub"),), None),
        ((entry("Topic:other"),), NO_MATCH),
        ((entry("Group:orders"),), NO_MATCH),
        ((entry("Topic:orders", actions="Sub"),), NO_MATCH),
        ((entry("Topic:orders", actions="All"),), None),
        ((entry("Topic:orders", "Deny", "All"),), DENIED),
        ((entry("Topic:ord*"),), None),
        ((entry("Topic:*"),), None),
        ((entry("*"),), None),
        ((entry("Topic:orders", "Deny"), entry("Topic:ord*")), DENIED),
        ((entry("Topic:ord*"), entry("Topic:orders", "Deny")), DENIED),
        ((entry("Topic:orders"), entry("Topic:ord*", "Deny")), None),
        ((entry("Topic:ord*", "Deny"), entry("Topic:orders")), None),
        ((entry("Topic:o*", "Deny"), entry("Topic:ord*")), None),
        ((entry("Topic:ord*"), entry("Topic:o*", "Deny")), None),
        ((entry("Topic:*", "Deny"), entry("Topic:o*")), None),
        ((entry("Topic:*"), entry("Topic:o*", "Deny")), DENIED),
        ((entry("*", "Deny"), entry("Topic:*")), None),
        ((entry("*"), entry("Topic:*", "Deny")), DENIED),
        ((entry("Topic:orders", "Deny", "Sub"), entry("Topic:ord*")), None),
        ((entry("Topic:orders", ips="10.0.0.1"),), None),
        ((entry("Topic:orders", ips="10.0.0.2,10.0.0.0/24"),), None),
        ((entry("Topic:orders", ips="10.0.1.0/24"),), NO_MATCH),
        ((entry("Topic:orders", "Deny", ips="10.0.1.0/24"), entry("Topic:*")), None),
    ],
)
def test_the_nearest_entry_decides(entries: tuple[PolicyEntryInfo, ...], wanted: str | None) -> None:
    assert verdict(acl(*entries)) == wanted


def test_custom_entries_count_before_default_ones() -> None:
    assert verdict(acl(entry("Topic:*"), default=(entry("Topic:orders", "Deny"),))) is None
    assert verdict(acl(entry("Topic:x"), default=(entry("Topic:orders", "Deny"),))) == DENIED


def test_addresses_of_ipv6_and_what_has_no_name() -> None:
    assert verdict(acl(entry("Topic:orders", ips="2001:db8::/32")), address="2001:db8::1%eth0") is None
    assert verdict(acl(entry("Topic:orders", ips="::1")), address="0:0:0:0:0:0:0:1") is None
    assert verdict(acl(entry("Topic:orders", ips="::1")), address="10.0.0.1") == NO_MATCH
    assert verdict(acl(entry("Topic:*")), None) is None
    assert verdict(acl(entry("Topic:o*"), entry("Topic:x")), None) == NO_MATCH


def test_entries_of_the_same_resource_are_replaced_and_deleted() -> None:
    found = acl(entry("Topic:orders"), entry("Group:*"))
    found.update([PolicyInfo(entries=[entry("topic:orders", "Deny", "All")])])
    (policy,) = found.info().policies
    assert [(e.resource, e.decision, e.actions) for e in policy.entries] == [
        ("Topic:orders", "Deny", ["All"]),
        ("Group:*", "Allow", ["Pub", "Sub"]),
    ]
    found.delete("default", Resource("Group", None, Pattern.ANY))
    assert len(found.info().policies[0].entries) == 2
    found.delete(None, Resource("Group", None, Pattern.ANY))
    found.delete("CUSTOM", Resource("Topic", "orders"))
    assert not found


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (entry("Nothing:x"), "The resource is null."),
        (entry(""), "The resource is null."),
        (entry("Topic:x", actions="Fly"), "The actions is empty."),
        (entry("Topic:x", "Deny", actions="Pub,Sbu"), "The action Sbu is unknown."),
        (entry("Topic:x", actions="Any"), "The actions can not be Any."),
        (entry("Topic:x", "Perhaps"), "The decision is null or illegal."),
        (entry("Topic:x", ips=" "), "The source ip is empty."),
        (entry("Topic:x", ips="10.0.0.0/33"), "The source ip is invalid."),
        (entry("Topic:x", ips="host"), "The source ip is invalid."),
    ],
)
def test_what_cannot_be_meant_is_refused_and_changes_nothing(wrong: PolicyEntryInfo, words: str) -> None:
    found = acl(entry("Topic:orders"))
    with pytest.raises(AccessRefusedError) as refused:
        found.update([PolicyInfo(entries=[entry("Topic:y"), wrong])])
    assert (refused.value.code, refused.value.remark) == (16, words)
    assert [e.resource for e in found.info().policies[0].entries] == ["Topic:orders"]


def test_networks_of_ipv4_that_are_written_as_ipv6() -> None:
    """Peers are known by their IPv4 addresses: a denial that never fits would let in whom it shuts out."""
    entries = (entry("Topic:orders", "Deny", ips="::ffff:10.0.0.0/120"), entry("Topic:*"))
    assert verdict(acl(*entries)) == DENIED
    assert verdict(acl(*entries), address="10.0.1.1") is None
    assert verdict(acl(entry("Topic:orders", ips="::ffff:10.0.0.1"))) is None
    assert verdict(acl(entry("Topic:orders", ips="::ffff:10.0.0.1")), address="10.0.0.2") == NO_MATCH
