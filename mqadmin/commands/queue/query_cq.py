"""`mqadmin queryCq`: consumequeue units of one queue."""

from __future__ import annotations

from typing import Annotated

from rocketmq_ops.client.admin.messages.message_results import ConsumeQueueReport, ConsumeQueueUnit
from rocketmq_ops.mqadmin.declare import Opt, command
from rocketmq_ops.mqadmin.options.brokers import Broker
from rocketmq_ops.mqadmin.options.messages import Count, Queue
from rocketmq_ops.mqadmin.options.topics import Consumer, TopicName
from rocketmq_ops.mqadmin.render.outcome import Outcome, Table
from rocketmq_ops.mqadmin.render.report import status
from rocketmq_ops.mqadmin.run import Run
from rocketmq_ops.mqadmin.values import natural

_RULE = "======================================"


@command(result=ConsumeQueueReport, rows="units", example="mqadmin queryCq -t TopicTest -q 0 -i 0 -c 5")
async def query_cq(
    run: Run,
    topic: TopicName,
    queue: Queue,
    index: Annotated[int, Opt("-i", "--index", help="first unit", parse=natural)],
    count: Annotated[Count, "how many units (default 10)"] = 10,
    broker_addr: Annotated[Broker | None, "the broker to ask, HOST:PORT"] = None,
    consumer: Annotated[Consumer | None, "show this group's filter too"] = None,
) -> Outcome:
    """Without -b the first broker of the topic is asked."""
    async with run.admin() as admin:
        found = await admin.messages.consume_queue(topic, queue, index, count, broker_addr, consumer)
    blocks: list[Table | str] = []
    if found.subscription is not None:
        blocks += ["Subscription data:", _fields(found.subscription), _RULE]
    if found.filter_data is not None:
        blocks += ["Filter data:", found.filter_data, _RULE]
    blocks += ["Queue data:", f"max: {found.max_index}, min: {found.min_index}", _RULE]
    for unit in found.units:
        blocks += [f"idx: {unit.index}", _unit(unit), _RULE]
    notes = [] if found.units else [f"no unit at {index}: the queue has {found.min_index} to {found.max_index - 1}"]
    return Outcome(data=found, blocks=blocks, status=status([], empty=not found.units), notes=notes)


def _fields(values: dict[str, object]) -> str:
    return ", ".join(f"{name}={value}" for name, value in values.items())


def _unit(unit: ConsumeQueueUnit) -> str:
    return (
        f"ConsumeQueueData{{physicOffset={unit.physic_offset}, physicSize={unit.physic_size}, "
        f"tagsCode={unit.tags_code}, extendDataJson='{_null(unit.extend_data_json)}', bitMap='{_null(unit.bit_map)}', "
        f"eval={str(unit.eval).lower()}, msg='{_null(unit.msg)}'}}"
    )


def _null(text: str | None) -> str:
    return "null" if text is None else text
