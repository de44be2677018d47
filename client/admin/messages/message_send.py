"""Sending one message without a producer: the route, a writable queue, one request, another broker when it fails.

As the producer does, it stops at a refusal that no other broker would answer differently.
"""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING, Final

import msgspec

from rocketmq_ops.client import trace_text
from rocketmq_ops.client.api import send as api
from rocketmq_ops.client.api.send import DEFAULT_TOPIC_QUEUE_NUMS as DEFAULT_QUEUES
from rocketmq_ops.client.api.send import Outgoing
from rocketmq_ops.client.errors import BrokerError, NoMasterError, NotFoundError
from rocketmq_ops.client.route import no_master, without_master
from rocketmq_ops.common.addresses import MASTER_ID
from rocketmq_ops.common.clock import now_ms
from rocketmq_ops.common.errors import AllFailedError, RocketMQError, See
from rocketmq_ops.common.java_hash import string_hash
from rocketmq_ops.common.message import (
    PROPERTY_CONSUME_START_TIMESTAMP,
    PROPERTY_DELAY_TIME_LEVEL,
    PROPERTY_DLQ_ORIGIN_MESSAGE_ID,
    PROPERTY_DLQ_ORIGIN_TOPIC,
    PROPERTY_KEYS,
    PROPERTY_MAX_OFFSET,
    PROPERTY_MAX_RECONSUME_TIMES,
    PROPERTY_MIN_OFFSET,
    PROPERTY_ORIGIN_MESSAGE_ID,
    PROPERTY_REAL_QUEUE_ID,
    PROPERTY_REAL_TOPIC,
    PROPERTY_RECONSUME_TIME,
    PROPERTY_RETRY_TOPIC,
    PROPERTY_SHARDING_KEY,
    PROPERTY_TAGS,
    PROPERTY_UNIQ_KEY,
    PROPERTY_WAIT_STORE_MSG_OK,
    MessageExt,
    MessageQueue,
    properties_to_string,
)
from rocketmq_ops.common.permission import PERM_WRITE
from rocketmq_ops.common.topics import AUTO_CREATE_TOPIC, TRACE_TOPIC
from rocketmq_ops.common.unique_id import UniqueIdFactory
from rocketmq_ops.remoting.codes import RequestCode

if TYPE_CHECKING:
    from rocketmq_ops.client.admin.core import MQAdmin
    from rocketmq_ops.remoting.bodies import TopicRouteData

ATTEMPTS = 3
MAX_BODY_BYTES = 4 * 1024 * 1024


class SendRequest(msgspec.Struct, kw_only=True):
    """What to send and, if wanted, where: a broker, and a queue of it. `properties` are sent as they are."""

    topic: str
    body: bytes
    keys: str | None = None
    tags: str | None = None
    properties: dict[str, str] = {}
    flag: int = 0
    broker_name: str | None = None
    queue_id: int | None = None
    producer_group: str = "TOOLS_PRODUCER"


class SendReport(msgspec.Struct, rename="camel"):
    """Where the message is. A status other than SEND_OK is stored too, only less safely than configured."""

    broker_name: str
    queue_id: int
    send_status: str
    msg_id: str
    offset_msg_id: str
    queue_offset: int
    broker_addr: str = ""
    region_id: str | None = None
    cost_millis: int = 0


Routed = tuple["TopicRouteData", bool]

#: What brokers and consumers note on a message on its way through retries to the dead letters.
_OF_THE_WAY: Final = (
    PROPERTY_RETRY_TOPIC,
    PROPERTY_RECONSUME_TIME,
    PROPERTY_MAX_RECONSUME_TIMES,
    PROPERTY_ORIGIN_MESSAGE_ID,
    PROPERTY_DLQ_ORIGIN_TOPIC,
    PROPERTY_DLQ_ORIGIN_MESSAGE_ID,
    PROPERTY_REAL_TOPIC,
    PROPERTY_REAL_QUEUE_ID,
    PROPERTY_DELAY_TIME_LEVEL,
    PROPERTY_CONSUME_START_TIMESTAMP,
    PROPERTY_MIN_OFFSET,
    PROPERTY_MAX_OFFSET,
)


def origin_of(message: MessageExt) -> str | None:
    """The topic that a dead letter or a retried message was sent to first; None where it does not say that."""
    properties = message.properties
    return properties.get(PROPERTY_DLQ_ORIGIN_TOPIC) or properties.get(PROPERTY_RETRY_TOPIC)


def sent_again(message: MessageExt, topic: str | None = None) -> SendRequest:
    """The request that sends a message again to its topic as it is, or to another as its producer sent it."""
    properties = dict(message.properties)
    if topic is not None:
        properties = {name: value for name, value in properties.items() if name not in _OF_THE_WAY}
    return SendRequest(topic=topic or message.topic, body=message.body, properties=properties, flag=message.flag)


async def send(admin: MQAdmin, wanted: SendRequest, routed: Routed | None = None) -> SendReport:
    """Send one message. A message with an ordering key goes to the queue that Apache's SelectMessageQueueByHash takes.

    `routed`: the topic's route as `route_or_template` gave it, where it was fetched before.
    Raises NotFoundError when nothing writable is found, NoMasterError when the masters are away, else the broker's or
    the last error.
    """
    if len(wanted.body) > MAX_BODY_BYTES:
        raise RocketMQError(
            f"the body has {len(wanted.body)} bytes, the limit is {MAX_BODY_BYTES}", "send a smaller one"
        )
    if not wanted.body:
        raise RocketMQError("the body is empty", "give a body of at least one byte")
    route, template = routed or await route_or_template(admin, wanted.topic)
    queues = writable_queues(route, wanted, template)
    if not queues:
        raise nothing_writable(route, wanted)
    outgoing = outgoing_of(wanted)
    errors: dict[str, RocketMQError] = {}
    ordering_key = wanted.properties.get(PROPERTY_SHARDING_KEY)
    if ordering_key is not None and wanted.queue_id is None:
        queues = [_by_hash(queues, ordering_key)]
    random.shuffle(queues)
    tried: set[str] = set()
    for broker_name, address, queue_id, queue_count in queues:
        if broker_name in tried or len(tried) >= ATTEMPTS:
            continue
        tried.add(broker_name)
        queue, template_queues = MessageQueue(wanted.topic, broker_name, queue_id), min(queue_count, DEFAULT_QUEUES)
        try:
            return await _send_to(admin, outgoing, wanted.producer_group, queue, address, template_queues)
        except RocketMQError as error:
            if isinstance(error, BrokerError) and not error.retriable:
                raise  # every broker would answer so, as the producer takes it
            errors[address] = error
    if len(errors) == 1:
        raise next(iter(errors.values()))
    raise AllFailedError("sending", errors)


def _by_hash(queues: list[tuple[str, str, int, int]], key: str) -> tuple[str, str, int, int]:
    """The queue for an ordering key. Apache's producer has queues by broker name, then id."""
    ordered = sorted(queues, key=lambda queue: (queue[0], queue[2]))
    return ordered[abs(string_hash(key)) % len(ordered)]


async def route_or_template(admin: MQAdmin, topic: str) -> tuple[TopicRouteData, bool]:
    """The topic's route; for a topic that does not exist, that of the template for automatic creation, and True."""
    try:
        return await admin.topics.route_data(topic), False
    except NotFoundError as error:
        try:
            return await admin.topics.route_data(AUTO_CREATE_TOPIC), True
        except NotFoundError:
            raise error from None


def writable_queues(route: TopicRouteData, wanted: SendRequest, template: bool) -> list[tuple[str, str, int, int]]:
    """(broker name, master address, queue id, number of queues) of every queue that may be chosen."""
    masters = {data.broker_name: data.broker_addrs.get(MASTER_ID) for data in route.broker_datas}
    found = []
    for data in route.queue_datas:
        address = masters.get(data.broker_name)
        if address is None or not data.perm & PERM_WRITE or wanted.broker_name not in (None, data.broker_name):
            continue
        count = min(data.write_queue_nums, DEFAULT_QUEUES) if template else data.write_queue_nums
        for queue_id in range(count):
            if wanted.queue_id in (None, queue_id):
                found.append((data.broker_name, address, queue_id, count))
    return found


def nothing_writable(route: TopicRouteData, wanted: SendRequest) -> RocketMQError:
    """Why no queue may be chosen: the masters are away, or permission and numbers exclude all."""
    names = without_master(route, wanted.broker_name)
    if names:
        slaves = next(data.broker_addrs for data in route.broker_datas if data.broker_name == names[0])
        return NoMasterError(*no_master(wanted.topic, names), see=See("replicas.promotion", slaves[min(slaves)]))
    where = f" on {wanted.broker_name}" if wanted.broker_name is not None else ""
    number = f" {wanted.queue_id}" if wanted.queue_id is not None else ""
    return NotFoundError(
        f"topic '{wanted.topic}' has no writable queue{number}{where}",
        "look at its queues and their permission",
        see=See("topics.route", wanted.topic),
    )


def outgoing_of(wanted: SendRequest) -> Outgoing:
    properties = dict(wanted.properties)
    if wanted.keys is not None:
        properties[PROPERTY_KEYS] = wanted.keys
    if wanted.tags is not None:
        properties[PROPERTY_TAGS] = wanted.tags
    msg_id = properties.setdefault(PROPERTY_UNIQ_KEY, UniqueIdFactory().create())
    properties.setdefault(PROPERTY_WAIT_STORE_MSG_OK, "true")
    return Outgoing(
        topic=wanted.topic,
        code=RequestCode.SEND_MESSAGE_V2,
        body=wanted.body,
        flag=wanted.flag,
        sys_flag=0,
        properties=properties_to_string(properties),
        msg_id=msg_id,
    )


async def _send_to(
    admin: MQAdmin, outgoing: Outgoing, group: str, queue: MessageQueue, address: str, template_queues: int
) -> SendReport:
    started = time.monotonic()
    sent = await api.send(admin.session, address, outgoing, group, queue, template_queues=template_queues)
    return SendReport(
        queue.broker_name,
        sent.queue.queue_id,
        sent.status,
        outgoing.msg_id,
        sent.offset_msg_id,
        sent.queue_offset,
        address,
        sent.region_id,
        int((time.monotonic() - started) * 1000),
    )


async def send_trace(admin: MQAdmin, wanted: SendRequest, sent: SendReport) -> SendReport:
    """Send a Pub trace to the trace topic, in the form of TraceDataEncoder.

    Raises what `send` raises, for example NotFoundError where no broker has a trace topic.
    """
    data = trace_text.published(
        time_ms=now_ms() - sent.cost_millis,
        region=sent.region_id or "DefaultRegion",
        group=wanted.producer_group,
        topic=wanted.topic,
        msg_id=sent.msg_id,
        tags=wanted.tags,
        keys=wanted.keys,
        store_host=sent.broker_addr,
        body_length=len(wanted.body),
        cost_ms=sent.cost_millis,
        message_type=trace_text.NORMAL_MESSAGE,
        offset_msg_id=sent.offset_msg_id,
        success=True,
    )
    keys = " ".join(filter(None, [sent.msg_id, wanted.keys]))
    return await send(admin, SendRequest(topic=TRACE_TOPIC, body=data.encode(), keys=keys))
