"""Connected clients over the wire: who is connected, who consumes what, and questions passed on to a client.

What is passed on is answered when the client's answer is there. The tables of clients are in
`client/consumer_manager.py` and `client/producer_manager.py`. Mirrors the client part of AdminBrokerProcessor
and Broker2Client.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rocketmq_ops.broker.client.client_channel import ClientChannelInfo
from rocketmq_ops.common.errors import RocketMQError
from rocketmq_ops.common.message_codec import decode_message_id
from rocketmq_ops.remoting.bodies import (
    Connection,
    ConsumerConnection,
    GetConsumerStatusBody,
    GroupList,
    ProducerConnection,
    ProducerInfo,
    ProducerTableInfo,
    QuerySubscriptionResponseBody,
    TopicList,
)
from rocketmq_ops.remoting.channel import Channel
from rocketmq_ops.remoting.codes import LanguageCode, RequestCode, ResponseCode
from rocketmq_ops.remoting.command import Answer, RemotingCommand
from rocketmq_ops.remoting.errors import RemotingError, RemotingTimeoutError
from rocketmq_ops.remoting.headers import (
    ConsumeMessageDirectlyResultRequestHeader,
    GetConsumerConnectionListRequestHeader,
    GetConsumerRunningInfoRequestHeader,
    GetConsumerStatusRequestHeader,
    GetProducerConnectionListRequestHeader,
    QuerySubscriptionByConsumerRequestHeader,
    QueryTopicConsumeByWhoRequestHeader,
    QueryTopicsByConsumerRequestHeader,
)
from rocketmq_ops.remoting.pending_answers import answer_later
from rocketmq_ops.remoting.signature import CREDENTIALS

if TYPE_CHECKING:
    from rocketmq_ops.broker.controller import BrokerController

CALL_CLIENT_TIMEOUT_MS = 10_000
CONSUMER_STATUS_TIMEOUT_MS = 5_000


def language_name(language: int | str) -> str:
    """The name of a client's language, from its number or its name."""
    if isinstance(language, str):
        return language
    try:
        return LanguageCode(language).name
    except ValueError:
        return "OTHER"


def _connection(info: ClientChannelInfo) -> Connection:
    return Connection(
        client_id=info.client_id,
        client_addr=info.channel.remote,
        language=language_name(info.language),
        version=info.version,
    )


class ClientAdminProcessor:
    """Handlers of the client codes."""

    def __init__(self, controller: BrokerController) -> None:
        self._controller = controller

    # -- who is connected ---------------------------------------------------------------------------------------

    def consumer_connections(
        self, _channel: Channel, request: RemotingCommand, header: GetConsumerConnectionListRequestHeader
    ) -> Answer:
        """203: connections and subscriptions of a group."""
        group = header.consumer_group
        info = self._controller.consumers.get(group)
        if info is None:
            return request.reply(ResponseCode.CONSUMER_NOT_ONLINE, f"the consumer group[{group}] not online")
        body = ConsumerConnection(
            connection_set=[_connection(client) for client in info.channels.values()],
            subscription_table=dict(info.subscriptions),
            consume_type=info.consume_type,
            message_model=info.message_model,
            consume_from_where=info.consume_from_where,
        )
        return request.reply(body=body.encode())

    def producer_connections(
        self, _channel: Channel, request: RemotingCommand, header: GetProducerConnectionListRequestHeader
    ) -> Answer:
        """204: connections of a producer group."""
        channels = self._controller.producers.table.get(header.producer_group)
        if channels is None:
            return request.reply(ResponseCode.SYSTEM_ERROR, f"the producer group[{header.producer_group}] not exist")
        body = ProducerConnection(connection_set=[_connection(client) for client in channels.values()])
        return request.reply(body=body.encode())

    def all_producers(self, _channel: Channel, request: RemotingCommand, _header: None) -> Answer:
        """328: connections of every producer group."""
        data = {
            group: [
                ProducerInfo(
                    client_id=client.client_id,
                    remote_ip=client.channel.remote,
                    language=language_name(client.language),
                    version=client.version,
                    last_update_timestamp=client.last_update_timestamp,
                )
                for client in channels.values()
            ]
            for group, channels in self._controller.producers.table.items()
        }
        return request.reply(body=ProducerTableInfo(data=data).encode())

    def topic_consumed_by(
        self, _channel: Channel, request: RemotingCommand, header: QueryTopicConsumeByWhoRequestHeader
    ) -> Answer:
        """300: groups that subscribe a topic or have offsets of it."""
        groups = set(self._controller.consumers.topic_consumed_by(header.topic))
        groups |= self._controller.offsets.groups_of_topic(header.topic)
        return request.reply(body=GroupList(group_list=sorted(groups)).encode())

    def topics_of_consumer(
        self, _channel: Channel, request: RemotingCommand, header: QueryTopicsByConsumerRequestHeader
    ) -> Answer:
        """343: topics of which a group has offsets."""
        topics = sorted(self._controller.offsets.topics_of_group(header.group))
        return request.reply(body=TopicList(topic_list=topics, broker_addr=self._controller.address).encode())

    def subscription_of_consumer(
        self, _channel: Channel, request: RemotingCommand, header: QuerySubscriptionByConsumerRequestHeader
    ) -> Answer:
        """345: a group's subscription of a topic; none while no consumer with it is connected."""
        topic = header.topic or ""
        subscription = self._controller.consumers.find_subscription(header.group, topic)
        body = QuerySubscriptionResponseBody(subscription_data=subscription, group=header.group, topic=topic)
        return request.reply(body=body.encode())

    # -- passed on to a client ----------------------------------------------------------------------------------

    def running_info(
        self, channel: Channel, request: RemotingCommand, header: GetConsumerRunningInfoRequestHeader
    ) -> Answer:
        """307: what a consumer says about itself."""
        return self._call_consumer(channel, request, header.consumer_group, header.client_id, request.body_bytes)

    def consume_directly(
        self, channel: Channel, request: RemotingCommand, header: ConsumeMessageDirectlyResultRequestHeader
    ) -> Answer:
        """309: let a consumer consume one stored message now, and answer with its result."""
        controller = self._controller
        fields = request.ext_fields
        fields["brokerName"] = controller.config.brokerName
        topic = controller.topics.get(header.topic) if header.topic else None
        if topic is not None:
            fields["topicSysFlag"] = str(topic.topic_sys_flag)
        group = controller.groups.find(header.consumer_group)
        if group is not None:
            fields["groupSysFlag"] = str(group.group_sys_flag)
        try:
            _, _, offset = decode_message_id(header.msg_id or "")
        except RocketMQError as error:
            return request.reply(ResponseCode.SYSTEM_ERROR, f"invalid msgId '{header.msg_id}': {error}")
        record = controller.store.message_at(offset)
        if record is None:
            return request.reply(ResponseCode.SYSTEM_ERROR, f"no message at the offset of msgId {header.msg_id}")
        return self._call_consumer(channel, request, header.consumer_group, header.client_id or "", bytes(record))

    def _call_consumer(
        self, channel: Channel, request: RemotingCommand, group: str, client_id: str, body: bytes
    ) -> Answer:
        client = self._controller.consumers.find_channel(group, client_id)
        if client is None:
            return request.reply(ResponseCode.SYSTEM_ERROR, f"The Consumer <{group}> <{client_id}> not online")
        # Without the signature of who asks: being of the values alone, it would do for other requests of the client's.
        fields = {name: value for name, value in request.ext_fields.items() if name not in CREDENTIALS}
        forwarded = RemotingCommand.request(request.code, None, body, fields)

        async def forward() -> RemotingCommand:
            try:
                answer = await client.channel.invoke(forwarded, CALL_CLIENT_TIMEOUT_MS)
            except RemotingTimeoutError as error:
                return request.reply(
                    ResponseCode.CONSUME_MSG_TIMEOUT, f"consumer <{group}> <{client_id}> Timeout: {error}"
                )
            except RemotingError as error:
                return request.reply(
                    ResponseCode.SYSTEM_ERROR, f"invoke consumer <{group}> <{client_id}> Exception: {error}"
                )
            return request.reply(answer.code, answer.remark, ext_fields=answer.ext_fields, body=answer.body_bytes)

        return answer_later(channel, request, forward())

    def consumer_status(
        self, channel: Channel, request: RemotingCommand, header: GetConsumerStatusRequestHeader
    ) -> Answer:
        """223: the offsets that each consumer of a group holds itself, or those of the one with id `clientAddr`."""
        info = self._controller.consumers.get(header.group)
        if info is None or not info.channels:
            return request.reply(
                ResponseCode.SYSTEM_ERROR, f"No Any Consumer online in the consumer group: [{header.group}]"
            )
        wanted = (header.client_addr or "").strip()
        clients = [client for client in info.channels.values() if not wanted or client.client_id == wanted]

        async def collect() -> RemotingCommand:
            table: dict[str, Any] = {}
            for client in clients:
                asked = RemotingCommand.of(GetConsumerStatusRequestHeader(topic=header.topic, group=header.group))
                try:
                    answer = await client.channel.invoke(asked, CONSUMER_STATUS_TIMEOUT_MS)
                    if answer.code == ResponseCode.SUCCESS and answer.body:
                        table[client.client_id] = GetConsumerStatusBody.decode(answer.body_bytes).message_queue_table
                except RocketMQError:
                    continue  # a client that does not answer is left out, as Apache's broker does
            return request.reply(body=GetConsumerStatusBody(consumer_table=table).encode())

        return answer_later(channel, request, collect())


def install(controller: BrokerController) -> None:
    """Register the handlers of this module."""
    admin = ClientAdminProcessor(controller)
    serve = controller.server.serve
    register = controller.server.register
    serve(GetConsumerConnectionListRequestHeader, admin.consumer_connections)
    serve(GetProducerConnectionListRequestHeader, admin.producer_connections)
    register(RequestCode.GET_ALL_PRODUCER_INFO, None, admin.all_producers)
    serve(QueryTopicConsumeByWhoRequestHeader, admin.topic_consumed_by)
    serve(QueryTopicsByConsumerRequestHeader, admin.topics_of_consumer)
    serve(QuerySubscriptionByConsumerRequestHeader, admin.subscription_of_consumer)
    serve(GetConsumerRunningInfoRequestHeader, admin.running_info)
    serve(ConsumeMessageDirectlyResultRequestHeader, admin.consume_directly)
    serve(GetConsumerStatusRequestHeader, admin.consumer_status, RequestCode.INVOKE_BROKER_TO_GET_CONSUMER_STATUS)
