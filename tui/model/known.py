"""What servers have answered last, each with its time and its failure; a moment is made of it."""

from __future__ import annotations

from typing import TypeVar

import msgspec

from rocketmq_ops.client.admin.brokers.cluster import ran_seconds
from rocketmq_ops.common.addresses import MASTER_ID
from rocketmq_ops.common.errors import Failure
from rocketmq_ops.common.secrets import settings_without
from rocketmq_ops.housekeeping.history.runs import GroupOffsets
from rocketmq_ops.tui.model.broker_figures import figures_of, version_of
from rocketmq_ops.tui.model.broker_state import telling
from rocketmq_ops.tui.model.ends import Ends
from rocketmq_ops.tui.model.members import Members
from rocketmq_ops.tui.model.moment import BrokerSeen, Moment, NameServerSeen, TopicQueues
from rocketmq_ops.tui.model.periods import LISTING, RUNTIME, SETTINGS, Question
from rocketmq_ops.tui.model.puts import Puts
from rocketmq_ops.tui.model.routes import Routes

S = TypeVar("S", NameServerSeen, BrokerSeen)

#: For how long a broker stays that no name server lists any more, ms.
GONE_MS = 3_600_000


class Known:
    """Changed by the sampler, in its loop. What is in it is replaced and never changed: moments share it."""

    def __init__(self) -> None:
        self.name_servers: dict[str, NameServerSeen] = {}
        self.brokers: dict[str, BrokerSeen] = {}
        #: Address -> topic -> queues.
        self.topics: dict[str, dict[str, TopicQueues]] = {}
        self.members = Members()
        self.puts = Puts()
        self.ends = Ends()
        self.routes = Routes()
        self.topics_ms: int | None = None
        #: Grows when a broker has told of its topics.
        self.topics_version = 0
        #: By server and the name of the question.
        self.failures: dict[tuple[str, str], Failure] = {}
        #: Why brokers do not tell of their producers, by address.
        self.no_producers: dict[str, Failure] = {}
        #: Configurations as they were told, by address, to see that a secret is another.
        self._told: dict[str, dict[str, str]] = {}
        #: When they were told last (ms since 1970).
        self._told_ms: dict[str, int | None] = {}
        #: Brokers that did not answer when a dashboard before this one has ended, or that no name server listed.
        self._left: dict[str, BrokerSeen] = {}

    def go_on(self, before: Moment) -> None:
        """Who did not answer a moment ago has not answered since then, until it does; and no name server leads to who
        was not listed. Brokers are known once a name server has told of them, and of others."""
        self.name_servers |= {address: each for address, each in before.name_servers.items() if each.dead}
        self._left = {
            address: each for address, each in before.brokers.items() if each.dead or each.unlisted_since is not None
        }
        counts = {name: group.members for name, group in before.groups.items() if group.members is not None}
        self.members.go_on(counts)

    def name_server(self, address: str) -> NameServerSeen:
        """One of them, also before it has answered."""
        return self.name_servers.get(address) or NameServerSeen(address=address)

    def listed(self, address: str, seen: NameServerSeen) -> None:
        """A name server answered: its brokers are brokers, and those that none lists any more are not listed."""
        self.name_servers[address] = seen
        self.brokers |= self._left
        self._left = {}
        every = {
            at: (cluster, name, broker_id)
            for server in self.name_servers.values()
            for cluster, name, broker_id, at in sorted(server.brokers)
        }
        masters = {name for _, name, broker_id, _ in seen.brokers if broker_id == MASTER_ID}
        self.routes.listed(address, {name for _, name, _, _ in seen.brokers}, masters)
        now = seen.answered_ms or 0
        for at, (cluster, name, broker_id) in every.items():
            old = self.brokers.get(at)
            if old is None:
                self.brokers[at] = BrokerSeen(address=at, cluster=cluster, broker_name=name, broker_id=broker_id)
            elif (old.cluster, old.broker_name, old.broker_id, old.unlisted_since) != (cluster, name, broker_id, None):
                self.brokers[at] = msgspec.structs.replace(
                    old, cluster=cluster, broker_name=name, broker_id=broker_id, unlisted_since=None
                )
        for at, old in list(self.brokers.items()):
            if at in every:
                continue
            if old.unlisted_since is None:
                self.brokers[at] = msgspec.structs.replace(old, unlisted_since=now)
            elif now - old.unlisted_since > GONE_MS:
                self._forget(at)

    def _forget(self, address: str) -> None:
        """All that is held of a broker that is gone."""
        del self.brokers[address]
        self._told.pop(address, None)
        self._told_ms.pop(address, None)
        for key in [key for key in self.failures if key[0] == address]:
            del self.failures[key]
        self.tells_of_no_groups(address)

    def tells_of_no_groups(self, address: str) -> None:
        """A broker is gone, or a slave beside its master now: what it told of topics and producers was of before."""
        if self.topics.pop(address, None) is not None:
            self.topics_version += 1
        self.no_producers.pop(address, None)
        self.members.forget(address)
        self.puts.forget(address)
        self.ends.forget(address)

    def named(self, address: str, topics: int, now: int) -> None:
        """A name server told the names of topics; whether it tells of brokers, the question for these says."""
        old = self.name_server(address)
        if not old.refusing:
            old = msgspec.structs.replace(old, answered_ms=now, failure=None, failing_since=None)
        self.name_servers[address] = msgspec.structs.replace(old, topics=topics)

    def runtime(self, address: str, runtime: dict[str, str], now: int) -> None:
        """A broker told its figures."""
        old = self.brokers.get(address)
        if old is not None:
            ran = ran_seconds(runtime)
            if old.failing_since is not None or ran is not None:  # clients may have lost it too
                since = now if ran is None or old.failing_since is not None else now - ran * 1000
                self.members.there_since(address, since, now)
            if old.failing_since is not None:  # what failed meanwhile is asked again now
                for key in [key for key in self.failures if key[0] == address]:
                    del self.failures[key]
            self.brokers[address] = msgspec.structs.replace(
                old,
                version=version_of(runtime) or old.version,
                figures={**_lasting(old.figures), **figures_of(runtime)},
                answered_ms=now,
                failure=None,
                failing_since=None,
                refusing_since=None,
            )

    def settings(self, address: str, settings: dict[str, str]) -> None:
        """A broker told its configuration. Moments are shown and written down: they have no secrets of it."""
        old, before = self.brokers.get(address), self._told.get(address)
        if old is None:
            return
        self._told_ms[address] = old.answered_ms  # it is asked right behind its figures
        if old.settings_since is not None:
            old = self.brokers[address] = msgspec.structs.replace(old, settings_since=None)
        if old.settings is not None and before == settings:
            return
        self._told[address] = settings
        clean = settings_without(settings)
        changed: tuple[str, ...] = ()
        if before is not None and (shown := old.settings) is not None:
            alike = sorted(name for name in clean.keys() & shown.keys() if clean[name] == shown[name])
            changed = tuple(name for name in alike if settings[name] != before.get(name))
        self.brokers[address] = msgspec.structs.replace(old, settings=clean, other_secrets=changed)

    def failed(self, address: str, question: Question, failure: Failure, now: int) -> None:
        """A server did not answer a question, or refused it. By its smallest one it is judged whether it is dead."""
        self.failures[(address, question.name)] = failure
        if question is RUNTIME and (broker := self.brokers.get(address)) is not None:
            self.brokers[address] = _failing(broker, failure, now)
        if question is SETTINGS and (broker := self.brokers.get(address)) is not None and broker.settings_since is None:
            self.brokers[address] = msgspec.structs.replace(broker, settings_since=self._told_ms.get(address))
        if question is LISTING:
            self.name_servers[address] = _failing(self.name_server(address), failure, now)

    def silent(self, address: str) -> bool:
        """Whether a broker does not answer now."""
        broker = self.brokers.get(address)
        return broker is not None and broker.failing_since is not None

    def to_ask_for_groups(self) -> dict[str, BrokerSeen]:
        """See `telling`."""
        return telling(self.brokers.values())


def _failing(server: S, failure: Failure, now: int) -> S:
    """A server that does not answer, or whose answer is a refusal, with since when."""
    refuses = failure.code is not None
    since = server.refusing_since if refuses else server.failing_since
    since = now if since is None else since
    return msgspec.structs.replace(
        server,
        failure=failure,
        failing_since=None if refuses else since,
        refusing_since=since if refuses else None,
    )


def _lasting(figures: dict[str, float]) -> dict[str, float]:
    return {name: value for name, value in figures.items() if name == "gap_bytes"}


class GroupsOf(msgspec.Struct):
    """The groups of one broker at one look; None: it did not answer."""

    address: str
    broker_name: str
    groups: dict[str, GroupOffsets] | None
    took_ms: int = 0
