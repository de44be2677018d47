"""The mapping of a static topic: which broker's queue holds each of its logical queues. Pure: nothing is asked or sent.

A static topic has a fixed number of logical queues, each with a history of items: the last one, its leader, is
written to; those before hold older offsets. Each broker has the items of the queues that it leads or once led.
Mirrors TopicQueueMappingUtils, but where several brokers would do, it takes the first by name and not a random one.
"""

from __future__ import annotations

from collections.abc import Collection
from copy import deepcopy
from itertools import pairwise

import msgspec

from rocketmq_ops.client.errors import InvalidValueError
from rocketmq_ops.common.errors import RocketMQError
from rocketmq_ops.remoting.bodies.topic import (
    LogicQueueMappingItem,
    TopicConfigAndQueueMapping,
    TopicQueueMappingDetail,
    TopicRemappingDetailWrapper,
)

GLOBAL_SCOPE = "__global__"
CREATE_OR_UPDATE = "CREATE_OR_UPDATE"
REMAPPING = "REMAPPING"
EPOCH_STEP = 1000
#: Logical offsets of a new leader begin at a multiple of this, so that none of the old one is given twice.
BLOCK = 10_000

#: Broker name -> the topic on that broker.
Configs = dict[str, TopicConfigAndQueueMapping]


class LogicQueue(msgspec.Struct):
    """One logical queue as its leader has it."""

    queue_id: int
    broker_name: str
    items: list[LogicQueueMappingItem]


def detail_of(configs: Configs, broker_name: str) -> TopicQueueMappingDetail:
    """The mapping on one broker. Raises RocketMQError where the topic is there without one."""
    detail = configs[broker_name].mapping_detail
    if detail is None:
        raise RocketMQError(
            f"topic '{configs[broker_name].topic_name}' is on {broker_name} as a usual topic, not a static one",
            "choose another name, or delete that topic",
        )
    return detail


def check(topic: str, configs: Configs) -> tuple[int, int]:
    """(epoch, number of logical queues), the same on all brokers; (-1, 0) without brokers. Raises RocketMQError."""
    found = (-1, 0)
    for name in sorted(configs):
        detail = detail_of(configs, name)
        if detail.bname != name:
            raise _broken(topic, f"{name} has the mapping of {detail.bname}")
        if detail.topic != topic or configs[name].topic_name != topic:
            raise _broken(topic, f"{name} has the mapping of topic '{detail.topic}'")
        if detail.dirty:
            raise _broken(topic, f"the mapping on {name} is marked dirty")
        here = (detail.epoch, detail.total_queues)
        if found not in ((-1, 0), here):
            raise _broken(
                topic, f"{name} has epoch {here[0]} and {here[1]} queues, others epoch {found[0]} and {found[1]}"
            )
        found = here
    return found


def _broken(topic: str, what: str) -> RocketMQError:
    return RocketMQError(
        f"the mapping of static topic '{topic}' is not consistent: {what}",
        "an earlier change may have reached some brokers only: apply its saved mapping again with -mf FILE -fr true",
    )


def logic_queues(topic: str, configs: Configs) -> dict[int, LogicQueue]:
    """Every logical queue by its id, complete and without two in one physical queue. Raises RocketMQError."""
    found: dict[int, LogicQueue] = {}
    total = 0
    physical: dict[tuple[str, int], int] = {}
    for name in sorted(configs):
        detail = detail_of(configs, name)
        total = max(total, detail.total_queues)
        for queue_id, items in sorted(detail.hosted_queues.items()):
            _check_items(topic, queue_id, items)
            if items[-1].bname != name:
                continue
            if queue_id in found:
                raise _broken(topic, f"queue {queue_id} is led by {found[queue_id].broker_name} and by {name}")
            found[queue_id] = LogicQueue(queue_id, name, items)
            for item in items:
                other = physical.setdefault((item.bname, item.queue_id), queue_id)
                if other != queue_id:
                    raise _broken(
                        topic, f"queues {other} and {queue_id} are both in queue {item.queue_id} of {item.bname}"
                    )
    missing = [queue_id for queue_id in range(total) if queue_id not in found]
    if missing or len(found) > total:
        raise _broken(
            topic, f"no broker leads queue {missing[0]}" if missing else f"there are more than {total} queues"
        )
    return found


def _check_items(topic: str, queue_id: int, items: list[LogicQueueMappingItem]) -> None:
    if not items or any(min(item.gen, item.queue_id, item.start_offset) < 0 for item in items):
        raise _broken(topic, f"queue {queue_id} has an item with a negative number, or none")
    for before, after in pairwise(items):
        if before.gen >= after.gen or before.logic_offset < 0:
            raise _broken(topic, f"the generations of queue {queue_id} are not in order")
        if 0 <= after.logic_offset <= before.logic_offset:
            raise _broken(topic, f"the offsets of queue {queue_id} are not in order")


def check_whole(topic: str, configs: Configs) -> dict[int, LogicQueue]:
    """All checks of a mapping that is to be sent, or to be changed."""
    check(topic, configs)
    queues = logic_queues(topic, configs)
    for name, config in configs.items():
        if config.read_queue_nums < config.write_queue_nums:
            raise _broken(topic, f"{name} has fewer read than write queues")
        for items in detail_of(configs, name).hosted_queues.values():
            for item in items:
                held = configs.get(item.bname)
                if held is None or item.queue_id >= held.write_queue_nums:
                    raise _broken(topic, f"{item.bname} has no queue {item.queue_id}")
    return queues


def extended(
    topic: str, configs: Configs, targets: Collection[str], total: int, now_ms: int
) -> TopicRemappingDetailWrapper:
    """The topic with `total` logical queues, the new ones on the target brokers that lead the fewest.

    Brokers that have it stay targets. Raises InvalidValueError for no more queues than there are.
    """
    wanted = deepcopy(configs)
    queues = check_whole(topic, wanted) if wanted else {}
    if total <= len(queues):
        word = "has" if total == len(queues) else "cannot go below its"
        raise InvalidValueError(
            f"static topic '{topic}' {word} {len(queues)} queues: nothing was changed", "give a larger number"
        )
    epoch = max(check(topic, wanted)[0] + EPOCH_STEP, now_ms) if wanted else now_ms
    leads = dict.fromkeys(sorted({*targets, *wanted}), 0)
    for queue in queues.values():
        leads[queue.broker_name] += 1
    for queue_id in range(len(queues), total):
        name = min(leads, key=lambda broker: (leads[broker], broker))
        leads[name] += 1
        number = _add_queue(topic, wanted, name)
        item = _item(gen=0, queue_id=number, bname=name, logic_offset=0)
        detail_of(wanted, name).hosted_queues[queue_id] = [item]
    _stamp(wanted, epoch, total)
    check_whole(topic, wanted)
    return TopicRemappingDetailWrapper(topic=topic, type=CREATE_OR_UPDATE, epoch=epoch, broker_config_map=wanted)


def remapped(topic: str, configs: Configs, targets: Collection[str], now_ms: int) -> TopicRemappingDetailWrapper:
    """The topic with all logical queues led by the target brokers, evenly and with as few moves as that allows.

    A broker gives queues away or takes some, never both. A queue's new leader has no logical offset yet: that is
    found out when the old one no longer takes messages.
    """
    wanted = deepcopy(configs)
    queues = check_whole(topic, wanted)
    old_epoch, total = check(topic, wanted)
    epoch = max(old_epoch + EPOCH_STEP, now_ms)
    moved_in: set[str] = set()
    moved_out: set[str] = set()
    for queue_id, name in _assigned(queues, targets).items():
        queue = queues[queue_id]
        if queue.broker_name == name:
            continue
        moved_in.add(name)
        moved_out.add(queue.broker_name)
        number = _add_queue(topic, wanted, name)
        items = [*queue.items, _item(gen=queue.items[-1].gen + 1, queue_id=number, bname=name, logic_offset=-1)]
        for broker in (name, queue.broker_name):
            detail_of(wanted, broker).hosted_queues[queue_id] = items
    _stamp(wanted, epoch, total)
    check_whole(topic, wanted)
    return TopicRemappingDetailWrapper(
        topic=topic,
        type=REMAPPING,
        epoch=epoch,
        broker_config_map=wanted,
        broker_to_map_in=sorted(moved_in),
        broker_to_map_out=sorted(moved_out),
    )


def _assigned(queues: dict[int, LogicQueue], targets: Collection[str]) -> dict[int, str]:
    """Logical queue -> the broker that shall lead it; the larger shares go to those that lead most now."""
    before = dict.fromkeys(targets, 0)
    for queue in queues.values():
        if queue.broker_name in before:
            before[queue.broker_name] += 1
    share, rest = divmod(len(queues), len(before))
    ordered = sorted(before, key=lambda broker: (-before[broker], broker))
    left = {broker: share + (place < rest) for place, broker in enumerate(ordered)}
    assigned: dict[int, str] = {}
    waiting = []
    for queue_id, queue in sorted(queues.items()):
        if left.get(queue.broker_name, 0) > 0:
            left[queue.broker_name] -= 1
            assigned[queue_id] = queue.broker_name
        else:
            waiting.append(queue_id)
    places = [broker for broker in sorted(left) for _ in range(left[broker])]
    assigned.update(zip(waiting, places, strict=True))
    return assigned


def completed(wrapper: TopicRemappingDetailWrapper, brokers: Collection[str]) -> None:
    """Add the brokers of the same clusters that hold nothing of the topic: they must know its mapping too."""
    configs = wrapper.broker_config_map
    _, total = check(wrapper.topic, configs)
    for name in sorted(brokers):
        if name not in configs:
            configs[name] = _empty(wrapper.topic, name)
            detail = detail_of(configs, name)
            detail.epoch, detail.total_queues = wrapper.epoch, total


def round_up(offset: int) -> int:
    """The first logical offset of a queue's new leader: at least half a block behind the old one's end."""
    blocks, left = divmod(offset, BLOCK)
    return (blocks + (1 if left < BLOCK // 2 else 2)) * BLOCK


def logic_offset_at(item: LogicQueueMappingItem, physical_offset: int) -> int:
    """The logical offset of a physical one (computeStaticQueueOffsetStrictly)."""
    return item.logic_offset + max(physical_offset - item.start_offset, 0)


def _add_queue(topic: str, configs: Configs, name: str) -> int:
    """One physical queue more on a broker; its id."""
    config = configs.setdefault(name, _empty(topic, name))
    config.write_queue_nums += 1
    config.read_queue_nums += 1
    return config.write_queue_nums - 1


def _empty(topic: str, name: str) -> TopicConfigAndQueueMapping:
    detail = TopicQueueMappingDetail(topic=topic, bname=name, scope=GLOBAL_SCOPE)
    return TopicConfigAndQueueMapping(topic_name=topic, read_queue_nums=0, write_queue_nums=0, mapping_detail=detail)


def _item(*, gen: int, queue_id: int, bname: str, logic_offset: int) -> LogicQueueMappingItem:
    return LogicQueueMappingItem(
        gen=gen,
        queue_id=queue_id,
        bname=bname,
        logic_offset=logic_offset,
        start_offset=0,
        end_offset=-1,
        time_of_start=-1,
        time_of_end=-1,
    )


def _stamp(configs: Configs, epoch: int, total: int) -> None:
    for name in configs:
        detail = detail_of(configs, name)
        detail.epoch, detail.total_queues = epoch, total
