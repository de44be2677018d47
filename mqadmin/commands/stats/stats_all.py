"""`mqadmin statsAll`: throughput and backlog of every topic and its groups."""

from __future__ import annotations

from typing import Annotated

from rocketmq_ops.client.admin.brokers.stats import StatsListing, TopicGroupStats, all_topics
from rocketmq_ops.mqadmin.declare import Opt, command
from rocketmq_ops.mqadmin.options.topics import TopicName
from rocketmq_ops.mqadmin.render.outcome import Cell, Outcome, Table
from rocketmq_ops.mqadmin.render.report import status
from rocketmq_ops.mqadmin.run import Run

_COLUMNS = ["#Topic", "#Consumer Group", "#Accumulation", "#InTPS", "#OutTPS", "#InMsg24Hour", "#OutMsg24Hour"]


@command(result=StatsListing, rows="stats", java="stats", example="mqadmin statsAll -a")
async def stats_all(
    run: Run,
    active_topic: Annotated[
        bool, Opt("-a", "--activeTopic", help="only topics and groups with a message in the last 24 hours")
    ] = False,
    topic: Annotated[TopicName | None, "only this topic"] = None,
) -> Outcome:
    """Every broker of every topic is asked, some at a time. Rates are of the last minute, by what the brokers counted.

    A figure that some broker did not tell is unknown. Retry and dead-letter topics are left out, unless named with -t.
    """
    async with run.admin() as admin:
        found = await all_topics(admin, topic, active_only=active_topic)
    return Outcome(
        data=found,
        blocks=[Table(_COLUMNS, [_row(item) for item in found.stats])],
        status=status(found.failures, empty=not found.stats),
        errors=list(found.failures),
        notes=[]
        if found.stats or found.failures
        else ["no topic had a message" if active_topic else "the name server knows no topic"],
    )


def _row(item: TopicGroupStats) -> list[Cell]:
    row: list[Cell] = [item.topic, item.group or "", item.accumulation, _rate(item.in_tps)]
    if item.group is None:
        return [*row, "", item.in_msg24_hour, "NO_CONSUMER"]
    return [*row, _rate(item.out_tps), item.in_msg24_hour, item.out_msg24_hour]


def _rate(tps: float | None) -> str | None:
    return None if tps is None else f"{tps:.2f}"
