"""Names that screens of one thing complete, and put into command lines: out of what is known of the cluster."""

from __future__ import annotations

from collections.abc import Iterable

from rocketmq_ops.tui.model.moment import Moment


def clusters(moment: Moment) -> list[str]:
    """The clusters, by name."""
    return sorted({broker.cluster for broker in moment.brokers.values()})


def topics(moment: Moment) -> Iterable[str]:
    """All topics."""
    return moment.topics


def groups(moment: Moment) -> Iterable[str]:
    """All groups."""
    return moment.groups


def clients(moment: Moment) -> Iterable[str]:
    """The ids of all clients that were seen."""
    return moment.clients


def brokers(moment: Moment) -> Iterable[str]:
    """All brokers, slaves with their ids."""
    return [broker.label for broker in moment.brokers.values()]


def name_servers(moment: Moment) -> Iterable[str]:
    """The addresses of all name servers."""
    return moment.name_servers


def nothing(moment: Moment) -> Iterable[str]:
    """Nothing that the cluster knows."""
    return ()
