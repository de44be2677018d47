"""What exports hold: the brokers' main settings, their topics and groups, and figures to judge a cluster by.

Mirrors ExportConfigsCommand, ExportMetadataCommand and ExportMetricsCommand, with the same names. Apache's end at the
first broker that fails; here what is known is there, and each failure beside it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from rocketmq_ops.client.admin.brokers.cluster import BrokerAddress, load_of
from rocketmq_ops.client.admin.brokers.stats import TOPIC_PUT_NUMS, counted
from rocketmq_ops.client.admin.groups.group import total
from rocketmq_ops.client.api.stats import stats_data
from rocketmq_ops.client.api.topics import system_topics
from rocketmq_ops.client.errors import NotFoundError
from rocketmq_ops.common.addresses import MASTER_ID
from rocketmq_ops.common.clock import now_ms
from rocketmq_ops.common.errors import Failure
from rocketmq_ops.common.permission import is_valid_perm
from rocketmq_ops.common.topics import (
    SCHEDULE_TOPIC,
    TRANS_HALF_TOPIC,
    is_dlq_topic,
    is_predefined_group,
    is_retry_topic,
    is_system_group,
    is_system_topic,
)
from rocketmq_ops.remoting.versions import version_text

if TYPE_CHECKING:
    from rocketmq_ops.client.admin.brokers.stats import Counted
    from rocketmq_ops.client.admin.core import MQAdmin

_CONFIG_KEYS = (
    *("brokerClusterName", "brokerId", "brokerName", "brokerRole", "fileReservedTime", "filterServerNums"),
    *("flushDiskType", "maxMessageSize", "messageDelayLevel", "msgTraceTopicName", "slaveReadEnable", "traceOn"),
    *("traceTopicEnable", "useTLS", "autoCreateTopicEnable", "autoCreateSubscriptionGroup"),
)


class ClusterScale(msgspec.Struct, rename="camel"):
    """How many servers of each kind there are; name servers are those that were given to the command."""

    namesrv_size: int
    master_broker_size: int
    slave_broker_size: int


class ConfigsExport(msgspec.Struct, rename="camel", omit_defaults=True):
    """The main settings of each master by broker name. A broker that failed, or has no master, is in `failures`."""

    broker_configs: dict[str, dict[str, str]]
    cluster_scale: ClusterScale
    failures: list[Failure] = []


class BrokerMetadata(msgspec.Struct, rename="camel", omit_defaults=True):
    """The topics and groups of one broker as it tells them; None what was not asked for."""

    topic_config_table: dict[str, Any] | None = None
    subscription_group_table: dict[str, Any] | None = None


class MetadataExport(msgspec.Struct, rename="camel", kw_only=True, omit_defaults=True):
    """Topics and groups of one broker, or of a cluster's masters; `export_time` in ms.

    The tables have each name once, as the first broker by name has it: Apache's adds up the queues of all brokers.
    `brokers` has those of each broker, and `differing` the names that are not the same on all that have them.
    """

    topic_config_table: dict[str, Any] | None = None
    subscription_group_table: dict[str, Any] | None = None
    export_time: int
    brokers: dict[str, BrokerMetadata]
    differing: list[str] = []
    failures: list[Failure] = []


class RuntimeEnv(msgspec.Struct, rename="camel"):
    """The machine, as far as the broker tells it; Apache's brokers have the number of CPUs as a default of theirs."""

    cpu_num: str | None
    total_mem_k_bytes: str | None


class DiskRatio(msgspec.Struct, rename="camel"):
    """How full the disks are, from 0 to 1."""

    commit_log_disk_ratio: str | None
    consume_queue_disk_ratio: str | None


class Tps(msgspec.Struct, rename="camel"):
    """Messages a second: in and out in the last 10 s, of transactions and delayed ones in the last minute."""

    normal_in_tps: float | None
    normal_out_tps: float | None
    trans_in_tps: float | None
    schedule_in_tps: float | None


class OneDayNum(msgspec.Struct, rename="camel"):
    """Messages of yesterday, of transactions and delayed ones of the last 24 hours."""

    normal_one_day_in_num: int | None
    normal_one_day_out_num: int | None
    trans_one_day_in_num: int | None
    schedule_one_day_in_num: int | None


class RuntimeQuota(msgspec.Struct, rename="camel"):
    """Load and size of one broker; `message_average_size` in bytes."""

    disk_ratio: DiskRatio
    tps: Tps
    one_day_num: OneDayNum
    message_average_size: str | None
    topic_size: int
    group_size: int


class RuntimeVersion(msgspec.Struct, rename="camel"):
    """The broker's version, and LANGUAGE%VERSION of the consumers that are online there.

    Apache's command tells the version of its own jar for the broker's.
    """

    rocketmq_version: str | None
    client_info: list[str]


class BrokerEvaluation(msgspec.Struct, rename="camel"):
    """All figures of one master."""

    runtime_env: RuntimeEnv
    runtime_quota: RuntimeQuota
    runtime_version: RuntimeVersion


class TotalTps(msgspec.Struct, rename="camel"):
    """The sums over all masters, None when one broker's part is unknown."""

    total_normal_in_tps: float | None
    total_normal_out_tps: float | None
    total_trans_in_tps: float | None
    total_schedule_in_tps: float | None


class TotalData(msgspec.Struct, rename="camel"):
    """The sums of the whole cluster."""

    total_tps: TotalTps
    total_one_day_num: OneDayNum


class MetricsExport(msgspec.Struct, rename="camel", omit_defaults=True):
    """Figures of each master by broker name, and their sums."""

    evaluate_report: dict[str, BrokerEvaluation]
    total_data: TotalData
    failures: list[Failure] = []


async def configs(admin: MQAdmin, cluster: str) -> ConfigsExport:
    """The main settings of a cluster's masters. Raises NotFoundError for a cluster without any, AllFailedError."""
    brokers = await admin.cluster.brokers(cluster)
    masters, failures = _masters(cluster, brokers)
    fan = await admin.fan_out(masters, lambda broker: admin.configs.broker_config(broker.address))
    fan.require_some("reading the configuration")
    configs = {
        broker.broker_name or broker.address: {key: config[key] for key in _CONFIG_KEYS if key in config}
        for broker, config in fan.answers.items()
    }
    scale = ClusterScale(len(admin.name_servers), len(masters), len(brokers) - len(masters))
    return ConfigsExport(configs, scale, failures + fan.failures)


async def metadata(
    admin: MQAdmin, *, broker_addr: str | None, cluster: str | None, topics: bool, groups: bool, special_topics: bool
) -> MetadataExport:
    """Topics and groups that users made, with `special_topics` retry and dead-letter topics too."""
    failures: list[Failure] = []
    if broker_addr is not None:
        masters = [await admin.cluster.by_address(broker_addr)]
    else:
        assert cluster is not None
        masters, failures = _masters(cluster, await admin.cluster.brokers(cluster))

    async def one(broker: BrokerAddress) -> BrokerMetadata:
        found = BrokerMetadata()
        if topics:
            found.topic_config_table = await user_topics(admin, broker.address, special=special_topics)
        if groups:
            found.subscription_group_table = await user_groups(admin, broker.address)
        return found

    fan = await admin.fan_out(masters, one)
    fan.require_some("reading topics and groups")
    by_broker = {broker.broker_name or broker.address: found for broker, found in fan.answers.items()}
    export = MetadataExport(export_time=now_ms(), brokers=by_broker, failures=failures + fan.failures)
    differing: set[str] = set()
    if topics:
        tables = [found.topic_config_table or {} for found in by_broker.values()]
        export.topic_config_table = _merged(tables, differing)
    if groups:
        tables = [found.subscription_group_table or {} for found in by_broker.values()]
        export.subscription_group_table = _merged(tables, differing)
    export.differing = sorted(differing)
    return export


def _merged(tables: list[dict[str, Any]], differing: set[str]) -> dict[str, Any]:
    merged: dict[str, Any] = {}
    for table in tables:
        for name, config in table.items():
            if merged.setdefault(name, config) != config:
                differing.add(name)
    return dict(sorted(merged.items()))


async def user_topics(admin: MQAdmin, address: str, *, special: bool = False) -> dict[str, Any]:
    """The configuration of the topics that users made on a broker, by name (getUserTopicConfig)."""
    own = await system_topics(admin.session, address)
    found = {}
    for name, config in sorted((await admin.topics.configs_at(address)).items()):
        hidden = is_retry_topic(name) or is_dlq_topic(name)
        if name in own or is_system_topic(name) or (hidden and not special) or not is_valid_perm(config.perm):
            continue
        found[name] = msgspec.to_builtins(config)
    return found


async def user_groups(admin: MQAdmin, address: str) -> dict[str, Any]:
    """The configuration of the groups that users made on a broker, by name (getUserSubscriptionGroup)."""
    table = await admin.groups.configs_at(address)
    return {n: c for n, c in sorted(table.items()) if not is_system_group(n) and not is_predefined_group(n)}


async def metrics(admin: MQAdmin, cluster: str) -> MetricsExport:
    """The figures of a cluster's masters. Raises NotFoundError for a cluster without any, AllFailedError."""
    masters, failures = _masters(cluster, await admin.cluster.brokers(cluster))
    fan = await admin.fan_out(masters, lambda broker: _evaluate(admin, broker.address))
    fan.require_some("reading the figures")
    whole = len(fan.answers) == len(masters) and not failures
    reports = list(fan.answers.values())
    tps = [report.runtime_quota.tps for report in reports]
    days = [report.runtime_quota.one_day_num for report in reports]

    def sum_of(parts: list[float | None]) -> float | None:
        return sum(part for part in parts if part is not None) if whole and None not in parts else None

    def count_of(parts: list[int | None]) -> int | None:
        return total(parts) if whole else None

    totals = TotalData(
        TotalTps(
            sum_of([t.normal_in_tps for t in tps]),
            sum_of([t.normal_out_tps for t in tps]),
            sum_of([t.trans_in_tps for t in tps]),
            sum_of([t.schedule_in_tps for t in tps]),
        ),
        OneDayNum(
            count_of([d.normal_one_day_in_num for d in days]),
            count_of([d.normal_one_day_out_num for d in days]),
            count_of([d.trans_one_day_in_num for d in days]),
            count_of([d.schedule_one_day_in_num for d in days]),
        ),
    )
    named = {broker.broker_name or broker.address: report for broker, report in fan.answers.items()}
    return MetricsExport(named, totals, failures + fan.failures)


async def _evaluate(admin: MQAdmin, address: str) -> BrokerEvaluation:
    figures = await admin.cluster.runtime(address)
    load = load_of(BrokerAddress(address), figures)
    config = await admin.configs.broker_config(address)
    groups = await user_groups(admin, address)
    topics = await user_topics(admin, address)
    trans = await _counted_of(admin, address, TRANS_HALF_TOPIC)
    scheduled = await _counted_of(admin, address, SCHEDULE_TOPIC)
    clients = await admin.fan_out(groups, lambda group: admin.clients.consumers_at(address, group))
    for error in clients.errors.values():
        raise error
    info = {
        f"{connection.language}%{version_text(connection.version)}"
        for answer in clients.answers.values()
        if answer is not None
        for connection in answer.connection_set
    }
    return BrokerEvaluation(
        RuntimeEnv(config.get("clientCallbackExecutorThreads"), figures.get("totalMemKBytes")),
        RuntimeQuota(
            DiskRatio(figures.get("commitLogDiskRatio"), figures.get("consumeQueueDiskRatio")),
            Tps(load.in_tps, load.out_tps, trans.tps, scheduled.tps),
            OneDayNum(load.in_total_yesterday, load.out_total_yesterday, trans.day, scheduled.day),
            figures.get("putMessageAverageSize"),
            len(topics),
            len(groups),
        ),
        RuntimeVersion(figures.get("brokerVersionDesc"), sorted(info)),
    )


async def _counted_of(admin: MQAdmin, address: str, topic: str) -> Counted:
    return counted(await stats_data(admin.session, address, TOPIC_PUT_NUMS, topic))


def _masters(cluster: str, brokers: list[BrokerAddress]) -> tuple[list[BrokerAddress], list[Failure]]:
    """The masters, and a failure for each broker name that has slaves alone. Raises NotFoundError without masters."""
    masters = [broker for broker in brokers if broker.broker_id == MASTER_ID]
    if not masters:
        raise NotFoundError(f"cluster '{cluster}' has no master", "start its masters")
    named = {broker.broker_name for broker in masters}
    headless = dict.fromkeys(broker.broker_name or "" for broker in brokers if broker.broker_name not in named)
    return masters, [Failure(name, "has no master, only slaves", "start its master") for name in headless]
