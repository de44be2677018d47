"""Where the queues of topics end that some group has committed no offset of: asked for one topic at a time, in turn."""

from __future__ import annotations

from collections.abc import Collection, Mapping


class Ends:
    """Where the queues of topics end, by broker."""

    def __init__(self) -> None:
        #: By address, the topics that are asked for there.
        self.wanted: Mapping[str, Collection[str]] = {}
        self._asked: dict[str, dict[str, int]] = {}
        self._ends: dict[tuple[str, str], Mapping[int, int]] = {}

    def want(self, wanted: Mapping[str, Collection[str]]) -> None:
        """Ask for these from now on, by address, and forget all others."""
        self.wanted = wanted
        for key in [key for key in self._ends if key[1] not in wanted.get(key[0], ())]:
            del self._ends[key]
        for address, asked in self._asked.items():
            for gone in asked.keys() - set(wanted.get(address, ())):
                del asked[gone]

    def next(self, address: str, now_ms: int) -> str | None:
        """Whose turn it is on a broker: the topic that was asked for longest ago."""
        asked = self._asked.setdefault(address, {})
        topic = min(self.wanted.get(address, ()), key=lambda each: (asked.get(each, 0), each), default=None)
        if topic is not None:
            asked[topic] = now_ms
        return topic

    def told(self, address: str, topic: str, ends: Mapping[int, int] | None) -> None:
        """By queue; None where the broker did not tell."""
        if ends is None:
            self._ends.pop((address, topic), None)
        else:
            self._ends[address, topic] = ends

    def of(self, address: str, topic: str) -> Mapping[int, int] | None:
        """The last answer."""
        return self._ends.get((address, topic))

    def forget(self, address: str) -> None:
        """A broker is not asked any more."""
        self.wanted = {at: topics for at, topics in self.wanted.items() if at != address}
        self._asked.pop(address, None)
        for key in [key for key in self._ends if key[0] == address]:
            del self._ends[key]
