"""One consumer group: its queues and their owners, its clients, their subscriptions side by side, what it gave up."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from rocketmq_ops.client.errors import NotFoundError
from rocketmq_ops.common.clock import now_ms
from rocketmq_ops.common.errors import RocketMQError
from rocketmq_ops.common.topics import dlq_topic, retry_topic
from rocketmq_ops.tui.model.address import Address
from rocketmq_ops.tui.model.clients_in_turn import ClientsInTurn, status_in_turn
from rocketmq_ops.tui.model.details.blocked import without_new
from rocketmq_ops.tui.model.details.detail import Asking, Asks, Once, Part, Section, also, side_by_side, table_of
from rocketmq_ops.tui.model.details.group_clients import (
    MOST_ASKED,
    client_section,
    problem_section,
    subscription_section,
)
from rocketmq_ops.tui.model.details.group_queues import Held, held_of, past_section, queue_section
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
        found = await status_in_turn(admin, group, turns, MOST_ASKED, asking.moment.time_ms or now_ms())
        return without_new(found, asking.moment.groups.get(group))

    status = Once(clients_now)
    progress = Once(lambda: admin.groups.progress(group))

    async def queues() -> Section:
        held = await _held(status)
        return queue_section(await progress(), held, asking.moment.groups.get(group))

    async def clients() -> Section:
        return client_section(group, await status(), turns)

    async def subscriptions() -> Section:
        return subscription_section(await status())

    async def problems() -> Section:
        return problem_section(group, await status())

    async def given_up() -> Section:
        return await _given_up(asking)

    async def settings() -> Section:
        found = await admin.groups.configs(group)
        without: dict[str, dict[str, Value]] = {address: {} for address in found.without}
        sources = {each.broker_name or each.broker_addr: _flat(each.config) for each in found.brokers}
        section = side_by_side("Setting", without | sources)
        return also(section, found.failures)

    return (
        Part("queues", "Queues", queues, _of_group(group, past_section), past=_of_group(group, past_section)),
        Part("clients", "Clients", clients),
        Part("subscriptions", "Subscriptions", subscriptions),
        Part("problems", "Problems", problems),
        Part("given-up", "Retries and dead letters", given_up, _of_group(group, past_retries)),
        Part("settings", "Settings", settings),
    )


def _of_group(group: str, section: Callable[[GroupSeen], Section]) -> Callable[[Moment], Section | None]:
    """What a moment has of a group that it has."""

    def then(moment: Moment) -> Section | None:
        seen = moment.groups.get(group)
        return None if seen is None else section(seen)

    return then


async def _held(status: Once[ConsumerStatusReport]) -> Held:
    try:
        return held_of(await status())
    except NotFoundError:
        return Held({})
    except RocketMQError:
        return Held(None)


async def _given_up(asking: Asking) -> Section:
    group = asking.name
    rows, failures = [], []
    for topic, what, none in (
        (retry_topic(group), "retries", "no retries"),
        (dlq_topic(group), "dead letters", "no dead letters"),
    ):
        try:
            status = await asking.admin.topics.status(topic)
        except NotFoundError:
            rows.append(Row(key=topic, cells=(topic, none, 0, 0, NOTHING)))
            continue
        except RocketMQError as error:
            failures.append(asking.admin.failure_of(topic, error))
            rows.append(Row(key=topic, cells=(topic, what, None, None, None), health=Health.UNKNOWN))
            continue
        failures += status.failures
        messages = None if status.failures else sum(queue.max_offset - queue.min_offset for queue in status.queues)
        times = [queue.last_update_timestamp for queue in status.queues if queue.last_update_timestamp is not None]
        dead = what == "dead letters"
        rows.append(
            Row(
                key=topic,
                cells=(topic, what, messages, await _not_consumed(asking, topic), max(times, default=None)),
                health=Health.WARNING if dead and messages else Health.OK,
                opens=Address("dead-letters", group) if dead else Address("topic", topic),
            )
        )
    return also(table_of(_GIVEN_UP, rows), failures)


async def _not_consumed(asking: Asking, topic: str) -> int | None:
    try:
        return (await asking.admin.groups.progress(asking.name, topic)).lag_total
    except RocketMQError:
        return None


def _flat(config: dict[str, object]) -> dict[str, Value]:
    return {
        name: value if isinstance(value, (str, int, float)) and not isinstance(value, bool) else str(value).lower()
        for name, value in config.items()
        if value not in (None, {}, [])
    }


def past_retries(seen: GroupSeen) -> Section:
    """What of its retries a recorded moment knows that it has not consumed."""
    topic = retry_topic(seen.group)
    lag = total(seen.waits_in(queue) for queue in seen.offsets.queues if queue.queue.topic == topic)
    return table_of(_GIVEN_UP, [Row(key=topic, cells=(topic, None, None, lag, None))])
