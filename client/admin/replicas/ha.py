"""Replication: how far slaves are behind, and the masters' terms (epochs) in each broker's log."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from rocketmq_ops.client.admin.brokers.cluster import BrokerAddress
from rocketmq_ops.client.api import ha as api
from rocketmq_ops.common.errors import Failure

if TYPE_CHECKING:
    from rocketmq_ops.client.admin.core import MQAdmin
    from rocketmq_ops.remoting.bodies import EpochEntryCache, HARuntimeInfo


class SlaveConnection(msgspec.Struct, rename="camel"):
    """A slave as its master sees it. Offsets and `diff` are bytes of the commitlog."""

    address: str
    ack_offset: int
    diff: int
    in_sync: bool
    bytes_per_second: int
    transfer_from: int


class BrokerReplication(msgspec.Struct, rename="camel"):
    """Replication on one broker; `role` is None when it did not answer, and so is what the other role has.

    Offsets are bytes of the commitlog, times ms since 1970. `in_sync_slaves` counts the master's slaves in sync.
    `problem`: why a slave does not replicate, with the next step; None while it does, and of Apache's, which say
    nothing.
    """

    broker: BrokerAddress
    role: str | None = None
    max_offset: int | None = None
    in_sync_slaves: int | None = None
    slaves: list[SlaveConnection] | None = None
    master_address: str | None = None
    master_flush_offset: int | None = None
    bytes_per_second: int | None = None
    last_read_timestamp: int | None = None
    last_write_timestamp: int | None = None
    problem: str | None = None


class ReplicationReport(msgspec.Struct, rename="camel"):
    """Replication on several brokers, and which did not answer."""

    brokers: list[BrokerReplication]
    failures: list[Failure] = []


class Epoch(msgspec.Struct, rename="camel"):
    """One master's term: bytes of the commitlog from `start_offset` up to `end_offset`."""

    epoch: int
    start_offset: int
    end_offset: int


class BrokerEpochs(msgspec.Struct, rename="camel"):
    """The epochs of one broker, the last one up to its log's end; None when it did not answer."""

    broker: BrokerAddress
    epochs: list[Epoch] | None
    max_offset: int | None


class EpochReport(msgspec.Struct, rename="camel"):
    """The epochs of several brokers, and which did not answer."""

    brokers: list[BrokerEpochs]
    failures: list[Failure] = []


class HaAdmin:
    """Calls about replication. Mirrors getBrokerHAStatus and getBrokerEpochCache."""

    def __init__(self, admin: MQAdmin) -> None:
        self._admin = admin

    async def status(self, brokers: list[BrokerAddress]) -> ReplicationReport:
        """Replication on several brokers. Raises AllFailedError when none answers."""
        fan = await self._admin.fan_out(brokers, lambda b: api.ha_status(self._admin.session, b.address))
        fan.require_some("reading the state of replication")
        found = [_replication(b, fan.answers.get(b)) for b in brokers]
        slaves = [each for each in found if each.role == "slave"]
        asked = [slave.broker for slave in slaves]
        figures = await self._admin.fan_out(asked, lambda b: self._admin.cluster.runtime(b.address))
        for slave in slaves:
            slave.problem = figures.answers.get(slave.broker, {}).get("haProblem") or None
        return ReplicationReport(found, fan.failures)

    async def epochs(self, brokers: list[BrokerAddress]) -> EpochReport:
        """The epochs of several brokers. Raises AllFailedError when none answers."""
        fan = await self._admin.fan_out(brokers, lambda b: api.epochs(self._admin.session, b.address))
        fan.require_some("reading the epochs")
        return EpochReport([_epochs(b, fan.answers.get(b)) for b in brokers], fan.failures)


def _replication(broker: BrokerAddress, info: HARuntimeInfo | None) -> BrokerReplication:
    if info is None:
        return BrokerReplication(broker)
    if info.master:
        slaves = [
            SlaveConnection(
                c.addr, c.slave_ack_offset, c.diff, c.in_sync, c.transferred_byte_in_second, c.transfer_from_where
            )
            for c in sorted(info.ha_connection_info, key=lambda c: c.addr)
        ]
        return BrokerReplication(broker, "master", info.master_commit_log_max_offset, info.in_sync_slave_nums, slaves)
    client = info.ha_client_runtime_info
    return BrokerReplication(
        broker,
        "slave",
        client.max_offset,
        master_address=client.master_addr,
        master_flush_offset=client.master_flush_offset,
        bytes_per_second=client.transferred_byte_in_second,
        last_read_timestamp=client.last_read_timestamp or None,
        last_write_timestamp=client.last_write_timestamp or None,
    )


def _epochs(broker: BrokerAddress, found: EpochEntryCache | None) -> BrokerEpochs:
    if found is None:
        return BrokerEpochs(broker, None, None)
    if broker.broker_name is None:
        broker = BrokerAddress(broker.address, found.broker_name, found.broker_id, found.cluster_name)
    epochs = [Epoch(each.epoch, each.start_offset, each.end_offset) for each in found.epoch_list]
    if epochs:
        epochs[-1].end_offset = found.max_offset
    return BrokerEpochs(broker, epochs, found.max_offset)
