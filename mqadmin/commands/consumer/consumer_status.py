"""`mqadmin consumerStatus`: what the online consumers of a group are doing, and what is wrong among them."""

from __future__ import annotations

from typing import Annotated

from rocketmq_ops.client.admin.groups.consumer_status import ClientStatus, ConsumerStatusReport, Problem, RunningInfo
from rocketmq_ops.mqadmin.declare import Opt, command
from rocketmq_ops.mqadmin.lang import tr_heading
from rocketmq_ops.mqadmin.options.brokers import BrokerAddress
from rocketmq_ops.mqadmin.options.topics import ConsumerGroup
from rocketmq_ops.mqadmin.render.outcome import Cell, Outcome, Table
from rocketmq_ops.mqadmin.render.output import UNKNOWN
from rocketmq_ops.mqadmin.render.report import labelled, status
from rocketmq_ops.mqadmin.run import Run
from rocketmq_ops.mqadmin.values import human_time


@command(result=ConsumerStatusReport, rows="clients", example="mqadmin consumerStatus -g my_group -i 10.0.0.7@8023 -s")
async def consumer_status(
    run: Run,
    consumer_group: ConsumerGroup,
    client_id: Annotated[str | None, Opt("-i", "--clientId", help="show this client in full")] = None,
    broker_addr: Annotated[BrokerAddress | None, "only the clients of this broker, HOST:PORT"] = None,
    jstack: Annotated[bool, Opt("-s", "--jstack", help="ask for the client's threads too")] = False,
) -> Outcome:
    """Every client is asked through its brokers; one that does not answer is named (exit code 5). None online: exit
    code 4. JSON has all of every client; as a table one is shown in full with -i. Nothing is written to files.

    What is wrong is listed: subscriptions that differ, one id for several clients, queues that are held up, cannot be
    locked, or belong to no client or to two. Not all known: neither same nor different, neither OK nor Failed.
    """
    async with run.admin() as admin:
        report = await admin.clients.status(consumer_group, client_id=client_id, broker_addr=broker_addr, jstack=jstack)
    return Outcome(
        data=report,
        blocks=_client(report) if client_id is not None else _clients(report, jstack),
        status=status(report.failures),
        errors=list(report.failures),
        notes=[problem_text(problem) for problem in report.problems],
    )


def problem_text(problem: Problem) -> str:
    """A problem in one line."""
    words = [f"client {problem.client_id}"] if problem.client_id is not None else []
    if problem.topic is not None:
        words.append(f"{problem.broker_name} queue {problem.queue_id} of topic {problem.topic}")
    return f"{', '.join(words)}: {problem.detail}"


def _clients(report: ConsumerStatusReport, jstack: bool) -> list[Table | str]:
    columns = ["#Index", "#ClientId", "#ClientAddr", "#Version", "#Started", "#Orderly", "#Queues", "#Cached"]
    table = Table(columns, [])
    for place, client in enumerate(report.clients, 1):
        row: list[Cell] = [place, client.client_id, client.client_addr, client.version]
        table.rows.append(row + _summary(client.info))
    blocks: list[Table | str] = [table, ""]
    same = tr_heading({None: UNKNOWN, True: "same", False: "DIFFERENT"}[report.same_subscription])
    blocks.append(f"Subscription in the group of consumers: {same}")
    if report.same_subscription is not False:
        balanced = {None: UNKNOWN, True: "OK", False: "Failed"}[report.rebalance_ok]
        blocks.append(labelled("Rebalance", tr_heading(balanced), ": "))
    if jstack:
        for client in report.clients:
            if client.info is not None:
                blocks += ["", f"#Consumer jstack# {client.client_id}", client.info.jstack or "(none)"]
    return blocks


def _summary(info: RunningInfo | None) -> list[Cell]:
    if info is None:
        return [None] * 4
    started = None if info.start_timestamp is None else human_time(info.start_timestamp)[:19]
    cached = sum(queue.cached for queue in info.queues)
    return [started, info.orderly, len(info.queues) + len(info.pop_queues), cached]


def _client(report: ConsumerStatusReport) -> list[Table | str]:
    """All of the one client, in the order of ConsumerRunningInfo.formatString."""
    blocks: list[Table | str] = []
    for client in report.clients:
        if client.info is not None:
            blocks += _in_full(client, client.info)
    return blocks


def _in_full(client: ClientStatus, info: RunningInfo) -> list[Table | str]:
    blocks: list[Table | str] = [f"#Client# {client.client_id} at {client.client_addr}", "", "#Consumer Properties#"]
    blocks += [f"{name:<40}: {value}" for name, value in info.properties.items()]
    subscriptions = Table(["#Topic", "#SubExpression", "#Type"], [])
    subscriptions.rows = [[s.topic, s.sub_string, s.expression_type or ""] for s in info.subscriptions]
    queues = Table(
        [
            "#Topic",
            "#Broker Name",
            "#QID",
            "#Consumer Offset",
            "#Cached",
            "#From",
            "#To",
            "#MiB",
            "#Locked",
            "#Dropped",
            "#Last Pull",
            "#Last Consume",
        ],
        [],
        ours=["#Last Pull", "#Last Consume"],
    )
    for q in info.queues:
        row: list[Cell] = [q.topic, q.broker_name, q.queue_id, q.commit_offset, q.cached]
        row += [q.cached_min_offset, q.cached_max_offset, q.cached_size_mib, q.locked, q.dropped]
        queues.rows.append([*row, _time(q.last_pull_timestamp), _time(q.last_consume_timestamp)])
    popped = Table(["#Topic", "#Broker Name", "#QID", "#Wait Ack", "#Dropped", "#Last Pop"], [], ours=["#Last Pop"])
    for p in info.pop_queues:
        last = _time(p.last_pop_timestamp)
        popped.rows.append([p.topic, p.broker_name, p.queue_id, p.wait_ack_count, p.dropped, last])
    rates = Table(
        ["#Topic", "#Pull RT", "#Pull TPS", "#Consume RT", "#ConsumeOK TPS", "#ConsumeFailed TPS", "#Failed In Hour"],
        [],
    )
    for r in info.rates:
        numbers = (r.pull_rt, r.pull_tps, r.consume_rt, r.consume_ok_tps, r.consume_failed_tps)
        rates.rows.append([r.topic, *(f"{number:.2f}" for number in numbers), r.consume_failed_msgs])
    for title, table in (
        ("#Consumer Subscription#", subscriptions),
        ("#Consumer MQ Detail#", queues),
        ("#Consumer Pop Detail#", popped),
        ("#Consumer RT&TPS#", rates),
    ):
        blocks += ["", title, table]
    if info.user_info:
        blocks += ["", "#User Consume Info#", *(f"{name:<40}: {value}" for name, value in info.user_info.items())]
    if info.jstack:
        blocks += ["", "#Consumer jstack#", info.jstack]
    return blocks


def _time(milliseconds: int | None) -> str:
    return "never" if milliseconds is None else human_time(milliseconds)[:19]
