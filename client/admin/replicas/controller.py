"""Controllers: who leads, the replicas of brokers, electing a master, forgetting brokers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec

from rocketmq_ops.client.admin.changes import (
    Change,
    ChangeReport,
    ChangingResult,
    FieldChange,
    Fields,
    State,
    change_one,
)
from rocketmq_ops.client.api import controllers as api
from rocketmq_ops.client.errors import BrokerError, NotFoundError
from rocketmq_ops.common.errors import AllFailedError, Failure, RocketMQError
from rocketmq_ops.remoting.codes import ResponseCode

if TYPE_CHECKING:
    from rocketmq_ops.client.admin.core import MQAdmin
    from rocketmq_ops.remoting.bodies import ReplicaIdentity, ReplicasInfo


class ControllerMetadata(msgspec.Struct, rename="camel"):
    """What one controller knows of its group; `leader_address` is None while none leads."""

    controller: str
    group: str | None
    leader_id: str | None
    leader_address: str | None
    is_leader: bool
    peers: list[str]


class Replica(msgspec.Struct, rename="camel"):
    """One replica of a broker name; `alive` is None where the controller does not say."""

    broker_id: int | None
    address: str | None
    alive: bool | None
    in_sync: bool


class ReplicaSet(msgspec.Struct, rename="camel"):
    """The replicas of one broker name, those in sync first; `master_address` is None while there is no master."""

    broker_name: str
    master_id: int | None
    master_address: str | None
    master_epoch: int | None
    sync_state_set_epoch: int | None
    replicas: list[Replica]


class ReplicaReport(msgspec.Struct, rename="camel"):
    """Replicas by broker name; a name that the controller does not know is a failure."""

    controller: str
    sets: list[ReplicaSet]
    failures: list[Failure] = []


class ElectionReport(ChangingResult):
    """Who is master after the election; with `planned` who is now, and nothing was sent."""

    planned: bool
    cluster: str
    broker_name: str
    wanted_id: int
    elected: bool
    before: ReplicaSet
    master_id: int | None
    master_address: str | None
    master_epoch: int | None
    sync_state_set_epoch: int | None
    members: dict[str, str]

    def as_changes(self) -> list[Change]:
        """The master of the broker name; none where it is the one wanted already."""
        if self.before.master_id == self.wanted_id:
            return []
        state: State = "planned" if self.planned else "done" if self.elected else "no_effect"
        fields = [FieldChange("masterId", self.before.master_id, self.wanted_id)]
        return [Change(self.cluster, "master", self.broker_name, "set", state, fields)]


class ControllerAdmin:
    """Calls to controllers, given as the addresses of one or more of a group. Mirrors getControllerMetaData and others.

    What the leader alone may do is sent to it, whichever was named.
    """

    def __init__(self, admin: MQAdmin) -> None:
        self._admin = admin

    async def metadata(self, addresses: Sequence[str]) -> ControllerMetadata:
        """What the first controller that answers knows. Raises AllFailedError when none answers."""
        causes: dict[str, RocketMQError] = {}
        for address in addresses:
            try:
                found = await api.metadata(self._admin.session, address)
            except RocketMQError as error:
                causes[address] = error
                continue
            peers = [peer for peer in (found.peers or "").split(";") if peer]
            leader = found.controller_leader_address or None
            return ControllerMetadata(
                address, found.group, found.controller_leader_id or None, leader, bool(found.is_leader), peers
            )
        raise AllFailedError("asking the controllers", causes)

    async def leader(self, addresses: Sequence[str]) -> str:
        """The address of the leader. Raises NotFoundError while there is none."""
        found = await self.metadata(addresses)
        if found.leader_address is None:
            raise NotFoundError(
                f"controller {found.controller} knows no leader of its group",
                "check that most of its controllers run, and reach each other",
            )
        return found.leader_address

    async def replicas(self, addresses: Sequence[str], broker_names: Sequence[str]) -> ReplicaReport:
        """The replicas of broker names. Raises NotFoundError when the controller knows none of them."""
        leader = await self.leader(addresses)
        found = (await api.sync_states(self._admin.session, leader, list(broker_names))).replicas_info_table
        missing = [name for name in broker_names if name not in found]
        if missing and not found:
            raise _unknown(leader, ", ".join(missing))
        failures = [self._admin.failure_of(name, _unknown(leader, name)) for name in missing]
        return ReplicaReport(leader, [_replica_set(name, found[name]) for name in sorted(found)], failures)

    async def elect(
        self, addresses: Sequence[str], cluster: str, broker_name: str, broker_id: int, *, plan: bool
    ) -> ElectionReport:
        """Make a replica the master. Raises NotFoundError for a broker name or id that the controller does not know."""
        from rocketmq_ops.remoting.headers import ElectMasterRequestHeader

        before = await self._replica_set(addresses, broker_name)
        if broker_id not in [replica.broker_id for replica in before.replicas]:
            known = ", ".join(str(replica.broker_id) for replica in before.replicas)
            raise NotFoundError(
                f"broker '{broker_name}' has no replica with the id {broker_id}",
                f"the controller knows: {known}" if known else "the controller knows no replica of it",
            )
        is_already = before.master_id == broker_id
        report = ElectionReport(
            plan, cluster, broker_name, broker_id, False, before, before.master_id, before.master_address,
            before.master_epoch, before.sync_state_set_epoch, {},
        )  # fmt: skip
        if plan or is_already:
            return report
        header = ElectMasterRequestHeader(
            cluster_name=cluster, broker_name=broker_name, broker_id=broker_id, designate_elect=True
        )
        _, members = await api.elect_master(self._admin.session, await self.leader(addresses), header)
        after = await self._replica_set(addresses, broker_name)
        report.elected = after.master_id == broker_id
        report.master_id, report.master_address = after.master_id, after.master_address
        report.master_epoch, report.sync_state_set_epoch = after.master_epoch, after.sync_state_set_epoch
        if members is not None:
            report.members = {str(key): address for key, address in (members.broker_addrs or {}).items()}
        return report

    async def _replica_set(self, addresses: Sequence[str], broker_name: str) -> ReplicaSet:
        return (await self.replicas(addresses, [broker_name])).sets[0]

    async def clean(
        self,
        addresses: Sequence[str],
        cluster: str | None,
        broker_name: str,
        broker_ids: Sequence[int] | None,
        *,
        living: bool,
        plan: bool,
    ) -> ChangeReport:
        """Make the controllers forget replicas of a broker name, all without `broker_ids`; living ones if asked to."""
        from rocketmq_ops.remoting.headers import CleanControllerBrokerDataRequestHeader

        leader = await self.leader(addresses)

        async def read() -> Fields:
            try:
                known = (await self._replica_set([leader], broker_name)).replicas
            except NotFoundError:
                known = []
            except BrokerError as error:  # how 5.x answers for a name that it does not know
                if error.code != ResponseCode.CONTROLLER_BROKER_METADATA_NOT_EXIST:
                    raise
                known = []
            chosen = [r for r in known if broker_ids is None or r.broker_id in broker_ids]
            return {f"replica {r.broker_id}": r.address for r in chosen} or None

        async def send(before: Fields) -> None:
            header = CleanControllerBrokerDataRequestHeader(
                cluster_name=cluster,
                broker_name=broker_name,
                broker_controller_ids_to_clean=";".join(map(str, broker_ids)) if broker_ids is not None else None,
                is_clean_living_broker=living,
            )
            await api.clean_broker_data(self._admin.session, leader, header)

        change = await change_one(
            leader, "brokerMetadata", broker_name, read=read, wanted=lambda _: None, send=send, plan=plan
        )
        return ChangeReport(plan, [change])


def _unknown(controller: str, names: str) -> NotFoundError:
    return NotFoundError(
        f"controller {controller} does not know the broker '{names}'",
        "check the broker's name, and that the broker runs with enableControllerMode=true",
    )


def _replica_set(name: str, info: ReplicasInfo) -> ReplicaSet:
    def replica(each: ReplicaIdentity, in_sync: bool) -> Replica:
        return Replica(each.broker_id, each.broker_address, each.alive, in_sync)

    replicas = [replica(each, True) for each in info.in_sync_replicas]
    replicas += [replica(each, False) for each in info.not_in_sync_replicas]
    return ReplicaSet(
        name,
        info.master_broker_id,
        info.master_address or None,
        info.master_epoch,
        info.sync_state_set_epoch,
        replicas,
    )
