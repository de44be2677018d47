"""One seed from start to verdict."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import msgspec

from rocketmq_ops.client.admin import MQAdmin
from rocketmq_ops.client.api.offsets import all_consumer_offsets
from rocketmq_ops.common.errors import RocketMQError
from rocketmq_ops.common.fastjson import loads
from rocketmq_ops.common.tasks import Tasks
from rocketmq_ops.remoting.codes import RequestCode
from tests.chaos.checks import deliveries_judged, looks_judged, missing, violations
from tests.chaos.cluster import OFFSETS_KEPT_EVERY_MS, Cluster, Process
from tests.chaos.ends import sent_without_slave
from tests.chaos.events import (
    ACK,
    FROM_SLAVE,
    GOT,
    GROUP_OF,
    RUN,
    STALLED,
    TRY,
    UNSURE,
    UP,
    Pen,
    load_records,
    read_events,
)
from tests.chaos.history import GRACE, History, Left, Look, Offsets, Record, Suffered, Told, broker_of, is_slave
from tests.chaos.plan import KILL, STOP, Fault, faults
from tests.chaos.silences import SILENCE, silences
from tests.chaos.stalls import Stalls
from tests.chaos.witness import GROUP, PATIENCE_MS, TOPIC, fill, read_and_commit, reads_judged
from tests.interop.apache import wait_until
from tests.interop.ours import BIN, mqadmin
from tests.interop.raw import call, wait_for_route

#: Seconds that the groups have to consume all, once everything is healed.
SETTLE_SECONDS = 90.0
LOOK_SECONDS = 0.5
#: Seconds of load without any fault or silence, when the last one excuses nothing any more: then one reader of each group
#: ends in order, and the load goes on for as long again.
QUIET_SECONDS = 7.0
CLIENTS = {
    "writer": "plain",
    "chain": "ordered",
    "payer": "paid",
    "answerer": "answers",
    **{f"{topic.lower()}-reader-{n}": f"read-{topic}" for topic in GROUP_OF for n in range(2)},
}


#: What readers commit offsets for.
OF_READERS = {f"{topic}@{group}" for topic, group in GROUP_OF.items()}


class Verdict(msgspec.Struct):
    """What a seed came to."""

    seed: int
    violations: list[str]
    counts: dict[str, int]
    seconds: float


async def run_seed(
    seed: int,
    folder: Path,
    *,
    seconds: float,
    slaves: bool,
    say: Callable[[str], None],
    tls: bool = False,
    program: str | None = None,
) -> Verdict:
    """Load and faults for `seconds`, load without faults, then healing, and what must hold.

    The folder keeps everything that was written. `program`: Python to run as the brokers, in place of `mqbroker`.
    """
    started = time.monotonic()
    cluster = Cluster(folder, slaves=slaves, tls=tls, program=program)
    clients: dict[str, Process] = {}
    try:
        await cluster.start()
        await asyncio.to_thread(_make_topics, cluster)
        await fill(cluster.namesrv)
        clients = {name: cluster.worker(kind, name) for name, kind in CLIENTS.items()}
        began = time.monotonic()
        looks: list[Look] = []
        silent: list[Suffered] = []
        tasks = Tasks()
        told: list[Told] = []
        left: list[Left] = []
        looking = tasks.start(_look(cluster, looks, silent), "offsets")
        witnessing = tasks.start(_witness(cluster, told), "witness")
        # The links to the servers are in this process, too: while it is late, nothing comes through.
        stalls = Stalls(Pen(folder, RUN))
        watching = tasks.start(stalls.watch(), "stalls")
        plan = faults(seed, seconds, list(cluster.servers), list(CLIENTS), tls=tls, with_slaves=cluster.with_slaves)
        everyone = cluster.servers | clients
        running = [
            tasks.start(_suffer(everyone[fault.target], fault, began, say, cluster, left), str(fault)) for fault in plan
        ]
        suffered = [await task for task in running]
        await _until_quiet(folder, clients, suffered, silent)
        gone = tuple(name for name, process in clients.items() if process.child.process.poll() is not None)
        await _end({name: process for name, process in clients.items() if name.endswith("-reader-0")})
        await asyncio.sleep(QUIET_SECONDS)
        await _end_senders(clients)
        await _settle(folder, clients)
        looking.cancel()
        witnessing.cancel()
        watching.cancel()
        await tasks.finish()
        await _end(clients)
        await cluster.stop()
    finally:
        await cluster.unlink()
        for process in (*clients.values(), *cluster.servers.values()):
            process.child.kill()
            (folder / f"output-{process.name}.txt").write_text(process.child.output)
    records = {name: await asyncio.to_thread(_dump, store) for name, store in cluster.stores.items()}
    kept = {name: _kept(store) for name, store in cluster.stores.items()}
    suffered += silent
    kept_every = OFFSETS_KEPT_EVERY_MS / 1000
    ended = tuple(end for process in everyone.values() for end in process.ended)
    history = History(read_events(folder), suffered, records, looks, kept_every, slaves, kept, gone, told, left, ended)
    return Verdict(seed, violations(history), _counts(history, stalls.worst), time.monotonic() - started)


def _make_topics(cluster: Cluster) -> None:
    # A command reaches the masters that have registered already.
    for namesrv in cluster.namesrv.split(";"):
        wait_until(lambda namesrv=namesrv: _addresses(namesrv) == cluster.reached, f"all brokers are at {namesrv}", 60)
    for topic in (*GROUP_OF, TOPIC):
        line = ("updateTopic", "-c", "DefaultCluster", "-t", topic, "-r", "2", "-w", "2")
        made = mqadmin(*line, namesrv=cluster.namesrv, output="json")
        assert made.code == 0, made
        _wait_for_routes(cluster, topic)
    made = mqadmin("updateSubGroup", "-c", "DefaultCluster", "-g", GROUP, namesrv=cluster.namesrv, output="json")
    assert made.code == 0, made


def _addresses(namesrv: str) -> set[str]:
    """Where the brokers are that a name server knows."""
    answer = call(namesrv, RequestCode.GET_BROKER_CLUSTER_INFO)
    brokers = loads(answer.body)["brokerAddrTable"] or {}
    return {address for broker in brokers.values() for address in broker["brokerAddrs"].values()}


def _wait_for_routes(cluster: Cluster, topic: str) -> None:
    for namesrv in cluster.namesrv.split(";"):
        for broker in {broker_of(store) for store in cluster.stores}:
            wait_for_route(namesrv, topic, broker)


async def _suffer(
    process: Process, fault: Fault, began: float, say: Callable[[str], None], cluster: Cluster, left: list[Left]
) -> Suffered:
    await asyncio.sleep(max(0.0, began + fault.at - time.monotonic()))
    begin = await process.suffer(fault)
    end = time.monotonic()
    say(f"{begin - began:5.1f} s to {end - began:5.1f} s  {fault.kind} {fault.target} for {fault.seconds} s")
    store = cluster.stores.get(fault.target)
    if fault.kind in (KILL, STOP) and store is not None:  # it is only starting: nothing of its files is new yet
        left.append(Left(time.monotonic(), fault.target, _kept(store)))
    return Suffered(begin, end, fault.kind, fault.target)


async def _look(cluster: Cluster, looks: list[Look], silent: list[Suffered]) -> None:
    """What each broker says of all offsets, a few times a second; and from when to when it said nothing, whatever the cause."""
    going_on: dict[str, int] = {}  # by store, where in `silent` the silence is that has not ended
    async with MQAdmin(cluster.namesrv.split(";"), 500) as admin:
        while True:
            for store, address in cluster.addresses.items():
                asked = time.monotonic()
                try:
                    table = await all_consumer_offsets(admin.session, address)
                except RocketMQError:
                    place = going_on.setdefault(store, len(silent))
                    begin = silent[place].begin if place < len(silent) else asked
                    silent[place : place + 1] = [Suffered(begin, time.monotonic(), SILENCE, store)]
                    continue
                going_on.pop(store, None)
                now = time.monotonic()
                looks += [
                    Look(now, store, topic_group, queue, offset)
                    for topic_group, queues in table.items()
                    for queue, offset in queues.items()
                    if topic_group in OF_READERS
                ]
            await asyncio.sleep(0.3)


async def _witness(cluster: Cluster, told: list[Told]) -> None:
    """One client of each master that commits and reads back, whatever becomes of the others."""
    async with MQAdmin(cluster.namesrv.split(";"), PATIENCE_MS) as admin, asyncio.TaskGroup() as group:
        for store, address in cluster.addresses.items():
            if not is_slave(store):
                group.create_task(read_and_commit(admin, store, address, told))


async def _until_quiet(
    folder: Path, clients: dict[str, Process], suffered: list[Suffered], silent: list[Suffered]
) -> None:
    """Until there was some load that nothing excuses; for so long at most as the groups have to consume all."""
    readers = {clients[name].child.name for name, kind in CLIENTS.items() if kind.startswith("read-")}
    end = time.monotonic() + SETTLE_SECONDS
    while time.monotonic() < end:
        events = [event for event in await asyncio.to_thread(read_events, folder) if event.what in (UP, STALLED)]
        last = max([event.t for event in events] + [fault.end for fault in (*suffered, *silent)], default=0.0)
        all_up = readers <= {event.worker for event in events if event.what == UP}
        if all_up and time.monotonic() > last + GRACE + QUIET_SECONDS:
            return
        await asyncio.sleep(LOOK_SECONDS)


async def _end_senders(clients: dict[str, Process]) -> None:
    await _end({name: process for name, process in clients.items() if CLIENTS[name] in ("plain", "ordered", "paid")})


async def _end(clients: dict[str, Process]) -> None:
    await asyncio.gather(*(asyncio.to_thread(process.stop) for process in clients.values()))


async def _settle(folder: Path, clients: dict[str, Process]) -> None:
    """Until all that was acknowledged is consumed; what is missing at the end is a violation, and found as one: then the
    output of each client says what it waits for."""
    for _ in range(int(SETTLE_SECONDS / LOOK_SECONDS)):
        if not missing(await asyncio.to_thread(read_events, folder)):
            return
        await asyncio.sleep(LOOK_SECONDS)
    for process in clients.values():
        if process.child.process.poll() is None:
            process.child.process.send_signal(signal.SIGUSR1)
    await asyncio.sleep(LOOK_SECONDS)


def _dump(store: Path) -> list[Record]:
    command = [str(BIN / "mqadmin"), "store", "dump", str(store), "--output", "jsonl", "--body", "utf-8", "--no-index"]
    ran = subprocess.run(command, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    return load_records(ran.stdout)


def _kept(store: Path) -> Offsets:
    """The offsets in a store's file."""
    file = store / "config" / "consumerOffset.json"
    table = loads(file.read_bytes())["offsetTable"] if file.exists() else {}
    return {key: {int(queue): int(offset) for queue, offset in queues.items()} for key, queues in table.items()}


def _counts(history: History, latest: float) -> dict[str, int]:
    """`latest`: seconds by which this process's loop was late at most."""
    events = Counter(event.what for event in history.events)
    places = Counter((e.topic, e.broker, e.queue, e.offset) for e in history.events if e.what == GOT and e.offset >= 0)
    read_back, beside = reads_judged(history)
    timers = {event.id for event in history.events if event.what == TRY and event.timed}
    return {
        "faults": sum(fault.kind != SILENCE for fault in history.suffered),
        **{f"silences {cause}": count for cause, count in silences(history).items()},
        "tries": events[TRY],
        "acknowledged": events[ACK],
        "unsure": events[UNSURE],
        "stalls": events[STALLED],
        "stalls of the run": sum(event.what == STALLED and event.worker == RUN for event in history.events),
        "ms that its loop was late at most": round(latest * 1000),
        "timers consumed": len(timers & {event.id for event in history.events if event.what == GOT}),
        "answers of a master without its slave": sent_without_slave(history),
        "pulls from slaves": events[FROM_SLAVE],
        "messages from slaves": sum(event.count for event in history.events if event.what == FROM_SLAVE),
        "consumed": events[GOT],
        "consumed again": sum(count - 1 for count in places.values()),
        "deliveries judged": deliveries_judged(history),
        "looks at offsets": len(history.looks),
        "looks judged": looks_judged(history),
        "offsets read back": read_back,
        "read back in faults": beside,
    }
