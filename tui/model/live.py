"""The model of a running cluster: what the sampler learns, as moments."""

from __future__ import annotations

import asyncio
from array import array
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from rocketmq_ops.common.tasks import Tasks
from rocketmq_ops.housekeeping.history.runs import GroupOffsets, QueueKey, QueueOffsets, Span
from rocketmq_ops.tui.model.alarms import Alarms, found
from rocketmq_ops.tui.model.broker_state import judged, with_gaps
from rocketmq_ops.tui.model.clock import Clock, WallClock
from rocketmq_ops.tui.model.derive import Derived, derive
from rocketmq_ops.tui.model.events import Events
from rocketmq_ops.tui.model.known import GroupsOf, Known
from rocketmq_ops.tui.model.looks import Looks
from rocketmq_ops.tui.model.model import Mode, Points
from rocketmq_ops.tui.model.moment import Moment, TopicSeen, Totals
from rocketmq_ops.tui.model.periods import LISTING, RUNTIME
from rocketmq_ops.tui.model.sampler import Sampler
from rocketmq_ops.tui.model.verdict import verdict

if TYPE_CHECKING:
    from rocketmq_ops.client.admin import MQAdmin

#: Points of a series that are held.
_POINTS: Final = 180


class LiveModel:
    """Implements `Model`. Use it as an async context manager, in the loop of the application."""

    def __init__(self, admin: MQAdmin, clock: Clock | None = None) -> None:
        self._clock = clock or WallClock()
        self._known = Known()
        self._looks = Looks()
        self._derived: Derived | None = None
        self._groups_ms: int | None = None
        self._version = 0
        self._moment: Moment | None = None
        #: The last one that was made.
        self._newest: Moment | None = None
        self._topics_of: tuple[int, Derived | None, dict[str, TopicSeen]] | None = None
        self._alarms = Alarms()
        self._events = Events()
        self._paused: Moment | None = None
        self._calls: list[Callable[[], None]] = []
        self._series: dict[tuple[str, str], tuple[array[int], array[float]]] = {}
        self._keys: dict[str, tuple[QueueKey, ...]] = {}
        self._sampler = Sampler(admin, self._clock, self._known, self._changed, self._look)
        self._tasks = Tasks()

    async def __aenter__(self) -> LiveModel:
        self._tasks.start(self._sampler.run(), "dashboard sampler")
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._tasks.stop()

    @property
    def version(self) -> int:
        """See `Model`."""
        return self._version

    @property
    def mode(self) -> Mode:
        """See `Model`."""
        return Mode.LIVE if self._paused is None else Mode.PAUSED

    @property
    def busy(self) -> bool:
        """See `Model`."""
        return False

    def moment(self) -> Moment:
        """See `Model`."""
        if self._paused is not None:
            return self._paused
        if self._moment is None:
            self._moment = self._made()
        return self._moment

    def before(self, ms: int) -> Moment | None:
        """See `Model`."""
        return None

    def series(self, name: str, target: str = "") -> Points:
        """See `Model`."""
        times, values = self._series.get((name, target), ((), ()))
        return list(zip(times, values, strict=True))

    def span(self) -> Span | None:
        """See `Model`."""
        return None

    def pause(self) -> None:
        """See `Model`."""
        self._paused = self.moment()
        self._changed()

    def go_live(self) -> None:
        """See `Model`."""
        self._paused = None
        self._changed()

    def seek(self, time_ms: int) -> None:
        """See `Model`."""

    def step(self, runs: int) -> None:
        """See `Model`."""

    def refresh(self) -> None:
        """See `Model`."""
        self._sampler.hurry()

    def on_change(self, call: Callable[[], None]) -> None:
        """See `Model`."""
        self._calls.append(call)

    def _changed(self) -> None:
        self._version += 1
        self._moment = None
        for call in self._calls:
            call()

    async def _look(self, time_ms: int, answers: list[GroupsOf]) -> None:
        """A look at all groups. Queues of a broker that did not answer stay, with nothing known of them."""
        groups: dict[str, GroupOffsets] = {}
        last = self._looks.last
        for answer in answers:
            if answer.groups is None and last is not None:
                for name, held in last.groups.items():
                    queues = [QueueOffsets(key, None, None) for key in held.keys if key.broker == answer.broker_name]
                    if queues:
                        groups.setdefault(name, GroupOffsets(group=name, queues=[])).queues += queues
            for name, group in (answer.groups or {}).items():
                groups.setdefault(name, GroupOffsets(group=name, queues=[])).queues += group.queues
        self._looks.add(time_ms, groups.values())
        before = self._derived.groups if self._derived is not None else {}
        self._derived = await asyncio.to_thread(derive, self._looks, before)
        self._groups_ms = time_ms
        self._note(time_ms)
        self._changed()

    def _note(self, time_ms: int) -> None:
        derived = self._derived
        assert derived is not None
        for broker in self._known.brokers.values():
            if not broker.dead:
                for name, value in broker.figures.items():
                    self._point(f"broker.{name}", broker.address, time_ms, value)
        for name, group in derived.groups.items():
            if group.lag.lag is not None:
                self._point("group.lag", name, time_ms, group.lag.lag)
        for topic, rate in derived.in_rates.items():
            self._point("topic.in_rate", topic, time_ms, rate)
        for topic, rate in derived.out_rates.items():
            self._point("topic.out_rate", topic, time_ms, rate)
        totals = self._totals()
        for name, total in (("in_rate", totals.in_rate), ("out_rate", totals.out_rate), ("lag", totals.lag)):
            if total is not None:
                self._point(f"total.{name}", "", time_ms, total)

    def _point(self, name: str, target: str, time_ms: int, value: float) -> None:
        held = self._series.get((name, target))
        if held is None:
            held = self._series[(name, target)] = array("q"), array("d")
        times, values = held
        times.append(time_ms)
        values.append(value)
        if len(times) > _POINTS:
            del times[0], values[0]

    def _totals(self) -> Totals:
        masters = [b for b in self._known.brokers.values() if b.broker_id == 0 and b.unlisted_since is None]
        into = [None if b.dead else b.figures.get("in_rate") for b in masters]
        out = [None if b.dead else b.figures.get("out_rate") for b in masters]
        derived = self._derived
        return Totals(
            _sum(into),
            _sum(out),
            derived.lag if derived is not None else None,
            derived.lag_unknown if derived is not None else 0,
            derived.lag_change if derived is not None else None,
        )

    def _topics(self) -> dict[str, TopicSeen]:
        """Made anew when brokers have told of them, or rates are known anew."""
        known, derived = self._known, self._derived
        if self._topics_of is not None and self._topics_of[0] == known.topics_version and self._topics_of[1] is derived:
            return self._topics_of[2]
        topics: dict[str, TopicSeen] = {}
        for address, held in known.topics.items():
            broker = known.brokers.get(address)
            if broker is None:
                continue
            for topic, queues in held.items():
                seen = topics.get(topic)
                if seen is None:
                    seen = topics[topic] = TopicSeen(topic=topic, on={})
                    if derived is not None:
                        seen.in_rate, seen.out_rate = derived.in_rates.get(topic), derived.out_rates.get(topic)
                seen.on[broker.broker_name] = queues
        self._topics_of = (known.topics_version, derived, topics)
        return topics

    def _made(self) -> Moment:
        known, derived = self._known, self._derived
        now = self._clock.now_ms()
        groups = derived.groups if derived is not None else {}
        brokers = {address: judged(broker) for address, broker in with_gaps(known.brokers).items()}
        alarms = self._alarms.update(now, found(known.name_servers.values(), brokers.values(), groups.values()))
        moment = Moment(
            time_ms=now,
            name_servers=dict(known.name_servers),
            brokers=brokers,
            topics=self._topics(),
            groups=groups,
            alarms=alarms,
            verdict=verdict(known.name_servers, brokers, groups, alarms),
            topics_ms=known.topics_ms,
            groups_ms=self._groups_ms,
            totals=self._totals(),
            failures=[
                failure
                for (_, question), failure in known.failures.items()
                if question not in (LISTING.name, RUNTIME.name)
            ],
        )
        moment.events = self._events.note(self._newest, moment)
        self._newest = moment
        return moment


def _sum(parts: list[float | None]) -> float | None:
    """None without any that is known."""
    known = [part for part in parts if part is not None]
    return sum(known) if known and len(known) == len(parts) else None
