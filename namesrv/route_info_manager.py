"""The name server's tables: topics by broker, brokers by cluster and address, and who is alive.

What lives here: every change of the tables (register, unregister, permissions, expiry). Reading them for answers is
in `route_queries.py`. Nothing here sends; a change of the lowest broker id is passed to `on_min_broker_id_changed`.
Mirrors RouteInfoManager of namesrv 5.3.3, without its locks: all runs on the event loop.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from typing import Protocol

import msgspec

from rocketmq_ops.common.addresses import MASTER_ID
from rocketmq_ops.common.data_version import DataVersion
from rocketmq_ops.common.permission import PERM_READ, PERM_WRITE
from rocketmq_ops.namesrv.config import NamesrvConfig
from rocketmq_ops.remoting.bodies import (
    BrokerData,
    QueueData,
    TopicConfig,
    TopicConfigAndMappingSerializeWrapper,
    TopicQueueMappingInfo,
)

log = logging.getLogger(__name__)

#: ms without a registration or heartbeat after which a broker is dropped, unless it announces another time.
BROKER_EXPIRY_MS = 120_000


class BrokerConnection(Protocol):
    """What is needed of the connection a broker registers on."""

    def close(self) -> None:
        """Close the connection."""


class BrokerKey(msgspec.Struct, frozen=True):
    """Which broker process: its cluster and its address (BrokerAddrInfo)."""

    cluster: str
    address: str

    def __str__(self) -> str:
        return f"{self.address} of {self.cluster}"


class BrokerLiveInfo(msgspec.Struct):
    """The content of a broker process's last registration; times in ms of the manager's clock."""

    last_update: int
    timeout: int
    data_version: DataVersion
    channel: BrokerConnection | None
    ha_server_addr: str


class Registration(msgspec.Struct, kw_only=True):
    """One REGISTER_BROKER request."""

    cluster: str
    address: str
    broker_name: str
    broker_id: int
    ha_server_addr: str = ""
    zone_name: str | None = None
    timeout: int | None = None
    #: None: a broker older than 5.0, which never acts as a master.
    enable_acting_master: bool | None = None
    topics: TopicConfigAndMappingSerializeWrapper
    filter_servers: list[str] | None = None
    channel: BrokerConnection | None = None

    @property
    def key(self) -> BrokerKey:
        """The broker process."""
        return BrokerKey(self.cluster, self.address)


class MasterInfo(msgspec.Struct):
    """What a registration is answered with: for a slave, where its master is."""

    ha_server_addr: str | None = None
    master_addr: str | None = None


class MinBrokerIdChange(msgspec.Struct):
    """The lowest broker id of a group changed; `targets` are the addresses to notify."""

    min_broker_id: int
    min_broker_addr: str
    offline_broker_addr: str | None
    ha_broker_addr: str | None
    targets: list[str]


class RouteInfoManager:
    """The tables and their changes. `clock` gives ms and is never set."""

    def __init__(self, config: NamesrvConfig, clock: Callable[[], int]) -> None:
        self._config = config
        self._clock = clock
        self.on_min_broker_id_changed: Callable[[MinBrokerIdChange], None] | None = None
        self.topic_queues: dict[str, dict[str, QueueData]] = {}
        self.brokers: dict[str, BrokerData] = {}
        self.clusters: dict[str, set[str]] = {}
        self.live: dict[BrokerKey, BrokerLiveInfo] = {}
        self.filter_servers: dict[BrokerKey, list[str]] = {}
        self.queue_mappings: dict[str, dict[str, TopicQueueMappingInfo]] = {}

    # --- registration ---------------------------------------------------------------------------------------------

    def register_broker(self, registration: Registration) -> MasterInfo | None:
        """Take in a registration. None when a single topic comes before the broker's first full registration."""
        key, broker_id = registration.key, registration.broker_id
        known = self.brokers.get(registration.broker_name)
        if len(registration.topics.topic_config_table) == 1 and (known is None or broker_id not in known.broker_addrs):
            log.warning("%s registers one topic before its first registration", key)
            return None
        broker, first = self._broker_data(registration)
        addresses = broker.broker_addrs
        lowered = bool(addresses) and broker_id < min(addresses)
        # A slave that became master registers the same address under another id: one record an address.
        for other_id in [i for i, address in addresses.items() if address == key.address and i != broker_id]:
            del addresses[other_id]
        if self._conflicts(registration, addresses.get(broker_id)):
            self.live.pop(key, None)
            return MasterInfo()
        self._warn_of_replacement(registration, addresses.get(broker_id))
        first |= not addresses.get(broker_id)
        addresses[broker_id] = key.address
        self._update_topics(registration, broker, first)
        self._update_live_info(registration)
        if lowered and self._config.notifyMinBrokerIdChanged:
            self._min_broker_id_changed(broker, None, registration.ha_server_addr)
        return self._master_of(registration, broker)

    def _broker_data(self, registration: Registration) -> tuple[BrokerData, bool]:
        name = registration.broker_name
        names = self.clusters.setdefault(registration.cluster, set())
        broker = self.brokers.get(name)
        if broker is not None and broker.cluster != registration.cluster and name not in names:
            log.warning(
                "broker name %s is in cluster %s and, by %s, in %s: only one broker of a name and id has a route, "
                "give each its own brokerName",
                name, broker.cluster, registration.address, registration.cluster,
            )  # fmt: skip
        names.add(name)
        first = broker is None
        if broker is None:
            broker = BrokerData(cluster=registration.cluster, broker_name=name, broker_addrs={})
            self.brokers[name] = broker
        broker.enable_acting_master = bool(registration.enable_acting_master)
        broker.zone_name = registration.zone_name
        return broker, first

    def _warn_of_replacement(self, registration: Registration, old_address: str | None) -> None:
        """Two living brokers of one name and id take each other's place with every registration."""
        if old_address is None or old_address == registration.address:
            return
        living = [key for key in self.live if key.address == old_address]
        if living:
            log.warning(
                "%s replaces %s, which is alive, as broker %s with id %d: its clients are now sent to the other one, "
                "give each broker its own brokerName",
                registration.key, living[0], registration.broker_name, registration.broker_id,
            )  # fmt: skip

    def _conflicts(self, registration: Registration, old_address: str | None) -> bool:
        """Whether another process has this broker id with a newer controller epoch."""
        if old_address is None or old_address == registration.address:
            return False
        old = self.live.get(BrokerKey(registration.cluster, old_address))
        if old is None or old.data_version.state_version <= registration.topics.data_version.state_version:
            return False
        log.warning("%s is refused: %s has the id with a newer state version", registration.key, old_address)
        return True

    def _update_topics(self, registration: Registration, broker: BrokerData, first: bool) -> None:
        broker_id, name, topics = registration.broker_id, registration.broker_name, registration.topics
        prime_slave = (
            registration.enable_acting_master is not None
            and broker_id != MASTER_ID
            and broker_id == min(broker.broker_addrs)
        )
        if broker_id != MASTER_ID and not prime_slave:
            return
        changed = first or self.is_changed(registration.key, topics.data_version)
        mappings = topics.topic_queue_mapping_info_map or {}
        if self._config.deleteTopicWithBrokerRegistration and not mappings:
            self._drop_topics(name, [t for t in self.topic_queues if t not in topics.topic_config_table])
        wipe = PERM_WRITE if prime_slave and broker.enable_acting_master else 0
        for topic, config in topics.topic_config_table.items():
            topic = config.topic_name or topic
            if changed or name not in self.topic_queues.get(topic, {}):
                self._set_queue_data(name, topic, config, config.perm & ~wipe)
        if changed:
            for topic, mapping in mappings.items():
                self.queue_mappings.setdefault(topic, {})[mapping.bname or name] = mapping

    def _set_queue_data(self, broker_name: str, topic: str, config: TopicConfig, perm: int) -> None:
        data = QueueData(
            broker_name=broker_name,
            read_queue_nums=config.read_queue_nums,
            write_queue_nums=config.write_queue_nums,
            perm=perm,
            topic_sys_flag=config.topic_sys_flag,
        )
        queues = self.topic_queues.setdefault(topic, {})
        if queues.get(broker_name) != data:
            queues[broker_name] = data

    def _update_live_info(self, registration: Registration) -> None:
        key = registration.key
        if key not in self.live:
            log.info("broker %s %s registered", registration.broker_name, key)
        self.live[key] = BrokerLiveInfo(
            last_update=self._clock(),
            timeout=BROKER_EXPIRY_MS if registration.timeout is None else registration.timeout,
            data_version=registration.topics.data_version,
            channel=registration.channel,
            ha_server_addr=registration.ha_server_addr,
        )
        if registration.filter_servers:
            self.filter_servers[key] = registration.filter_servers
        elif registration.filter_servers is not None:
            self.filter_servers.pop(key, None)

    def _master_of(self, registration: Registration, broker: BrokerData) -> MasterInfo:
        master = broker.broker_addrs.get(MASTER_ID)
        if registration.broker_id == MASTER_ID or master is None:
            return MasterInfo()
        info = self.live.get(BrokerKey(registration.cluster, master))
        return MasterInfo() if info is None else MasterInfo(info.ha_server_addr, master)

    # --- heartbeat and versions -----------------------------------------------------------------------------------

    def data_version(self, key: BrokerKey) -> DataVersion | None:
        """The data version of the last registration, None for an unknown broker."""
        info = self.live.get(key)
        return None if info is None else info.data_version

    def is_changed(self, key: BrokerKey, version: DataVersion) -> bool:
        """Whether the broker's topics differ from what was registered last; True for an unknown broker."""
        return self.data_version(key) != version

    def touch(self, key: BrokerKey) -> None:
        """A sign of life: the expiry starts again."""
        info = self.live.get(key)
        if info is not None:
            info.last_update = self._clock()

    # --- leaving --------------------------------------------------------------------------------------------------

    def unregister_broker(self, key: BrokerKey, broker_name: str, broker_id: int) -> None:
        """Remove a broker process; its topics too when it was the last of its name.

        An address that is registered under another id by now stays (Apache removes it): a slave that has become the
        master keeps its topics routed when the slave is unregistered.
        """
        broker = self.brokers.get(broker_name)
        ids = [] if broker is None else [i for i, address in broker.broker_addrs.items() if address == key.address]
        if ids and broker_id not in ids:
            log.info("broker %s %s stays: it is not id %d that is registered, but %s", broker_name, key, broker_id, ids)
            return
        known = self.live.pop(key, None) is not None
        log.info("broker %s %s unregistered%s", broker_name, key, "" if known else " (was unknown)")
        self.filter_servers.pop(key, None)
        if broker is None:
            self._forget_name(key.cluster, broker_name)
            return
        addresses = broker.broker_addrs
        was_lowest = bool(addresses) and broker_id == min(addresses)
        for gone in ids:
            del addresses[gone]
        if not addresses:
            del self.brokers[broker_name]
            self._forget_name(key.cluster, broker_name)
            return
        if broker.enable_acting_master and MASTER_ID not in addresses:
            for queues in self.topic_queues.values():
                if broker_name in queues:
                    queues[broker_name].perm &= ~PERM_WRITE
        if was_lowest and broker.enable_acting_master and self._config.notifyMinBrokerIdChanged:
            self._min_broker_id_changed(broker, key.address, None)

    def _forget_name(self, cluster: str, broker_name: str) -> None:
        names = self.clusters.get(cluster)
        if names is not None:
            names.discard(broker_name)
            if not names:
                del self.clusters[cluster]
        self._drop_topics(broker_name, list(self.topic_queues))

    def channel_closed(self, channel: object) -> None:
        """Remove at once every broker that registered on this connection."""
        for key in [key for key, info in self.live.items() if info.channel is channel]:
            self._expire(key)

    def scan_not_active(self) -> None:
        """Remove the brokers whose last sign of life is too old, and close their connections."""
        now = self._clock()
        for key, info in list(self.live.items()):
            if info.last_update + info.timeout < now:
                log.warning("broker %s expired: no heartbeat for %d ms", key, info.timeout)
                self._expire(key)
                if info.channel is not None:
                    info.channel.close()

    def _expire(self, key: BrokerKey) -> None:
        for name, broker in list(self.brokers.items()):
            if broker.cluster != key.cluster:
                continue
            for broker_id, address in list(broker.broker_addrs.items()):
                if address == key.address:
                    self.unregister_broker(key, name, broker_id)
                    return
        # Its id was taken over by another address meanwhile: only the record of the old process remains.
        self.live.pop(key, None)
        self.filter_servers.pop(key, None)

    # --- topics ---------------------------------------------------------------------------------------------------

    def register_topic(self, topic: str, queue_datas: Iterable[QueueData]) -> None:
        """Set a topic's route by hand; ignored as a whole when it names an unknown broker."""
        by_broker = {data.broker_name: data for data in queue_datas}
        unknown = [name for name in by_broker if name not in self.brokers]
        if unknown:
            log.warning("route of topic %s names unknown brokers: %s", topic, unknown)
        elif by_broker:
            self.topic_queues.setdefault(topic, {}).update(by_broker)

    def delete_topic(self, topic: str, cluster: str | None = None) -> None:
        """Remove a topic's route, or only that to the brokers of one cluster."""
        if not cluster:
            self.topic_queues.pop(topic, None)
            return
        for name in self.clusters.get(cluster, ()):
            self._drop_topics(name, [topic])

    def _drop_topics(self, broker_name: str, topics: Iterable[str]) -> None:
        for topic in topics:
            queues = self.topic_queues.get(topic)
            if queues is not None and queues.pop(broker_name, None) is not None and not queues:
                del self.topic_queues[topic]

    def wipe_write_perm(self, broker_name: str) -> int:
        """Take the write permission from all topics on a broker; how many there are."""
        return self._change_perm(broker_name, lambda perm: perm & ~PERM_WRITE)

    def add_write_perm(self, broker_name: str) -> int:
        """Give read and write permission to all topics on a broker; how many there are."""
        return self._change_perm(broker_name, lambda perm: PERM_READ | PERM_WRITE)

    def _change_perm(self, broker_name: str, change: Callable[[int], int]) -> int:
        found = [queues[broker_name] for queues in self.topic_queues.values() if broker_name in queues]
        for data in found:
            data.perm = change(data.perm)
        return len(found)

    # --- lowest broker id -----------------------------------------------------------------------------------------

    def _min_broker_id_changed(self, broker: BrokerData, offline: str | None, ha_address: str | None) -> None:
        addresses: Mapping[int, str] = broker.broker_addrs
        if self.on_min_broker_id_changed is None or not addresses:
            return
        lowest = min(addresses)
        everyone = offline is not None or len(addresses) == 1
        targets = [address for i, address in addresses.items() if everyone or i != lowest]
        self.on_min_broker_id_changed(MinBrokerIdChange(lowest, addresses[lowest], offline, ha_address, targets))
