"""`mqadmin getLiteGroupInfo`: how far a group is behind in lite topics."""

from __future__ import annotations

from typing import Annotated

from rocketmq_ops.client.admin.lite import LiteGroupReport, LiteLag
from rocketmq_ops.mqadmin.declare import Opt, command
from rocketmq_ops.mqadmin.options.lite import LiteTopic, ParentTopic
from rocketmq_ops.mqadmin.options.topics import Group
from rocketmq_ops.mqadmin.render.outcome import Cell, Outcome, Table
from rocketmq_ops.mqadmin.render.report import labelled, status
from rocketmq_ops.mqadmin.run import Run
from rocketmq_ops.mqadmin.values import human_time, positive


@command(result=LiteGroupReport, rows="brokers", example="mqadmin getLiteGroupInfo -p lite_parent -g lite_group")
async def get_lite_group_info(
    run: Run,
    parent_topic: ParentTopic,
    group: Group,
    lite_topic: Annotated[LiteTopic | None, "only this lite topic"] = None,
    top_k: Annotated[int | None, Opt("-k", "--topK", help="the worst lite topics shown (20)", parse=positive)] = None,
) -> Outcome:
    """The worst lite topics by count and by time, of all brokers together.

    A lag that a broker does not tell is unknown, never 0. Brokers tell lag times with liteLagLatencyCollectEnable=true.
    """
    top = 20 if top_k is None else top_k
    async with run.admin() as admin:
        found = await admin.lite.group(parent_topic, group, lite_topic, top)
    blocks: list[Table | str] = [f"Lite Group Info: [{group}] [{parent_topic}]"]
    if lite_topic is not None:
        rows: list[list[Cell]] = [
            [
                b.broker_name,
                "-" if b.broker_offset is None else b.broker_offset,
                "-" if b.consumer_offset is None else b.consumer_offset,
                b.lag,
                _time(b.last_timestamp),
            ]
            for b in found.brokers
        ]
        blocks.append(Table(["#Broker Name", "#BrokerOffset", "#ConsumeOffset", "#LagCount", "#LastUpdate"], rows))
    blocks.append(labelled("Total Lag Count", found.lag_total, ": "))
    blocks.append(labelled("Min Unconsumed Timestamp", _time(found.earliest_unconsumed_timestamp), ": "))
    if lite_topic is None:
        blocks += ["------TopK by lag count-----", _worst(found.worst_by_count[:top])]
        blocks += ["------TopK by lag time------", _worst(found.worst_by_time[:top])]
    return Outcome(data=found, blocks=blocks, status=status(found.failures), errors=list(found.failures))


def _worst(lags: list[LiteLag]) -> Table:
    columns = ["NO", "Lite Topic", "Broker", "Lag Count", "UnconsumedTimestamp"]
    rows: list[list[Cell]] = [
        [number, lag.lite_topic, lag.broker_name, lag.lag, _time(lag.earliest_unconsumed_timestamp)]
        for number, lag in enumerate(lags, 1)
    ]
    return Table(columns, rows)


def _time(moment: int | None) -> str:
    return "-" if moment is None else human_time(moment)
