"""What brokers send: registration, unregistration, heartbeat, the question whether their topics changed.

Codes 103, 104, 322, 904 and 901 of DefaultRequestProcessor.
"""

from __future__ import annotations

import logging
import zlib
from typing import TYPE_CHECKING

import msgspec

from rocketmq_ops.common import fastjson
from rocketmq_ops.common.data_version import DataVersion
from rocketmq_ops.common.errors import CorruptDataError, RocketMQError
from rocketmq_ops.common.fastjson_types import convert
from rocketmq_ops.namesrv.kv_config_manager import ORDER_TOPIC_CONFIG
from rocketmq_ops.namesrv.route_info_manager import BrokerKey, Registration
from rocketmq_ops.namesrv.route_queries import broker_member_group
from rocketmq_ops.remoting.bodies import (
    GetBrokerMemberGroupResponseBody,
    KVTable,
    RegisterBrokerBody,
    TopicConfigAndMappingSerializeWrapper,
)
from rocketmq_ops.remoting.channel import Channel
from rocketmq_ops.remoting.codes import ResponseCode
from rocketmq_ops.remoting.command import Answer, RemotingCommand
from rocketmq_ops.remoting.headers import (
    BrokerHeartbeatRequestHeader,
    GetBrokerMemberGroupRequestHeader,
    QueryDataVersionRequestHeader,
    QueryDataVersionResponseHeader,
    RegisterBrokerRequestHeader,
    RegisterBrokerResponseHeader,
    UnRegisterBrokerRequestHeader,
)

if TYPE_CHECKING:
    from rocketmq_ops.namesrv.controller import NamesrvController

log = logging.getLogger(__name__)

#: Brokers before V3_0_11 (this ordinal of MQVersion) send the topics alone.
_WHOLE_BODY_SINCE = 37
#: How deflated data begins; no JSON does.
_ZLIB = b"\x78"


def install(controller: NamesrvController) -> None:
    """Register the handlers."""
    BrokerRegistrationProcessor(controller).install()


class BrokerRegistrationProcessor:
    """The handlers."""

    def __init__(self, controller: NamesrvController) -> None:
        self._controller = controller
        self._routes = controller.routes

    def install(self) -> None:
        """Register them on the controller's server."""
        serve = self._controller.server.serve
        serve(RegisterBrokerRequestHeader, self.register_broker)
        serve(UnRegisterBrokerRequestHeader, self.unregister_broker)
        serve(QueryDataVersionRequestHeader, self.query_data_version)
        serve(BrokerHeartbeatRequestHeader, self.heartbeat)
        serve(GetBrokerMemberGroupRequestHeader, self.member_group)

    def register_broker(
        self, channel: Channel, request: RemotingCommand, header: RegisterBrokerRequestHeader
    ) -> Answer:
        """REGISTER_BROKER: the broker's topics and where it is; a slave learns its master."""
        body = request.body_bytes
        if header.body_crc32 and zlib.crc32(body) & 0x7FFFFFFF != header.body_crc32:
            log.warning("registration from %s: the body's CRC does not match", channel.remote)
            return request.reply(ResponseCode.SYSTEM_ERROR, "crc32 not match")
        try:
            topics, filter_servers = _read_body(body, request.version, compressed=bool(header.compressed))
        except RocketMQError as error:
            log.warning("registration from %s: the body cannot be read: %s", channel.remote, error)
            return request.reply(ResponseCode.SYSTEM_ERROR, f"Failed to decode RegisterBrokerBody: {error}")
        master = self._routes.register_broker(
            Registration(
                cluster=header.cluster_name,
                address=header.broker_addr,
                broker_name=header.broker_name,
                broker_id=header.broker_id,
                ha_server_addr=header.ha_server_addr,
                zone_name=request.ext_fields.get("__ZONE_NAME"),
                timeout=header.heartbeat_timeout_millis,
                enable_acting_master=header.enable_acting_master,
                topics=topics,
                filter_servers=filter_servers,
                channel=channel,
            )
        )
        if master is None:
            return request.reply(ResponseCode.SYSTEM_ERROR, "register broker failed")
        answer = RegisterBrokerResponseHeader(ha_server_addr=master.ha_server_addr, master_addr=master.master_addr)
        return request.reply(header=answer, body=self._order_topics())

    def _order_topics(self) -> bytes:
        if not self._controller.config.returnOrderTopicConfigToBroker:
            return b""
        table = self._controller.kv_config.namespace(ORDER_TOPIC_CONFIG)
        return b"" if table is None else KVTable(table=table).encode()

    def unregister_broker(
        self, channel: Channel, request: RemotingCommand, header: UnRegisterBrokerRequestHeader
    ) -> Answer:
        """UNREGISTER_BROKER: the broker stops."""
        key = BrokerKey(header.cluster_name, header.broker_addr)
        self._routes.unregister_broker(key, header.broker_name, header.broker_id)
        return request.reply()

    def query_data_version(
        self, channel: Channel, request: RemotingCommand, header: QueryDataVersionRequestHeader
    ) -> Answer:
        """QUERY_DATA_VERSION: has the broker changed since it registered? Counts as a sign of life."""
        key = BrokerKey(header.cluster_name, header.broker_addr)
        try:
            asked = convert(fastjson.loads(request.body_bytes), DataVersion)
        except CorruptDataError as error:
            return request.reply(ResponseCode.SYSTEM_ERROR, f"invalid DataVersion: {error}")
        changed = self._routes.is_changed(key, asked)
        self._routes.touch(key)
        known = self._routes.data_version(key)
        body = b"" if known is None else msgspec.json.encode(known)
        return request.reply(header=QueryDataVersionResponseHeader(changed=changed), body=body)

    def heartbeat(self, channel: Channel, request: RemotingCommand, header: BrokerHeartbeatRequestHeader) -> Answer:
        """BROKER_HEARTBEAT: the broker lives."""
        self._routes.touch(BrokerKey(header.cluster_name, header.broker_addr))
        return request.reply()

    def member_group(
        self, channel: Channel, request: RemotingCommand, header: GetBrokerMemberGroupRequestHeader
    ) -> Answer:
        """GET_BROKER_MEMBER_GROUP: the addresses of master and slaves."""
        group = broker_member_group(self._routes, header.cluster_name, header.broker_name)
        return request.reply(body=GetBrokerMemberGroupResponseBody(broker_member_group=group).encode())


def _read_body(
    body: bytes, version: int, *, compressed: bool
) -> tuple[TopicConfigAndMappingSerializeWrapper, list[str] | None]:
    if not body:
        return TopicConfigAndMappingSerializeWrapper(), []
    if version < _WHOLE_BODY_SINCE:
        return TopicConfigAndMappingSerializeWrapper.decode(body), None
    # Apache's broker of 5.3.3 with compressedRegister=true deflates the body and says that it did not.
    if compressed or body.startswith(_ZLIB):
        decoded = RegisterBrokerBody.decode_compressed(body, version)
    else:
        decoded = RegisterBrokerBody.decode(body)
    return decoded.topic_config_serialize_wrapper, decoded.filter_server_list
