"""What is wrong, where, since when: the first screen."""

from __future__ import annotations

from collections.abc import Sequence

from textual.widget import Widget
from textual.widgets import Static

from rocketmq_ops.tui.screens.base import DashboardScreen


class OverviewScreen(DashboardScreen):
    """Alarms, brokers, lag, and what changed."""

    def body(self) -> Sequence[Widget]:
        """The text."""
        return (Static(id="body", markup=False),)

    def show(self) -> None:
        """Draw it."""
        tr, moment = self.context.tr, self.context.model.moment()
        alarms = [f"  {tr(alarm.text)}" for alarm in moment.alarms]
        events = [f"  {tr(event.text)}" for event in moment.events]
        self.query_one("#body", Static).update("\n".join([tr("Alarms"), *alarms, "", tr("What changed"), *events]))
