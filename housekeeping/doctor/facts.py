"""What the doctor knows of a cluster at one time: typed answers, and what could not be learned.

A snapshot holds only what was asked for. What was asked for and not answered is in `missing`, so that no rule takes
silence for health. It is written to a bundle and read back as JSON.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import msgspec

from rocketmq_ops.client.admin.brokers.cluster import BrokerAddress
from rocketmq_ops.client.admin.groups.consumer_status import ConsumerStatusReport
from rocketmq_ops.common.addresses import MASTER_ID
from rocketmq_ops.common.topics import is_predefined_group, is_system_group, split_topic_group
from rocketmq_ops.housekeeping.host.items import Item


class Part(StrEnum):
    """A kind of facts, the cheapest to get first. The last six are what a user hands to the doctor."""

    NAME_SERVERS = "what each name server lists"
    RUNTIME = "runtime figures"
    CONFIG = "configuration"
    TOPICS = "topics"
    GROUPS = "group settings"
    OFFSETS = "consumer offsets"
    ROUTES = "routes on each name server"
    ORDER = "order configuration"
    ENDS = "queue offsets"
    CLIENTS = "online clients"
    CERTIFICATES = "certificates"
    FILE = "the property file"
    STORE = "the store directory"
    HOST = "the settings of this host"
    TARGET = "the version to upgrade to"
    LATER = "a second reading"
    HISTORY = "the history of the prober"


class Missing(msgspec.Struct, frozen=True):
    """What was asked for and not learned: of which server, topic or group, and why."""

    part: Part
    target: str
    cause: str


class Topic(msgspec.Struct, frozen=True):
    """A topic on one broker. `perm`: 2 write, 4 read."""

    read_queues: int
    write_queues: int
    perm: int
    order: bool = False


class Ends(msgspec.Struct, frozen=True):
    """Where a queue begins and ends, in messages; `last_ms` is when its last message was stored, 0 for none."""

    min_offset: int
    max_offset: int
    last_ms: int = 0


class Route(msgspec.Struct, frozen=True):
    """What one name server answers for one topic: broker name -> permission. None: no such topic."""

    name_server: str
    topic: str
    perms: dict[str, int] | None


class StoreFile(msgspec.Struct, frozen=True):
    """A file of the commitlog: bytes, time of its last change, store time of its first record (ms, None: no record)."""

    name: str
    size: int
    changed_ms: int
    first_ms: int | None


class StoreFacts(msgspec.Struct, frozen=True):
    """A store directory of this machine. `deleted`: paths that a process still maps, and its pid, though they are gone.

    `free` and `total` are bytes of its disk.
    """

    path: str
    files: list[StoreFile]
    deleted: list[tuple[int, str]]
    abort: bool
    used: bool
    free: int
    total: int


class FileFacts(msgspec.Struct, frozen=True):
    """A property file: its keys, and the findings of the lint by line are not in it."""

    path: str
    values: dict[str, str]


class Later(msgspec.Struct, kw_only=True):
    """What moves, again `seconds` after the facts; the tables are as theirs. `missing`: what was not learned again."""

    seconds: int
    runtimes: dict[str, dict[str, str]] = {}
    answered_at: dict[str, int] = {}
    offsets: dict[str, dict[str, dict[int, int]]] = {}
    ends: dict[str, dict[str, dict[int, Ends]]] = {}
    clients: dict[str, ConsumerStatusReport | None] = {}
    missing: list[Missing] = []


class Facts(msgspec.Struct, kw_only=True):
    """A snapshot. Tables are by broker address where nothing else is said; times are ms since 1970."""

    taken_at: int
    #: The name servers that were asked, and what each of them lists; one that did not answer is in `missing`.
    name_servers: list[str] = []
    listed: dict[str, list[BrokerAddress]] = {}
    brokers: list[BrokerAddress] = []
    runtimes: dict[str, dict[str, str]] = {}
    #: When each broker was asked for its figures, and when they arrived.
    asked_at: dict[str, int] = {}
    answered_at: dict[str, int] = {}
    configs: dict[str, dict[str, str]] = {}
    topics: dict[str, dict[str, Topic]] = {}
    groups: dict[str, dict[str, dict[str, Any]]] = {}
    #: `topic@group` -> queue id -> offset.
    offsets: dict[str, dict[str, dict[int, int]]] = {}
    routes: list[Route] = []
    #: Topic -> `broker:queues;broker:queues`, for topics that are ordered.
    order: dict[str, str] = {}
    #: Topic -> queue id -> where it begins and ends.
    ends: dict[str, dict[str, dict[int, Ends]]] = {}
    #: Groups with what their clients report; None: no client is online.
    clients: dict[str, ConsumerStatusReport | None] = {}
    #: Until when certificates are valid: of servers, where connections are over TLS, and of files by their paths.
    certificates: dict[str, int] = {}
    file: FileFacts | None = None
    store: StoreFacts | None = None
    #: The settings of the machine that it runs on, where that is a broker's.
    host: list[Item] | None = None
    #: The version to upgrade to, a key of `lint.keys.VERSIONS`.
    target: str | None = None
    #: What moves, read again. A bundle has it beside its facts.
    later: Later | None = None
    #: What the prober saw of hosts lately: host -> figure -> (ms, value), ascending.
    host_figures: dict[str, dict[str, list[tuple[int, float]]]] = {}
    #: Where it saw brokers registered lately: place (`history.gone.place_of`) -> (ms, id), ascending.
    registered: dict[str, list[tuple[int, float]]] = {}
    #: What was asked for.
    asked: list[Part] = []
    missing: list[Missing] = []

    def masters(self) -> list[BrokerAddress]:
        """The masters that are listed."""
        return [broker for broker in self.brokers if broker.broker_id == MASTER_ID]

    def slaves_of(self, master: BrokerAddress) -> list[BrokerAddress]:
        """The slaves of a master that are listed."""
        return [
            broker
            for broker in self.brokers
            if broker.broker_id != MASTER_ID and _name(broker) == _name(master) and broker.address != master.address
        ]

    def clusters(self) -> dict[str, list[BrokerAddress]]:
        """The masters of each cluster."""
        found: dict[str, list[BrokerAddress]] = {}
        for master in self.masters():
            found.setdefault(master.cluster or "", []).append(master)
        return found

    def setting(self, address: str, key: str) -> str | None:
        """The value of a key of a broker, None where it is not known or the broker has no such key."""
        return self.configs.get(address, {}).get(key)

    def number(self, address: str, key: str) -> int | None:
        """The same as a whole number."""
        return whole(self.setting(address, key))

    def figure(self, address: str, key: str) -> int | None:
        """A runtime figure as a whole number."""
        return whole(self.runtimes.get(address, {}).get(key))

    def ratio(self, address: str, key: str) -> float | None:
        """A runtime figure as a fraction; None where the broker does not know it (then it reports a negative one)."""
        try:
            value = float(self.runtimes.get(address, {}).get(key, ""))
        except ValueError:
            return None
        return value if 0 <= value <= 1 else None

    def user_groups(self) -> list[str]:
        """Every group that a broker has settings or offsets of, without those of the system."""
        names = {name for table in self.groups.values() for name in table}
        names |= {split_topic_group(key)[1] for table in self.offsets.values() for key in table}
        return sorted(name for name in names if name and not is_predefined_group(name) and not is_system_group(name))


def _name(broker: BrokerAddress) -> tuple[str | None, str | None]:
    return broker.cluster, broker.broker_name


def whole(text: str | None) -> int | None:
    """A whole number as a server writes it."""
    digits = (text or "").strip()
    return int(digits) if digits.removeprefix("-").isdecimal() and len(digits) < 20 else None


def label(broker: BrokerAddress) -> str:
    """A broker as findings name it: name and address."""
    return f"{broker.broker_name} ({broker.address})" if broker.broker_name else broker.address
