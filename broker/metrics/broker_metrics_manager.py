"""The metrics of a broker, under the names, labels and units of Apache's broker 5 with `metricsExporterType=PROM`.

Of Apache's are not here: what belongs to POP, rocksdb and tiered storage, and of `rocketmq_processor_watermark` all but
`send`, for there are no thread pools in which requests would wait.

Mirrors BrokerMetricsManager, BrokerMetricsConstant and DefaultStoreMetricsManager.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from rocketmq_ops.broker.metrics.consumer_lag import GroupLag, connected_groups, lag_of
from rocketmq_ops.broker.metrics.timer_figures import timer_figures
from rocketmq_ops.broker.processors.slices import in_slices
from rocketmq_ops.broker.stats.event_stats import COMMITS, ROLLBACKS, SNDBCK2DLQ_TIMES
from rocketmq_ops.common.topics import is_dlq_topic, is_retry_topic, is_system_group
from rocketmq_ops.remoting.bodies.enums import CONSUME_ACTIVELY, CONSUME_PASSIVELY
from rocketmq_ops.remoting.codes import LanguageCode, request_code_name, response_code_name
from rocketmq_ops.remoting.http_page import http_tls
from rocketmq_ops.remoting.metrics_page import Figures, MetricsPage, labels_of
from rocketmq_ops.remoting.versions import version_text

if TYPE_CHECKING:
    from rocketmq_ops.broker.client.client_channel import ClientChannelInfo
    from rocketmq_ops.broker.controller import BrokerController
    from rocketmq_ops.broker.metrics.meters import BrokerMeters

_STORAGE = {"storage_type": "local", "storage_medium": "disk"}
_REMOTING = "remoting"
#: InvocationStatus, by whether a request succeeded.
_STATUS = {True: "success", False: "failure"}


class BrokerMetricsManager(MetricsPage):
    """The page of one broker."""

    def __init__(self, controller: BrokerController, meters: BrokerMeters) -> None:
        """Raises ConfigError when the package prometheus-client is missing."""
        config = controller.config
        common = labels_of(config.metricsLabel) | {
            "node_type": "broker",
            "cluster": config.brokerClusterName,
            "node_id": config.brokerName,
        }
        tls = http_tls(controller.server, controller.tls_config)
        super().__init__(config.metricsPromExporterHost, config.metricsPromExporterPort, common, tls)
        self._controller = controller
        self._meters = meters

    async def gather(self) -> list[Figures]:
        """All figures as they are now; of many topics and groups in slices."""
        lags: list[GroupLag] = []
        controller = self._controller
        await in_slices(list(connected_groups(controller)), lambda place: lags.append(lag_of(controller, *place)))
        return [
            *self._broker(),
            *await self._messages(),
            *await self._measured(),
            *self._timed(),
            *self._made(),
            *await timer_figures(controller, self._meters, _STORAGE),
            *self._clients(),
            *self._consumers(lags),
            *self._store(),
        ]

    def _broker(self) -> list[Figures]:
        controller = self._controller
        permission = Figures("rocketmq_broker_permission", "gauge", "Broker permission")
        permission.add(controller.config.brokerPermission)
        topics = Figures("rocketmq_topic_number", "gauge", "Active topic number")
        topics.add(len(controller.topics.table))
        groups = Figures("rocketmq_consumer_group_number", "gauge", "Active subscription group number")
        groups.add(len(controller.groups.table))
        channels = Figures("rocketmq_ops_connections", "gauge", "Open connections")
        channels.add(len(controller.server.channels))
        refused = Figures("rocketmq_ops_refused_connections_total", "counter", "Connections beyond the limit")
        refused.add(controller.server.refused_connections)
        buffered = Figures("rocketmq_ops_buffered_bytes", "gauge", "Bytes that all connections hold together")
        buffered.add(controller.server.memory.held_bytes)
        dropped = Figures("rocketmq_ops_dropped_connections_total", "counter", "Connections dropped for memory")
        dropped.add(controller.server.memory.dropped)
        busy = Figures("rocketmq_ops_system_busy_total", "counter", "Requests refused with SYSTEM_BUSY")
        busy.add(controller.fast_failure.timed_out, cause="timeout")
        busy.add(controller.fast_failure.overloaded, cause="overload")
        busy.add(controller.held_pulls.refused, cause="held_pulls")
        held = Figures("rocketmq_ops_held_pulls", "gauge", "Pulls that wait for a message")
        held.add(len(controller.held_pulls))
        woken = Figures("rocketmq_ops_woken_pulls", "gauge", "Pulls woken by a message whose consumer takes no answers")
        woken.add(sum(controller.held_pulls.undrained.values()))
        watermark = Figures("rocketmq_processor_watermark", "gauge", "Request processor watermark")
        watermark.add(controller.fast_failure.waiting_sends, processor="send")
        return [watermark, permission, topics, groups, channels, refused, buffered, dropped, busy, held, woken]

    async def _messages(self) -> list[Figures]:
        stats = self._controller.stats
        got = Figures("rocketmq_messages_out_total", "counter", "Total number of outgoing messages")
        got_bytes = Figures("rocketmq_throughput_out_total", "counter", "Total traffic of outgoing messages")
        dead = Figures("rocketmq_send_to_dlq_messages_total", "counter", "Consumer send to DLQ messages")

        def add_group(key: tuple[str, str]) -> None:
            counters, (group, topic) = stats.groups.get(key), key
            if counters is not None and not is_retry_topic(topic) and not is_dlq_topic(topic):
                labels = {"topic": topic, "consumer_group": group, "is_system": self._is_system(topic, group)}
                got.add(counters.get_nums, **labels)
                got_bytes.add(counters.get_size, **labels)

        await in_slices(list(stats.groups), add_group)
        for key, item in stats.events.tables.get(SNDBCK2DLQ_TIMES, {}).items():
            _, topic, group, _ = key.split("@")
            dead.add(item.value, topic=topic, consumer_group=group, is_system=self._is_system(topic, group))
        ended = []
        for name, doc, counted in (
            ("rocketmq_commit_messages_total", "Total number of commit messages", COMMITS),
            ("rocketmq_rollback_messages_total", "Total number of rollback messages", ROLLBACKS),
        ):
            figures = Figures(name, "counter", doc)
            for topic, item in stats.events.tables.get(counted, {}).items():
                figures.add(item.value, topic=topic)
            ended.append(figures)
        return [got, got_bytes, dead, *ended]

    async def _measured(self) -> list[Figures]:
        put = Figures("rocketmq_messages_in_total", "counter", "Total number of incoming messages")
        put_bytes = Figures("rocketmq_throughput_in_total", "counter", "Total traffic of incoming messages")
        sizes = Figures("rocketmq_message_size", "histogram", "Incoming messages size")
        incoming, is_system = self._meters.incoming, self._controller.topics.is_system

        def add(key: tuple[str, str]) -> None:
            meter, (topic, kind) = incoming.get(key), key
            if meter is not None:
                labels = {"topic": topic, "message_type": kind, "is_system": _flag(is_system(topic))}
                put.add(meter.messages, **labels)
                put_bytes.add(meter.size, **labels)
                sizes.add_histogram(meter.sizes, **labels)

        await in_slices(list(incoming), add)
        return [put, put_bytes, sizes]

    def _timed(self) -> list[Figures]:
        finished = Figures("rocketmq_finish_message_latency_milliseconds", "histogram", "Transaction finish latency")
        for topic, histogram in self._meters.finished.items():
            finished.add_histogram(histogram, topic=topic)
        latency = Figures("rocketmq_rpc_latency_milliseconds", "histogram", "Rpc latency")
        for (code, response_code, held), histogram in self._meters.rpc.items():
            latency.add_histogram(
                histogram,
                protocol_type=_REMOTING,
                is_long_polling=_flag(held),
                request_code=request_code_name(code).lower(),
                response_code=response_code_name(response_code).lower(),
                result="success",
            )
        half = Figures("rocketmq_half_messages", "gauge", "Half messages of all topics")
        for topic, (messages, _) in self._controller.transactions.metrics.table.items():
            half.add(messages, topic=topic)
        return [finished, latency, half]

    def _made(self) -> list[Figures]:
        topics = Figures(
            "rocketmq_topic_create_execution_time_milliseconds", "histogram", "The distribution of create topic time"
        )
        for (success, is_system), histogram in self._meters.topics_made.items():
            topics.add_histogram(histogram, invocation_status=_STATUS[success], is_system=_flag(is_system))
        groups = Figures(
            "rocketmq_consumer_group_create_execution_time_milliseconds",
            "histogram",
            "The distribution of create subscription time",
        )
        for success, histogram in self._meters.groups_made.items():
            groups.add_histogram(histogram, invocation_status=_STATUS[success])
        return [topics, groups]

    def _is_system(self, topic: str, group: str) -> str:
        return _flag(self._controller.topics.is_system(topic) or is_system_group(group))

    def _clients(self) -> list[Figures]:
        controller = self._controller
        producers = Figures("rocketmq_producer_connections", "gauge", "Producer connections")
        consumers = Figures("rocketmq_consumer_connections", "gauge", "Consumer connections")
        kinds = Counter(_client(info) for group in controller.producers.table.values() for info in group.values())
        for (language, version), count in kinds.items():
            producers.add(count, language=language, version=version, protocol_type=_REMOTING)
        for group, members in controller.consumers.table.items():
            for (language, version), count in Counter(map(_client, members.channels.values())).items():
                consumers.add(
                    count,
                    consumer_group=group,
                    language=language,
                    version=version,
                    consume_mode=_MODES.get(members.consume_type or "", "unknown"),
                    protocol_type=_REMOTING,
                    is_system=_flag(is_system_group(group)),
                )
        return [producers, consumers]

    def _consumers(self, lags: list[GroupLag]) -> list[Figures]:
        now = self._controller.clock()
        lag = Figures("rocketmq_consumer_lag_messages", "gauge", "Consumer lag messages")
        latency = Figures("rocketmq_consumer_lag_latency_milliseconds", "gauge", "Consumer lag time")
        inflight = Figures("rocketmq_consumer_inflight_messages", "gauge", "Consumer inflight messages")
        queueing = Figures("rocketmq_consumer_queueing_latency_milliseconds", "gauge", "Consumer queueing time")
        ready = Figures("rocketmq_consumer_ready_messages", "gauge", "Consumer ready messages")
        for each in lags:
            is_system = self._is_system(each.topic, each.group)
            labels = {"consumer_group": each.group, "topic": each.topic, "is_retry": "false", "is_system": is_system}
            lag.add(each.lag, **labels)
            latency.add(max(0, now - each.unconsumed_since) if each.unconsumed_since else 0, **labels)
            inflight.add(each.inflight, **labels)
            queueing.add(max(0, now - each.unpulled_since) if each.unpulled_since else 0, **labels)
            ready.add(each.ready, **labels)
        return [lag, latency, inflight, queueing, ready]

    def _store(self) -> list[Figures]:
        store, clock = self._controller.store, self._controller.clock
        size = Figures("rocketmq_storage_size_bytes", "gauge", "Broker storage size")
        size.add(store.fs.disk_usage(store.root).used, **_STORAGE)
        flush = Figures("rocketmq_storage_flush_behind_bytes", "gauge", "Broker flush behind bytes")
        flush.add(max(0, store.max_phy_offset - store.flushed_where), **_STORAGE)
        dispatch = Figures("rocketmq_storage_dispatch_behind_bytes", "gauge", "Broker dispatch behind bytes")
        dispatch.add(store.dispatch_behind_bytes, **_STORAGE)
        kept = Figures("rocketmq_storage_message_reserve_time_milliseconds", "gauge", "Broker message reserve time")
        earliest = store.earliest_store_time()
        if earliest > 0:
            kept.add(clock() - earliest, **_STORAGE)
        return [size, flush, dispatch, kept]


#: ConsumeType.getTypeCN, in small letters.
_MODES = {CONSUME_ACTIVELY: "pull", CONSUME_PASSIVELY: "push", "CONSUME_POP": "pop"}


def _flag(value: bool) -> str:
    return "true" if value else "false"


def _client(info: ClientChannelInfo) -> tuple[str, str]:
    """(language, version) as labels have them."""
    language = info.language
    name = LanguageCode(language).name if isinstance(language, int) else language
    return name.lower(), version_text(info.version).lower()
