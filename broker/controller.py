"""BrokerController: wires managers, store and server together and owns the start and stop order.

What lives here: construction, ports, periodic jobs. What does not: when it registers (`out/registration.py`), what is
there only if it is asked for (`bindings.py`), requests (`processors/`); there is no state beyond the managers.

Conventions that every manager follows:

* it is constructed with the controller alone (`TopicConfigManager(controller)`) and reads
  `controller.config` / `controller.store_config` when it needs a setting, never a copy of one;
* managers with a file have `load() -> bool` and `persist() -> None` (through `common/files.py`);
* everything runs on the one event loop; handlers are plain functions.

What the hot processors call on the managers that live in other modules:

`topics` (TopicConfigManager)
    `table: dict[str, TopicConfig]` (an update replaces the entry, so a change is seen by identity),
    `get(topic)`, `is_order_topic(topic)`,
    `create_in_send_message(topic, default_topic, remote, queue_nums, sys_flag) -> TopicConfig | None`,
    `create_in_send_message_back(topic, queue_nums, perm, order=False, sys_flag=0) -> TopicConfig | None`.
`groups` (SubscriptionGroupManager)
    `find(group) -> SubscriptionGroupConfig | None` (auto-creating as Apache's), `contains(group)`,
    `forbidden(group, topic, index) -> bool`.
`stats` (BrokerStats)
    `topic_counters(topic)` -> object with ints `put_nums`, `put_size` that the send path adds to, and
    `group_counters(group, topic)` -> object with ints `get_nums`, `get_size`; sampling is done by the stats.
`outer` (BrokerOuterApi)
    `await register_all()`, `await unregister_all()`, `await close()`; never raises for one name server.

After a change of the configuration at run time `configuration_changed()` must be called.

Mirrors org.apache.rocketmq.broker.BrokerController.
"""

from __future__ import annotations

import asyncio
import gc
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from rocketmq_ops.broker.auth.config import AuthConfig
from rocketmq_ops.broker.bindings import bind_all
from rocketmq_ops.broker.client.broker_to_client import BrokerToClient
from rocketmq_ops.broker.client.consumer_manager import ConsumerManager
from rocketmq_ops.broker.client.filter_server_manager import FilterServerManager
from rocketmq_ops.broker.client.producer_manager import ProducerManager
from rocketmq_ops.broker.client.rebalance_lock_manager import RebalanceLockManager
from rocketmq_ops.broker.config import BrokerConfig
from rocketmq_ops.broker.fast_failure import BrokerFastFailure
from rocketmq_ops.broker.ha.ha_service import HAService
from rocketmq_ops.broker.ha.known_master import KnownMaster
from rocketmq_ops.broker.loadbalance.message_request_mode_manager import MessageRequestModeManager
from rocketmq_ops.broker.longpolling.pull_request_hold import SWEEP_INTERVAL_MS, PullRequestHold
from rocketmq_ops.broker.offset.consumer_offset_manager import ConsumerOffsetManager
from rocketmq_ops.broker.out.broker_outer_api import BrokerOuterApi
from rocketmq_ops.broker.out.registration import Registration
from rocketmq_ops.broker.processors import install_all
from rocketmq_ops.broker.schedule.schedule_message_service import ScheduleMessageService
from rocketmq_ops.broker.send.stored_answers import StoredAnswers
from rocketmq_ops.broker.slave.own_commits import forget_own_commits
from rocketmq_ops.broker.start_losses import log_losses, log_timers
from rocketmq_ops.broker.state.changes import Changes
from rocketmq_ops.broker.stats.broker_stats import BrokerStats
from rocketmq_ops.broker.stats.fall_behind import PROTECT_INTERVAL_MS, protect
from rocketmq_ops.broker.stats.stage_times import NotedStages
from rocketmq_ops.broker.stats.stats_lines import StatsLines
from rocketmq_ops.broker.subscription.consumer_filter_manager import ConsumerFilterManager
from rocketmq_ops.broker.subscription.subscription_group_manager import SubscriptionGroupManager
from rocketmq_ops.broker.timer.timer_message_service import TimerMessageService
from rocketmq_ops.broker.topic.topic_config_manager import TopicConfigManager
from rocketmq_ops.broker.transaction.transactional_message_service import TransactionalMessageService
from rocketmq_ops.broker.turns import Turns
from rocketmq_ops.common.addresses import AddressError, format_address, resolve_host
from rocketmq_ops.common.clock import now_ms, steady_ms
from rocketmq_ops.common.config import ConfigError
from rocketmq_ops.common.errors import RocketMQError
from rocketmq_ops.common.periodic import PeriodicJobs
from rocketmq_ops.common.state_files import StateFileWriter
from rocketmq_ops.remoting.channel import Channel
from rocketmq_ops.remoting.codes import RequestCode, ResponseCode
from rocketmq_ops.remoting.command import RemotingCommand
from rocketmq_ops.remoting.config import NettyClientConfig, NettyServerConfig
from rocketmq_ops.remoting.listening import listening_socket
from rocketmq_ops.remoting.server import RemotingServer
from rocketmq_ops.remoting.tls_system_config import TlsSystemConfig
from rocketmq_ops.store.config import MessageStoreConfig
from rocketmq_ops.store.message_store import MessageStore

if TYPE_CHECKING:
    from rocketmq_ops.broker.acl.plain_permission_manager import PlainPermissionManager
    from rocketmq_ops.broker.auth.auth_evaluator import AuthEvaluator
    from rocketmq_ops.broker.hooks.registered import RegisteredHooks
    from rocketmq_ops.broker.metrics.meters import BrokerMeters
    from rocketmq_ops.broker.slave.slave_synchronize import SlaveSynchronize
    from rocketmq_ops.remoting.http_page import HttpPage
    from rocketmq_ops.remoting.observed_channel import Observer

log = logging.getLogger(__name__)

P = TypeVar("P")

SCAN_CLIENTS_INTERVAL_MS = 10_000
FILTER_SAVE_INTERVAL_MS = 10_000
#: The VIP port, on which clients may send and administrate, lies this much below `listenPort`.
VIP_PORT_DISTANCE = 2

_SEND_CODES = frozenset({RequestCode.SEND_MESSAGE, RequestCode.SEND_MESSAGE_V2, RequestCode.SEND_BATCH_MESSAGE})


def free_port_with_vip(host: str, tries: int = 50) -> int:
    """A free port whose VIP port is free too, for `listenPort=0`. Raises OSError when none is found."""
    for _ in range(tries):
        try:
            with listening_socket(host, 0) as first:
                port: int = first.getsockname()[1]
                with listening_socket(host, port - VIP_PORT_DISTANCE):
                    return port
        except (OSError, OverflowError):
            continue
    raise OSError(f"no free port with its VIP port found on {host}")


def _store_host(config: BrokerConfig, port: int) -> tuple[str, int]:
    """The numeric address that messages carry. Raises ConfigError; Apache's broker then starts and fails each send."""
    try:
        return resolve_host(config.brokerIP1), port
    except AddressError as error:
        raise ConfigError(f"brokerIP1: {error}", error.next_step) from None


def _refuse_sends(channel: Channel, request: RemotingCommand) -> RemotingCommand | None:
    if request.code not in _SEND_CODES:
        return None
    return request.reply(ResponseCode.SERVICE_NOT_AVAILABLE, "the broker is stopping, send to another one")


class BrokerController:
    """One broker. `start` raises OSError when a port or the store is taken, CorruptDataError for unusable files."""

    #: There only where there are hooks, from the start on.
    hooks_in_use: RegisteredHooks
    #: There only with `aclEnable=true`, from the start on.
    accounts: PlainPermissionManager
    #: There only with `authenticationEnabled=true`, from the start on.
    auth: AuthEvaluator

    def __init__(
        self,
        config: BrokerConfig,
        store_config: MessageStoreConfig,
        server_config: NettyServerConfig,
        client_config: NettyClientConfig,
        auth_config: AuthConfig | None = None,
        tls_config: TlsSystemConfig | None = None,
    ) -> None:
        self.config = config
        self.store_config = store_config
        self.server_config = server_config
        self.client_config = client_config
        self.auth_config = auth_config or AuthConfig()
        self.tls_config = tls_config or TlsSystemConfig()
        self.clock = now_ms
        if not server_config.listenPort:
            server_config.listenPort = free_port_with_vip(server_config.bindAddress)
        self.server = RemotingServer(server_config, self.tls_config)
        self.store_host = _store_host(config, server_config.listenPort)
        self.store = MessageStore(store_config, store_host=self.store_host, clock=self.clock)
        self.files = StateFileWriter()
        self.changes = Changes(self)
        self.topics = TopicConfigManager(self)
        self.groups = SubscriptionGroupManager(self)
        self.offsets, self.slave = self._offsets_by_role()
        self.to_client = BrokerToClient(self)
        self.filters = ConsumerFilterManager(self)
        # Apache's broker goes by the wall clock here: one that is set drops everybody who is connected.
        self.consumers = ConsumerManager(steady_ms, self.to_client.notify_consumer_ids_changed, self.filters.unregister)
        self.producers = ProducerManager(steady_ms)
        self.filter_servers = FilterServerManager(steady_ms)
        self.locks = RebalanceLockManager(steady_ms)
        self.stats = BrokerStats(self)
        self.stats_lines = StatsLines(self)
        self.delay = ScheduleMessageService(self)
        self.timers = TimerMessageService(self)
        self.transactions = TransactionalMessageService(self)
        self.request_modes = MessageRequestModeManager(self)
        #: Where this broker's master is, of a slave.
        self.master = KnownMaster(store_config)
        self.ha = HAService(self)
        self.stored_answers = StoredAnswers(self)
        self.outer = BrokerOuterApi(self)
        self.registration = Registration(self)
        self.register_all = self.registration.register_all
        self.held_pulls = PullRequestHold(config, steady_ms, self._max_offset, self.store.record_of)
        self.stages = NotedStages(self)
        self.fast_failure = BrokerFastFailure(self)
        #: Hooks of whoever runs the broker in its own program, to be added before the start; see `hooks/api.py`.
        self.hooks: list[object] = []
        #: Who watches all requests, where there are hooks for them; and whether hooks wait for answers to sends.
        self.rpc_observer: Observer | None = None
        self.watches_answers = False
        #: The page for Prometheus, and what is counted for it alone, where there is one.
        self.metrics: HttpPage | None = None
        self.meters: BrokerMeters | None = None
        self._watched: dict[Any, Any] = {}
        self._jobs = PeriodicJobs()
        self._configuration_listeners: list[Callable[[], None]] = [self.stored_answers.configuration_changed]
        self._started = False

    @property
    def address(self) -> str:
        """`brokerIP1:listenPort`, as name servers and clients know it."""
        return format_address(self.config.brokerIP1, self.server_config.listenPort)

    @property
    def is_slave(self) -> bool:
        """Whether this broker replicates from a master: it takes no messages, and nothing in it puts any."""
        return self.store_config.brokerRole == "SLAVE"

    @property
    def ha_address(self) -> str:
        """`brokerIP2:haListenPort`, where slaves connect."""
        port = self.store_config.haListenPort or self.server_config.listenPort + 1
        return format_address(self.config.brokerIP2, port)

    def _offsets_by_role(self) -> tuple[ConsumerOffsetManager, SlaveSynchronize | None]:
        """The offsets of groups, and of a slave what takes them and the other tables over from its master."""
        if not self.is_slave:
            return ConsumerOffsetManager(self), None
        from rocketmq_ops.broker.slave.slave_offset_manager import SlaveOffsetManager
        from rocketmq_ops.broker.slave.slave_synchronize import SlaveSynchronize

        offsets = SlaveOffsetManager(self)
        return offsets, SlaveSynchronize(self, offsets)

    async def start(self) -> None:
        """Load configuration files and the store, listen, and register with every name server."""
        bind_all(self)
        tables = (self.topics, self.groups, self.offsets, self.delay)
        missing = [manager.path for manager in tables if not manager.load()]
        self.filters.load()
        self.request_modes.load()
        log_timers(self)
        if not self.is_slave:
            forget_own_commits(self)
        # A slave's tables are its master's, and come again: offsets may be ahead of what was replicated.
        ends = [] if self.is_slave else [*self.offsets.ends(), *self.delay.ends(), *self.timers.ends()]
        report = self.store.load(ends)
        if not self.is_slave:
            self.delay.correct_offsets()
            log_losses(self, report, missing)
        self.timers.load()
        install_all(self)
        self.fast_failure.install()
        self.store.arrivals.listen(self.held_pulls.message_arriving, self.held_pulls.table)
        self.server.on_close(self._client_closed)
        self.stats.count_channels(self.server)
        host, port = self.server_config.bindAddress, self.server_config.listenPort
        if port > VIP_PORT_DISTANCE:
            self.server.add_listener(host, port - VIP_PORT_DISTANCE)
        self.store.start()
        try:
            await self.server.start()
            await self.ha.start()
        except BaseException:
            await self.ha.stop()
            await self.server.stop()
            self.timers.files.close()
            await self.store.shutdown()
            if self.auth_config.authenticationEnabled:
                self.auth.close()
            raise
        self._started = True
        self.stats.start()
        self.stats_lines.start()
        if not self.is_slave:
            self.delay.start()
            self.transactions.start()
        self.timers.start()
        self._start_jobs()
        if self.metrics is not None:
            try:
                await self.metrics.start()
            except BaseException:
                await self.stop()
                raise
        await self.registration.start()
        if self.slave is not None:
            self.slave.start()
        self.registration.go_on()
        gc.collect()
        gc.freeze()

    def processor_of(self, cls: Callable[[BrokerController], P]) -> P:
        """A processor of this class, or of the one that stands for it where there are hooks."""
        made: P = self._watched.get(cls, cls)(self)
        return made

    def watch(self, cls: Callable[[BrokerController], P], watched: Callable[[BrokerController], P]) -> None:
        """Have `watched` stand for a class of processors."""
        self._watched[cls] = watched

    async def stop(self) -> None:
        """Unregister, stop listening, flush and close the store, write the configuration files."""
        if not self._started:
            return
        self._started = False
        self._jobs.stop()
        self.registration.stop()
        if self.slave is not None:
            await self.slave.stop()
        await self.outer.unregister_all()
        if not self.is_slave:
            self.delay.stop()
            self.transactions.stop()
        await self.timers.stop()
        self.stats.stop()
        self.stats_lines.stop()
        if self.metrics is not None:
            await self.metrics.stop()
        await self._drain()
        self.held_pulls.wake_all()
        await self.server.stop()
        if not self.is_slave:
            self.transactions.write_ops()  # of what has ended until now
        await self.ha.stop()
        await self.store.shutdown()
        await self.files.wait()
        unsaved: RocketMQError | None = None
        access = [self.auth.users, self.auth.acls] if self.auth_config.authenticationEnabled else []
        counts = (self.timers.metrics, self.transactions.metrics)
        tables = (self.topics, self.groups, self.offsets, self.delay, *counts, self.filters, *access)
        for manager in tables:
            try:
                manager.persist()
            except RocketMQError as error:
                unsaved = unsaved or error
        if access:
            self.auth.close()
        await self.outer.close()
        if unsaved is not None:
            raise unsaved

    async def _drain(self) -> None:
        """Take no more sends, and let those that wait for the disk or for slaves be answered."""
        checked = self.server.before_request
        self.server.before_request = (
            _refuse_sends
            if checked is None
            else lambda channel, request: checked(channel, request) or _refuse_sends(channel, request)
        )
        if self.store_config.flushDiskType == "SYNC_FLUSH":
            flushed = asyncio.Event()
            self.store.when_flushed(self.store.max_phy_offset, lambda ok: flushed.set())
            await flushed.wait()
        await self.ha.drain()

    def on_configuration_changed(self, listener: Callable[[], None]) -> None:
        """Call `listener` after each change of the configuration, for those who keep something derived from it."""
        self._configuration_listeners.append(listener)

    def configuration_changed(self) -> None:
        """To be called after any attribute of the configuration classes was changed at run time."""
        for listener in self._configuration_listeners:
            listener()

    def _start_jobs(self) -> None:
        every, save, config, store_config = self._jobs.every, self.files.save, self.config, self.store_config
        every("consumer offsets", lambda: config.flushConsumerOffsetInterval, lambda: save(self.offsets))
        for what, state in (("topics", self.topics), ("groups", self.groups)):
            # Only what could not be written when it changed.
            every(what, lambda: config.flushConsumerOffsetInterval, lambda state=state: state.is_dirty and save(state))  # type: ignore[misc]
        every("delay offsets", lambda: store_config.flushDelayOffsetInterval, self.delay.save)
        every("filters", lambda: FILTER_SAVE_INTERVAL_MS, self._save_filters)
        every("inactive clients", lambda: SCAN_CLIENTS_INTERVAL_MS, self._scan_clients)
        every("slow consumers", lambda: PROTECT_INTERVAL_MS, lambda: protect(self))
        Turns(self, self._jobs, "held pulls", self.held_pulls.sweep).start(lambda: SWEEP_INTERVAL_MS)
        if config.aclEnable:
            from rocketmq_ops.broker.acl.plain_permission_manager import WATCH_INTERVAL_MS

            every("accounts", lambda: WATCH_INTERVAL_MS, self.accounts.reload_changed)

    def _save_filters(self) -> None:
        self.filters.clean()
        if self.filters.is_dirty:
            self.files.save(self.filters)

    def _scan_clients(self) -> None:
        self.producers.scan_inactive()
        self.consumers.scan_inactive(self.config.channelExpiredTimeout, self.config.subscriptionExpiredTimeout)
        self.filter_servers.scan_inactive()

    def _client_closed(self, channel: Channel) -> None:
        self.producers.close_channel(channel)
        self.consumers.close_channel(channel)
        self.filter_servers.close_channel(channel)
        self.held_pulls.channel_closed(channel)

    def _max_offset(self, topic: str, queue_id: int) -> int:
        return self.store.max_offset(topic, queue_id)
