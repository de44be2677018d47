"""`:doctor` and `:doctor/SUBJECT`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rocketmq_ops.tui.model.details.detail import Part
from rocketmq_ops.tui.screens.detail import DetailScreen


class DoctorScreen(DetailScreen):
    """What is wrong with the cluster, by the doctor's rules."""

    KEEPS: ClassVar[bool] = True

    def parts(self) -> Sequence[Part]:
        """Its findings."""
        from rocketmq_ops.tui.model.details import doctor  # loads much that other screens do not need

        return doctor.parts(self.asking())

    def waiting_text(self) -> str:
        """That it takes a while."""
        return "the doctor asks all servers; that takes some seconds"
