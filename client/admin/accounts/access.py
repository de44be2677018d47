"""ACLs of users, on brokers since 5.3: which subject may do what with which resource."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec

from rocketmq_ops.client.admin.brokers.cluster import BrokerAddress
from rocketmq_ops.client.admin.changes import Change, ChangeReport, Value, change_one
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
        fan = await self._admin.fan_out(brokers, lambda b: self._put_one(b.address, acl, plan))
        fan.require_some(f"changing the ACL of {subject}")
        return ChangeReport(plan, list(fan.answers.values()), fan.failures)

    async def _put_one(self, address: str, acl: AclInfo, plan: bool) -> Change:
        exists = False

        async def read() -> dict[str, Value] | None:
            nonlocal exists
            found = await self._acl(address, acl.subject)
            exists = found is not None
            return None if found is None else _fields(found)

        async def send() -> None:
            await (api.update_acl if exists else api.create_acl)(self._admin.session, address, acl)

        return await change_one(
            address,
            "acl",
            acl.subject,
            read=read,
            wanted=lambda before: {**(before or {}), **_fields(acl)},
            send=send,
            plan=plan,
        )

    async def delete(
        self, brokers: Sequence[BrokerAddress], subject: str, resource: str | None, *, plan: bool
    ) -> ChangeReport:
        """Delete a subject's entry of one resource, or its whole ACL, on each broker."""

        async def one(broker: BrokerAddress) -> Change:
            async def read() -> dict[str, Value] | None:
                found = await self._acl(broker.address, subject)
                return None if found is None else _fields(found)

            def wanted(before: dict[str, Value] | None) -> dict[str, Value] | None:
                if before is None or resource is None:
                    return None
                return {name: value for name, value in before.items() if name != resource} or None

            async def send() -> None:
                await api.delete_acl(self._admin.session, broker.address, subject, resource)

            return await change_one(broker.address, "acl", subject, read=read, wanted=wanted, send=send, plan=plan)

        fan = await self._admin.fan_out(brokers, one)
        fan.require_some(f"deleting the ACL of {subject}")
        return ChangeReport(plan, list(fan.answers.values()), fan.failures)

    async def copy(self, source: str, target: str, subjects: Sequence[str] | None, *, plan: bool) -> ChangeReport:
        """Copy ACLs from one broker to another, all without subjects; a subject that the source lacks is a failure."""
        report = ChangeReport(plan, [])
        if subjects is None:
            acls = await api.list_acls(self._admin.session, source)
        else:
            acls = []
            for subject in dict.fromkeys(subjects):
                acl = await self._acl(source, subject)
                if acl is None:
                    report.failures.append(self._admin.failure_of(subject, _no_acl(subject, source, source)))
                else:
                    acls.append(acl)
            if not acls:
                raise _no_acl(", ".join(subjects), source, source)
        by_subject = {acl.subject: acl for acl in acls}
        fan = await self._admin.fan_out(by_subject, lambda subject: self._put_one(target, by_subject[subject], plan))
        fan.require_some("copying ACLs")
        report.changes, report.failures = list(fan.answers.values()), [*report.failures, *fan.failures]
        return report

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
            list(entry.source_ips),
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
