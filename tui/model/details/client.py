"""One client of a group: what it says of itself, the queues that it holds, its subscriptions, and its threads."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from rocketmq_ops.client.admin.groups.consumer_status import ClientStatus, ConsumerStatusReport
from rocketmq_ops.client.errors import NotFoundError
from rocketmq_ops.common.errors import failure_of
from rocketmq_ops.tui.model.address import Address
from rocketmq_ops.tui.model.details.blocked import without_new
from rocketmq_ops.tui.model.details.detail import Asking, Asks, Fact, Once, Part, Section, also, table_of
from rocketmq_ops.tui.model.details.group_clients import PROBLEMS, evidence
from rocketmq_ops.tui.model.details.last import names_of, not_led_to
from rocketmq_ops.tui.model.moment import Moment
from rocketmq_ops.tui.model.table import Column, Health, Kind, Row, worst_first

_QUEUES: Final = (
    Column(key="topic", title="Topic", least=10),
    Column(key="broker", title="Broker", least=8),
    Column(key="queue", title="Queue", kind=Kind.COUNT),
    Column(key="state", title="State", kind=Kind.STATE),
    Column(key="cached", title="Cached", kind=Kind.COUNT),
    Column(key="from", title="First cached", kind=Kind.COUNT, drop=2),
    Column(key="to", title="Last cached", kind=Kind.COUNT, drop=2),
    Column(key="committed", title="Committed", kind=Kind.COUNT, drop=1),
    Column(key="pulled", title="Last pull", kind=Kind.MOMENT),
    Column(key="consumed", title="Last consumed", kind=Kind.MOMENT),
)
_SUBSCRIPTIONS: Final = (
    Column(key="topic", title="Topic", least=16),
    Column(key="expression", title="Expression", least=10),
    Column(key="type", title="Type"),
    Column(key="ok", title="Consumed", kind=Kind.RATE),
    Column(key="failed", title="Failed", kind=Kind.RATE, burden=True),
    Column(key="hour", title="Failed in an hour", kind=Kind.COUNT, burden=True),
    Column(key="takes", title="Takes", kind=Kind.SPAN, burden=True),
    Column(key="pull", title="Pulled", kind=Kind.RATE, drop=1),
)
_SETTINGS: Final = (Column(key="name", title="Name", least=20), Column(key="value", title="Value", least=20))
_NO_FIGURES: Final = (None,) * len(_QUEUES)
#: The group in the options of its address.
GROUP: Final = "group"
#: Held by a test that counts.
ASKS: Final = Asks(name_server=2, broker=2)


def parts(asking: Asking) -> Sequence[Part]:
    """The parts of the screen `:client/ID?group=NAME`; with `?threads=1` it is asked for its threads too."""
    group, client_id = asking.address.option(GROUP) or "", asking.name
    wants_threads = asking.address.option("threads") is not None

    async def client_now() -> ConsumerStatusReport:
        found = await asking.admin.clients.status(group, client_id=client_id, jstack=wants_threads)
        return without_new(found, asking.moment.groups.get(group))

    status = Once(client_now, asking.going, "client")

    async def of_client(made: Callable[[ConsumerStatusReport, ClientStatus], Section]) -> Section:
        try:
            found = await status()
            return made(found, _one(found, client_id, group))
        except NotFoundError as error:
            silent = not_led_to(asking.moment, names_of(asking.moment), ())
            if not silent:
                raise
            # It may be on one of these.
            return Section(failures=(failure_of("", error), *silent), health=Health.CRITICAL)

    async def queues() -> Section:
        return await of_client(queue_section)

    async def subscriptions() -> Section:
        return await of_client(lambda _, client: subscription_section(client))

    async def settings() -> Section:
        return await of_client(lambda _, client: settings_section(client))

    async def threads() -> Section:
        if not wants_threads:
            return Section(note="its threads were not asked for: press t")
        return await of_client(lambda _, client: thread_section(client))

    return (
        Part(
            "queues",
            "Queues",
            queues,
            lambda moment: past_queues(group, moment),
            past=lambda moment: None,
            broker=lambda row: str(row.cells[1]),
        ),
        Part("subscriptions", "Subscriptions", subscriptions),
        Part("settings", "Settings", settings),
        Part("threads", "Threads", threads),
    )


def _one(found: ConsumerStatusReport, client_id: str, group: str) -> ClientStatus:
    for client in found.clients:
        if client.client_id == client_id:
            return client
    raise NotFoundError(f"client '{client_id}' of group '{group}' is not online", "it may have stopped since")


def queue_section(found: ConsumerStatusReport, client: ClientStatus) -> Section:
    """The queues that it holds; one in which nothing moves is marked."""
    problems = [problem for problem in found.problems if problem.client_id == client.client_id]
    stuck = {(p.topic, p.broker_name, p.queue_id) for p in problems if p.kind == "blocked"}
    info = client.info
    rows = []
    for queue in info.queues if info is not None else []:
        at = (queue.topic, queue.broker_name, queue.queue_id)
        opens = Address("topic", queue.topic)
        if queue.cached:
            first = str(queue.cached_min_offset)
            place = (("broker", queue.broker_name), ("queue", str(queue.queue_id)), ("offset", first))
            opens = Address("message", queue.topic, place)
        state = "stuck" if at in stuck else "given away" if queue.dropped else "held"
        rows.append(
            Row(
                key=f"{queue.topic} {queue.broker_name}:{queue.queue_id}",
                cells=(
                    *at,
                    state,
                    queue.cached,
                    queue.cached_min_offset if queue.cached else None,
                    queue.cached_max_offset if queue.cached else None,
                    queue.commit_offset,
                    queue.last_pull_timestamp,
                    queue.last_consume_timestamp,
                ),
                health=Health.CRITICAL if at in stuck else Health.OK,
                opens=opens,
            )
        )
    rows.sort(key=lambda row: worst_first(row.health))
    facts = [
        Fact("Group", found.group),
        Fact("Address", client.client_addr),
        Fact("Version", f"{client.language} {client.version}"),
        Fact("Started", info.start_timestamp if info is not None else None, Kind.MOMENT),
        Fact("In order", None if info is None or info.orderly is None else "yes" if info.orderly else "no", Kind.STATE),
    ]
    facts += [
        Fact("Problem", f"{PROBLEMS[p.kind]}: {evidence(p)}", Kind.SENTENCE, health=Health.WARNING) for p in problems
    ]
    note = "it does not answer" if info is None else "it holds no queue"
    return also(table_of(_QUEUES, rows, note), found.failures, *facts)


def past_queues(group: str, moment: Moment) -> Section | None:
    """What a recorded moment has of the queues of its group: up to where they were consumed. Which of them the client
    had is not in it: this is to compare with alone."""
    seen = moment.groups.get(group)
    if seen is None:
        return None
    rows = [
        Row(key=str(each.queue), cells=(*_NO_FIGURES[:7], each.committed, *_NO_FIGURES[8:]))
        for each in seen.offsets.queues
    ]
    return table_of(_QUEUES, rows)


def subscription_section(client: ClientStatus) -> Section:
    """What it subscribes to, with its rates of the last minute."""
    info = client.info
    rates = {rate.topic: rate for rate in info.rates} if info is not None else {}
    rows = []
    for each in info.subscriptions if info is not None else []:
        rate = rates.get(each.topic)
        failing = rate is not None and rate.consume_failed_tps > 0
        rows.append(
            Row(
                key=each.topic,
                cells=(
                    each.topic,
                    each.sub_string,
                    each.expression_type or "TAG",
                    rate.consume_ok_tps if rate else None,
                    rate.consume_failed_tps if rate else None,
                    rate.consume_failed_msgs if rate else None,
                    rate.consume_rt if rate else None,
                    rate.pull_tps if rate else None,
                ),
                health=Health.WARNING if failing else Health.OK,
                opens=Address("topic", each.topic),
            )
        )
    return table_of(_SUBSCRIPTIONS, rows, "it does not answer" if info is None else "it subscribes to nothing")


def settings_section(client: ClientStatus) -> Section:
    """Its properties, as it reports them."""
    info = client.info
    values = {**info.properties, **info.user_info} if info is not None else {}
    rows = [Row(key=name, cells=(name, value)) for name, value in sorted(values.items())]
    return table_of(_SETTINGS, rows, "it does not answer" if info is None else "it reports none")


def thread_section(client: ClientStatus) -> Section:
    """Its threads as the client writes them."""
    stack = client.info.jstack if client.info is not None else None
    if not stack:
        return Section(note="it gave no threads: clients in Java do, and those of this product")
    return Section(lines=tuple(stack.splitlines()))
