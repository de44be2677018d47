"""`mqadmin startMonitoring`: look at every consumer group again and again."""

from __future__ import annotations

from typing import Annotated

from rocketmq_ops.client.admin.groups.monitor import MonitorRound, TopicLag
from rocketmq_ops.common.clock import now_ms
from rocketmq_ops.common.errors import RocketMQError
from rocketmq_ops.common.plurals import plural
from rocketmq_ops.common.spans import human_span
from rocketmq_ops.mqadmin.commands.consumer.consumer_status import problem_text
from rocketmq_ops.mqadmin.declare import Opt, command
from rocketmq_ops.mqadmin.errors import failure_of
from rocketmq_ops.mqadmin.options.brokers import Interval
from rocketmq_ops.mqadmin.render.outcome import Outcome, Table
from rocketmq_ops.mqadmin.render.report import status
from rocketmq_ops.mqadmin.repeating.repeat import repeated
from rocketmq_ops.mqadmin.run import Run
from rocketmq_ops.mqadmin.values import human_time, positive

DEFAULT_SECONDS = 60


@command(
    result=MonitorRound,
    more_outputs=("jsonl",),
    streams=True,
    example="mqadmin startMonitoring -i 30 --rounds 10 --output jsonl",
)
async def start_monitoring(
    run: Run,
    interval: Annotated[
        Interval, f"from the begin of a round to the next (default {DEFAULT_SECONDS})"
    ] = DEFAULT_SECONDS,
    rounds: Annotated[int | None, Opt("--rounds", help="stop after this many (default: go on)", parse=positive)] = None,
) -> Outcome:
    """Each round is written when it ends: the topics in which a group is behind, what is wrong among a group's clients
    as consumerStatus finds it, and offsets that brokers moved. JSON has the groups that are not behind too.

    A round in which nothing can be reached is written as such, and the next one tries again; the first one fails.
    SIGTERM ends it with the exit code of the last round, Ctrl-C with 130.
    """
    number, since = 0, now_ms()
    async with run.admin() as admin:

        async def once() -> Outcome:
            nonlocal number, since
            number, begun = number + 1, now_ms()
            try:
                found = await admin.monitor_round(number, since)
            except RocketMQError as error:
                if number == 1:
                    raise
                nothing = MonitorRound(number, begun, now_ms() - begun, 0, [], [], [])
                nothing.failures = [failure_of("name servers", error)]
                return _outcome(nothing)
            since = begun
            return _outcome(found)

        return await repeated(run, interval, once, rounds=rounds)


def _outcome(found: MonitorRound) -> Outcome:
    head = (
        f"{human_time(found.timestamp)[:19]} round {found.round}: {plural(found.groups, 'group', 'groups')}, "
        f"{found.elapsed_millis} ms"
    )
    blocks: list[Table | str] = [head]
    behind = [lag for lag in found.topics if lag.lag != 0]
    if behind:
        columns = ["#Group", "#Topic", "#Online", "#Diff Total", "#Diff Max", "#Lag Time"]
        blocks.append(Table(columns, [_row(lag) for lag in behind]))
    blocks += [f"[NOTIFY] group {item.group}: {problem_text(item.problem)}" for item in found.problems]
    blocks += [
        f"[NOTIFY] group {m.group}: {m.broker_name} queue {m.queue_id} of topic {m.topic} has no offset "
        f"{m.requested_offset} any more: it goes on at {m.new_offset}"
        for m in found.moved
    ]
    return Outcome(data=found, blocks=[*blocks, ""], status=status(found.failures), errors=list(found.failures))


def _row(lag: TopicLag) -> list[str | int | float | None]:
    span = None if lag.lag_millis is None else human_span(lag.lag_millis)
    return [lag.group, lag.topic, lag.online, lag.lag, lag.max_queue_lag, span]
