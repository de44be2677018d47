"""What the dashboard asks servers, and how often: what is declared here is what the sampler does and the docs say."""

from __future__ import annotations

from typing import Final

import msgspec


class Question(msgspec.Struct, frozen=True):
    """`period_ms`: how often one server is asked at most; `requests`: how many that are."""

    name: str
    #: "name server", "broker" or "master".
    server: str
    period_ms: int
    requests: int
    #: For the reader of the docs.
    gives: str


LISTING: Final = Question("listing", "name server", 5_000, 1, "clusters and brokers, and how long the answer took")
NAMES: Final = Question("names", "name server", 30_000, 1, "the names of the topics that it knows")
RUNTIME: Final = Question("runtime", "broker", 5_000, 1, "runtime figures: rates, queues of requests, disk, version")
SETTINGS: Final = Question("settings", "broker", 60_000, 1, "configuration")
TOPICS: Final = Question("topics", "master", 30_000, 1, "queues and permissions of all topics")
GROUPS: Final = Question("groups", "master", 10_000, 2, "offsets of all groups, and which queues never had one")
PRODUCERS: Final = Question("producers", "master", 30_000, 1, "all producers that are connected")
MEMBERS: Final = Question(
    "members",
    "master",
    500,
    1,
    "the clients of one group, those that are behind first; of who lacks some, since when it runs",
)
PUTS: Final = Question("puts", "master", 1_000, 1, "the rate of one topic that no group consumes")
ENDS: Final = Question(
    "ends", "master", 5_000, 1, "where the queues end of one topic with clients of which no group has an offset"
)
ROUTES: Final = Question(
    "routes", "name server", 100, 1, "the route of one topic, while a broker has never told of its groups"
)
RUNNING: Final = Question(
    "running", "master", 10_000, 8, "what clients of a group say that is slow, stalled or stopped"
)

QUESTIONS: Final = (LISTING, NAMES, RUNTIME, SETTINGS, TOPICS, GROUPS, PRODUCERS, MEMBERS, PUTS, ENDS, ROUTES, RUNNING)

#: What is asked of one group or topic after the other: no more often than that, whatever interval or key asks for more.
IN_TURN: Final = (MEMBERS, PUTS, ENDS, ROUTES)

#: The second look at all groups comes so soon after the first, ms: then it is known who is connected.
SECOND_LOOK_MS: Final = 3_000

#: With a key that is held down each question is asked so often at most, ms; what was slow rests as long as it took.
HURRY_MS: Final = 2_000

#: A question is not asked again before so many times the length of its last answer has passed.
REST: Final = 10
#: How long a server that does not answer is left alone, at most.
MOST_WAIT_MS: Final = 30_000
