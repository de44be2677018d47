"""A cluster that is not there: models with made-up moments, for tests of screens. No clock, no network."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from functools import cache
from typing import TypeVar

import msgspec

from rocketmq_ops.client.admin import MQAdmin
from rocketmq_ops.common.errors import Failure
from rocketmq_ops.common.tasks import Pause, at_once
from rocketmq_ops.housekeeping.history.runs import GroupOffsets, Span
from rocketmq_ops.housekeeping.lag import GroupLag, LagState
from rocketmq_ops.mqadmin.lang.catalogue import chinese
from rocketmq_ops.tui.app import Dashboard
from rocketmq_ops.tui.changes import Changer
from rocketmq_ops.tui.context import Context, Options
from rocketmq_ops.tui.model.address import Address, parse
from rocketmq_ops.tui.model.asked import Asked
from rocketmq_ops.tui.model.details.detail import Section
from rocketmq_ops.tui.model.model import Mode, Model, Points
from rocketmq_ops.tui.model.moment import (
    Alarm,
    BrokerSeen,
    Event,
    GroupSeen,
    Moment,
    NameServerSeen,
    Said,
    TopicQueues,
    TopicSeen,
    Verdict,
)
from rocketmq_ops.tui.model.session import Copied
from rocketmq_ops.tui.model.table import Column, Health, Kind, Row, Table
from rocketmq_ops.tui.model.view import View
from rocketmq_ops.tui.places import catalogue
from rocketmq_ops.tui.saved import SavedViews

T = TypeVar("T")

#: 2026-01-01 12:00:00 UTC.
NOW_MS = 1_767_268_800_000
MINUTE = 60_000


_chinese = cache(chinese)


class FakeLanguage:
    """English, or the real Chinese."""

    def __init__(self, name: str = "en") -> None:
        self.name = name
        self._chinese = _chinese()

    def tr(self, text: str) -> str:
        return text if self.name == "en" else self._chinese.message(text)

    def tr_word(self, word: str) -> str:
        return word if self.name == "en" else self._chinese.word(word)

    def switch(self) -> None:
        self.name = "zh" if self.name == "en" else "en"


class FakeModel:
    """Shows what it is given. `past` are moments that can be sought, ascending; the last one is now."""

    follows = True

    def __init__(self, moment: Moment, past: Sequence[Moment] = ()) -> None:
        self.now = moment
        self.past = [*past, moment]
        self.version = 1
        self.mode = Mode.LIVE
        self.busy = self.seeking = False
        self.copied: Copied | None = None
        self.lines: dict[tuple[str, str], Points] = {}
        self.asked = 0
        self._at: Moment | None = None
        self._calls: list[Callable[[], None]] = []

    def moment(self) -> Moment:
        return self._at or self.now

    def newest(self) -> Moment:
        return self.now

    def before(self, ms: int, made: Callable[[Moment], T]) -> T | None:
        known = self._known(self.moment().time_ms - ms)
        return None if known is None else made(known)

    def of_then(self, time_ms: int, made: Callable[[Moment], T]) -> T | None:
        known = self._known(time_ms)
        return None if known is None else made(known)

    def series(self, name: str, target: str = "") -> Points:
        return self.lines.get((name, target), [])

    def looks(self) -> Sequence[int]:
        return sorted({time_ms for points in self.lines.values() for time_ms, _ in points})

    def span(self) -> Span | None:
        if len(self.past) < 2:
            return None
        return Span(self.past[0].time_ms, self.past[-1].time_ms, len(self.past))

    def pause(self) -> None:
        self.mode, self._at = Mode.PAUSED, self.moment()
        self.grown()

    def go_live(self) -> None:
        self.mode, self._at = Mode.LIVE, None
        self.grown()

    def seek(self, time_ms: int, *, after: bool = False) -> None:
        self.mode = Mode.BACK
        behind = next((moment for moment in self.past if moment.time_ms >= time_ms), None) if after else None
        self._at = msgspec.structs.replace(behind or self._known(time_ms) or self.past[0], live=False)
        self.grown()

    def move(self, by_ms: int) -> None:
        times = [moment.time_ms for moment in self.past]
        self.seek(max(times[0], min(times[-1], self.moment().time_ms + by_ms)))

    def refresh(self) -> None:
        self.asked += 1

    def keep(self, name: str, section: Section, *, whole: bool = True) -> None:
        """With the moments of the present, as the live model does."""
        asked = Asked()
        asked.texts = self.now.asked
        asked.put(name, section, self.now.time_ms, whole=whole)
        self.now.asked = asked.texts

    def on_change(self, call: Callable[[], None]) -> None:
        self._calls.append(call)

    def turn(self, moment: Moment) -> None:
        """What a round has learned."""
        self.now = moment
        self.past.append(moment)
        self.grown()

    def grown(self) -> None:
        self.version += 1
        for call in self._calls:
            call()

    def _known(self, time_ms: int) -> Moment | None:
        return next((moment for moment in reversed(self.past) if moment.time_ms <= time_ms), None)


def group(name: str, lag: int | None, state: LagState = LagState.OK, **more: object) -> GroupSeen:
    """A group in a state."""
    offsets = GroupOffsets(group=name, queues=[], members=2)
    return GroupSeen(group=name, offsets=offsets, lag=GroupLag(name, state, lag, "", []), **more)  # type: ignore[arg-type]


def moment(time_ms: int = NOW_MS, *, groups: int = 3, topics: int = 3, brokers: int = 2) -> Moment:
    """A cluster of so many of each. Group 1 is stalled, the last broker is dead since a minute."""
    seen = {}
    for n in range(groups):
        state = LagState.STALLED if n == 1 else LagState.OK
        name = f"group-{n:05d}"
        seen[name] = group(
            name, None if n == 2 else n * 1000 + 7, state, consume_rate=0.0 if n == 1 else n * 1.5, members=n % 5
        )
    there = {}
    silent = f"broker-{chr(96 + brokers % 26)}"
    for n in range(brokers):
        dead = n == brokers - 1 and brokers > 1
        there[f"10.0.0.{n}:10911"] = BrokerSeen(
            address=f"10.0.0.{n}:10911", cluster="DefaultCluster", broker_name=f"broker-{chr(97 + n % 26)}", broker_id=0,
            version="V5_3_3", figures={} if dead else {"put_tps": 100.0 * n, "get_tps": 90.0 * n},
            answered_ms=time_ms - (MINUTE if dead else 0), failing_since=time_ms - MINUTE if dead else None,
            failure=Failure(f"10.0.0.{n}:10911", "no answer within 3000 ms", "see that it runs") if dead else None,
        )  # fmt: skip
    return Moment(
        time_ms=time_ms,
        name_servers={"10.0.0.9:9876": NameServerSeen(address="10.0.0.9:9876", millis=1.0, answered_ms=time_ms)},
        brokers=there,
        topics={
            f"topic-{n:05d}": TopicSeen(topic=f"topic-{n:05d}", on={"broker-a": TopicQueues(8, 8, 6)}, in_rate=n * 2.0)
            for n in range(topics)
        }
        | {
            each.broker_name: TopicSeen(topic=each.broker_name, on={each.broker_name: TopicQueues(1, 1, 7)})
            for each in there.values()
        },
        groups=seen,
        verdict=Verdict(
            Health.CRITICAL,
            (Said(f"1 of {groups} groups stalled", time_ms - 2 * MINUTE), Said("does not answer", time_ms - MINUTE, target=silent)),
        ),
        alarms=[
            Alarm(
                key="stalled", health=Health.CRITICAL, target="group-00001", text="stalled",
                since_ms=time_ms - 2 * MINUTE, opens=Address("group", "group-00001"),
            ),
        ],
        events=[
            Event(time_ms=time_ms - MINUTE, kind="broker", target=silent, text="does not answer any more", health=Health.CRITICAL),
        ],
    )  # fmt: skip


class FakeGroups:
    """Groups as a list screen."""

    name, aliases, title = "groups", ("g", "cg"), "Groups"
    columns = (
        Column(key="group", title="Group", least=16),
        Column(key="state", title="State", kind=Kind.STATE),
        Column(key="lag", title="Lag", kind=Kind.COUNT),
        Column(key="rate", title="Rate", kind=Kind.RATE, drop=2),
        Column(key="members", title="Members", kind=Kind.COUNT, drop=1),
    )
    options = ()
    sort = ""

    def source(self, moment: Moment) -> Collection[object]:
        return moment.groups

    def table(self, moment: Moment, address: Address, pause: Pause = at_once) -> Table:
        health = {LagState.OK: Health.OK, LagState.STALLED: Health.CRITICAL}
        rows = [
            Row(
                key=seen.group,
                cells=(seen.group, seen.lag.state.value, seen.lag.lag, seen.consume_rate, seen.members),
                health=health.get(seen.lag.state, Health.UNKNOWN),
                opens=Address("group", seen.group),
            )
            for seen in moment.groups.values()
        ]
        return Table(columns=self.columns, rows=rows, note="" if rows else "no group is there")


def dashboard(
    model: Model | None = None,
    at: str = ":overview",
    *,
    views: Sequence[View] = (FakeGroups(),),
    lang: str = "en",
    theme: str = "dark",
    write: bool = False,
    saved: SavedViews | None = None,
    admin: MQAdmin | None = None,
    changer: Changer | None = None,
) -> Dashboard:
    """An application over a model, which looks for what is new only when `look` is called."""
    options = Options(address=parse(at), theme=theme, follows=False, title="test", write=write)
    context = Context(
        model or FakeModel(moment()), FakeLanguage(lang), catalogue(views), options,
        saved=saved, admin=admin, changer=changer,
    )  # fmt: skip
    return Dashboard(context)
