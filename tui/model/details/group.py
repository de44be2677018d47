"""One consumer group: its queues and their owners, its clients, their subscriptions side by side, what it gave up."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING, Final

import msgspec

from rocketmq_ops.client.errors import NotFoundError
from rocketmq_ops.common.clock import now_ms
from rocketmq_ops.common.errors import Failure, RocketMQError
from rocketmq_ops.common.topics import dlq_topic, retry_topic
from rocketmq_ops.tui.model.address import Address
from rocketmq_ops.tui.model.broker_state import signs
from rocketmq_ops.tui.model.clients_in_turn import ClientsInTurn, status_in_turn
from rocketmq_ops.tui.model.details.blocked import without_new
from rocketmq_ops.tui.model.details.detail import Asking, Asks, Fact, Once, Part, Section, also, side_by_side, table_of
from rocketmq_ops.tui.model.details.group_clients import (
    MOST_ASKED,
    client_section,
    problem_section,
    subscription_section,
)
from rocketmq_ops.tui.model.details.group_queues import (
    Held,
    broker_of,
    held_of,
    known_facts,
    known_section,
    queue_section,
)
from rocketmq_ops.tui.model.details.judged import judged
from rocketmq_ops.tui.model.details.last import (
    failed_section,
    led_past,
    names_of,
    not_led_to,
    not_listed,
    silent_brokers,
    watched_alone,
)
from rocketmq_ops.tui.model.details.topic import last_message
from rocketmq_ops.tui.model.moment import GroupSeen, Moment
from rocketmq_ops.tui.model.table import NOTHING, Column, Health, Kind, Row, Value, total

if TYPE_CHECKING:
    from rocketmq_ops.client.admin.groups.consumer_status import ConsumerStatusReport

_GIVEN_UP: Final = (
    Column(key="topic", title="Topic", least=20),
    Column(key="what", title="Holds", kind=Kind.STATE),
    Column(key="messages", title="Messages", kind=Kind.COUNT),
    Column(key="waiting", title="Not consumed", kind=Kind.COUNT, burden=True),
    Column(key="last", title="Last message", kind=Kind.MOMENT),
)
#: Held by a test that counts.
ASKS: Final = Asks(
    name_server=4, broker=14, each_client=1, most_clients=MOST_ASKED, name_server_each_topic=1, broker_each_topic=1
)


def parts(asking: Asking, turns: ClientsInTurn | None = None) -> Sequence[Part]:
    """The parts of the screen `:group/NAME`. `turns` is what its clients said before: not all are asked in one look."""
    admin, group, turns = asking.admin, asking.name, turns or ClientsInTurn()

    async def clients_now() -> ConsumerStatusReport:
        # No name for the moment: a failure that is kept would keep it with this frame.
        try:
            found = await status_in_turn(admin, group, turns, MOST_ASKED, asking.moment.time_ms or now_ms())
        except NotFoundError:
            if not not_listed(asking.moment, _brokers_of(group, asking.moment)):
                raise
            found = _nobody(group)
        heard = {failure.target for failure in found.failures}
        left_out = not_listed(asking.moment, _brokers_of(group, asking.moment), heard)
        if left_out:
            found.failures += left_out
            found.same_subscription = found.rebalance_ok = None
        return without_new(found, asking.moment.groups.get(group))

    status = Once(clients_now, asking.going, "clients")
    progress = Once(lambda: admin.groups.progress(group), asking.going, "progress")

    async def queues() -> Section:
        held, found = await asyncio.gather(_held(status), progress())  # a silent client holds up nothing else
        moment = asking.moment
        seen = moment.groups.get(group)
        heard = {queue.broker_name for queue in found.queues} | {failure.target for failure in found.failures}
        left_out = not_led_to(moment, _brokers_of(group, moment), heard)
        if left_out:
            found.failures += left_out
            found.lag_total = found.lag_millis = found.consume_tps = None
        return queue_section(found, held, seen, silent_brokers(found.failures, moment), watched_alone(moment))

    async def of_clients(made: Callable[[ConsumerStatusReport], Section]) -> Section:
        try:
            return made(await status())
        except NotFoundError as error:  # all that may have one have told
            return failed_section(error)

    async def clients() -> Section:
        return await of_clients(lambda found: client_section(group, found, turns))

    async def subscriptions() -> Section:
        return await of_clients(subscription_section)

    async def problems() -> Section:
        return await of_clients(lambda found: problem_section(group, found))

    async def given_up() -> Section:
        return await _given_up(asking)

    async def settings() -> Section:
        found = await admin.groups.configs(group)
        without: dict[str, dict[str, Value]] = {address: {} for address in found.without}
        sources: dict[str, dict[str, Value] | None] = dict(without)
        for each in found.brokers:  # two clusters may have a name both
            name = each.broker_name or each.broker_addr
            sources[each.broker_addr if name in sources else name] = flat(each.config)
        moment = asking.moment
        found.failures += not_listed(moment, names_of(moment), sources.keys() | found.without)
        for name in silent_brokers(found.failures, moment):
            sources.setdefault(name, None)
        return also(side_by_side("Setting", sources), found.failures)

    def now(moment: Moment) -> tuple[Fact, ...]:
        seen = moment.groups.get(group)
        return () if seen is None else known_facts(seen)

    def known(moment: Moment) -> Section | None:
        seen = moment.groups.get(group)
        return None if seen is None else known_section(seen, signs(moment.brokers.values()))

    def retries_then(moment: Moment) -> Section | None:
        seen = moment.groups.get(group)
        return None if seen is None else past_retries(seen, moment.untold_of(seen))

    def as_judged(section: Section, moment: Moment) -> Section:
        return judged(section, moment.groups.get(group), silent_brokers(section.failures, moment))

    return (
        Part("queues", "Queues", queues, known, past=known, stands=now, broker=broker_of, judged=as_judged),
        Part("clients", "Clients", clients),
        Part("subscriptions", "Subscriptions", subscriptions),
        Part("problems", "Problems", problems),
        Part("given-up", "Retries and dead letters", given_up, retries_then),
        Part("settings", "Settings", settings),
    )


def _brokers_of(group: str, moment: Moment) -> Collection[str]:
    """The names of the brokers that have offsets of it, or may have some without anybody knowing."""
    seen = moment.groups.get(group)
    untold = led_past(moment, moment.untold)
    return untold.union(key.broker for key in seen.offsets.keys) if seen is not None else untold


def _nobody(group: str) -> ConsumerStatusReport:
    from rocketmq_ops.client.admin.groups.consumer_status import ConsumerStatusReport

    return ConsumerStatusReport(group, None, None, [], None, None, [], [])


async def _held(status: Once[ConsumerStatusReport]) -> Held:
    try:
        return held_of(await status())
    except NotFoundError:
        return Held({})
    except RocketMQError:
        return Held(None)


async def _given_up(asking: Asking) -> Section:
    group = asking.name
    retries, dead = await asyncio.gather(
        _held_back(asking, retry_topic(group), "retries", "no retries"),
        _held_back(asking, dlq_topic(group), "dead letters", "no dead letters"),
    )
    failures = [*retries[1], *(failure for failure in dead[1] if failure not in retries[1])]
    lacking = {row.key for row, failed in (retries, dead) if failed}
    section = also(table_of(_GIVEN_UP, [retries[0], dead[0]]), failures)

    def unknown(row: Row) -> Health | None:
        return Health.UNKNOWN if row.key in lacking else None

    return msgspec.structs.replace(section, lacks=unknown if lacking else None)


async def _held_back(asking: Asking, topic: str, what: str, none: str) -> tuple[Row, list[Failure]]:
    """What a topic of a group's own holds; and what could not be learned."""
    admin, unlisted = asking.admin, any(broker.unlisted_since for broker in asking.moment.brokers.values())
    try:
        status = await admin.topics.status(topic)
    except RocketMQError as error:
        if isinstance(error, NotFoundError) and not unlisted:  # else it may be where nobody leads to now
            return Row(key=topic, cells=(topic, none, 0, 0, NOTHING)), []
        row = Row(key=topic, cells=(topic, what, None, None, None), health=Health.UNKNOWN)
        return row, [admin.failure_of(topic, error)]
    seen = asking.moment.topics.get(topic)
    heard = {queue.broker_name for queue in status.queues} | {failure.target for failure in status.failures}
    on = led_past(asking.moment, asking.moment.untold).union(seen.on if seen is not None else ())
    status.failures += not_led_to(asking.moment, on, heard)
    messages = None if status.failures else sum(queue.max_offset - queue.min_offset for queue in status.queues)
    dead = what == "dead letters"
    row = Row(
        key=topic,
        cells=(topic, what, messages, await _not_consumed(asking, topic), last_message(status)),
        health=Health.UNKNOWN if messages is None else Health.WARNING if dead and messages else Health.OK,
        opens=Address("dead-letters", asking.name) if dead else Address("topic", topic),
    )
    return row, list(status.failures)


async def _not_consumed(asking: Asking, topic: str) -> int | None:
    try:
        return (await asking.admin.groups.progress(asking.name, topic)).lag_total
    except RocketMQError:
        return None


def flat(config: dict[str, object]) -> dict[str, Value]:
    """The settings of a group on one broker; what is no text or figure as JSON, as brokers write it."""
    return {
        name: value
        if isinstance(value, (str, int, float)) and not isinstance(value, bool)
        else msgspec.json.encode(value).decode()
        for name, value in config.items()
        if value not in (None, {}, [])
    }


def past_retries(seen: GroupSeen, untold: Collection[str] = ()) -> Section:
    """What of its retries a recorded moment knows that it has not consumed; more may be on brokers that were `untold`
    then."""
    topic = retry_topic(seen.group)
    here = [seen.waits_in(queue) for queue in seen.offsets.queues if queue.queue.topic == topic]
    lag = total([*here, *(None for _ in untold)])
    return table_of(_GIVEN_UP, [Row(key=topic, cells=(topic, None, None, lag, None))])
