"""What is known of a cluster at one moment, each part with the time that it is from.

What did not answer keeps what it said last, with its age and the failure; what was never learned is None, never 0.
"""

from __future__ import annotations

import msgspec

from rocketmq_ops.common.errors import Failure
from rocketmq_ops.housekeeping.history.runs import GroupOffsets
from rocketmq_ops.housekeeping.lag import GroupLag


class Answered(msgspec.Struct, kw_only=True):
    """When a server answered last (ms since 1970, None: never), and why it did not answer since then."""

    answered_ms: int | None = None
    failure: Failure | None = None
    #: Since when it has not answered.
    failing_since: int | None = None


class NameServerSeen(Answered, kw_only=True):
    """A name server: how long its answer took, and the brokers that it lists as (cluster, name, id, address)."""

    address: str
    millis: float | None = None
    brokers: frozenset[tuple[str, str, int, str]] = frozenset()
    topics: int | None = None


class BrokerSeen(Answered, kw_only=True):
    """A broker process. `figures` have only what it reported, under the names of docs/dashboard.md."""

    address: str
    cluster: str
    broker_name: str
    broker_id: int
    version: str | None = None
    figures: dict[str, float] = {}


class TopicSeen(msgspec.Struct, kw_only=True):
    """A topic: queues and permission on each broker by its name, and rates per second where they are known."""

    topic: str
    on: dict[str, TopicQueues]
    in_rate: float | None = None
    out_rate: float | None = None


class TopicQueues(msgspec.Struct, frozen=True):
    """A topic on one broker; `perm` 2 write, 4 read."""

    read: int
    write: int
    perm: int


class GroupSeen(msgspec.Struct, kw_only=True):
    """A group: its offsets, how it keeps up, and until when the messages left take at its speed (ms, None unknown)."""

    group: str
    offsets: GroupOffsets
    lag: GroupLag
    #: How long the oldest message that it has not consumed has waited, ms.
    waiting_ms: int | None = None
    consume_rate: float | None = None
    drained_in_ms: int | None = None
    members: int | None = None


class Moment(msgspec.Struct, kw_only=True):
    """All of it. `live` is false when it is looked at later, out of the ring file or a recording."""

    time_ms: int
    live: bool = True
    name_servers: dict[str, NameServerSeen] = {}
    #: By address.
    brokers: dict[str, BrokerSeen] = {}
    topics: dict[str, TopicSeen] = {}
    groups: dict[str, GroupSeen] = {}
    #: What could not be learned in the last round, of targets that are not listed above.
    failures: list[Failure] = []
