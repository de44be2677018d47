"""The options of an ACL's entries, and what their texts mean (Resource.of, Action, Decision of 5.3.3)."""

from __future__ import annotations

from typing import Annotated

from rocketmq_ops.mqadmin.declare import Opt
from rocketmq_ops.mqadmin.values import names, one_of
from rocketmq_ops.remoting.bodies.auth import PolicyEntryInfo

_RESOURCES = ("Cluster", "Namespace", "Topic", "Group")
_action = one_of("All", "Pub", "Sub", "Create", "Update", "Delete", "Get", "List")


def resources(text: str) -> tuple[str, ...]:
    """`*`, or `Type:name` with the type as brokers spell it, separated by commas. A name may end in `*`."""
    kinds = {kind.lower(): kind for kind in _RESOURCES}
    found = []
    for part in names(text):
        kind, separator, name = part.partition(":")
        if part != "*" and not (separator and name and kind.lower() in kinds):
            raise ValueError(f"invalid resource '{part}': expected * or TYPE:NAME, TYPE one of {', '.join(_RESOURCES)}")
        found.append(part if part == "*" else f"{kinds[kind.lower()]}:{name}")
    return tuple(found)


def resource(text: str) -> str:
    """One resource."""
    found = resources(text)
    if len(found) > 1:
        raise ValueError(f"invalid resource '{text}': expected one, delete others afterwards")
    return found[0]


def actions(text: str) -> tuple[str, ...]:
    """Actions separated by commas, as brokers spell them; a broker passes over one that it does not know."""
    return tuple(dict.fromkeys(_action(part) for part in names(text)))


Resources = Annotated[
    tuple[str, ...],
    Opt("-r", "--resources", help="resources separated by ','", parse=resources, metavar="Topic:T,Group:G*"),
]
Actions = Annotated[
    tuple[str, ...], Opt("-a", "--actions", help="actions separated by ','", parse=actions, metavar="Pub,Sub,All")
]
SourceIps = Annotated[
    list[str],
    Opt("-i", "--sourceIp", help="only from these addresses or CIDR blocks", parse=names, metavar="IPS"),
]
Decision = Annotated[str, Opt("-d", "--decision", help="Allow or Deny", parse=one_of("Allow", "Deny"))]


def entries_of(
    resources: tuple[str, ...], actions: tuple[str, ...], source_ips: list[str] | None, decision: str
) -> list[PolicyEntryInfo]:
    """One entry for each resource."""
    return [
        PolicyEntryInfo(
            resource=each, actions=list(actions), source_ips=list(source_ips) if source_ips else None, decision=decision
        )
        for each in resources
    ]
