"""Whom a change touches: groups and how far they are behind, the clients that are connected, what its brokers hold.

One way for every change, by the kind of its records (`SCOPES`). Only servers that the change reaches are asked, and one
that does not answer is asked nothing more. What is not known is None, never 0 or an empty list.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from rocketmq_ops.common.errors import Failure, RocketMQError
from rocketmq_ops.common.topics import TRACE_TOPIC, is_dlq_topic, is_retry_topic, split_topic_group

if TYPE_CHECKING:
    from rocketmq_ops.client.admin.changes import Change
    from rocketmq_ops.client.admin.core import MQAdmin
    from rocketmq_ops.common.message import MessageQueue
    from rocketmq_ops.remoting.bodies import Connection, ConsumeStats

T = TypeVar("T")
#: (address of a broker, group), and (address, group, topic); the topic "" stands for all that the group consumes.
GroupPlace = tuple[str, str]
LagPlace = tuple[str, str, str]


class AffectedClient(msgspec.Struct, rename="camel", frozen=True):
    """One connected client, by its address as the first broker that has it sees it."""

    client_id: str
    client_addr: str
    language: str
    version: str


class AffectedLag(msgspec.Struct, rename="camel"):
    """How far a group is behind in a topic, in messages, and since when (ms) the oldest of them is stored.

    None when it is not known: a broker did not answer, or the group has no offset there.
    """

    topic: str
    lag: int | None
    lag_millis: int | None


class AffectedGroup(msgspec.Struct, rename="camel"):
    """A consumer group on the brokers of the change; `consumers` are None when a broker did not answer.

    `message_model` is None when no consumer is online. A broadcasting group has its offsets with its clients: what a
    broker holds of it is of another time, so that its lag is not known.
    """

    group: str
    topics: list[AffectedLag]
    consumers: list[AffectedClient] | None
    message_model: str | None


class AffectedProducers(msgspec.Struct, rename="camel"):
    """The producers of one group that are connected to brokers of a topic that changes.

    Brokers do not record to which of their topics a producer sends.
    """

    group: str
    clients: list[AffectedClient]


class AffectedBroker(msgspec.Struct, rename="camel"):
    """What a broker that changes holds: the numbers of its topics and of the clients connected to it.

    A client that produces and consumes over one connection is one of `clients`. None: not known.
    """

    address: str
    topics: int | None
    clients: int | None
    producers: int | None
    consumers: int | None


class Affected(msgspec.Struct, rename="camel"):
    """Whom a change touches. `producers` are None when a broker did not list them, and empty when no topic changes."""

    groups: list[AffectedGroup]
    producers: list[AffectedProducers] | None
    brokers: list[AffectedBroker]
    failures: list[Failure] = []
    notes: list[str] = []


class Scope:
    """What changes touch, by the addresses of brokers.

    A topic or a broker name without an address is looked up at the name servers.
    """

    def __init__(self, changes: Iterable[Change]) -> None:
        self.topics: dict[str, set[str]] = {}
        self.groups: dict[str, set[str]] = {}
        self.group_topics: dict[tuple[str, str], set[str]] = {}
        self.brokers: dict[str, None] = {}
        self.broker_names: set[str] = set()
        for change in changes:
            SCOPES[change.kind](self, change)

    @property
    def producing(self) -> set[str]:
        """The brokers of the topics to which producers send; to retry and dead-letter topics only brokers do."""
        return {
            address
            for topic, found in self.topics.items()
            if not is_retry_topic(topic) and not is_dlq_topic(topic)
            for address in found
        }

    def topic(self, change: Change) -> None:
        """A topic on a broker; a new one has nobody yet."""
        if change.action != "create":
            self.topics.setdefault(change.name, set()).add(change.target)

    def routed_topic(self, change: Change) -> None:
        """A topic wherever it is."""
        self.topics.setdefault(change.name, set())

    def group(self, change: Change) -> None:
        """A group on a broker, in all its topics."""
        if change.action != "create" or change.kind != "group":
            self.groups.setdefault(change.name, set()).add(change.target)

    def offset(self, change: Change) -> None:
        """A group in one topic."""
        group, topic, _ = change.name.split(" ")
        self.group_topics.setdefault((group, topic), set()).add(change.target)

    def mode(self, change: Change) -> None:
        """A group in one topic."""
        topic, group = split_topic_group(change.name)
        self.group_topics.setdefault((group, topic), set()).add(change.target)

    def broker(self, change: Change) -> None:
        """A broker, with all that it holds."""
        self.brokers[change.target] = None

    def named_broker(self, change: Change) -> None:
        """A broker by its name."""
        self.broker_names.add(change.name)

    def contained_broker(self, change: Change) -> None:
        """A broker of a container, as CLUSTER:NAME:ID; a new one has nobody yet."""
        if change.action == "delete":
            self.broker_names.add(change.name.split(":")[1])

    def nobody(self, change: Change) -> None:
        """Name servers and controllers do not record who is connected to them."""


#: What each kind of change touches. Every kind has an entry.
SCOPES: dict[str, Callable[[Scope, Change], None]] = {
    "topic": Scope.topic,
    "staticTopic": Scope.routed_topic,
    "route": Scope.routed_topic,
    "orderConf": Scope.routed_topic,
    "group": Scope.group,
    "coldReadThreshold": Scope.group,
    "offset": Scope.offset,
    "consumeMode": Scope.mode,
    "brokerConfig": Scope.broker,
    "cleaning": Scope.broker,
    "timerEngine": Scope.broker,
    "readAheadMode": Scope.broker,
    "masterFlushOffset": Scope.broker,
    "user": Scope.broker,
    "acl": Scope.broker,
    "account": Scope.broker,
    "globalWhiteAddresses": Scope.broker,
    "writePermission": Scope.named_broker,
    "master": Scope.named_broker,
    "brokerMetadata": Scope.named_broker,
    "containedBroker": Scope.contained_broker,
    "namesrvConfig": Scope.nobody,
    "controllerConfig": Scope.nobody,
    "kv": Scope.nobody,
}


async def affected(admin: MQAdmin, changes: Sequence[Change]) -> Affected:
    """Whom these changes touch. Raises nothing that a server's failure causes: that is among `failures`."""
    asking = _Asking(admin)
    scope = Scope(changes)
    await asking.look_up(scope)
    groups = await asking.groups(scope)
    producers = await asking.producers(sorted(scope.producing), traces=TRACE_TOPIC in scope.topics)
    brokers = await asking.brokers(list(scope.brokers))
    return Affected(groups, producers, brokers, asking.failures, asking.notes)


class _Asking:
    """Asks the brokers, a bounded number at a time, and keeps what failed."""

    def __init__(self, admin: MQAdmin) -> None:
        self._admin = admin
        self._silent: dict[str, RocketMQError] = {}
        self._errors: dict[tuple[str, int | None], RocketMQError] = {}
        self.notes: list[str] = []

    @property
    def failures(self) -> list[Failure]:
        """One for each server and reason."""
        return [self._admin.failure_of(address, error) for (address, _), error in self._errors.items()]

    async def look_up(self, scope: Scope) -> None:
        """Set the addresses of topics and brokers that are known by name."""
        from rocketmq_ops.client.admin.topics.topic import broker_addresses
        from rocketmq_ops.client.errors import NotFoundError
        from rocketmq_ops.remoting.errors import NoNameServerError

        async def route(topic: str) -> list[str]:
            try:
                return broker_addresses(await self._admin.topics.route_data(topic))
            except NotFoundError:
                return []

        fan = await self._admin.fan_out([topic for topic, found in scope.topics.items() if not found], route)
        for topic, addresses in fan.answers.items():
            scope.topics[topic] = set(addresses)
        for error in fan.errors.values():
            self._errors["name servers", None] = error
        if scope.broker_names:
            try:
                known = await self._admin.cluster.one_each()
            except NoNameServerError:
                names = ", ".join(sorted(scope.broker_names))
                self.notes.append(f"who is connected to {names} is not known: no name server is given")
            except RocketMQError as error:
                self._errors["name servers", None] = error
            else:
                scope.brokers |= {each.address: None for each in known if each.broker_name in scope.broker_names}

    async def groups(self, scope: Scope) -> list[AffectedGroup]:
        """The groups of the topics and those that change themselves: how far behind they are, and their clients."""
        from rocketmq_ops.remoting.bodies.enums import BROADCASTING

        places = [(address, topic) for topic, found in scope.topics.items() for address in sorted(found)]
        readers = await self._each(places, self._admin.topics.readers_at)
        wanted: dict[LagPlace, None] = {
            (address, group, topic): None for (address, topic), groups in readers.items() for group in groups
        }
        wanted |= {
            (address, group, topic): None for (group, topic), at in scope.group_topics.items() for address in sorted(at)
        }
        wanted |= {(address, group, ""): None for group, at in scope.groups.items() for address in sorted(at)}
        lags = await self._lags(list(wanted))
        members = await self._members({(address, group): None for address, group, _ in wanted})
        result = []
        for name in sorted({group for _, group, _ in wanted}):
            clients, model = members[name]
            topics = [AffectedLag(topic, *lag) for (group, topic), lag in lags.items() if group == name]
            if model == BROADCASTING:
                topics = [AffectedLag(each.topic, None, None) for each in topics]
                self.notes.append(
                    f"group {name} is broadcasting: its offsets are with its clients, its lag is not known"
                )
            result.append(AffectedGroup(name, topics, clients, model))
        return result

    async def _lags(self, places: Sequence[LagPlace]) -> dict[tuple[str, str], tuple[int | None, int | None]]:
        """(group, topic) -> (lag, lag in ms) over the brokers of these places."""
        from rocketmq_ops.client.admin.groups.group import lag_of, total
        from rocketmq_ops.client.admin.groups.lag_time import delays_at

        stats = await self._each(
            places, lambda address, group, topic: self._admin.groups.stats_at(address, group, topic or None)
        )
        lags: dict[tuple[str, str], dict[MessageQueue, int | None]] = {
            (group, topic): {} for _, group, topic in places if topic
        }
        behind: dict[LagPlace, None] = {}
        without = await self._without_offset(stats)
        for (address, group, _), answer in stats.items():
            for queue, offsets in answer.offset_table.items():
                lag = lag_of(offsets.broker_offset, offsets.consumer_offset)
                if lag and not offsets.consumer_offset and (address, group, queue.topic, queue.queue_id) in without:
                    lag = None
                lags.setdefault((group, queue.topic), {})[queue] = lag
                if lag:
                    behind[address, group, queue.topic] = None
        spans = await self._each(
            list(behind), lambda address, group, topic: delays_at(self._admin, address, group, topic)
        )
        delays = {(group, queue): span for (_, group, _), found in spans.items() for queue, span in found.items()}
        failed = {(group, topic) for address, group, topic in places if (address, group, topic) not in stats}
        result: dict[tuple[str, str], tuple[int | None, int | None]] = {}
        for (group, topic), queues in sorted(lags.items()):
            whole = bool(queues) and not {(group, topic), (group, "")} & failed
            lag = total(list(queues.values())) if whole else None
            times = [
                delays.get((group, (queue.topic, queue.broker_name, queue.queue_id))) if count else 0
                for queue, count in queues.items()
            ]
            known = [each for each in times if each is not None]
            result[group, topic] = lag, max(known) if lag is not None and len(known) == len(times) else None
        return result

    async def _without_offset(self, stats: dict[LagPlace, ConsumeStats]) -> set[tuple[str, str, str, int]]:
        """(address, group, topic, queue id) where the group has committed nothing, or a broker does not say whether.

        AdminBrokerProcessor.getConsumeStats answers 0 there. It is no lag: where the group begins is decided by its
        consumers (consumeFromWhere) when they come.
        """
        numbers: dict[LagPlace, list[int]] = {}
        for (address, group, _), answer in stats.items():
            for queue, offsets in answer.offset_table.items():
                if offsets.consumer_offset == 0 < offsets.broker_offset:
                    numbers.setdefault((address, group, queue.topic), []).append(queue.queue_id)

        async def offsets_at(address: str, group: str, topic: str) -> list[int | None]:
            count = max(numbers[address, group, topic]) + 1
            return await self._admin.offsets.saved_offsets(address, group, topic, count)

        saved = await self._each(list(numbers), offsets_at)
        return {
            (*place, queue_id)
            for place, queue_ids in numbers.items()
            for queue_id in queue_ids
            if place not in saved or saved[place][queue_id] is None
        }

    async def _members(
        self, places: dict[GroupPlace, None]
    ) -> dict[str, tuple[list[AffectedClient] | None, str | None]]:
        """Group -> its online consumers, and their message model."""
        found = await self._each(list(places), self._admin.clients.consumers_at)
        by_group: dict[str, dict[str, list[Connection]]] = {group: {} for _, group in places}
        for (address, group), answer in found.items():
            by_group[group][address] = answer.connection_set if answer is not None else []
        unknown = {group for address, group in places if (address, group) not in found}
        models = {group: answer.message_model for (_, group), answer in found.items() if answer is not None}
        return {
            group: (None if group in unknown else _clients(by), models.get(group)) for group, by in by_group.items()
        }

    async def producers(self, addresses: list[str], *, traces: bool = False) -> list[AffectedProducers] | None:
        """The producers that are connected to these brokers, by group. `traces`: also those that send traces alone,
        which each client has that traces (TraceConstants.GROUP_NAME_PREFIX)."""
        from rocketmq_ops.client.tracing import PRODUCER_GROUP_PREFIX

        found = await self._producers_at(addresses)
        if len(found) < len(addresses):
            return None
        groups = sorted({group for by_group in found.values() for group, clients in by_group.items() if clients})
        if not traces:
            groups = [group for group in groups if not group.startswith(f"{PRODUCER_GROUP_PREFIX}-")]
        return [
            AffectedProducers(group, _clients({at: by_group.get(group, []) for at, by_group in found.items()}))
            for group in groups
        ]

    async def _producers_at(self, addresses: Iterable[str]) -> dict[str, dict[str, list[Connection]]]:
        """Address -> group -> connections."""
        from rocketmq_ops.client.api.clients import all_producers
        from rocketmq_ops.remoting.bodies import Connection, ProducerInfo

        def connection(producer: ProducerInfo) -> Connection:
            return Connection(
                client_id=producer.client_id,
                client_addr=producer.remote_ip.removeprefix("/"),  # Apache's brokers give a socket address of Java
                language=producer.language,
                version=producer.version,
            )

        async def one(address: str) -> dict[str, list[Connection]]:
            table = (await all_producers(self._admin.session, address)).data
            return {group: [connection(each) for each in producers or ()] for group, producers in table.items()}

        found = await self._each([(address,) for address in addresses], one)
        return {address: by_group for (address,), by_group in found.items()}

    async def brokers(self, addresses: list[str]) -> list[AffectedBroker]:
        """The numbers of topics and clients of each broker. No request lists all consumers: each group is asked for."""
        at = [(address,) for address in addresses]
        topics = await self._each(at, self._admin.topics.configs_at)
        producers = await self._producers_at(addresses)
        groups = await self._each(at, self._admin.groups.configs_at)
        places = [(address, group) for (address,), names in groups.items() for group in names]
        members = await self._each(places, self._admin.clients.consumers_at)
        result = []
        for address in addresses:
            asked = [place for place in places if place[0] == address]
            sent = _connections(each for each in producers[address].values()) if address in producers else None
            read = None
            if (address,) in groups and all(place in members for place in asked):
                read = _connections(found.connection_set for place in asked if (found := members[place]) is not None)
            result.append(
                AffectedBroker(
                    address,
                    len(topics[(address,)]) if (address,) in topics else None,
                    len(sent | read) if sent is not None and read is not None else None,
                    len(sent) if sent is not None else None,
                    len(read) if read is not None else None,
                )
            )
        return result

    async def _each(self, places: Iterable[Any], call: Callable[..., Awaitable[T]]) -> dict[Any, T]:
        """`call` for each place, a tuple that begins with a broker's address; the answers. What failed is kept."""
        from rocketmq_ops.client.errors import BrokerError, UnsupportedError

        async def one(place: tuple[str, ...]) -> T:
            if place[0] in self._silent:
                raise self._silent[place[0]]
            try:
                return await call(*place)
            except BrokerError:
                raise
            except RocketMQError as error:
                self._silent[place[0]] = error
                raise

        fan = await self._admin.fan_out(places, one)
        for place, error in fan.errors.items():
            if isinstance(error, UnsupportedError):
                if error.cause not in self.notes:
                    self.notes.append(error.cause)
            else:
                self._errors.setdefault((place[0], getattr(error, "code", None)), error)
        return fan.answers


def _clients(by_broker: dict[str, list[Connection]]) -> list[AffectedClient]:
    """The clients behind the connections that brokers report."""
    from rocketmq_ops.client.admin.client import merged

    return [AffectedClient(c.client_id, c.client_addr, c.language, c.version) for c in merged(by_broker)]


def _connections(groups: Iterable[Iterable[Connection]]) -> set[tuple[str, str]]:
    """The connections of all groups, each once."""
    return {(each.client_id, each.client_addr) for connections in groups for each in connections}
