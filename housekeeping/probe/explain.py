"""Why a message of the prober did not come, or late: where it stopped, with the evidence, looked up in the same run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from rocketmq_ops.client.api import messages as message_api
from rocketmq_ops.client.api import offsets as offset_api
from rocketmq_ops.client.api.pull import PullStatus, pull
from rocketmq_ops.client.api.servers import runtime_info
from rocketmq_ops.client.errors import BrokerError, NotFoundError
from rocketmq_ops.common.errors import RocketMQError
from rocketmq_ops.common.sysflag import pull_sys_flag
from rocketmq_ops.common.topics import retry_topic
from rocketmq_ops.housekeeping.findings import Finding, Severity
from rocketmq_ops.remoting.codes import ResponseCode

if TYPE_CHECKING:
    from rocketmq_ops.client.admin import MQAdmin
    from rocketmq_ops.housekeeping.probe.delivery import Delivery, Sent
    from rocketmq_ops.housekeeping.probe.host import HostSample

#: The figures of a broker that show why messages are late, each with its words.
_REPORTED: Final = {
    "dispatchBehindBytes": "{value} bytes not dispatched",
    "pageCacheLockTimeMills": "page cache locked for {value} ms",
    "sendThreadPoolQueueSize": "send queue {value}",
    "pullThreadPoolQueueSize": "pull queue {value}",
}
#: How many of the newest messages of a retry topic are looked at.
_LAST_RETRIES: Final = 32
_FLAGS = pull_sys_flag(commit_offset=False, suspend=False, subscription=True)


def not_sent(delivery: Delivery, message: Sent) -> Finding:
    """Of a message that the broker did not take."""
    error = message.error
    assert error is not None
    kind, remedy = "send-failed", error.next_step
    if isinstance(error, BrokerError):
        if error.code == ResponseCode.NO_PERMISSION:
            kind = "not-writable"
            remedy = f"`mqadmin getBrokerConfig -b {delivery.broker.address}`: brokerPermission, and what ACLs allow"
        elif error.code in (ResponseCode.SYSTEM_BUSY, ResponseCode.SERVICE_NOT_AVAILABLE):
            kind = "broker-busy"
            remedy = f"`mqadmin brokerStatus -b {delivery.broker.address}`: send queue, page cache, disk"
    failed = len(delivery.failed)
    return _finding(
        kind,
        delivery,
        f"{failed} of {len(delivery.messages)} sends failed, the first after {message.send_ms:.0f} ms: {error.cause}",
        remedy,
    )


async def not_received(admin: MQAdmin, delivery: Delivery, message: Sent) -> Finding:
    """Of a message that was stored, and did not come."""
    assert message.result is not None
    offset = int(message.result.offset_msg_id[-16:], 16)
    place = f"queue {message.queue_id} offset {message.result.queue_offset} of {delivery.topic}"
    try:
        return await _where(admin, delivery, message, offset, place)
    except RocketMQError as error:
        return _finding(
            "not-received",
            delivery,
            f"stored at {place}, commitlog offset {offset}, and not received; the broker could not be asked where it "
            f"stopped: {error.cause}",
            error.next_step,
        )


async def _where(admin: MQAdmin, delivery: Delivery, message: Sent, offset: int, place: str) -> Finding:
    session, address = admin.session, delivery.broker.address
    assert message.result is not None
    stored, broken = await message_api.view_message(session, address, offset, delivery.topic)
    if not stored:
        return _finding(
            "not-stored",
            delivery,
            f"the answer of the send said commitlog offset {offset}, and the broker has no message there"
            f"{f' ({broken})' if broken else ''}",
            "look at the broker's log, and at its store: `mqadmin store check STORE_DIR`",
        )
    figures = await runtime_info(session, address)
    if message.delay_ms:
        progress = figures.get(f"scheduleMessageOffset_{delivery.delay_level}", "")
        delivered, _, end = progress.partition(",")
        told = f"the level is delivered up to offset {delivered} of {end}" if end else "the level's progress is unknown"
        return _finding(
            "delay-not-delivered",
            delivery,
            f"the message of delay level {delivery.delay_level} ({message.delay_ms} ms) is stored at commitlog offset "
            f"{offset}, and was not delivered; {told}",
            "look for a backlog of the delay service in the broker's log",
        )
    end_offset = await offset_api.max_offset(session, address, delivery.topic, message.queue_id)
    behind = figures.get("dispatchBehindBytes", "unknown")
    if end_offset <= message.result.queue_offset:
        return _finding(
            "not-dispatched",
            delivery,
            f"stored at commitlog offset {offset}, but the queue ends at {end_offset}, before {place}: "
            f"{behind} bytes of the commitlog are not dispatched to consumequeues",
            "the dispatch of the broker stands or is slow: look at its log and its disk",
        )
    waiting = await _in_retry(admin, delivery, message, place)
    if waiting is not None:
        return waiting
    header = delivery.pull_header(message.queue_id, message.result.queue_offset, _FLAGS, 0)
    pulled = await pull(session, address, header, delivery.broker_name)
    if pulled.status is PullStatus.FOUND:
        holder = await _holder(admin, delivery, message)
        if holder:
            return _finding(
                "not-consumed",
                delivery,
                f"dispatched at {place}, where a pull that does not wait finds it; {holder}, in the prober's group "
                f"{delivery.group}, and it has not come here",
                "stop that client: the prober's group is for the prober alone",
            )
        return _finding(
            "pull-not-woken",
            delivery,
            f"a pull that does not wait finds the message at {place}; the one that waited for it was not answered",
            "the broker's service for waiting pulls stands or is slow: look at its log",
        )
    if pulled.status is PullStatus.NO_MATCHED_MSG:
        return _finding(
            "filtered",
            delivery,
            f"the broker passes over the message at {place} for a subscription to all tags",
            "compare its unit in the consumequeue with its record: `mqadmin queryCq`",
        )
    return _finding(
        "not-received",
        delivery,
        f"dispatched at {place}, and a pull there answers {pulled.status}: {pulled.remark or 'no reason given'}",
        "look at the broker's log",
    )


async def _in_retry(admin: MQAdmin, delivery: Delivery, message: Sent, place: str) -> Finding | None:
    """Of a message that a consumer of the prober's group has sent back, which waits in its retry topic."""
    session, address, topic = admin.session, delivery.broker.address, retry_topic(delivery.group)
    assert message.result is not None
    end = await offset_api.max_offset(session, address, topic, 0)
    if end <= 0:
        return None
    header = msgspec.structs.replace(
        delivery.pull_header(0, max(end - _LAST_RETRIES, 0), _FLAGS, 0), topic=topic, max_msg_nums=_LAST_RETRIES
    )
    pulled = await pull(session, address, header, delivery.broker_name)
    own = [found for found in pulled.messages if found.msg_id == message.result.msg_id]
    if not own:
        return None
    return _finding(
        "in-retry",
        delivery,
        f"dispatched at {place}, consumed by a client of the prober's group {delivery.group} and sent back: it waits "
        f"at offset {own[-1].queue_offset} of {topic}, sent back {own[-1].reconsume_times} times",
        f"`mqadmin consumerConnection -g {delivery.group}`: who it is; the group is for the prober alone",
    )


async def _holder(admin: MQAdmin, delivery: Delivery, message: Sent) -> str:
    """Which client of the prober's group holds the message's queue, as a clause; empty where no client is connected."""
    connected = await admin.clients.consumers_at(delivery.broker.address, delivery.group)
    if connected is None:
        return ""
    try:
        holders, _ = await admin.clients.queue_holders(delivery.group)
    except NotFoundError:
        return ""
    client = holders.get((delivery.topic, delivery.broker_name, message.queue_id))
    if client is not None:
        return f"its queue is held by the client {client}"
    ids = sorted({each.client_id for each in connected.connection_set})
    return f"which client holds its queue is unknown; connected are {', '.join(ids)}"


def on_host(finding: Finding, sample: HostSample | None) -> Finding:
    """With what the host was like meanwhile in its evidence, where it was sampled."""
    told = "" if sample is None else sample.told()
    return msgspec.structs.replace(finding, evidence=f"{finding.evidence}; its host: {told}") if told else finding


async def late(
    admin: MQAdmin, delivery: Delivery, value_ms: float, severity: Severity, sample: HostSample | None
) -> Finding:
    """Of messages that came, and later than expected: which part of the way took the time, and what its host was like.

    Without a `sample` of the host the remedy says how to take one.
    """
    slowest = max(
        (m for m in delivery.messages if m.arrivals and not m.delay_ms), key=lambda m: m.arrivals[0] - m.sent_at
    )
    rest = value_ms - slowest.send_ms
    part = "to be stored" if slowest.send_ms >= rest else "from there to the waiting pull"
    try:
        figures = await runtime_info(admin.session, delivery.broker.address)
    except RocketMQError:
        figures = {}
    told = ", ".join(told.format(value=figures[name]) for name, told in _REPORTED.items() if name in figures)
    found = Finding(
        id="probe.late",
        severity=severity,
        target=delivery.broker_name,
        evidence=f"the slowest message took {slowest.send_ms:.0f} ms to its answer and {rest:.0f} ms more to arrive: "
        f"most {part}" + (f"; the broker reports: {told}" if told else ""),
        remedy=f"`mqadmin brokerStatus -b {delivery.broker.address}`, and on its machine "
        + ("`mqadmin doctor disk --host`" if sample else "`mqadmin probe --host` and `mqadmin doctor disk --host`"),
    )
    return on_host(found, sample)


def _finding(kind: str, delivery: Delivery, evidence: str, remedy: str) -> Finding:
    return Finding(
        id=f"probe.{kind}", severity=Severity.CRITICAL, target=delivery.broker_name, evidence=evidence, remedy=remedy
    )
