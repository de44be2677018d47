"""The model of a running cluster: what the sampler learns, as moments."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Collection, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from rocketmq_ops.common.errors import Failure, RocketMQError
from rocketmq_ops.housekeeping.history.database import HistoryError
from rocketmq_ops.housekeeping.history.place import history_file
from rocketmq_ops.tui.model.address import parse
from rocketmq_ops.tui.model.alarms import Alarms, found, in_doubt, since_as, watched, withheld
from rocketmq_ops.tui.model.asked import Asked
from rocketmq_ops.tui.model.broker_state import judged, signs, with_gaps
from rocketmq_ops.tui.model.changed import Changed, Journal
from rocketmq_ops.tui.model.clock import Clock, WallClock
from rocketmq_ops.tui.model.derive import Derived
from rocketmq_ops.tui.model.details.detail import Section
from rocketmq_ops.tui.model.events import Events
from rocketmq_ops.tui.model.going_on import WAITS_MS, Left
from rocketmq_ops.tui.model.group_looks import GroupLooks
from rocketmq_ops.tui.model.keys_first import KeysFirst
from rocketmq_ops.tui.model.known import GroupsOf, Known
from rocketmq_ops.tui.model.lines import Lines
from rocketmq_ops.tui.model.model import Points
from rocketmq_ops.tui.model.moment import BrokerSeen, ClientSeen, GroupSeen, Moment, NameServerSeen, TopicSeen, Totals
from rocketmq_ops.tui.model.old_series import OldSeries
from rocketmq_ops.tui.model.periods import LISTING, RUNTIME
from rocketmq_ops.tui.model.probed import Probed
from rocketmq_ops.tui.model.recording import Kept, totals_of
from rocketmq_ops.tui.model.running import Running
from rocketmq_ops.tui.model.sampler import Sampler
from rocketmq_ops.tui.model.spark import SPAN_MS
from rocketmq_ops.tui.model.tape import Tape
from rocketmq_ops.tui.model.timeline import Timeline
from rocketmq_ops.tui.model.to_keep import ToKeep
from rocketmq_ops.tui.model.verdict import not_judged, verdict
from rocketmq_ops.tui.model.whole import TopicsMade, totals

if TYPE_CHECKING:
    from rocketmq_ops.client.admin import MQAdmin

#: What a screen was told is new for so long, ms: it asks every 10 s while it is looked at.
_LOOKED_AT_MS: Final = 30_000


class LiveModel(Timeline):
    """Implements `Model`. Use it as an async context manager, in the loop of the application.

    `ring`: whether what it sees is kept, to be scrubbed through; `session`: a file to copy it into.
    """

    def __init__(
        self,
        admin: MQAdmin,
        clock: Clock | None = None,
        *,
        ring: bool = True,
        session: Path | None = None,
        pace: float = 1.0,
        keys: KeysFirst | None = None,
        journal: Journal | None = None,
    ) -> None:
        """`pace` is the sampler's; what is worked out of a look lets `keys` go first. `journal` is that of changes."""
        super().__init__(Tape())
        self._keys = keys or KeysFirst()
        self._admin = admin
        self._clock = clock or WallClock()
        self._ring = ring
        self._session = session
        self._known = Known()
        self._groups = GroupLooks(self._known)
        #: Whether it is known what a dashboard before this one has left.
        self._left = asyncio.Event()
        self._derived: Derived | None = None
        self._groups_ms: int | None = None
        #: The names of the brokers that were asked at the last look.
        self._asked_for_groups: frozenset[str] = frozenset()
        self._moment: Moment | None = None
        #: The last one that was made.
        self._newest: Moment | None = None
        self._topics_made = TopicsMade(self._known)
        #: Groups, of what look, and with which brokers silent.
        self._groups_of: tuple[Derived | None, frozenset[str], dict[str, GroupSeen]] | None = None
        #: Why the name servers are not known.
        self._start_failure: Failure | None = None
        self._clients: dict[str, ClientSeen] = {}
        self._clients_whole = False
        #: What screens were told, and what was asked whatever screen is open; when screens were told, by name.
        self._asked = Asked()
        self._sampled = Asked()
        self._texts: tuple[Mapping[str, str], Mapping[str, str], Mapping[str, str]] = {}, {}, {}
        self._looked_at: dict[str, int] = {}
        #: The last moment that was to be kept, and those that wait for it.
        self.kept: Moment | None = None
        self._to_keep = ToKeep()
        self._alarms = Alarms()
        #: When a broker has answered for the first time.
        self._watched_ms: int | None = None
        self._events = Events()
        self._probed: Probed | None = None
        self._changed_here = Changed(journal) if journal is not None else None
        self._lines = Lines()
        #: What the ring has from before the first look; None until there was one, and once all is of looks after it.
        self._before: OldSeries | None = None
        self._asking: asyncio.Task[None] | None = None
        self._sampler = Sampler(admin, self._clock, self._known, self._changed, self._look, pace, self._keys)
        self._running = Running(
            self._known.members, admin.clients.running_info, self._sampler.failure_of, self._keep_sampled
        )

    async def __aenter__(self) -> LiveModel:
        """Raises HistoryError when the session cannot be copied to its file; without a ring it goes on."""
        try:
            if self._session is not None:
                await self._tape.open_session(self._session, self._admin.name_servers)
        except BaseException:
            await self._tape.close()
            raise
        self._tasks.start(self._sample(), "dashboard sampler")
        if self._ring:
            self._write(self._open_ring, "open")
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._tasks.stop()
        await self._tape.close()

    async def _sample(self) -> None:
        """Sample, also where the name servers have to be found out and cannot be yet."""
        if self._ring:
            await self._clock.wait(self._left, WAITS_MS)
            self._left.set()
        while True:
            try:
                await self._sampler.run()
            except RocketMQError as error:
                self._start_failure = self._admin.failure_of("name servers", error)
                self._changed()
                await self._clock.wait(asyncio.Event(), LISTING.period_ms)

    async def _open_ring(self) -> None:
        try:
            await self._admin.session.name_servers.ready()
            left = await self._tape.open_ring(self._admin.name_servers, self._clock.now_ms())
            if left is not None and not self._left.is_set():
                self._go_on(left)
        finally:
            self._left.set()
        self._span = await self._tape.span()

    def _go_on(self, left: Left) -> None:
        """Before anything was asked: know what another dashboard has seen until a moment ago."""
        self._groups.go_on(left.looks, left.moment)
        self._known.go_on(left.moment)
        self._alarms.go_on(left.moment.alarms, self._clock.now_ms())
        self._events.add(left.moment.events)
        self._newest = None  # what was left is no change since an empty moment
        self._changed()

    def newest(self) -> Moment:
        """See `Timeline`."""
        if self._moment is None:
            self._moment = self._made()
        return self._moment

    def new_series(self, name: str, target: str) -> Points:
        """See `Timeline`."""
        points = self._lines.points(name, target)
        return points if self._before is None else [*self._old_points(self._before, name, target), *points]

    def new_looks(self) -> Sequence[int]:
        """See `Timeline`."""
        return self._lines.times if self._before is None else [*self._before.looks, *self._lines.times]

    def refresh(self) -> None:
        """See `Model`."""
        self._sampler.hurry()

    def keep(self, name: str, section: Section, *, whole: bool = True) -> None:
        """See `Model`. It goes into the ring with the next look."""
        now = self._clock.now_ms()
        self._looked_at = {each: at for each, at in self._looked_at.items() if now - at < _LOOKED_AT_MS} | {name: now}
        self._asked.put(name, section, now, whole=whole)
        self._sampled.drop(name)

    def _keep_sampled(self, name: str, section: Section, *, whole: bool) -> None:
        """Keep what was asked whatever screen is open."""
        self._sampled.put(name, section, self._clock.now_ms(), whole=whole)
        self._asked.drop(name)

    def _asked_texts(self) -> Mapping[str, str]:
        """All that was asked; the same while it is the same."""
        screens, sampled, both = self._texts
        if screens is not self._asked.texts or sampled is not self._sampled.texts:
            screens, sampled = self._asked.texts, self._sampled.texts
            both = {**sampled, **screens}
            self._texts = screens, sampled, both
        return both

    async def _ask_running(self, groups: Sequence[GroupSeen]) -> None:
        """Ask clients of groups that are not in order. What a screen asks for is asked already."""
        now = self._clock.now_ms()
        seen = [name for name, at in self._looked_at.items() if now - at < _LOOKED_AT_MS]
        screens = [parse(name.removesuffix("/clients")) for name in seen if name.endswith("/clients")]
        await self._running.look(groups, now, but=[each.name for each in screens if each.screen == "group"])

    def _changed(self) -> None:
        self._moment = None
        self._told()

    async def _look(self, time_ms: int, answers: list[GroupsOf]) -> None:
        """A look at all groups, which is worked out beside the loop."""
        answering = [broker for broker in self._known.to_ask_for_groups().values() if not broker.dead]
        addresses = {broker.broker_name: broker.address for broker in answering}
        # Made here: brokers come and go in the loop while the thread works.
        there = {each.address: (each.broker_name, self._known.topics.get(each.address, {})) for each in answering}
        work = self._keys.work()
        asked = frozenset(answer.broker_name for answer in answers)
        looked = await asyncio.to_thread(self._groups.look, time_ms, answers, there, work.pause)
        await work.turn()  # each of these takes some ms
        derived = looked.derived
        self._known.members.place(looked.places, addresses)
        self._known.ends.want(looked.ends)
        self._known.routes.want(looked.routes)
        await work.turn()
        clients = self._known.members.clients()
        whole = self._known.members.whole(derived.groups, addresses.values()) and not self._in_doubt()
        await work.turn()
        self._derived, self._clients, self._clients_whole, self._groups_ms = derived, clients, whole, time_ms
        self._asked_for_groups = asked
        if self._groups.more_than_one or not derived.groups:
            self._known.puts.said_by_offsets(derived.in_rates.keys() | derived.lost)
        self._topics()
        await work.turn()
        self._note(time_ms)
        await work.turn()
        self._moment = self.kept = self._made()
        unknown = tuple(answer.broker_name for answer in answers if answer.groups is None)
        if (gone := self._to_keep.put(Kept(self._moment, unknown, derived.went_back), work.pause)) is not None:
            self._tape.left_out(gone.moment.groups_ms or gone.moment.time_ms)
        self._write(self._keep)
        if self._ring:
            self._write(self._look_at_prober, "prober")
        if self._changed_here is not None:
            self._write(partial(self._look_at_changes, self._changed_here), "journal")
        if self._asking is None or self._asking.done():
            self._asking = self._tasks.start(self._ask_running(list(derived.groups.values())), "dashboard asks clients")
        self._told()

    async def _keep(self) -> None:
        while (next_one := self._to_keep.take()) is not None:
            try:
                await self._tape.append(*next_one)
            finally:
                self._span = await self._tape.span() or self._span

    async def _look_at_prober(self) -> None:
        if self._probed is None:
            self._probed = Probed(history_file(self._admin.name_servers))
        with contextlib.suppress(HistoryError):  # the screen of the prober says so
            events = await self._tape.in_thread(partial(self._probed.look, self._clock.now_ms()))
            if events:
                self._events.add(events)
                self._changed()

    async def _look_at_changes(self, changed: Changed) -> None:
        with contextlib.suppress(RocketMQError):  # the screen of the journal says so
            events = await changed.look(self._clock.now_ms())
            if events:
                self._events.add(events)
                self._changed()

    def _note(self, time_ms: int) -> None:
        derived = self._derived
        assert derived is not None
        lines = self._lines
        if not lines.times:  # first figures are not held up by what was before
            self._before = OldSeries(self._tape, time_ms - SPAN_MS, time_ms - 1)
        lines.begin(time_ms)
        for broker in self._known.brokers.values():
            if not broker.outdated:
                for name, value in broker.figures.items():
                    lines.put(f"broker.{name}", broker.address, value)
        for name, group in derived.groups.items():
            if group.lag.lag is not None:
                lines.put("group.lag", name, group.lag.lag)
        for topic, seen in self._topics().items():
            for line, rate in (("topic.in_rate", seen.in_rate), ("topic.out_rate", seen.out_rate)):
                if rate or (rate is not None and lines.has(line, topic)):  # most topics of a large cluster are quiet
                    lines.put(line, topic, rate)
        for name, total in totals_of(self._totals()):
            lines.put(f"total.{name}", "", total)
        lines.end()
        if self._before is not None and lines.times[0] > self._before.end_ms + 1:  # they begin later
            self._before = None

    def _not_told(self) -> list[Failure]:
        """What could not be asked; that a server does not answer is its own."""
        servers: list[NameServerSeen | BrokerSeen] = [*self._known.name_servers.values(), *self._known.brokers.values()]
        refusing = {server.address for server in servers if server.refusing}
        return [
            failure
            for (address, question), failure in self._known.failures.items()
            if question not in (LISTING.name, RUNTIME.name) or address in refusing
        ]

    def _in_doubt(self) -> bool:
        """Whether there may be groups that no broker has told of."""
        brokers = self._known.brokers.values()
        waits = any(broker.dead or broker.answered_ms is None for broker in brokers)
        return waits or withheld(self._not_told(), brokers) is not None

    def _untold(self) -> frozenset[str]:
        """The names of brokers that have never told of their groups, also those that came since the last look."""
        derived = self._derived
        if derived is None:
            return frozenset()
        names = {broker.broker_name for broker in self._known.to_ask_for_groups().values()}
        return frozenset(names - self._asked_for_groups) | derived.untold

    def _totals(self) -> Totals:
        return totals(self._known, self._derived, self._untold(), in_doubt=self._in_doubt())

    def _topics(self) -> dict[str, TopicSeen]:
        return self._topics_made.of(self._derived, self._untold(), self._clock.now_ms())

    def _groups_with(self, silent: Collection[str]) -> dict[str, GroupSeen]:
        """The groups of the last look: others, as rows are made anew for, where other brokers are silent."""
        derived, names = self._derived, self._untold().union(silent)
        if self._groups_of is None or self._groups_of[0] is not derived or self._groups_of[1] != names:
            self._groups_of = derived, names, {} if derived is None else dict(derived.groups)
        return self._groups_of[2]

    def _made(self) -> Moment:
        known, derived = self._known, self._derived
        now = self._clock.now_ms()
        brokers = {address: judged(broker) for address, broker in with_gaps(known.brokers).items()}
        groups = self._groups_with(signs(brokers.values()))
        parts = known.name_servers.values(), brokers.values(), groups.values()
        doubtful = in_doubt(*parts, looked=derived is not None)
        alarms = self._alarms.update(now, found(*parts), doubtful, watched(*parts[:2]))
        since_as(alarms, groups)
        not_yet = self._alarms.not_yet()
        failures = [*self._not_told(), *self.file_failures.values()]
        if self._watched_ms is None and any(broker.answered_ms is not None for broker in brokers.values()):
            self._watched_ms = now
        if self._start_failure is not None:
            failures.append(self._start_failure)
        moment = Moment(
            time_ms=now,
            name_servers=dict(known.name_servers),
            brokers=brokers,
            topics=self._topics(),
            groups=groups,
            untold=self._untold(),
            clients=self._clients,
            clients_whole=self._clients_whole and not known.no_producers,
            asked=self._asked_texts(),
            no_producers=tuple(known.no_producers.values()),
            alarms=alarms,
            not_yet=not_yet,
            verdict=verdict(
                known.name_servers,
                brokers,
                groups if derived is not None else self._groups.left,
                alarms,
                failures,
                not_yet=not_yet,
                groups_known=self._groups_ms is not None,
                unknown=not_judged(groups.values()),
                in_part=bool(self._untold()),
            ),
            topics_ms=known.topics_ms,
            groups_ms=self._groups_ms,
            totals=self._totals(),
            failures=failures,
            watched_ms=self._watched_ms,
        )
        moment.events = self._events.note(self._newest, moment)
        self._newest = moment
        return moment
