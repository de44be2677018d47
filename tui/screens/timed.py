"""The axis of time of a screen: it is drawn, moved along, stopped and gone on with."""

from __future__ import annotations

from typing import Final

from textual import events
from textual.screen import Screen

from rocketmq_ops.tui.context import Context
from rocketmq_ops.tui.model.figures import time_of_day
from rocketmq_ops.tui.model.model import Mode
from rocketmq_ops.tui.model.table import Health
from rocketmq_ops.tui.widgets.drawn import Drawn
from rocketmq_ops.tui.widgets.lines import Stretch, TimeBar

#: Steps along the axis, in ms.
_STEP_MS: Final = 10_000
_STRIDE_MS: Final = 5 * 60_000


class TimedScreen(Drawn, Screen[None]):
    """A screen of a moment. Its keys are bound where those of all screens are."""

    def __init__(self, context: Context) -> None:
        super().__init__()
        self.context = context

    def draw(self) -> None:
        """Draw all of it, of the moment that is shown."""
        raise NotImplementedError

    def say(self, text: str, health: Health = Health.INFO) -> None:
        """A short notice, in English."""
        raise NotImplementedError

    def draw_time(self) -> None:
        """Draw the axis."""
        model, tr = self.context.model, self.context.tr
        span, moment = model.span(), model.moment()
        marks = [(event.time_ms, event.health) for event in moment.events]
        if not model.follows:  # nobody has paused it; files without a time have none to say
            label = (f"{tr('recorded at')} {time_of_day(moment.time_ms)}" if span is not None else "", "paused")
        elif model.mode is not Mode.LIVE:
            label = (f"{tr('paused at')} {time_of_day(moment.time_ms)}", "paused")
        else:
            label = (f"{tr('live')} {time_of_day(moment.time_ms)}", "ok")
        if model.seeking:  # of a large cluster it takes its time
            label = (tr("reading …"), "paused")
        bar = self.query_one("#time", TimeBar)
        bar.stand(Stretch(span.first_ms, span.last_ms, moment.time_ms, marks) if span is not None else None, label)

    def pauses(self) -> str:
        """What the key does that stops the time; nothing where there is none, as in files of a store."""
        model = self.context.model
        if model.mode is Mode.LIVE:
            return "pause"
        return "go on" if model.follows else "to the end" if model.span() is not None else ""

    def on_click(self, event: events.Click) -> None:
        """On the axis: to that time."""
        if isinstance(event.widget, TimeBar):
            found = event.widget.time_at(event.x)
            if found is not None:
                at, is_event = found
                self.context.model.seek(at, after=is_event)  # what an event has changed is seen behind it
                self.draw()

    def action_pause(self) -> None:
        """Stop, or go on."""
        model = self.context.model
        if model.mode is not Mode.LIVE:
            model.go_live()
        else:
            model.pause()
        self.draw()

    def action_live(self) -> None:
        """Follow the cluster again."""
        self.context.model.go_live()
        self.draw()

    def action_step(self, direction: int) -> None:
        """A little way along the axis."""
        self._move(direction * _STEP_MS)

    def action_stride(self, direction: int) -> None:
        """A long way along the axis."""
        self._move(direction * _STRIDE_MS)

    def _move(self, by_ms: int) -> None:
        if self.context.model.span() is None:
            self.say("nothing is kept of the time before")
            return
        self.context.model.move(by_ms)
        self.draw()
