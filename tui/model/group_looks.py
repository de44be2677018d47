"""A look at all groups: what brokers told of them, put together, and what it says, in a thread beside the loop."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

import msgspec

from rocketmq_ops.common.tasks import at_once
from rocketmq_ops.common.topics import retry_topic
from rocketmq_ops.housekeeping.history.rows import AT_A_TIME
from rocketmq_ops.housekeeping.history.runs import GroupOffsets, QueueOffsets
from rocketmq_ops.housekeeping.unsaved import add_unsaved
from rocketmq_ops.tui.model.derive import Derived, derive
from rocketmq_ops.tui.model.known import GroupsOf, Known
from rocketmq_ops.tui.model.looks import Looks
from rocketmq_ops.tui.model.members import Placed
from rocketmq_ops.tui.model.moment import GroupSeen, Moment


class Looked(msgspec.Struct):
    """What a look says, and what is to be asked for: by address topics of which where they end is, topics of which the
    routes are, and where the clients of each group are."""

    derived: Derived
    ends: dict[str, set[str]]
    routes: Collection[str]
    places: list[Placed]


class GroupLooks:
    """The looks of the last minutes. Of what is known it takes one thing by its name, and goes through none."""

    def __init__(self, known: Known) -> None:
        self._known = known
        self._looks = Looks()
        #: The groups of each broker that had no queues when it told of them last.
        self._without_queues: dict[str, set[str]] = {}
        #: The names of the brokers that have told of their groups, of those that there are.
        self._told: set[str] = set()
        self._last: Derived | None = None
        #: Groups as a dashboard before this one has left them.
        self.left: Mapping[str, GroupSeen] = {}

    def go_on(self, looks: Looks, before: Moment) -> None:
        """Begin with what a dashboard before this one has seen."""
        self._looks, self.left = looks, before.groups
        self._told = {broker.broker_name for broker in before.brokers.values()} - before.untold

    @property
    def more_than_one(self) -> bool:
        """Whether there is a look before the last one, so that it is known what has moved."""
        return self._looks.previous_ms is not None

    def look(
        self,
        time_ms: int,
        answers: list[GroupsOf],
        there: Mapping[str, tuple[str, Collection[str]]],
        pause: Callable[[], None] = at_once,
    ) -> Looked:
        """What the look says; the answers have no groups any more then. `there`: see `add_unsaved`; `pause` is called
        every few ms."""
        groups, in_doubt = self._put_together(answers, pause)
        members = self._known.members
        for name, group in groups.items():
            group.members = members.count(name)
            group.pulling = members.subscribed(name).pulling
        wanted, without = add_unsaved(groups, members.subscribed, there, self._known.ends.of, pause)
        silent = [answer.broker_name for answer in answers if answer.groups is None]
        self._told &= {answer.broker_name for answer in answers}
        self._told |= {answer.broker_name for answer in answers if answer.groups is not None}
        untold = {name for name in silent if name not in self._told}
        self._looks.add(time_ms, groups.values(), pause, silent)
        groups.clear()  # the look has them in a fraction of the room
        apart, routes = self._apart(untold, pause)
        before = self._last.groups if self._last is not None else self.left
        derived = self._last = derive(self._looks, before, pause, in_doubt, without=without, untold=untold, apart=apart)
        places: list[Placed] = []
        for number, seen in enumerate(derived.groups.values()):
            if number % AT_A_TIME == 0:
                pause()
            brokers = list(dict.fromkeys([key.broker for key in seen.offsets.keys]))
            places.append((seen.group, seen.lag.lag != 0, brokers))
        return Looked(derived, wanted, routes, places)

    def _apart(
        self, untold: Collection[str], pause: Callable[[], None]
    ) -> tuple[dict[str, frozenset[str]], Collection[str]]:
        """By group the brokers, of those that have never told, that have no queue of its topics; and the topics whose
        routes tell. Only of a group whose clients say what they subscribe to is it known which these are; besides,
        there are its retries, and all that it has offsets of elsewhere."""
        look, known = self._looks.last, self._known
        found: dict[str, frozenset[str]] = {}
        wanted: dict[str, None] = {}
        for number, name in enumerate(look.groups if look is not None and untold else ()):
            if number % AT_A_TIME == 0:
                pause()
            subscribed = known.members.subscribed(name).topics
            if look is None or not subscribed:
                continue
            topics = dict.fromkeys([*subscribed, retry_topic(name), *[key.topic for key in look.keys(name)]])
            wanted |= topics
            if without := known.routes.without(topics, untold):
                found[name] = without
        return found, wanted

    def _put_together(
        self, answers: list[GroupsOf], pause: Callable[[], None]
    ) -> tuple[dict[str, GroupOffsets], set[str]]:
        """The groups with all that brokers told, and those that may wait for what a broker did not tell. Queues of a
        broker that did not answer stay, with nothing known of them, and so do its groups that had none yet. What is
        put together is taken out of the answers: of a large cluster each of both takes several MB."""
        groups: dict[str, GroupOffsets] = {}
        in_doubt: set[str] = set()
        last = self._looks.last
        for gone in self._without_queues.keys() - {answer.broker_name for answer in answers}:
            del self._without_queues[gone]
        for answer in answers:
            if answer.groups is not None:
                bare = {name for name, group in answer.groups.items() if not group.queues}
                self._without_queues[answer.broker_name] = bare
            else:
                in_doubt |= self._without_queues.get(answer.broker_name, set())
            if answer.groups is None and last is not None:
                pause()
                for name in last.groups:
                    mine = [key for key in last.keys(name) if key.broker == answer.broker_name]
                    queues = [QueueOffsets(key, None, None) for key in mine]
                    if queues:
                        groups.setdefault(name, GroupOffsets(group=name, queues=[])).queues += queues
            pause()
            for name, group in (answer.groups or {}).items():
                groups.setdefault(name, GroupOffsets(group=name, queues=[])).queues += group.queues
            if answer.groups:
                answer.groups.clear()
        for name in in_doubt:
            groups.setdefault(name, GroupOffsets(group=name, queues=[]))
        return groups, {name for name in in_doubt if not groups[name].queues}
