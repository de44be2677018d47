"""`:probe`: what the prober has kept."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rocketmq_ops.tui.model.details.detail import Part
from rocketmq_ops.tui.screens.detail import DetailScreen


class ProbeScreen(DetailScreen):
    """The prober's last run, and its history."""

    EVERY: ClassVar[int] = 30
    KEEPS: ClassVar[bool] = True

    def parts(self) -> Sequence[Part]:
        """Findings, figures, groups, failures."""
        from rocketmq_ops.tui.model.details import probe  # loads much that other screens do not need

        return probe.parts(self.asking())
