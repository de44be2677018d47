"""How a change of a static topic looks: the saved files, then each broker with its queues."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rocketmq_ops.mqadmin.render.report import change_outcome

if TYPE_CHECKING:
    from rocketmq_ops.client.admin.changes import Change
    from rocketmq_ops.client.admin.topics.static_topic import StaticTopicReport
    from rocketmq_ops.mqadmin.render.outcome import Outcome


def static_topic_outcome(report: StaticTopicReport, nothing: str) -> Outcome:
    """Each broker's fields; `leads` lists LOGICAL:PHYSICAL ids of the queues that it leads."""
    outcome = change_outcome(report, _describe, nothing)
    files = []
    if report.before_file is not None:
        files.append(f"The old mapping data is written to file {report.before_file}")
    if report.after_file is not None:
        files.append(f"The new mapping data is written to file {report.after_file}")
    outcome.blocks = [*files, *outcome.blocks]
    return outcome


def _describe(change: Change) -> str:
    return f"{change.action} static topic {change.name} on {change.target} success."
