"""Clusters and brokers: who is registered where, and the runtime figures of each broker."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Final

import msgspec

from rocketmq_ops.client.api.servers import cluster_info, runtime_info
from rocketmq_ops.client.errors import NoBrokerError, NotFoundError, SharedNameError
from rocketmq_ops.common.addresses import MASTER_ID, address_key
from rocketmq_ops.common.clock import now_ms
from rocketmq_ops.common.errors import Failure, RocketMQError, See

if TYPE_CHECKING:
    from rocketmq_ops.client.admin.core import MQAdmin
    from rocketmq_ops.remoting.bodies import ClusterInfo

#: Of `[ 0 days, 1 hours, 2 minutes, 3 seconds ]`, in which a JVM writes thousands as its locale does.
_RUNTIME: Final = re.compile(r"(\d[^a-z]*) [a-z]")
_RUNTIME_SECONDS: Final = (86_400, 3_600, 60, 1)


class BrokerAddress(msgspec.Struct, frozen=True, rename="camel"):
    """One broker process: id 0 is the master. `cluster` and `broker_name` are None when only the address is known."""

    address: str
    broker_name: str | None = None
    broker_id: int | None = None
    cluster: str | None = None

    def __str__(self) -> str:
        return self.address


class BrokerRuntime(msgspec.Struct, rename="camel"):
    """The runtime figures of one broker as it reports them; None when it did not answer."""

    broker: BrokerAddress
    figures: dict[str, str] | None


class RuntimeReport(msgspec.Struct, rename="camel"):
    """Figures of several brokers, and which did not answer."""

    brokers: list[BrokerRuntime]
    failures: list[Failure] = []


class BrokerLoad(msgspec.Struct, rename="camel", kw_only=True):
    """One line of the cluster list. What the broker did not report is None. TPS are per second, waits in ms."""

    cluster: str
    broker_name: str
    broker_id: int
    address: str
    version: str | None = None
    active: bool | None = None
    in_tps: float | None = None
    out_tps: float | None = None
    send_queue_size: int | None = None
    send_queue_wait_ms: int | None = None
    pull_queue_size: int | None = None
    pull_queue_wait_ms: int | None = None
    ack_queue_size: int | None = None
    ack_queue_wait_ms: int | None = None
    timer_read_behind: int | None = None
    timer_offset_behind: int | None = None
    timer_congest_num: int | None = None
    timer_enqueue_tps: float | None = None
    timer_dequeue_tps: float | None = None
    page_cache_lock_ms: int | None = None
    earliest_message_timestamp: int | None = None
    hours_kept: float | None = None
    commit_log_disk_ratio: float | None = None
    in_total_yesterday: int | None = None
    out_total_yesterday: int | None = None
    in_total_today: int | None = None
    out_total_today: int | None = None


class ClusterList(msgspec.Struct, rename="camel"):
    """All brokers of all (or one) clusters, sorted by cluster, name and id."""

    brokers: list[BrokerLoad]
    failures: list[Failure] = []


class ClusterAdmin:
    """Calls about clusters and brokers. Mirrors examineBrokerClusterInfo and CommandUtil's address look-ups."""

    def __init__(self, admin: MQAdmin) -> None:
        self._admin = admin

    async def info(self) -> ClusterInfo:
        """What one name server knows about clusters and brokers."""
        return await cluster_info(self._admin.session)

    async def brokers(self, cluster: str | None = None) -> list[BrokerAddress]:
        """All brokers, or those of `cluster`, sorted. Raises NotFoundError for a cluster that does not exist."""
        return self._listed(await self.info(), cluster)

    async def to_read(self, broker_addr: str | None, cluster: str | None) -> list[BrokerAddress]:
        """The broker at an address, else all brokers of a cluster. Raises NotFoundError for an unknown cluster."""
        if broker_addr is not None:
            return [await self.by_address(broker_addr)]
        return await self.brokers(cluster)

    async def one_each(self, cluster: str | None = None) -> list[BrokerAddress]:
        """One address for each broker name of each cluster (or of `cluster`): the master, else the lowest slave."""
        lowest: dict[tuple[str | None, str | None], BrokerAddress] = {}
        for broker in await self.brokers(cluster):
            lowest.setdefault((broker.cluster, broker.broker_name), broker)
        return list(lowest.values())

    async def one_of_each(self, asking: str) -> list[BrokerAddress]:
        """As `one_each`, to ask every broker about `asking`. Raises NoBrokerError when there is none."""
        found = await self.one_each()
        if not found:
            raise NoBrokerError(f"nobody could be asked about {asking}")
        return found

    @staticmethod
    def _listed(info: ClusterInfo, cluster: str | None) -> list[BrokerAddress]:
        names = info.cluster_addr_table
        if cluster is not None and cluster not in names:
            raise no_such_cluster(cluster, list(names))
        found = []
        for cluster_name in [cluster] if cluster is not None else sorted(names):
            for broker_name in sorted(names[cluster_name]):
                data = info.broker_addr_table.get(broker_name)
                if data is not None:
                    found += [
                        BrokerAddress(address, broker_name, int(broker_id), cluster_name)
                        for broker_id, address in data.broker_addrs.items()
                    ]
        return sorted(
            found, key=lambda b: (b.cluster or "", b.broker_name or "", b.broker_id or 0, address_key(b.address))
        )

    async def masters(self, cluster: str, *, with_slaves: bool = False) -> list[BrokerAddress]:
        """The masters (and slaves) of a cluster, to change something on them.

        Raises NotFoundError when there is no such cluster or it has no master, SharedNameError when the name servers
        hold a broker of another cluster under the name of one of these.
        """
        info = await self.info()
        found = [broker for broker in self._listed(info, cluster) if with_slaves or broker.broker_id == MASTER_ID]
        if not found:
            raise NotFoundError(f"cluster '{cluster}' has no master", "start its masters", see=See("cluster.listing"))
        await self._require_members(info, found)
        return found

    async def require_own(self, cluster: str, broker_names: Collection[str]) -> None:
        """That what the name servers hold under these names is the cluster's own. Raises SharedNameError."""
        info = await self.info()
        await self._require_members(info, [b for b in self._listed(info, cluster) if b.broker_name in broker_names])

    async def _require_members(self, info: ClusterInfo, brokers: list[BrokerAddress]) -> None:
        for broker in brokers:
            others = [
                cluster
                for cluster, names in info.cluster_addr_table.items()
                if cluster != broker.cluster and broker.broker_name in names
            ]
            if others:
                await self._require_member(broker, others)

    async def _require_member(self, broker: BrokerAddress, others: list[str]) -> None:
        """That a broker whose name is in `others` too is the one of its cluster: only the broker itself knows."""
        config = await self._admin.configs.broker_config(broker.address)
        cluster = config.get("brokerClusterName")
        if cluster != broker.cluster:
            sharing = ", ".join(sorted([str(broker.cluster), *others]))
            raise SharedNameError(
                f"broker name '{broker.broker_name}' is in clusters {sharing}, "
                f"and the broker registered under it, {broker.address}, belongs to {cluster}: nothing was changed",
                "give each broker its own brokerName; until then name a broker by its address",
            )

    async def targets(
        self, broker_addr: str | None, cluster: str | None, *, with_slaves: bool = False
    ) -> list[BrokerAddress]:
        """The broker at an address, or a cluster's masters (and slaves)."""
        if broker_addr is not None:
            return [await self.by_address(broker_addr)]
        assert cluster is not None
        return await self.masters(cluster, with_slaves=with_slaves)

    async def chosen(self, broker_addr: str | None, cluster: str | None) -> list[BrokerAddress]:
        """The broker at an address, or all of a cluster, masters and slaves, to ask them something."""
        return [await self.by_address(broker_addr)] if broker_addr is not None else await self.brokers(cluster)

    async def by_address(self, address: str) -> BrokerAddress:
        """The broker at an address, with name and cluster where the name servers know it."""
        try:
            known = await self.brokers()
        except RocketMQError:
            known = []
        return next((broker for broker in known if broker.address == address), BrokerAddress(address))

    async def by_name(self, broker_name: str) -> BrokerAddress:
        """The master called `broker_name`, or its lowest slave. Raises NotFoundError."""
        named = [broker for broker in await self.brokers() if broker.broker_name == broker_name]
        if not named:
            raise NotFoundError(f"there is no broker '{broker_name}'", see=See("cluster.listing"))
        return min(named, key=lambda broker: broker.broker_id or 0)

    async def runtime(self, address: str) -> dict[str, str]:
        """The runtime figures of one broker."""
        return await runtime_info(self._admin.session, address)

    async def runtimes(self, brokers: list[BrokerAddress]) -> RuntimeReport:
        """The figures of several brokers. Raises AllFailedError when none answers."""
        fan = await self._admin.fan_out(brokers, lambda broker: self.runtime(broker.address))
        fan.require_some("reading the runtime figures")
        return RuntimeReport([BrokerRuntime(broker, fan.answers.get(broker)) for broker in brokers], fan.failures)

    async def listing(self, cluster: str | None = None) -> ClusterList:
        """Every broker with its load; one that does not answer is listed with unknown figures and as a failure."""
        brokers = await self.brokers(cluster)
        fan = await self._admin.fan_out(brokers, lambda broker: self.runtime(broker.address))
        return ClusterList([load_of(broker, fan.answers.get(broker)) for broker in brokers], fan.failures)


def no_such_cluster(cluster: str, known: list[str]) -> RocketMQError:
    """The error for a cluster that no name server knows. Clusters are what registered brokers say: without any broker
    it may be one whose brokers are down."""
    if not known:
        return NoBrokerError(f"nothing is known of cluster '{cluster}'")
    return NotFoundError(f"there is no cluster '{cluster}'", f"the name server knows: {', '.join(sorted(known))}")


def ran_seconds(figures: Mapping[str, str]) -> int | None:
    """For how long a broker has run (`StoreStatsService.getFormatRuntime`), s; None where its figures do not say so."""
    parts = _RUNTIME.findall(figures.get("runtime", ""))
    if len(parts) != len(_RUNTIME_SECONDS):
        return None
    return sum(int(re.sub(r"\D", "", part)) * unit for part, unit in zip(parts, _RUNTIME_SECONDS, strict=True))


def load_of(broker: BrokerAddress, figures: dict[str, str] | None) -> BrokerLoad:
    """The line of one broker, from its runtime figures; None where it did not answer."""
    load = BrokerLoad(
        cluster=broker.cluster or "",
        broker_name=broker.broker_name or "",
        broker_id=broker.broker_id or 0,
        address=broker.address,
    )
    if figures is None:
        load.active = None
        return load
    load.version = figures.get("brokerVersionDesc")
    load.active = {"true": True, "false": False}.get(figures.get("brokerActive", ""))
    load.in_tps = _first_float(figures.get("putTps"))
    load.out_tps = _first_float(figures.get("getTransferredTps") or figures.get("getTransferedTps"))
    for prefix, attribute in (("send", "send"), ("pull", "pull"), ("ack", "ack")):
        setattr(load, f"{attribute}_queue_size", _int(figures.get(f"{prefix}ThreadPoolQueueSize")))
        setattr(load, f"{attribute}_queue_wait_ms", _int(figures.get(f"{prefix}ThreadPoolQueueHeadWaitTimeMills")))
    load.timer_read_behind = _int(figures.get("timerReadBehind"))
    load.timer_offset_behind = _int(figures.get("timerOffsetBehind"))
    load.timer_congest_num = _int(figures.get("timerCongestNum"))
    load.timer_enqueue_tps = _first_float(figures.get("timerEnqueueTps"))
    load.timer_dequeue_tps = _first_float(figures.get("timerDequeueTps"))
    load.page_cache_lock_ms = _int(figures.get("pageCacheLockTimeMills"))
    load.commit_log_disk_ratio = _first_float(figures.get("commitLogDiskRatio"))
    earliest = _int(figures.get("earliestMessageTimeStamp"))
    if earliest is not None and earliest > 0:
        load.earliest_message_timestamp = earliest
        load.hours_kept = max(now_ms() - earliest, 0) / 3_600_000
    put_today, put_yesterday = (
        _int(figures.get("msgPutTotalTodayMorning")),
        _int(figures.get("msgPutTotalYesterdayMorning")),
    )
    get_today, get_yesterday = (
        _int(figures.get("msgGetTotalTodayMorning")),
        _int(figures.get("msgGetTotalYesterdayMorning")),
    )
    load.in_total_yesterday = _difference(put_today, put_yesterday)
    load.out_total_yesterday = _difference(get_today, get_yesterday)
    load.in_total_today = _difference(_int(figures.get("msgPutTotalTodayNow")), put_today)
    load.out_total_today = _difference(_int(figures.get("msgGetTotalTodayNow")), get_today)
    return load


def _int(text: str | None) -> int | None:
    try:
        return int(text) if text is not None else None
    except ValueError:
        return None


def _first_float(text: str | None) -> float | None:
    """The first of several figures separated by blanks; Apache reports 10 s, 1 min and 10 min rates in one value."""
    try:
        return float(text.split()[0]) if text and text.strip() else None
    except ValueError:
        return None


def _difference(now: int | None, before: int | None) -> int | None:
    return None if now is None or before is None else now - before
