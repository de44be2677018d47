"""Who has consumed a message: by the offset of each group, by what its clients traced, and by its dead letters.

An offset says that the group is past the message, also where its listener failed and the group has given up on it: what
messageTrackDetail calls CONSUMED (DefaultMQAdminExtImpl.messageTrackDetail).
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Final

from rocketmq_ops.client.admin.messages.message_results import MessageTrack
from rocketmq_ops.client.admin.messages.trace import ConsumeTrace, MessageTraces
from rocketmq_ops.client.errors import NotFoundError
from rocketmq_ops.common.errors import Failure, RocketMQError
from rocketmq_ops.common.message import PROPERTY_UNIQ_KEY, MessageExt
from rocketmq_ops.common.topics import dlq_topic
from rocketmq_ops.tui.model.address import Address
from rocketmq_ops.tui.model.details.detail import Asking, Once, Section, also, table_of
from rocketmq_ops.tui.model.figures import time_of_day
from rocketmq_ops.tui.model.table import Column, Health, Kind, Row, worst_first

_COLUMNS: Final = (
    Column(key="group", title="Group", least=20),
    Column(key="state", title="State", kind=Kind.STATE),
    Column(key="detail", title="Evidence", kind=Kind.SENTENCE, least=30),
)
#: What became of a message in a group by its offset, in words, and how bad that is.
TRACKS: Final = {
    "CONSUMED": ("consumed", Health.OK),
    "CONSUMED_BUT_FILTERED": ("filtered out", Health.INFO),
    "NOT_CONSUME_YET": ("not consumed yet", Health.WARNING),
    "NOT_ONLINE": ("no client online", Health.WARNING),
    "PULL": ("pulls by itself", Health.INFO),
    "CONSUME_BROADCASTING": ("broadcasting", Health.INFO),
    "UNKNOWN": ("unknown", Health.UNKNOWN),
}
#: Of these the group may have given up on it.
_MAY_BE_GIVEN_UP: Final = frozenset({"CONSUMED", "NOT_ONLINE", "UNKNOWN"})
#: What was traced so much earlier than the message was stored is of one that it was sent again from, and not of a clock
#: that is late, ms.
_CLOCKS_MS: Final = 60_000


async def consumed_by(asking: Asking, message: MessageExt, traces: Once[MessageTraces]) -> Section:
    """What became of the message in each group that consumes its topic. Raises RocketMQError."""
    tracks = await asking.admin.messages.track(message, await asking.admin.topics.readers(message.topic))
    (letters, failures), taken = await asyncio.gather(_letters(asking, message, tracks), _taken(message, traces))
    return also(track_section(tracks, taken, letters), failures)


async def _letters(
    asking: Asking, message: MessageExt, tracks: Sequence[MessageTrack]
) -> tuple[dict[str, int], list[Failure]]:
    """When each group gave up on the message (ms since 1970), and what could not be asked."""
    key = message.properties.get(PROPERTY_UNIQ_KEY)
    groups = [track.consumer_group for track in tracks if track.track_type in _MAY_BE_GIVEN_UP]
    if key is None or not groups:
        return {}, []
    failures: list[Failure] = []

    async def given_up(group: str) -> int | None:
        try:
            found, failed = await asking.admin.messages.query(
                dlq_topic(group), key, begin=message.store_timestamp, kind="U"
            )
        except NotFoundError:  # it has no dead letters
            return None
        failures.extend(failed)
        return max((letter.store_timestamp for letter in found), default=None)

    asked = await asking.admin.fan_out(groups, given_up)
    failures += [asking.admin.failure_of(dlq_topic(group), error) for group, error in asked.errors.items()]
    return {group: at for group, at in asked.answers.items() if at is not None}, failures


async def _taken(message: MessageExt, traces: Once[MessageTraces]) -> dict[str, list[ConsumeTrace]]:
    """The attempts of each group that have ended, as far as they were traced; why they are not known says the trace."""
    try:
        traced = (await traces()).consumed
    except RocketMQError:
        return {}
    found: dict[str, list[ConsumeTrace]] = {}
    for each in traced:
        at = each.begin_timestamp if each.begin_timestamp is not None else each.end_timestamp
        if each.group and each.success is not None and at and at >= message.store_timestamp - _CLOCKS_MS:
            found.setdefault(each.group, []).append(each)
    return found


def track_section(
    tracks: Sequence[MessageTrack],
    taken: Mapping[str, Sequence[ConsumeTrace]] = {},
    given_up: Mapping[str, int] = {},
) -> Section:
    """What became of the message in each group, the worst first. `taken`: attempts that have ended; `given_up`: when it
    became a dead letter, ms since 1970."""
    rows = []
    for track in tracks:
        group = track.consumer_group
        state, health, detail = _judged(track, taken.get(group, ()), given_up.get(group))
        rows.append(Row(key=group, cells=(group, state, detail), health=health, opens=Address("group", group)))
    rows.sort(key=lambda row: worst_first(row.health))
    return table_of(_COLUMNS, rows, "no group consumes this topic")


def _judged(track: MessageTrack, taken: Sequence[ConsumeTrace], given_up: int | None) -> tuple[str, Health, str]:
    """What became of it in a group, in words, how bad that is, and what says so."""
    state, health = TRACKS[track.track_type]
    detail = track.detail or ""
    if track.track_type not in _MAY_BE_GIVEN_UP:
        return state, health, detail
    ended = max((each.end_timestamp or each.begin_timestamp or 0 for each in taken if each.success), default=None)
    if ended is not None and (given_up is None or ended > given_up):
        return *TRACKS["CONSUMED"], "a client has traced that it consumed it"
    if given_up is not None:
        when = time_of_day(given_up)
        return "given up", Health.CRITICAL, f"it is a dead letter of the group since {when}"
    if track.track_type == "CONSUMED":
        if taken:
            return "failed", Health.WARNING, f"traced attempts: {len(taken)}, all of them failed"
        detail = "the group's offset is past it"
    return state, health, detail
