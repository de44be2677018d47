"""ACLs of users, on brokers since 5.3: which subject may do what with which resource."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec

from rocketmq_ops.client.admin.brokers.cluster import BrokerAddress
from rocketmq_ops.client.admin.changes import Change, ChangeReport, Fields, Value, change_each, change_one, copy_each
from rocketmq_ops.client.api import acls as api
from rocketmq_ops.client.errors import BrokerError, NotFoundError
from rocketmq_ops.common.errors import Failure, See
from rocketmq_ops.remoting.bodies.auth import AclInfo, PolicyEntryInfo, PolicyInfo
from rocketmq_ops.remoting.codes import ResponseCode

if TYPE_CHECKING:
    from rocketmq_ops.client.admin.core import MQAdmin

CUSTOM = "Custom"


class AclEntry(msgspec.Struct, rename="camel"):
    """One entry of a subject's ACL on one broker. `source_ips` is empty where every address counts."""

    broker: str
    subject: str
    policy_type: str
    resource: str
    actions: list[str]
    source_ips: list[str]
    decision: str


class AclReport(msgspec.Struct, rename="camel"):
    """Entries by broker, subject and resource, and which brokers did not answer."""

    entries: list[AclEntry]
    failures: list[Failure] = []


class AccessAdmin:
    """Calls about ACLs. Mirrors createAcl, updateAcl, deleteAcl, getAcl and listAcl."""

    def __init__(self, admin: MQAdmin) -> None:
        self._admin = admin

    async def listing(
        self, brokers: Sequence[BrokerAddress], subject: str | None = None, resource: str | None = None
    ) -> AclReport:
        """The ACLs of each broker, or those whose subject and resource contain these texts."""
        fan = await self._admin.fan_out(
            brokers, lambda b: api.list_acls(self._admin.session, b.address, subject, resource)
        )
        fan.require_some("listing ACLs")
        found = [_entries(b.address, acl) for b, acls in fan.answers.items() for acl in sorted(acls, key=_subject_of)]
        return AclReport([entry for entries in found for entry in entries], fan.failures)

    async def get(self, brokers: Sequence[BrokerAddress], subject: str) -> AclReport:
        """The ACL of a subject on each broker that has it. Raises NotFoundError when all answer and none has it."""
        fan = await self._admin.fan_out(brokers, lambda b: self._acl(b.address, subject))
        fan.require_some(f"asking for the ACL of {subject}")
        found = {b.address: acl for b, acl in fan.answers.items() if acl is not None}
        if not found and not fan.errors:
            raise _no_acl(subject, ", ".join(b.address for b in brokers), brokers[0].address)
        return AclReport([e for address, acl in found.items() for e in _entries(address, acl)], fan.failures)

    async def put(
        self, brokers: Sequence[BrokerAddress], subject: str, entries: Sequence[PolicyEntryInfo], *, plan: bool
    ) -> ChangeReport:
        """Set entries of a subject's ACL on each broker; those of other resources stay."""
        acl = AclInfo(subject=subject, policies=[PolicyInfo(policy_type=CUSTOM, entries=list(entries))])
        return await change_each(
            self._admin,
            brokers,
            "acl",
            subject,
            doing=f"changing the ACL of {subject}",
            read=lambda address: self._fields_at(address, subject),
            wanted=lambda address, before: {**(before or {}), **_fields(acl)},
            send=lambda address, before: self._send(address, acl, before),
            plan=plan,
        )

    async def delete(
        self, brokers: Sequence[BrokerAddress], subject: str, resource: str | None, *, plan: bool
    ) -> ChangeReport:
        """Delete a subject's entry of one resource, or its whole ACL, on each broker."""

        def wanted(address: str, before: Fields) -> Fields:
            if before is None or resource is None:
                return None
            return {name: value for name, value in before.items() if name != resource} or None

        return await change_each(
            self._admin,
            brokers,
            "acl",
            subject,
            doing=f"deleting the ACL of {subject}",
            read=lambda address: self._fields_at(address, subject),
            wanted=wanted,
            send=lambda address, before: api.delete_acl(self._admin.session, address, subject, resource),
            plan=plan,
        )

    async def copy(self, source: str, target: str, subjects: Sequence[str] | None, *, plan: bool) -> ChangeReport:
        """Copy ACLs from one broker to another, all without subjects; a subject that the source lacks is a failure."""

        async def read_all() -> dict[str, AclInfo]:
            return {acl.subject: acl for acl in await api.list_acls(self._admin.session, source)}

        async def put(acl: AclInfo) -> Change:
            return await change_one(
                target,
                "acl",
                acl.subject,
                read=lambda: self._fields_at(target, acl.subject),
                wanted=lambda before: {**(before or {}), **_fields(acl)},
                send=lambda before: self._send(target, acl, before),
                plan=plan,
            )

        return await copy_each(
            self._admin,
            subjects,
            doing="copying ACLs",
            read_all=read_all,
            read=lambda subject: self._acl(source, subject),
            missing=lambda subject: _no_acl(subject, source, source),
            put=put,
            plan=plan,
        )

    async def _send(self, address: str, acl: AclInfo, before: Fields) -> None:
        await (api.create_acl if before is None else api.update_acl)(self._admin.session, address, acl)

    async def _fields_at(self, address: str, subject: str) -> Fields:
        found = await self._acl(address, subject)
        return None if found is None else _fields(found)

    async def _acl(self, address: str, subject: str) -> AclInfo | None:
        """The ACL of a subject; None too for a user that there is not, which brokers answer with a refusal."""
        try:
            return await api.acl_info(self._admin.session, address, subject)
        except BrokerError as error:
            missing = error.code in (ResponseCode.USER_NOT_EXIST, ResponseCode.POLICY_NOT_EXIST)
            if missing or (error.code == ResponseCode.NO_PERMISSION and "not exist" in error.remark):
                return None
            raise


def _subject_of(acl: AclInfo) -> str:
    return acl.subject


def _entries(broker: str, acl: AclInfo) -> list[AclEntry]:
    return [
        AclEntry(
            broker,
            acl.subject,
            policy.policy_type or CUSTOM,
            entry.resource,
            list(entry.actions),
            list(entry.source_ips or ()),
            entry.decision,
        )
        for policy in acl.policies
        for entry in policy.entries
    ]


def _fields(acl: AclInfo) -> dict[str, Value]:
    """Each entry as a field: its resource, and what is decided there in a form that compares."""
    fields: dict[str, Value] = {}
    for policy in acl.policies:
        prefix = "" if (policy.policy_type or CUSTOM).lower() == CUSTOM.lower() else f"{policy.policy_type} "
        for entry in policy.entries:
            origin = f" from {','.join(sorted(entry.source_ips))}" if entry.source_ips else ""
            fields[prefix + entry.resource] = f"{entry.decision} {','.join(sorted(entry.actions))}{origin}"
    return fields


def _no_acl(subject: str, where: str, broker: str) -> NotFoundError:
    return NotFoundError(f"'{subject}' has no ACL on {where}", see=See("acls.listing", broker))
