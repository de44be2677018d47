"""Brokers that keep data in RocksDB: the check of its consumequeues, exports of configuration and of pop records.

Mirrors checkRocksdbCqWriteProgress, exportRocksDBConfigToJson and exportPopRecords. What a broker would do is read from
its configuration first: it answers success also where it has nothing to do.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import msgspec

from rocketmq_ops.client.api import servers as api
from rocketmq_ops.common.errors import Failure

if TYPE_CHECKING:
    from rocketmq_ops.client.admin.brokers.cluster import BrokerAddress
    from rocketmq_ops.client.admin.core import MQAdmin

CheckState = Literal["ok", "not_ok", "in_progress", "error", "unknown"]
ExportState = Literal["planned", "done", "nothing"]
_CHECK_STATES: tuple[CheckState, ...] = ("ok", "not_ok", "in_progress", "error")


class QueueCheck(msgspec.Struct, rename="camel"):
    """One broker's answer. Brokers of 5.3 to 5.5 begin the check and write its result to their log: in_progress."""

    broker_name: str | None
    broker_addr: str
    state: CheckState
    result: str | None


class QueueCheckReport(msgspec.Struct, rename="camel"):
    """The masters that were asked. `topic` None: all topics. `check_from`: queues' units stored since then (ms)."""

    cluster: str
    topic: str | None
    check_from: int
    brokers: list[QueueCheck]
    failures: list[Failure] = []


class BrokerExport(msgspec.Struct, rename="camel"):
    """One broker's export.

    `state`: planned; done (the broker says so); nothing (it has nothing to export: `detail`).
    """

    broker_name: str | None
    broker_addr: str
    state: ExportState
    detail: str


class ExportReport(msgspec.Struct, rename="camel"):
    """The brokers that exported or would export, and those where it failed."""

    planned: bool
    brokers: list[BrokerExport]
    failures: list[Failure] = []


_FILE_OF_KIND = {
    "topics": "topics.json",
    "subscriptionGroups": "subscriptionGroup.json",
    "consumerOffsets": "consumerOffset.json",
}


class RocksDBAdmin:
    """Calls about brokers that keep data in RocksDB."""

    def __init__(self, admin: MQAdmin) -> None:
        self._admin = admin

    async def check_queues(self, cluster: str, topic: str | None, check_from: int) -> QueueCheckReport:
        """Have each master of a cluster compare its consumequeues in RocksDB with those in files.

        Raises NotFoundError for an unknown cluster, AllFailedError when no broker took the request.
        """
        brokers = await self._admin.cluster.masters(cluster)

        async def one(broker: BrokerAddress) -> QueueCheck:
            status, result = await api.check_rocksdb_queues(
                self._admin.session, broker.address, topic or "", check_from
            )
            state = _CHECK_STATES[status] if 0 <= status < len(_CHECK_STATES) else "unknown"
            return QueueCheck(broker.broker_name, broker.address, state, result)

        fan = await self._admin.fan_out(brokers, one)
        fan.require_some(f"checking the queues of {cluster}")
        return QueueCheckReport(cluster, topic, check_from, list(fan.answers.values()), fan.failures)

    async def export_configs(
        self, kinds: Sequence[str], *, broker_addr: str | None, cluster: str | None, plan: bool
    ) -> ExportReport:
        """Have one broker or a cluster's masters write configuration in RocksDB to JSON files in their stores.

        `kinds`: topics, subscriptionGroups, consumerOffsets. Raises NotFoundError for an unknown cluster,
        AllFailedError when no broker could.
        """
        brokers = await self._admin.cluster.targets(broker_addr, cluster)

        async def one(broker: BrokerAddress) -> BrokerExport:
            config = await self._admin.configs.broker_config(broker.address)
            export = BrokerExport(config.get("brokerName") or broker.broker_name, broker.address, "planned", "")
            root = config.get("storePathRootDir", "")
            version = config.get("configManagerVersion", "v1")
            if config.get("storeType") != "defaultRocksDB":
                export.state, export.detail = "nothing", f"its configuration is in JSON files already: {root}/config"
            elif version != "v1":
                export.state, export.detail = "nothing", f"it does not export configManagerVersion={version}"
            else:
                export.detail = ", ".join(f"{root}/config/{_FILE_OF_KIND[kind]}" for kind in kinds)
            if plan or export.state == "nothing":
                return export
            await api.export_rocksdb_configs(self._admin.session, broker.address, kinds)
            export.state = "done"
            return export

        fan = await self._admin.fan_out(brokers, one)
        fan.require_some("exporting the configuration")
        return ExportReport(plan, list(fan.answers.values()), fan.failures)

    async def export_pop_records(self, *, broker_addr: str | None, cluster: str | None, plan: bool) -> ExportReport:
        """Have one broker or all of a cluster move pop records from RocksDB back to messages in its own topics.

        Raises NotFoundError for an unknown cluster, AllFailedError when no broker could.
        """
        brokers = await self._admin.cluster.targets(broker_addr, cluster, with_slaves=True)

        async def one(broker: BrokerAddress) -> BrokerExport:
            config = await self._admin.configs.broker_config(broker.address)
            export = BrokerExport(config.get("brokerName") or broker.broker_name, broker.address, "planned", "")
            key = "popConsumerKVServiceInit"
            if config.get(key) == "false":
                export.state, export.detail = "nothing", f"it keeps no pop records in RocksDB ({key}=false)"
            if plan or export.state == "nothing":
                return export
            await api.export_pop_records(self._admin.session, broker.address)
            export.state = "done"
            return export

        fan = await self._admin.fan_out(brokers, one)
        fan.require_some("exporting pop records")
        return ExportReport(plan, list(fan.answers.values()), fan.failures)
