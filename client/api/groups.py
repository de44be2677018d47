"""Consumer groups on brokers: configuration, and how far they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rocketmq_ops.client.api.session import Session
from rocketmq_ops.remoting.codes import RequestCode
from rocketmq_ops.remoting.command import RemotingCommand

if TYPE_CHECKING:
    from rocketmq_ops.remoting.bodies import ConsumeStats, QueueTimeSpan, SetMessageRequestModeRequestBody


async def consume_stats(session: Session, address: str, group: str, topic: str | None = None) -> ConsumeStats:
    """A group's offsets on one broker, of one topic or of all it has consumed; a pull offset of -1 is not known."""
    from rocketmq_ops.remoting.bodies import ConsumeStats
    from rocketmq_ops.remoting.headers import GetConsumeStatsRequestHeader

    header = GetConsumeStatsRequestHeader(consumer_group=group, topic=topic or None)
    answer = await session.call(address, RemotingCommand.of(header), session.slow_timeout_ms)
    stats = ConsumeStats.decode(answer.body_bytes)
    if b"pullOffset" not in answer.body_bytes:  # brokers before 5.0 do not send it
        for offsets in stats.offset_table.values():
            offsets.pull_offset = -1
    return stats


async def consume_time_span(session: Session, address: str, group: str, topic: str) -> list[QueueTimeSpan]:
    """Store times (ms) of each queue of a topic on one broker, and of the next message for the group.

    A time is -1 where there is no message. Raises BrokerError with TOPIC_NOT_EXIST.
    """
    from rocketmq_ops.remoting.bodies import QueryConsumeTimeSpanBody
    from rocketmq_ops.remoting.headers import QueryConsumeTimeSpanRequestHeader

    header = QueryConsumeTimeSpanRequestHeader(topic=topic, group=group)
    answer = await session.call(address, RemotingCommand.of(header), session.slow_timeout_ms)
    return QueryConsumeTimeSpanBody.decode(answer.body_bytes).consume_time_span_set


async def group_configs(session: Session, address: str) -> dict[str, dict[str, Any]]:
    """Every group's configuration on one broker, as it stands on the wire, so that no field is lost.

    GET_SUBSCRIPTIONGROUP_CONFIG would create a missing group on an Apache broker: there is no call for one group.
    """
    from rocketmq_ops.common.fastjson import loads

    answer = await session.call(address, RemotingCommand.request(RequestCode.GET_ALL_SUBSCRIPTIONGROUP_CONFIG))
    table = loads(answer.body_bytes).get("subscriptionGroupTable") or {}
    return {str(name): config for name, config in table.items() if isinstance(config, dict)}


async def put_group(session: Session, address: str, config: dict[str, Any]) -> None:
    """Create or change a group on one broker; attributes as changes (`+name`, `-name`)."""
    from rocketmq_ops.common.fastjson import dumps

    request = RemotingCommand.request(RequestCode.UPDATE_AND_CREATE_SUBSCRIPTIONGROUP, body=dumps(config))
    await session.call(address, request)


async def put_groups(session: Session, address: str, configs: list[dict[str, Any]]) -> None:
    """Create or change several groups on one broker with one request; see `put_group`."""
    from rocketmq_ops.common.fastjson import dumps

    body = dumps({"groupConfigList": configs})
    await session.call(
        address,
        RemotingCommand.request(RequestCode.UPDATE_AND_CREATE_SUBSCRIPTIONGROUP_LIST, body=body),
        session.slow_timeout_ms,
    )


async def request_modes(session: Session, address: str) -> dict[str, dict[str, SetMessageRequestModeRequestBody]]:
    """Topic -> group -> how the group fetches the topic, as far as it was set on one broker."""
    from rocketmq_ops.common.fastjson import loads
    from rocketmq_ops.common.fastjson_types import convert
    from rocketmq_ops.remoting.bodies import SetMessageRequestModeRequestBody

    answer = await session.call(address, RemotingCommand.request(RequestCode.GET_ALL_MESSAGE_REQUEST_MODE))
    table = loads(answer.body_bytes).get("messageRequestModeMap") or {}
    return {
        str(topic): {str(group): convert(mode, SetMessageRequestModeRequestBody) for group, mode in modes.items()}
        for topic, modes in table.items()
    }


async def put_request_mode(session: Session, address: str, mode: SetMessageRequestModeRequestBody) -> None:
    """Set how a group fetches a topic on one broker."""
    await session.call(address, RemotingCommand.request(RequestCode.SET_MESSAGE_REQUEST_MODE, body=mode.encode()))


async def delete_group(session: Session, address: str, group: str, *, remove_offset: bool) -> None:
    """Delete a group from one broker, and its offsets if wanted."""
    from rocketmq_ops.remoting.headers import DeleteSubscriptionGroupRequestHeader

    request = RemotingCommand.of(DeleteSubscriptionGroupRequestHeader(group_name=group, clean_offset=remove_offset))
    if remove_offset:
        request.ext_fields = {"removeOffset": "true"}  # the field's name before 5.0
    await session.call(address, request)
