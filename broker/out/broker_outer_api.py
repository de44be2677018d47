"""What a broker says to its name servers: registration, unregistration, new topics, and whether they lag behind; and
the connections to other brokers.

Name servers are independent of each other: every call goes to all of them at once, and one that fails costs a log
line, never the others. The list is read from `namesrvAddr` at each call, so that changing it needs no restart; without
it, it is what an address server said last.
The rhythm of registration is the controller's.

Mirrors org.apache.rocketmq.broker.out.BrokerOuterAPI and the registration of BrokerController.
"""

from __future__ import annotations

import asyncio
import logging
import zlib
from collections.abc import Awaitable, Callable, Iterable
from typing import TYPE_CHECKING

import msgspec

from rocketmq_ops.broker.state.changes import LONGEST_WAIT_MS
from rocketmq_ops.common.addresses import split_addresses
from rocketmq_ops.common.data_version import DataVersion
from rocketmq_ops.common.errors import RocketMQError
from rocketmq_ops.common.permission import PERM_READ, PERM_WRITE
from rocketmq_ops.common.tasks import run_later
from rocketmq_ops.remoting.bodies import (
    KVTable,
    QueueData,
    RegisterBrokerBody,
    TopicConfig,
    TopicConfigAndMappingSerializeWrapper,
    TopicRouteData,
)
from rocketmq_ops.remoting.client import RemotingClient
from rocketmq_ops.remoting.codes import ResponseCode
from rocketmq_ops.remoting.command import RemotingCommand
from rocketmq_ops.remoting.connecting import Connector
from rocketmq_ops.remoting.errors import RemotingError
from rocketmq_ops.remoting.headers import (
    GetRouteInfoRequestHeader,
    QueryDataVersionRequestHeader,
    QueryDataVersionResponseHeader,
    RegisterBrokerRequestHeader,
    RegisterBrokerResponseHeader,
    RegisterTopicRequestHeader,
    UnRegisterBrokerRequestHeader,
)
from rocketmq_ops.remoting.name_servers import NameServers
from rocketmq_ops.remoting.signature import AclSigner

if TYPE_CHECKING:
    from rocketmq_ops.broker.controller import BrokerController

log = logging.getLogger(__name__)

UNREGISTER_TIMEOUT_MS = 3_000
SINGLE_TOPIC_TIMEOUT_MS = 3_000
ROUTE_TIMEOUT_MS = 3_000
_READ_WRITE = PERM_READ | PERM_WRITE


class BrokerOuterApi:
    """Client side of the broker towards name servers. No method raises because of a name server."""

    def __init__(self, controller: BrokerController) -> None:
        self._controller = controller
        tls = controller.tls_config
        with_tls = controller.client_config.useTLS
        connector = tls.connector() if with_tls or tls.tlsClientAuthServer else Connector()
        #: By which an address server at `https://` is asked, also where nothing else is asked over TLS.
        self._https = connector.context
        self._client = RemotingClient(controller.client_config, connector=connector if with_tls else None)
        credentials = controller.auth_config.inner_credentials()
        self._signer = None if credentials is None else AclSigner(*credentials)
        self._pending: dict[str, TopicConfig] = {}
        self._registration: asyncio.Task[None] | None = None
        self._failing: set[str] = set()
        self._route_servers = NameServers()
        self._fetched: list[str] = []
        self._fetch_failure = ""
        #: Topics that are being registered at the name servers, each with what `topics_changed` returned.
        self.registering: dict[str, asyncio.Task[None]] = {}

    @property
    def name_servers(self) -> list[str]:
        """Addresses of the name servers, as configured now, else as the address server said last."""
        return split_addresses(self._controller.config.namesrvAddr or "") or self._fetched

    async def fetch_name_servers(self) -> bool:
        """Read the name servers from the address server if they have to come from there; True when they changed.

        What was read last stays in use when it cannot be read now.
        """
        config = self._controller.config
        if config.namesrvAddr or not config.fetchNamesrvAddrByAddressServer:
            return False
        from rocketmq_ops.remoting.address_server import AddressServerError, address_server_url, fetch_name_servers

        url = address_server_url(config.rmqAddressServerDomain, config.rmqAddressServerSubGroup)
        try:
            found = await fetch_name_servers(url, tls=self._https)
        except AddressServerError as error:
            if str(error) != self._fetch_failure:
                log.warning("%s; trying again every %d ms", error, config.fetchNamesrvAddrInterval)
                self._fetch_failure = str(error)
            return False
        self._fetch_failure = ""
        if found == self._fetched:
            return False
        log.info("the name servers are %s, as %s says", ";".join(found), url)
        self._fetched = found
        return True

    async def register_all(self) -> int:
        """Register every topic with every name server; the number of those that accepted.

        Without `forceRegister` those are asked first whether anything changed, and nothing is sent when not.
        """
        config = self._controller.config
        if not self.name_servers:
            return 0
        if not (config.forceRegister or config.enableSplitRegistration) and not await self.needs_registration():
            return len(self.name_servers)
        topics = [self._as_registered(topic) for topic in self._controller.topics.table.values()]
        size = config.splitRegistrationSize if config.enableSplitRegistration else 0
        accepted = 0
        for at in range(0, max(len(topics), 1), size or max(len(topics), 1)):
            accepted = await self._register(topics[at : at + size] if size else topics)
        return accepted

    async def register_topics(self, topics: Iterable[TopicConfig]) -> None:
        """Tell every name server about created or changed topics, before the next full registration."""
        registered = [self._as_registered(topic) for topic in topics]
        if not registered or not self.name_servers:
            return
        if self._controller.config.enableSingleTopicRegister:
            await asyncio.gather(*(self._register_single(topic) for topic in registered))
        else:
            await self._register(registered)

    def topics_changed(self, topics: Iterable[TopicConfig]) -> asyncio.Future[None]:
        """Like `register_topics`, after this turn of the loop; what changes within one turn is one registration.

        The future ends when the name servers have answered, or after LONGEST_WAIT_MS.
        """
        if self._registration is None:
            self._registration = run_later(self._register_pending(), "register-topics")
        names = {topic.topic_name: topic for topic in topics}
        self._pending.update(names)
        if self.name_servers:
            self.registering.update(dict.fromkeys(names, self._registration))
        return self._registration

    async def _register_pending(self) -> None:
        await asyncio.sleep(0)
        pending, self._pending = self._pending, {}
        this, self._registration = self._registration, None
        registration = run_later(self.register_topics(pending.values()), "register-topics")
        await asyncio.wait((registration,), timeout=LONGEST_WAIT_MS / 1000)
        for topic in pending:
            if self.registering.get(topic) is this:
                del self.registering[topic]

    async def unregister_all(self) -> None:
        """Tell every name server that this broker leaves."""
        config = self._controller.config
        header = UnRegisterBrokerRequestHeader(
            broker_name=config.brokerName,
            broker_addr=self._controller.address,
            cluster_name=config.brokerClusterName,
            broker_id=config.brokerId,
        )
        await self._ask_all(
            lambda: RemotingCommand.of(header),
            UNREGISTER_TIMEOUT_MS,
            "unregister",
        )

    async def needs_registration(self) -> bool:
        """True when a name server's data version differs from ours, or it could not be asked."""
        config = self._controller.config
        header = QueryDataVersionRequestHeader(
            broker_name=config.brokerName,
            broker_addr=self._controller.address,
            cluster_name=config.brokerClusterName,
            broker_id=config.brokerId,
        )
        ours = self._controller.topics.data_version
        body = msgspec.json.encode(ours)
        answers = await self._ask_all(
            lambda: RemotingCommand.of(header, body),
            config.registerBrokerTimeoutMills,
            "query the data version",
        )
        return any(answer is None or _is_behind(answer, ours) for answer in answers)

    async def topic_route(self, topic: str) -> TopicRouteData | None:
        """The route of a topic over all brokers, from the first name server that knows it; None when none does."""
        self._route_servers.update(self.name_servers)
        try:
            return await self._route_servers.ask(lambda address: self._route_at(address, topic))
        except RemotingError:
            return None

    async def _route_at(self, address: str, topic: str) -> TopicRouteData:
        """The route as one name server has it. Raises RemotingError where it has none, so that the next is asked."""
        request = RemotingCommand.of(GetRouteInfoRequestHeader(topic=topic))
        try:
            answer = await self._invoke(address, request, ROUTE_TIMEOUT_MS)
            if answer.code == ResponseCode.SUCCESS and answer.body:
                return TopicRouteData.decode(answer.body_bytes)
        except RocketMQError as error:
            log.warning("cannot ask name server %s for the route of %s: %s", address, topic, error)
            raise RemotingError(str(error), address=address) from error
        raise RemotingError(f"no route of {topic}", address=address)

    async def ask_broker(self, address: str, request: RemotingCommand, timeout_ms: int) -> RemotingCommand:
        """The answer of another broker, whatever its code. Raises RemotingError."""
        return await self._invoke(address, request, timeout_ms)

    async def _invoke(self, address: str, request: RemotingCommand, timeout_ms: int) -> RemotingCommand:
        """As of `RemotingClient`, signed with `innerClientAuthenticationCredentials` if there are any."""
        if self._signer is not None:
            self._signer.sign(request)
        return await self._client.invoke(address, request, timeout_ms)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    def _as_registered(self, topic: TopicConfig) -> TopicConfig:
        permission = self._controller.config.brokerPermission
        if permission & _READ_WRITE == _READ_WRITE:
            return topic
        return msgspec.structs.replace(topic, perm=topic.perm & permission)

    async def _register(self, topics: list[TopicConfig]) -> int:
        config, manager = self._controller.config, self._controller.topics
        if config.enableSplitRegistration:
            manager.next_version()
        wrapper = TopicConfigAndMappingSerializeWrapper(
            topic_config_table={topic.topic_name: topic for topic in topics}, data_version=manager.data_version
        )
        registration = RegisterBrokerBody(
            topic_config_serialize_wrapper=wrapper, filter_server_list=self._controller.filter_servers.addresses()
        )
        compressed = config.compressedRegister
        body = registration.encode_compressed() if compressed else registration.encode()
        header = RegisterBrokerRequestHeader(
            broker_name=config.brokerName,
            broker_addr=self._controller.address,
            cluster_name=config.brokerClusterName,
            ha_server_addr=self._controller.ha_address,
            broker_id=config.brokerId,
            enable_acting_master=config.enableSlaveActingMaster,
            compressed=compressed,
            body_crc32=zlib.crc32(body) & 0x7FFFFFFF,
        )
        answers = await self._ask_all(
            lambda: RemotingCommand.of(header, body),
            config.registerBrokerTimeoutMills,
            "register",
        )
        accepted = [answer for answer in answers if answer is not None]
        if accepted:
            self._apply_order_topics(accepted[0])
            if self._controller.is_slave:
                found = accepted[0].decode_header(RegisterBrokerResponseHeader)
                self._controller.master.learn(found.master_addr, found.ha_server_addr)
        return len(accepted)

    def _apply_order_topics(self, answer: RemotingCommand) -> None:
        if not answer.body:
            return
        try:
            table = KVTable.decode(answer.body).table
        except RocketMQError as error:
            log.warning("the name server's order configuration is unreadable: %s", error)
            return
        if table:
            self._controller.topics.update_order(table)

    async def _register_single(self, topic: TopicConfig) -> None:
        name = self._controller.config.brokerName
        queues = QueueData(
            broker_name=name,
            read_queue_nums=topic.read_queue_nums,
            write_queue_nums=topic.write_queue_nums,
            perm=topic.perm,
            topic_sys_flag=topic.topic_sys_flag,
        )
        body = TopicRouteData(queue_datas=[queues], broker_datas=[]).encode()
        header = RegisterTopicRequestHeader(topic=topic.topic_name)
        await self._ask_all(
            lambda: RemotingCommand.of(header, body),
            SINGLE_TOPIC_TIMEOUT_MS,
            f"register the topic {topic.topic_name}",
        )

    async def _ask_all(
        self, make_request: Callable[[], RemotingCommand], timeout_ms: int, what: str
    ) -> list[RemotingCommand | None]:
        """The answers of all name servers in their order; None for one that failed or refused."""
        asked: list[Awaitable[RemotingCommand | None]] = [
            self._ask(address, make_request(), timeout_ms, what) for address in self.name_servers
        ]
        return list(await asyncio.gather(*asked))

    async def _ask(self, address: str, request: RemotingCommand, timeout_ms: int, what: str) -> RemotingCommand | None:
        try:
            answer = await self._invoke(address, request, timeout_ms)
        except RemotingError as error:
            if address not in self._failing:
                self._failing.add(address)
                log.warning("cannot %s at name server %s: %s; trying again with the next one", what, address, error)
            return None
        if address in self._failing:
            self._failing.discard(address)
            log.info("name server %s answers again", address)
        if answer.code != ResponseCode.SUCCESS:
            log.warning("name server %s refused to %s: %d %s", address, what, answer.code, answer.remark)
            return None
        return answer


def _is_behind(answer: RemotingCommand, ours: DataVersion) -> bool:
    """True when the name server says so, or its data version is another one (BrokerOuterAPI.needRegister)."""
    if answer.decode_header(QueryDataVersionResponseHeader).changed:
        return True
    if not answer.body:
        return False
    try:
        theirs = msgspec.json.decode(answer.body_bytes, type=DataVersion, strict=False)
    except msgspec.DecodeError:
        return True
    return theirs != ours
