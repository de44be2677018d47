"""How a group fetches a topic, by pulling or popping, as brokers hold it for consumers that ask them for their queues.

Mirrors setMessageRequestMode; unlike Apache's tool it reads the mode before and after.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from rocketmq_ops.client.admin.brokers.cluster import BrokerAddress
from rocketmq_ops.client.admin.changes import Action, Change, ChangeReport, Value, differences
from rocketmq_ops.client.api.groups import put_request_mode, request_modes
from rocketmq_ops.common.errors import RocketMQError
from rocketmq_ops.common.topics import topic_at_group

if TYPE_CHECKING:
    from rocketmq_ops.client.admin.core import MQAdmin
    from rocketmq_ops.remoting.bodies import SetMessageRequestModeRequestBody

Mode = Literal["PULL", "POP"]


async def set_mode(
    admin: MQAdmin,
    group: str,
    topic: str,
    mode: Mode,
    share_queues: int | None,
    *,
    broker_addr: str | None,
    cluster: str | None,
    plan: bool,
) -> ChangeReport:
    """Set the mode on one broker or on a cluster's masters. `share_queues` None keeps what is there (0 when unset).

    Raises NotFoundError for an unknown cluster, AllFailedError when no broker could be changed.
    """
    brokers = await admin.cluster.targets(broker_addr, cluster)

    async def one(broker: BrokerAddress) -> Change:
        return await _set_at(admin, broker.address, group, topic, mode, share_queues, plan)

    fan = await admin.fan_out(brokers, one)
    fan.require_some(f"setting the consume mode of {group}")
    return ChangeReport(plan, list(fan.answers.values()), fan.failures)


async def _set_at(
    admin: MQAdmin, address: str, group: str, topic: str, mode: Mode, share_queues: int | None, plan: bool
) -> Change:
    from rocketmq_ops.remoting.bodies import SetMessageRequestModeRequestBody

    current = (await request_modes(admin.session, address)).get(topic, {}).get(group)
    kept = current.pop_share_queue_num if current is not None else 0
    wanted = SetMessageRequestModeRequestBody(
        topic=topic, consumer_group=group, mode=mode, pop_share_queue_num=kept if share_queues is None else share_queues
    )
    fields = differences(_fields(current), _fields(wanted))
    action: Action = "create" if current is None else "update" if fields else "none"
    change = Change(
        address, "consumeMode", topic_at_group(topic, group), action, "planned" if fields else "unchanged", fields
    )
    if plan or not fields:
        return change
    await put_request_mode(admin.session, address, wanted)
    try:
        found = _fields((await request_modes(admin.session, address)).get(topic, {}).get(group)) or {}
    except RocketMQError:
        change.state = "unverified"
        return change
    change.verified([field.name for field in fields if found.get(field.name) != field.after])
    return change


def _fields(mode: SetMessageRequestModeRequestBody | None) -> dict[str, Value] | None:
    return None if mode is None else {"mode": mode.mode, "popShareQueueNum": mode.pop_share_queue_num}
