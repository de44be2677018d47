"""Where topics live, as this client knows it: routes by topic, broker addresses by name. Mirrors MQClientInstance.

Routes come from the name servers and are refreshed by the instance's periodic task and by callers that met an error.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from functools import partial

from rocketmq_ops.client.api.route import topic_route
from rocketmq_ops.client.api.send import DEFAULT_TOPIC_QUEUE_NUMS
from rocketmq_ops.client.api.session import Session
from rocketmq_ops.client.errors import BrokerError, NoMasterError, NoRouteError
from rocketmq_ops.common.addresses import MASTER_ID
from rocketmq_ops.common.message import MessageQueue
from rocketmq_ops.common.permission import PERM_READ, PERM_WRITE
from rocketmq_ops.common.tasks import run_later
from rocketmq_ops.common.topics import AUTO_CREATE_TOPIC
from rocketmq_ops.remoting.bodies.route import BrokerData, QueueData, TopicRouteData
from rocketmq_ops.remoting.errors import RemotingError


class RouteTable:
    """Routes of the topics that were asked for."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._routes: dict[str, TopicRouteData] = {}
        self._publish: dict[str, list[MessageQueue]] = {}
        self._fetching: dict[tuple[str, bool], asyncio.Task[bool]] = {}
        #: Broker name -> broker id -> address.
        self.brokers: dict[str, dict[int, str]] = {}
        #: Called when a route names an address that was not known.
        self.on_new_broker: Callable[[], None] | None = None

    # --- what is known --------------------------------------------------------------------------------------------

    def topics(self) -> list[str]:
        """The topics with a known route."""
        return list(self._routes)

    def route(self, topic: str) -> TopicRouteData | None:
        """The route as last fetched."""
        return self._routes.get(topic)

    def publish_queues(self, topic: str) -> list[MessageQueue]:
        """The queues of writable brokers that have a master; empty when the route is not known."""
        return self._publish.get(topic, [])

    def subscribe_queues(self, topic: str) -> list[MessageQueue]:
        """The queues of readable brokers; empty when the route is not known."""
        route = self._routes.get(topic)
        return [] if route is None else subscribe_queues(topic, route)

    def master(self, broker_name: str) -> str | None:
        """The address of a broker's master."""
        return self.brokers.get(broker_name, {}).get(MASTER_ID)

    def subscribe_address(self, broker_name: str, broker_id: int = MASTER_ID) -> tuple[str, bool] | None:
        """(address, is a slave) to pull from: the broker id asked for if there, else any of that name."""
        addresses = self.brokers.get(broker_name)
        if not addresses:
            return None
        found = broker_id if broker_id in addresses else next(iter(sorted(addresses)))
        return addresses[found], found != MASTER_ID

    def random_broker(self, topic: str) -> str | None:
        """An address that serves a topic: a master where there is one."""
        return next(iter(self.broker_addresses(topic)), None)

    def broker_addresses(self, topic: str) -> list[str]:
        """One address of each broker that serves a topic, a master where there is one; in random order."""
        route = self._routes.get(topic)
        brokers = [broker.broker_addrs for broker in route.broker_datas if broker.broker_addrs] if route else []
        random.shuffle(brokers)
        return [of.get(MASTER_ID) or next(iter(of.values())) for of in brokers]

    # --- fetching -------------------------------------------------------------------------------------------------

    async def need(self, topic: str) -> TopicRouteData:
        """The route of a topic, fetched when it is not known yet. Raises NoRouteError, RemotingError, BrokerError."""
        if topic not in self._routes:
            await self.refresh(topic)
        route = self._routes.get(topic)
        if route is None:
            raise NoRouteError(f"no name server knows a route of topic '{topic}'")
        return route

    async def need_publish_queues(self, topic: str) -> list[MessageQueue]:
        """The queues to send to; an unknown topic goes where TBW102 lives, so that a broker may create it.

        One that is known and has no writable queue goes nowhere (DefaultMQProducerImpl.tryToFindTopicPublishInfo).
        Raises NoRouteError.
        """
        queues = self._publish.get(topic)
        if not queues:
            await self.refresh(topic)
            queues = self._publish.get(topic)
        if topic not in self._routes:
            await self.refresh(topic, as_default=True)
            queues = self._publish.get(topic)
        if not queues:
            route = self._routes.get(topic)
            if route is not None and (names := without_master(route)):
                raise NoMasterError(*no_master(topic, names))
            raise NoRouteError(f"topic '{topic}' has no writable queue, and no broker creates topics by itself")
        return queues

    async def refresh(self, topic: str, *, as_default: bool = False) -> bool:
        """Fetch a route; True when it changed. One request at a time for a topic; callers share it."""
        key = (topic, as_default)
        task = self._fetching.get(key)
        if task is None:
            task = self._fetching[key] = run_later(self._fetch(topic, as_default), f"route {topic}")
            task.add_done_callback(partial(self._fetched, key))
        return await asyncio.shield(task)

    def _fetched(self, key: tuple[str, bool], task: asyncio.Task[bool]) -> None:
        self._fetching.pop(key, None)
        if not task.cancelled():
            task.exception()  # seen: all who waited for it may have been cancelled, as by the client's end

    async def refresh_all(self, topics: set[str]) -> None:
        """Fetch the routes of all given topics; failures leave what was known."""
        for topic in sorted(topics):
            try:
                await self.refresh(topic)
            except (RemotingError, BrokerError):
                continue

    async def _fetch(self, topic: str, as_default: bool) -> bool:
        route = await topic_route(self._session, AUTO_CREATE_TOPIC if as_default else topic)
        if route is None:
            return False  # what was known stays, as in MQClientInstance: the topic may be on its way
        if as_default:
            for queues in route.queue_datas:
                count = min(DEFAULT_TOPIC_QUEUE_NUMS, queues.read_queue_nums)
                queues.read_queue_nums = queues.write_queue_nums = count
        return self._store(topic, route)

    def _store(self, topic: str, route: TopicRouteData) -> bool:
        for broker in route.broker_datas:
            known_addresses = self.brokers.get(broker.broker_name, {})
            self.brokers[broker.broker_name] = dict(broker.broker_addrs)
            if self.on_new_broker is not None and not broker.broker_addrs.items() <= known_addresses.items():
                self.on_new_broker()
        known = self._routes.get(topic)
        if known is not None and _comparable(known) == _comparable(route):
            return False
        self._routes[topic] = route
        self._publish[topic] = _publish_queues(topic, route)
        return True

    def forget_broker(self, address: str) -> None:
        """Drop an address that is in no route any more."""
        known = {
            found for route in self._routes.values() for b in route.broker_datas for found in b.broker_addrs.values()
        }
        if address in known:
            return
        for addresses in self.brokers.values():
            for broker_id in [i for i, found in addresses.items() if found == address]:
                del addresses[broker_id]


def _comparable(route: TopicRouteData) -> object:
    """The route in an order that does not depend on the name server's."""
    return (
        sorted(route.queue_datas, key=lambda q: q.broker_name),
        sorted(route.broker_datas, key=lambda b: b.broker_name),
        route.order_topic_conf,
    )


def _brokers_of(route: TopicRouteData) -> dict[str, BrokerData]:
    return {broker.broker_name: broker for broker in route.broker_datas}


def _sorted_queues(route: TopicRouteData) -> list[QueueData]:
    return sorted(route.queue_datas, key=lambda q: q.broker_name)


def _publish_queues(topic: str, route: TopicRouteData) -> list[MessageQueue]:
    """Mirrors MQClientInstance.topicRouteData2TopicPublishInfo: an order configuration wins over the queue data."""
    if route.order_topic_conf:
        queues = []
        for part in route.order_topic_conf.split(";"):
            name, _, count = part.partition(":")
            if count.isdigit():
                queues += [MessageQueue(topic, name, i) for i in range(int(count))]
        return queues
    brokers = _brokers_of(route)
    return [
        MessageQueue(topic, data.broker_name, i)
        for data in _sorted_queues(route)
        if data.perm & PERM_WRITE
        and data.broker_name in brokers
        and MASTER_ID in brokers[data.broker_name].broker_addrs
        for i in range(data.write_queue_nums)
    ]


def without_master(route: TopicRouteData, broker_name: str | None = None) -> list[str]:
    """Names of the brokers, or `broker_name` if it is one, that have writable queues and whose slaves alone are
    registered."""
    brokers = _brokers_of(route)
    return [
        data.broker_name
        for data in _sorted_queues(route)
        if data.perm & PERM_WRITE
        and data.write_queue_nums
        and broker_name in (None, data.broker_name)
        and data.broker_name in brokers
        and MASTER_ID not in brokers[data.broker_name].broker_addrs
    ]


def no_master(topic: str, names: list[str]) -> tuple[str, str]:
    """Cause and next step of an error: the brokers `names` have no master that takes messages."""
    return (
        f"no master of {', '.join(names)} is registered: messages for topic '{topic}' cannot be sent, slaves take none",
        "start the master; if it is lost, make its slave the master",
    )


def subscribe_queues(topic: str, route: TopicRouteData) -> list[MessageQueue]:
    """The queues of readable brokers in the order in which every client of a group sees them."""
    return [
        MessageQueue(topic, data.broker_name, i)
        for data in _sorted_queues(route)
        if data.perm & PERM_READ
        for i in range(data.read_queue_nums)
    ]
