"""Asks the cluster in rounds, each server by itself: one that is dead costs its own timeout, and nobody else's.

To each server go the small questions one after the other, and beside them the large ones one after the other. What was
slow is asked less often. While a server does not answer, only the smallest question goes to it.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Coroutine
from typing import TYPE_CHECKING, Any, Final

from rocketmq_ops.client.admin.brokers.cluster import BrokerAddress
from rocketmq_ops.client.api.clients import all_producers
from rocketmq_ops.client.api.servers import cluster_info_of, runtime_info
from rocketmq_ops.client.api.topics import topic_configs, topic_names_of
from rocketmq_ops.client.errors import BrokerError
from rocketmq_ops.common.bounded import Bounded, Names
from rocketmq_ops.common.errors import Failure, RocketMQError
from rocketmq_ops.common.tasks import Tasks
from rocketmq_ops.housekeeping.history.runs import GroupOffsets
from rocketmq_ops.housekeeping.probe.groups import gather
from rocketmq_ops.remoting.codes import ResponseCode
from rocketmq_ops.tui.model.in_turn import InTurn
from rocketmq_ops.tui.model.keys_first import KeysFirst
from rocketmq_ops.tui.model.known import GroupsOf, Known
from rocketmq_ops.tui.model.moment import NameServerSeen, TopicQueues
from rocketmq_ops.tui.model.periods import (
    GROUPS,
    HURRY_MS,
    IN_TURN,
    LISTING,
    MOST_WAIT_MS,
    NAMES,
    PRODUCERS,
    REST,
    RUNTIME,
    SECOND_LOOK_MS,
    SETTINGS,
    TOPICS,
    Question,
)

if TYPE_CHECKING:
    from rocketmq_ops.client.admin import MQAdmin
    from rocketmq_ops.remoting.bodies import ClusterInfo
    from rocketmq_ops.tui.model.clock import Clock

log = logging.getLogger(__name__)

#: A look at the groups does not wait longer than this for a broker that is slow.
_LOOK_WAITS_MS: Final = 10_000
#: Whose failure it is that a look could not be worked out, and of what.
_LOOK: Final = "dashboard", "look"
#: What name servers are asked beside each other; all others are of brokers.
_OF_NAME_SERVERS: Final = "listing", "routes"
#: Different numbers of queues and permissions of topics that are held once.
_KINDS_OF_TOPICS: Final = 1_000
#: Until a name server has told of brokers, looks are tried this often.
_START_MS: Final = 100


class Sampler:
    """Keeps `known` up to date. `changed` is called after each answer, `looked` with each look at all groups."""

    def __init__(
        self,
        admin: MQAdmin,
        clock: Clock,
        known: Known,
        changed: Callable[[], None],
        looked: Callable[[int, list[GroupsOf]], Awaitable[None]],
        pace: float = 1.0,
        keys: KeysFirst | None = None,
    ) -> None:
        """`pace`: how many times as long as declared it waits between two rounds; what is asked for one thing at a time
        is never asked more often than declared."""
        self._pace = pace
        self._keys = keys or KeysFirst()
        self._admin = admin
        self._clock = clock
        self._known = known
        self._changed = changed
        self._looked = looked
        self._tasks: dict[tuple[str, str], asyncio.Task[None]] = {}
        #: When each question is asked next, by (server, question), and when at the soonest, where that is wished.
        self._due: dict[tuple[str, str], int] = {}
        self._soonest: dict[tuple[str, str], int] = {}
        self._large: dict[str, asyncio.Lock] = {}
        #: Groups and topics, and numbers of queues, which are the same on most brokers.
        self._told_names = Names()
        self._queues: Bounded[TopicQueues, TopicQueues] = Bounded(_KINDS_OF_TOPICS)
        self._owned = Tasks()
        self._wake = asyncio.Event()
        #: Whether the next look at all groups is to come soon; and how often all was wished soon.
        self._hurried = False
        self._wishes = 0
        self._looking: dict[str, asyncio.Task[GroupsOf]] = {}
        self._in_turn = InTurn(admin, clock, known, self._not_told, self._period)

    async def run(self) -> None:
        """Until it is cancelled. Raises AddressServerError when name servers cannot be found out."""
        await self._admin.session.name_servers.ready()
        for address in self._admin.name_servers:
            self._known.name_servers.setdefault(address, NameServerSeen(address=address))
        self._changed()
        try:
            for address in self._admin.name_servers:
                questions = self._questions(address, [(LISTING, self._list), (NAMES, self._names)])
                self._start(address, "listing", questions)
                self._start(address, "routes", self._in_turn.routes(address))
            await self._looks()
        finally:
            await self._owned.stop()

    def hurry(self) -> None:
        """Ask everything soon: at once what was not asked within HURRY_MS. What is asked for one group or topic after
        the other goes on as it does."""
        for key, due in self._due.items():
            self._due[key] = min(due, self._soonest.get(key, 0))
        self._hurried = True
        self._wishes += 1
        sleeping, self._wake = self._wake, asyncio.Event()
        sleeping.set()

    def _soon(self, begun_ms: int) -> int:
        """When something may be asked again that was begun then and has its answer now: it rests as long as it took."""
        return begun_ms + max(HURRY_MS, 2 * (self._clock.now_ms() - begun_ms))

    def _period(self, question: Question) -> int:
        least = question.period_ms if question in IN_TURN else 0
        return max(round(question.period_ms * self._pace), least)

    def _start(self, address: str, lane: str, work: Coroutine[Any, Any, None]) -> None:
        self._tasks[(address, lane)] = self._owned.start(work, f"dashboard {lane} {address}")

    def _start_brokers(self) -> None:
        known, tasks = self._known.brokers, self._tasks
        for address in known.keys() - {address for address, lane in tasks if lane not in _OF_NAME_SERVERS}:
            figures = self._questions(address, [(RUNTIME, self._runtime), (SETTINGS, self._settings)])
            tables = self._questions(address, [(TOPICS, self._topics), (PRODUCERS, self._producers)])
            self._start(address, "figures", figures)
            self._start(address, "tables", tables)
            self._start(address, "members", self._in_turn.members(address))
            self._start(address, "puts", self._in_turn.puts(address))
            self._start(address, "ends", self._in_turn.ends(address))
        for address, lane in list(tasks):
            if address not in known and lane not in _OF_NAME_SERVERS:
                tasks.pop((address, lane)).cancel()
                self._large.pop(address, None)
                for times in (self._due, self._soonest):
                    for key in [key for key in times if key[0] == address]:
                        del times[key]

    async def _questions(
        self, address: str, questions: list[tuple[Question, Callable[[str], Awaitable[None]]]]
    ) -> None:
        """Ask a server its questions, the one that is due first, one at a time."""
        while True:
            now = self._clock.now_ms()
            due = {question.name: self._due.get((address, question.name), 0) for question, _ in questions}
            question, ask = min(questions, key=lambda each: due[each[0].name])
            wait = due[question.name] - now
            if wait > 0:
                await self._rest(wait)
                continue
            if question not in (LISTING, NAMES, RUNTIME) and self._known.silent(address):
                self._due[(address, question.name)] = now + self._period(RUNTIME)
                continue
            wishes = self._wishes
            try:
                await ask(address)
                self._known.failures.pop((address, question.name), None)
                pause = max(self._period(question), min((self._clock.now_ms() - now) * REST, MOST_WAIT_MS))
            except Exception as error:  # whatever a server sends, all else goes on
                self._failed(address, question, self.failure_of(address, error))
                pause = min(self._period(question), MOST_WAIT_MS)
            soonest = self._soon(now)
            # What was wished meanwhile is something newer than this answer.
            self._due[(address, question.name)] = now + pause if wishes == self._wishes else min(now + pause, soonest)
            self._soonest[(address, question.name)] = soonest
            self._changed()

    async def _rest(self, ms: int) -> None:
        await self._clock.wait(self._wake, ms)

    # -- one question each

    async def _list(self, address: str) -> None:
        begun = time.perf_counter()
        info = await cluster_info_of(self._admin.session, address)
        millis = (time.perf_counter() - begun) * 1000
        old = self._known.name_server(address)
        seen = NameServerSeen(
            address=address,
            answered_ms=self._clock.now_ms(),
            millis=millis,
            brokers=_brokers(info),
            topics=old.topics,
        )
        self._known.listed(address, seen)
        self._start_brokers()

    async def _names(self, address: str) -> None:
        names = await topic_names_of(self._admin.session, address)
        self._known.named(address, len(names), self._clock.now_ms())

    async def _runtime(self, address: str) -> None:
        figures = await runtime_info(self._admin.session, address)
        self._known.runtime(address, figures, self._clock.now_ms())

    async def _settings(self, address: str) -> None:
        self._known.settings(address, await self._admin.configs.broker_config(address))

    async def _topics(self, address: str) -> None:
        if address not in self._known.to_ask_for_groups():
            self._known.tells_of_no_groups(address)
            return
        async with self._lock(address):
            configs = await topic_configs(self._admin.session, address, self._keys.work().pause)
        told = self._known.topics.get(address)
        found: dict[str, TopicQueues] = {}
        for topic, config in configs.items():
            queues = TopicQueues(config.read_queue_nums, config.write_queue_nums, config.perm)
            known = self._queues.get(queues)
            if known is None:
                known = self._queues[queues] = queues
            found[self._told_names.once(topic)] = known
        if found != told:
            self._known.topics[address] = found
            self._known.topics_version += 1
        self._known.topics_ms = self._clock.now_ms()

    async def _producers(self, address: str) -> None:
        if address not in self._known.to_ask_for_groups():
            return
        try:
            async with self._lock(address):
                table = await all_producers(self._admin.session, address)
        except BrokerError as error:  # no alarm: groups tell of their consumers
            if error.code != ResponseCode.REQUEST_CODE_NOT_SUPPORTED:
                self._known.no_producers[address] = self.failure_of(address, error)
            else:
                self._known.members.tells_of_none(address)
            return
        self._known.no_producers.pop(address, None)
        self._known.members.told_producers(address, table, self._clock.now_ms())

    # -- looks at all groups

    async def _looks(self) -> None:
        looks = 0
        while True:
            asked = {a: b for a, b in self._known.to_ask_for_groups().items() if b.failing_since is None}
            if not self._known.brokers:
                await self._rest(_START_MS)
                continue
            # Also while none answers: that is a look too, at which nothing is known.
            started = self._clock.now_ms()
            # One that is still at the last look is not waited for again.
            fresh = asked.keys() - self._looking.keys()
            for address, broker in asked.items():
                if address in fresh:
                    self._looking[address] = self._owned.start(
                        self._groups_of(address, broker.broker_name), f"dashboard groups {address}"
                    )
            if fresh:
                await self._until_done([self._looking[address] for address in fresh])
            slowest = await self._one_look()
            pause = max(self._period(GROUPS) if looks else SECOND_LOOK_MS, min(slowest * REST, MOST_WAIT_MS))
            looks += 1
            soonest = self._soon(started)
            while (now := self._clock.now_ms()) < (soonest if self._hurried else started + pause):
                await self._rest((soonest if self._hurried else started + pause) - now)
            self._hurried = False

    async def _one_look(self) -> int:
        """What was answered, told; how long the slowest took, ms. Nothing holds the answers until the next look: the
        collector would go through all of them."""
        answers: list[GroupsOf] = []
        for address, broker in self._known.to_ask_for_groups().items():
            task = self._looking.get(address)
            if task is not None and task.done() and not task.cancelled():
                del self._looking[address]
                answers.append(task.result())
            else:
                answers.append(GroupsOf(address, broker.broker_name, None))
        try:
            await self._looked(self._clock.now_ms(), answers)
            self._known.failures.pop(_LOOK, None)
        except Exception as error:  # it must not be the last one
            log.exception("a look at all groups")
            why = f"{type(error).__name__}: {error}"
            cause = f"a look at all groups failed: {why}"
            self._known.failures[_LOOK] = Failure(_LOOK[0], cause, "this is a fault of the dashboard")
            self._changed()
        return max((answer.took_ms for answer in answers), default=0)

    async def _until_done(self, tasks: list[asyncio.Task[GroupsOf]]) -> None:
        """Wait for all of them, and not too long."""
        done, left = asyncio.Event(), len(tasks)

        def one(_: asyncio.Task[GroupsOf]) -> None:
            nonlocal left
            left -= 1
            if not left:
                done.set()

        for task in tasks:
            task.add_done_callback(one)
        await self._clock.wait(done, _LOOK_WAITS_MS)

    async def _groups_of(self, address: str, name: str) -> GroupsOf:
        broker = BrokerAddress(address, name)
        try:
            async with self._lock(address):
                begun = self._clock.now_ms()
                work = self._keys.work()
                seen = await gather(self._admin, [broker], work.turn, work.pause, self._told_names)
        except Exception as error:
            self._failed(address, GROUPS, self.failure_of(address, error))
            return GroupsOf(address, name, None)
        if seen.failures:
            self._failed(address, GROUPS, seen.failures[0])
            return GroupsOf(address, name, None)
        self._known.failures.pop((address, GROUPS.name), None)
        silent = {group: GroupOffsets(group=group, queues=[]) for group in seen.silent}
        return GroupsOf(address, name, silent | seen.groups, self._clock.now_ms() - begun)

    def failure_of(self, address: str, error: Exception) -> Failure:
        """Why a question about a server or a client has no answer."""
        if isinstance(error, RocketMQError):
            return self._admin.failure_of(address, error)
        return Failure(address, f"its answer cannot be read: {error}", "see that it is a server of RocketMQ")

    def _not_told(self, address: str, question: Question, error: Exception) -> None:
        self._failed(address, question, self.failure_of(address, error))

    def _failed(self, address: str, question: Question, failure: Failure) -> None:
        self._known.failed(address, question, failure, self._clock.now_ms())
        if question is RUNTIME and (task := self._looking.pop(address, None)) is not None:
            task.cancel()  # one that is dead keeps nobody waiting
        self._changed()

    def _lock(self, address: str) -> asyncio.Lock:
        return self._large.setdefault(address, asyncio.Lock())


def _brokers(info: ClusterInfo) -> frozenset[tuple[str, str, int, str]]:
    return frozenset(
        (data.cluster, name, int(broker_id), address)
        for name, data in info.broker_addr_table.items()
        for broker_id, address in data.broker_addrs.items()
    )
