"""The runs that a bundle knows: those of the prober's history, else its own one or two readings as such."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rocketmq_ops.common.topics import split_topic_group
from rocketmq_ops.housekeeping.bundle.bundle import Bundle
from rocketmq_ops.housekeeping.doctor.facts import Ends, Facts
from rocketmq_ops.housekeeping.history.file import History
from rocketmq_ops.housekeeping.history.recorder import broker_figures
from rocketmq_ops.housekeeping.history.runs import Figure, GroupOffsets, QueueKey, QueueOffsets, Run
from rocketmq_ops.housekeeping.history.slice import bytes_of, history_of

_Offsets = dict[str, dict[str, dict[int, int]]]
_Ends = dict[str, dict[str, dict[int, Ends]]]


@contextmanager
def history_of_bundle(bundle: Bundle) -> Iterator[History]:
    """Its history, to look at."""
    with history_of(bundle.history if bundle.history is not None else bytes_of(iter(_readings(bundle)))) as history:
        yield history


def last_ms(bundle: Bundle) -> int:
    """The time of its last reading."""
    return bundle.facts.taken_at + (bundle.later.seconds * 1000 if bundle.later is not None else 0)


def _readings(bundle: Bundle) -> list[Run]:
    facts, later = bundle.facts, bundle.later
    runs = [_run(facts, facts.taken_at, facts.offsets, facts.ends, facts.runtimes)]
    if later is not None:
        runs.append(_run(facts, last_ms(bundle), later.offsets, later.ends, later.runtimes))
    return runs


def _run(facts: Facts, time_ms: int, offsets: _Offsets, ends: _Ends, runtimes: dict[str, dict[str, str]]) -> Run:
    groups: dict[str, GroupOffsets] = {}
    users = set(facts.user_groups())
    for broker in facts.masters():
        for key, queues in offsets.get(broker.address, {}).items():
            topic, group = split_topic_group(key)
            known = ends.get(broker.address, {}).get(topic, {})
            if group in users:
                members = facts.clients.get(group)
                found = groups.setdefault(group, GroupOffsets(group=group, queues=[]))
                found.members = None if members is None else len(members.clients)
                found.queues += [
                    QueueOffsets(
                        QueueKey(topic, broker.broker_name or "", queue),
                        known[queue].max_offset if queue in known else None,
                        offset,
                    )
                    for queue, offset in queues.items()
                ]
    figures = [
        Figure(name, address, value)
        for address, runtime in runtimes.items()
        for name, value in broker_figures(runtime, facts.configs.get(address, {})).items()
    ]
    return Run(time_ms=time_ms, groups=list(groups.values()), figures=figures)
