"""`mqadmin clusterRT`: how long each broker takes to store a message."""

from __future__ import annotations

from typing import Annotated

from rocketmq_ops.client.admin.messages.message_probe import ClusterTimes, probe_clusters
from rocketmq_ops.common.plurals import plural
from rocketmq_ops.mqadmin.declare import Opt, command
from rocketmq_ops.mqadmin.options.brokers import Cluster, Interval
from rocketmq_ops.mqadmin.options.messages import Amount, BodySize
from rocketmq_ops.mqadmin.render.outcome import Outcome, Status, Table
from rocketmq_ops.mqadmin.render.probe import average
from rocketmq_ops.mqadmin.render.report import status
from rocketmq_ops.mqadmin.repeating.repeat import repeated
from rocketmq_ops.mqadmin.run import Run
from rocketmq_ops.mqadmin.values import human_time, timestamp

_COLUMNS = ["#Cluster Name", "#Broker Name", "#RT", "#successCount", "#failCount"]


@command(result=ClusterTimes, rows="brokers", changes=True, example="mqadmin clusterRT -c DefaultCluster -a 20")
async def cluster_rt(
    run: Run,
    amount: Amount = 100,
    size: BodySize = 128,
    cluster: Annotated[Cluster | None, "only this cluster"] = None,
    interval: Interval | None = None,
    print_log: Annotated[
        bool | None,
        Opt("-p", "--print log", "--print", help="whether to print TIME|ROOM|CLUSTER|BROKER|RT instead of a table"),
    ] = None,
    machine_room: Annotated[
        str, Opt("-m", "--machine room", "--machine", help="name of this machine's room (with -p true)")
    ] = "noname",
) -> Outcome:
    """Messages go to the topic that every broker has under its own name, and stay there until they expire.

    Brokers are measured one after the other. The first send to each opens the connection and is left out of RT (ms).
    With -i it goes on until Ctrl-C; without it ends after one round, where Apache's command repeats every 10 s.
    """
    async with run.admin() as admin:

        async def once() -> Outcome:
            found = await probe_clusters(admin, cluster, amount, size, plan=run.plan)
            return _outcome(found, machine_room if print_log else None)

        return await repeated(run, None if run.plan else interval, once)


def _outcome(found: ClusterTimes, room: str | None) -> Outcome:
    if found.planned:
        lines = [
            f"would send {plural(found.amount, 'message', 'messages')} of {found.size} bytes to topic {b.broker_name} "
            f"of cluster {b.cluster}"
            for b in found.brokers
        ]
        state: Status = "partial" if found.failures else "planned"
        return Outcome(data=found, blocks=lines, status=state, errors=list(found.failures))
    outcome = Outcome(data=found, status=status(found.failures), errors=list(found.failures))
    if room is None:
        table = Table(_COLUMNS, [])
        for b in found.brokers:
            table.rows.append([b.cluster, b.broker_name, average(b.times), b.succeeded, b.failed])
        outcome.blocks = [table]
    else:
        now = human_time(timestamp("now")).partition(",")[0]
        outcome.blocks = [
            f"{now}|{room}|{b.cluster}|{b.broker_name}|{'unknown' if b.times is None else round(b.times.average_ms)}"
            for b in found.brokers
        ]
    return outcome
