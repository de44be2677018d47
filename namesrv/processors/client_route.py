"""GET_ROUTEINFO_BY_TOPIC (105), the one request that every client sends (ClientRequestProcessor)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rocketmq_ops.namesrv.kv_config_manager import ORDER_TOPIC_CONFIG
from rocketmq_ops.namesrv.route_queries import filter_by_zone, topic_route
from rocketmq_ops.remoting.channel import Channel
from rocketmq_ops.remoting.codes import ResponseCode
from rocketmq_ops.remoting.command import Answer, RemotingCommand
from rocketmq_ops.remoting.headers import GetRouteInfoRequestHeader

if TYPE_CHECKING:
    from rocketmq_ops.namesrv.controller import NamesrvController

#: Clients from V4_9_4 on (this ordinal of MQVersion) are answered in standard JSON without being asked.
STANDARD_JSON_SINCE = 401
#: Clients look for the beginning of this remark.
_NO_ROUTE = (
    "No topic route info in name server for the topic: {}\n"
    "See https://rocketmq.apache.org/docs/bestPractice/06FAQ for further details."
)


def install(controller: NamesrvController) -> None:
    """Register the handler."""

    def get_route(channel: Channel, request: RemotingCommand, header: GetRouteInfoRequestHeader) -> Answer:
        config = controller.config
        if config.needWaitForService and controller.uptime_ms() < config.waitSecondsForService * 1000:
            return request.reply(ResponseCode.SYSTEM_ERROR, "name server not ready")
        route = topic_route(controller.routes, header.topic, acting_master=config.supportActingMaster)
        if route is None:
            return request.reply(ResponseCode.TOPIC_NOT_EXIST, _NO_ROUTE.format(header.topic))
        if config.orderMessageEnable:
            route.order_topic_conf = controller.kv_config.get(ORDER_TOPIC_CONFIG, header.topic)
        fields = request.ext_fields
        if fields.get("__ZONE_MODE", "").lower() == "true" and fields.get("__ZONE_NAME", "").strip():
            route = filter_by_zone(route, fields["__ZONE_NAME"])
        standard = request.version >= STANDARD_JSON_SINCE or bool(header.accept_standard_json_only)
        return request.reply(body=route.encode(standard_json=standard))

    controller.server.serve(GetRouteInfoRequestHeader, get_route)
