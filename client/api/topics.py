"""Topics on brokers and name servers: names, configuration, offsets of queues, who consumes them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from rocketmq_ops.client.api.session import SUCCESS, Session
from rocketmq_ops.common.tasks import Pause, at_once
from rocketmq_ops.common.topics import AUTO_CREATE_TOPIC
from rocketmq_ops.remoting.codes import RequestCode, ResponseCode
from rocketmq_ops.remoting.command import RemotingCommand

if TYPE_CHECKING:
    from rocketmq_ops.remoting.bodies import TopicConfig, TopicConfigAndQueueMapping, TopicStatsTable
    from rocketmq_ops.remoting.headers import CreateTopicRequestHeader

_ALL_NAMES: Final = RequestCode.GET_ALL_TOPIC_LIST_FROM_NAMESERVER
_CONFIG_OR_NONE: Final = SUCCESS | {ResponseCode.TOPIC_NOT_EXIST, ResponseCode.REQUEST_CODE_NOT_SUPPORTED}


async def topic_names(session: Session) -> list[str]:
    """Every topic that a name server knows, sorted."""
    return _names(await session.ask_name_servers(RemotingCommand.request(_ALL_NAMES)))


async def topic_names_of(session: Session, address: str) -> list[str]:
    """Every topic that the name server at `address` knows, sorted."""
    return _names(await session.call(address, RemotingCommand.request(_ALL_NAMES)))


def _names(answer: RemotingCommand) -> list[str]:
    from rocketmq_ops.remoting.bodies import TopicList

    return sorted(TopicList.decode(answer.body_bytes).topic_list)


async def topic_groups(session: Session, address: str, topic: str) -> list[str]:
    """The groups that a broker knows to consume a topic, by online clients or by stored offsets."""
    from rocketmq_ops.remoting.bodies import GroupList
    from rocketmq_ops.remoting.headers import QueryTopicConsumeByWhoRequestHeader

    answer = await session.call(address, RemotingCommand.of(QueryTopicConsumeByWhoRequestHeader(topic=topic)))
    return sorted(GroupList.decode(answer.body_bytes).group_list)


async def topic_stats(session: Session, address: str, topic: str) -> TopicStatsTable:
    """The offsets of each queue on one broker; `topic_put_tps` is NaN when the broker does not report it."""
    from rocketmq_ops.remoting.bodies import TopicStatsTable
    from rocketmq_ops.remoting.headers import GetTopicStatsInfoRequestHeader

    answer = await session.call(address, RemotingCommand.of(GetTopicStatsInfoRequestHeader(topic=topic)))
    stats = TopicStatsTable.decode(answer.body_bytes)
    if b"topicPutTps" not in answer.body_bytes:  # brokers before 5.0 do not report it
        stats.topic_put_tps = math.nan
    return stats


async def topic_config(session: Session, address: str, topic: str) -> TopicConfig | None:
    """The configuration of a topic on one broker, None when the broker does not hold it."""
    from rocketmq_ops.remoting.bodies import TopicConfig
    from rocketmq_ops.remoting.headers import GetTopicConfigRequestHeader

    # `lo` (local only) as Apache sends it; a broker before 5.0 does not know the request and is asked for all.
    request = RemotingCommand.of(GetTopicConfigRequestHeader(topic=topic, lo=True))
    answer = await session.call(address, request, accept=_CONFIG_OR_NONE)
    if answer.code == ResponseCode.SUCCESS:
        return TopicConfig.decode(answer.body_bytes)
    if answer.code == ResponseCode.TOPIC_NOT_EXIST:
        return None
    return (await topic_configs(session, address)).get(topic)


async def topic_mapping(session: Session, address: str, topic: str) -> TopicConfigAndQueueMapping | None:
    """The configuration of a topic on one broker with its static mapping (5.0 and later), None when it has none."""
    from rocketmq_ops.client.errors import error_of
    from rocketmq_ops.remoting.bodies import TopicConfigAndQueueMapping
    from rocketmq_ops.remoting.headers import GetTopicConfigRequestHeader

    request = RemotingCommand.of(GetTopicConfigRequestHeader(topic=topic, lo=True))
    answer = await session.call(address, request, accept=_CONFIG_OR_NONE)
    if answer.code == ResponseCode.SUCCESS:
        return TopicConfigAndQueueMapping.decode(answer.body_bytes)
    if answer.code == ResponseCode.TOPIC_NOT_EXIST:
        return None
    # What the broker lacks is static topics, of which this request is a part.
    raise error_of(answer, address, RemotingCommand.request(RequestCode.UPDATE_AND_CREATE_STATIC_TOPIC))


async def put_static_topic(
    session: Session, address: str, config: TopicConfigAndQueueMapping, *, force: bool = False
) -> None:
    """Create or change a static topic on one broker; `force` has it take a mapping of an older epoch too."""
    from rocketmq_ops.remoting.bodies import TopicQueueMappingDetail
    from rocketmq_ops.remoting.headers.topic import CreateTopicRequestHeader

    header = CreateTopicRequestHeader(
        topic=config.topic_name,
        default_topic=AUTO_CREATE_TOPIC,
        read_queue_nums=config.read_queue_nums,
        write_queue_nums=config.write_queue_nums,
        perm=config.perm,
        topic_filter_type=config.topic_filter_type or "SINGLE_TAG",
        topic_sys_flag=config.topic_sys_flag,
        order=config.order,
        force=force,
    )
    body = (config.mapping_detail or TopicQueueMappingDetail()).encode()
    request = RemotingCommand.of(header, body, code=RequestCode.UPDATE_AND_CREATE_STATIC_TOPIC)
    await session.call(address, request)


async def topic_configs(session: Session, address: str, pause: Pause = at_once) -> dict[str, TopicConfig]:
    """The configuration of every topic on one broker. `pause` is called in the thread before a large answer is read."""
    from rocketmq_ops.remoting.bodies import TopicConfigAndMappingSerializeWrapper

    answer = await session.call(address, RemotingCommand.request(RequestCode.GET_ALL_TOPIC_CONFIG))
    wrapper = await session.decoded(TopicConfigAndMappingSerializeWrapper.decode, answer.body_bytes, pause)
    return dict(wrapper.topic_config_table)


async def system_topics(session: Session, address: str) -> set[str]:
    """The topics that a broker keeps for itself, by its own word."""
    from rocketmq_ops.remoting.bodies import TopicList

    answer = await session.call(address, RemotingCommand.request(RequestCode.GET_SYSTEM_TOPIC_LIST_FROM_BROKER))
    return set(TopicList.decode(answer.body_bytes).topic_list)


async def put_topic(session: Session, address: str, header: CreateTopicRequestHeader) -> int:
    """Create or change a topic on one broker; the broker's version."""
    return (await session.call(address, RemotingCommand.of(header))).version


async def put_topics(session: Session, address: str, configs: list[TopicConfig]) -> int:
    """Create or change several topics on one broker in one request (5.3 and later); the broker's version.

    `attributes` of each are changes: `+name` -> value, `-name` -> ''.
    """
    from rocketmq_ops.remoting.bodies import CreateTopicListRequestBody
    from rocketmq_ops.remoting.headers import CreateTopicListRequestHeader

    body = CreateTopicListRequestBody(topic_config_list=configs).encode()
    return (await session.call(address, RemotingCommand.of(CreateTopicListRequestHeader(), body))).version


async def delete_topic(session: Session, address: str, topic: str) -> None:
    """Delete a topic from one broker."""
    from rocketmq_ops.remoting.headers import DeleteTopicRequestHeader

    await session.call(address, RemotingCommand.of(DeleteTopicRequestHeader(topic=topic)))


async def delete_route(session: Session, address: str, topic: str, cluster: str) -> None:
    """Delete a cluster's route of a topic from one name server."""
    from rocketmq_ops.remoting.headers import DeleteTopicFromNamesrvRequestHeader

    header = DeleteTopicFromNamesrvRequestHeader(topic=topic, cluster_name=cluster)
    await session.call(address, RemotingCommand.of(header))
