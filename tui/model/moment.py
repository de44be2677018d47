"""What is known of a cluster at one moment, each part with the time that it is from.

What did not answer keeps what it said last, with its age and the failure; what was never learned is None, never 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

import msgspec

from rocketmq_ops.common.errors import Failure
from rocketmq_ops.housekeeping.history.runs import Offsets, QueueKey, QueueOffsets
from rocketmq_ops.housekeeping.lag import GroupLag
from rocketmq_ops.housekeeping.unsaved import Unsaved
from rocketmq_ops.tui.model.address import Address
from rocketmq_ops.tui.model.table import Health, or_more


class Answered(msgspec.Struct, kw_only=True):
    """When a server answered last (ms since 1970, None: never), and why it did not answer since then."""

    answered_ms: int | None = None
    failure: Failure | None = None
    #: Since when it has not answered.
    failing_since: int | None = None
    #: Since when it answers, and tells nothing.
    refusing_since: int | None = None

    @property
    def dead(self) -> bool:
        """Whether it does not answer now."""
        return self.failing_since is not None

    @property
    def refusing(self) -> bool:
        """Whether it answers, and tells nothing of itself: to a wrong account, one without the right to ask, or as it
        has too much to do."""
        return self.failure is not None and not self.dead

    @property
    def outdated(self) -> bool:
        """Whether what is known of it is of an answer before: it does not answer now, or refuses to."""
        return self.dead or self.refusing

    @property
    def stale_since(self) -> int | None:
        """Until when what is known of it is from (ms since 1970) where that is of an answer before; None: it is not, or
        nothing is known."""
        return self.answered_ms if self.outdated else None


class NameServerSeen(Answered, kw_only=True):
    """A name server: how long its answer took, and the brokers that it lists as (cluster, name, id, address)."""

    address: str
    millis: float | None = None
    brokers: frozenset[tuple[str, str, int, str]] = frozenset()
    topics: int | None = None


def label_of(broker_name: str, broker_id: int) -> str:
    """A broker as tables and sentences name it: a slave with its id."""
    return broker_name if broker_id == 0 else f"{broker_name}#{broker_id}"


class BrokerSeen(Answered, kw_only=True):
    """A broker process. `figures` have only what it reported, under the names of docs/dashboard.md."""

    address: str
    cluster: str
    broker_name: str
    broker_id: int
    version: str | None = None
    figures: dict[str, float] = {}
    #: Its configuration; None while it has not told.
    settings: dict[str, str] | None = None
    #: Until when that is from (ms since 1970), to a round, where it was asked for since then in vain.
    settings_since: int | None = None
    #: Names of secrets in it that are others than before it told it last. The settings do not show them.
    other_secrets: tuple[str, ...] = ()
    #: Since when no name server lists it.
    unlisted_since: int | None = None
    #: The health of its state, and what that is, the worst first; nothing where all is well.
    health: Health = Health.OK
    states: tuple[State, ...] = ()

    @property
    def reached(self) -> bool:
        """Whether it answers, and clients are led to it."""
        return not self.outdated and self.unlisted_since is None

    @property
    def label(self) -> str:
        """As tables and sentences name it: a slave with its id."""
        return label_of(self.broker_name, self.broker_id)


class State(msgspec.Struct, frozen=True):
    """What is the matter with something: a text in English, and since when where that is known (ms since 1970)."""

    text: str
    health: Health
    since_ms: int | None = None


class TopicSeen(msgspec.Struct, kw_only=True, gc=False):
    """A topic: queues and permission on each broker by its name, and rates per second where they are known."""

    topic: str
    on: dict[str, TopicQueues]
    in_rate: float | None = None
    out_rate: float | None = None
    #: What comes in is what brokers count: offsets do not tell all of it.
    counted: bool = False


class TopicQueues(msgspec.Struct, frozen=True, gc=False):
    """A topic on one broker; `perm` 2 write, 4 read."""

    read: int
    write: int
    perm: int


#: Of queues of which a group has committed no offset: where each ended when a client was first seen with none. What has
#: come since then waits; where the group would begin, and so how much more does, is not known.
Bases: TypeAlias = Mapping[QueueKey, int]


class GroupSeen(msgspec.Struct, kw_only=True, gc=False):
    """A group: its offsets, how it keeps up, and until when the messages left take at its speed (ms, None unknown)."""

    group: str
    offsets: Offsets
    lag: GroupLag
    #: How long the oldest message that it has not consumed has waited, ms; `Below` where it came since the last look,
    #: `OrMore` where it was there before it could be seen.
    waiting_ms: int | None = None
    #: How many messages wait at least, where it is not known of all queues.
    least: int = 0
    bases: Bases = {}
    #: The names of brokers that have never told of their groups, and that are known to have nothing of it.
    apart: frozenset[str] = frozenset()
    #: Why no offset says how far behind it is.
    unsaved: Unsaved | None = None
    consume_rate: float | None = None
    drained_in_ms: int | None = None
    members: int | None = None
    #: Since when it is in the state that `lag` says, as far as the dashboard has seen; None while it is ok.
    since_ms: int | None = None
    #: It was so already when that could first be seen: it has been for longer, and how long is not known.
    begun_before: bool = False
    #: Queues in which messages have waited for a minute, and nothing was consumed.
    standing: frozenset[QueueKey] = frozenset()
    #: Nobody has used it for as long as is known: it is offline, and its offsets have not moved.
    idle: bool = False

    @property
    def waits(self) -> int | None:
        """How many messages wait, or at least (`OrMore`); None where nothing is known of that."""
        return self.lag.lag if self.lag.lag is not None else or_more(self.least)

    def waits_in(self, queue: QueueOffsets) -> int | None:
        """The same of one of its queues."""
        if queue.end is None:
            return None
        if queue.committed is None and queue.end:
            return or_more(queue.end - self.bases.get(queue.queue, queue.end))
        return max(queue.end - (queue.committed or 0), 0)

    @property
    def keeps_own(self) -> bool:
        """Whether its clients keep their offsets, so that no broker can know how far they are."""
        return self.unsaved is Unsaved.OWN


class ClientSeen(msgspec.Struct, kw_only=True, frozen=True, gc=False):
    """A client with its groups, by its id; `producer`: they are producer groups. Not every group has been asked."""

    client_id: str
    address: str
    language: str
    version: str
    groups: tuple[str, ...]
    producer: bool = False
    seen_ms: int = 0


class Alarm(msgspec.Struct, kw_only=True, frozen=True):
    """Something that needs a person. `key` is the same while it lasts; `ended_ms` once it is over for a while, until
    then `over_ms`: it is not there any more since then, and may come again."""

    key: str
    health: Health
    target: str
    #: In English, without the target; translated when drawn.
    text: str
    since_ms: int
    #: It was there already when it could first be seen: it has lasted for longer, and how long is not known.
    begun_before: bool = False
    over_ms: int | None = None
    ended_ms: int | None = None
    opens: Address | None = None


class Event(msgspec.Struct, kw_only=True, frozen=True):
    """A change that was seen at `time_ms`."""

    time_ms: int
    kind: str
    target: str
    text: str
    health: Health = Health.INFO
    opens: Address | None = None


class Said(msgspec.Struct, frozen=True):
    """A part of the verdict: a text in English, since when, and since when it is over, if it is. `target` is the name
    of what the text is about, where it is about one thing: no part of the text, as that is translated."""

    text: str
    since_ms: int | None = None
    opens: Address | None = None
    over_ms: int | None = None
    target: str = ""
    #: The text where there is little room; empty: the text.
    short: str = ""
    #: What else is the matter with the same, in short forms.
    also: tuple[str, ...] = ()
    #: It was so already at the time that `since_ms` says.
    begun_before: bool = False


class Verdict(msgspec.Struct, frozen=True):
    """What is wrong, the worst first, in one line; `parts` never are empty."""

    health: Health
    parts: tuple[Said, ...]


class Totals(msgspec.Struct, frozen=True):
    """Of the whole cluster. None: not known, or a part of it is not; `lag_change` in messages a second."""

    in_rate: float | None = None
    out_rate: float | None = None
    #: Messages that are known to wait, and of how many groups not all is known: it is so much at least then.
    lag: int | None = None
    lag_unknown: int = 0
    lag_change: float | None = None
    #: A broker does not tell of its groups: `lag` is of the others, which is no figure of the whole.
    in_part: bool = False


class Moment(msgspec.Struct, kw_only=True, weakref=True):
    """All of it. `live` is false when it is looked at later, out of the ring file or a recording."""

    time_ms: int
    live: bool = True
    name_servers: dict[str, NameServerSeen] = {}
    #: By address.
    brokers: dict[str, BrokerSeen] = {}
    topics: dict[str, TopicSeen] = {}
    groups: dict[str, GroupSeen] = {}
    #: By client id.
    clients: dict[str, ClientSeen] = {}
    #: Whether all groups, and all brokers for their producers, have been asked: who is not among them is not there.
    clients_whole: bool = False
    #: What screens of one thing were told (`asked.py`).
    asked: Mapping[str, str] = {}
    #: Why brokers do not tell of their producers.
    no_producers: tuple[Failure, ...] = ()
    #: The names of brokers that have never told of their groups: those that are not `apart` may have queues there.
    untold: frozenset[str] = frozenset()
    #: When topics and groups were looked at last.
    topics_ms: int | None = None
    groups_ms: int | None = None
    totals: Totals = Totals()
    alarms: list[Alarm] = []
    #: What is wrong for too short a time to be an alarm.
    not_yet: list[Alarm] = []
    #: Of the last ten minutes, the latest first.
    events: list[Event] = []
    verdict: Verdict = Verdict(Health.UNKNOWN, (Said("waiting for the first answer"),))
    #: What could not be learned in the last round, of targets that are not listed above.
    failures: list[Failure] = []
    #: Since when changes are seen, which are events then; None while none can be, and where nobody has looked for any.
    watched_ms: int | None = None

    def untold_of(self, group: GroupSeen) -> frozenset[str]:
        """The names of brokers that have never told of their groups, and may have queues of this one."""
        return self.untold - group.apart

    def groups_of(self, topic: str) -> list[str]:
        """The groups that have offsets in it."""
        return [name for name, seen in self.groups.items() if any(key.topic == topic for key in seen.offsets.keys)]
