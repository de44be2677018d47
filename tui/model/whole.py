"""What brokers tell together: the cluster's totals, and its topics. Where one of them does not tell, what the others do
is no figure of the whole."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from rocketmq_ops.tui.model.broker_state import stale
from rocketmq_ops.tui.model.derive import Derived
from rocketmq_ops.tui.model.known import Known
from rocketmq_ops.tui.model.moment import TopicSeen, Totals


def totals(known: Known, derived: Derived | None, untold: Collection[str], *, in_doubt: bool) -> Totals:
    """The totals, with what the last look says. `untold`: the brokers that have never told of their groups, by their
    names; `in_doubt`: there may be groups that no broker has told of."""
    masters = [b for b in known.brokers.values() if b.broker_id == 0 and b.unlisted_since is None]
    into = [None if b.outdated else b.figures.get("in_rate") for b in masters]
    out = [None if b.outdated else b.figures.get("out_rate") for b in masters]
    if derived is None:
        return Totals(_sum(into), _sum(out))
    silent = any(broker.dead for broker in known.to_ask_for_groups().values())
    return Totals(
        _sum(into),
        _sum(out),
        derived.lag if derived.groups or not in_doubt else None,
        derived.lag_unknown,
        derived.lag_change,
        silent or bool(derived.silent) or bool(untold),
    )


def _sum(parts: Sequence[float | None]) -> float | None:
    """None without any that is known."""
    known = [part for part in parts if part is not None]
    return sum(known) if known and len(known) == len(parts) else None


class TopicsMade:
    """Topics, which are made anew when brokers have told of them, rates are known anew, or brokers fall silent or
    answer again."""

    def __init__(self, known: Known) -> None:
        self._known = known
        #: The last ones, and what they were made of.
        self._last: tuple[tuple[object, ...], Derived | None, dict[str, TopicSeen]] | None = None

    def of(self, derived: Derived | None, untold: Collection[str], now_ms: int) -> dict[str, TopicSeen]:
        """The topics, by their names, with the rates of the last look; see `totals`."""
        known = self._known
        old, made = stale(known.brokers.values()).keys() | untold, self._last
        told = {known.brokers[at].broker_name for at in known.topics if at in known.brokers}
        some_untold = any(broker.broker_name not in told for broker in known.to_ask_for_groups().values())
        of = known.topics_version, old, some_untold
        if made is not None and made[1] is derived and made[0] == of:
            return made[2]
        topics: dict[str, TopicSeen] = {}
        for address, held in known.topics.items():
            broker = known.brokers.get(address)
            if broker is None:
                continue
            for topic, queues in held.items():
                seen = topics.get(topic)
                if seen is None:
                    seen = topics[topic] = TopicSeen(topic=topic, on={})
                    if derived is not None:
                        seen.in_rate, seen.out_rate = derived.in_rates.get(topic), derived.out_rates.get(topic)
                seen.on[broker.broker_name] = queues
        addresses = {known.brokers[at].broker_name: at for at in known.topics if at in known.brokers}
        for seen in topics.values():
            if some_untold or not old.isdisjoint(seen.on):  # a part of it is not known
                seen.in_rate = seen.out_rate = None
            elif seen.in_rate is None:
                seen.in_rate = known.puts.rate(seen.topic, [addresses[name] for name in seen.on], now_ms)
                seen.counted = seen.in_rate is not None
        self._last = of, derived, topics
        return topics
