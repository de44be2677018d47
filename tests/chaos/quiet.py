"""When a group was disturbed, and when nothing excuses what it does."""

from __future__ import annotations

from tests.chaos.events import GROUP_OF, STALLED, UP
from tests.chaos.history import GRACE, History
from tests.chaos.plan import STOP


def readers_of(topic: str) -> str:
    return f"{topic.lower()}-reader-"


class Disturbed:
    """When two consumers of a topic may have held one queue, or taken it over without the last offset.

    Any server's fault will do: consumers ask one broker, whichever, who is in the group, and one name server which queues
    there are, and share out all queues by these answers. So will any reader's beginning; and where one process was not let
    run, the servers may not have been either. A reader that is ended in order has committed, and given its queues back.
    """

    def __init__(self, history: History) -> None:
        everyone = [
            (fault.begin, fault.end) for fault in history.suffered if fault.target.startswith(("broker-", "namesrv-"))
        ]
        everyone += [(event.t - event.seconds, event.t) for event in history.events if event.what == STALLED]
        self._times = {}
        for topic in GROUP_OF:
            own = [
                (f.begin, f.end) for f in history.suffered if f.target.startswith(readers_of(topic)) and f.kind != STOP
            ]
            own += [(e.t - e.seconds, e.t) for e in history.events if e.what == UP and e.topic == topic]
            self._times[topic] = everyone + own

    def __call__(self, topic: str, since: float, until: float) -> bool:
        """Whether it was so at some time of a span."""
        return any(begin <= until and since <= end + GRACE for begin, end in self._times[topic])
