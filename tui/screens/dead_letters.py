"""`:dead-letters/GROUP`."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any, ClassVar

from textual.binding import Binding, BindingType

from rocketmq_ops.common.errors import Failure, RocketMQError, system_words
from rocketmq_ops.common.plurals import plural
from rocketmq_ops.common.topics import dlq_topic
from rocketmq_ops.tui.model.details import dead_letters
from rocketmq_ops.tui.model.details.dead_letters import Exported
from rocketmq_ops.tui.model.details.detail import Part
from rocketmq_ops.tui.model.table import Health, Row
from rocketmq_ops.tui.screens.change import Offer
from rocketmq_ops.tui.screens.looking import LookingScreen
from rocketmq_ops.tui.widgets import lines


class DeadLettersScreen(LookingScreen):
    """What a group gave up on."""

    NO_PAST: ClassVar[str] = "a message does not change: there is nothing to compare"
    KEEPS_MARKS: ClassVar[bool] = True
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("s", "resend", "send again"),
        Binding("d", "hand_over", "to one consumer"),
        Binding("e", "export", "export"),
    ]

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        #: How many messages are in the file that is being written.
        self._written: int | None = None

    def parts(self) -> Sequence[Part]:
        """The dead letters."""
        return dead_letters.parts(self.asking(), self.looking())

    def offers(self) -> Sequence[Offer]:
        """What can be done with the marked ones, or the one at the cursor."""
        row, again = self.grid.row, self._resend()
        offers = [again] if again is not None else []
        return offers if row is None else [*offers, self._hand_over(row)]

    def _resend(self) -> Offer | None:
        rows = self.grid.chosen
        words = dead_letters.resend(self.address.name, rows)
        if words is None:
            return None
        several = "send the marked ones again to the topic that they came from"
        one = "send it again to the topic that it came from"
        return Offer(several if len(rows) > 1 else one, words, complete=True)

    def _hand_over(self, row: Row) -> Offer:
        group = self.address.name
        online = [client.client_id for client in self.context.model.moment().clients.values() if group in client.groups]
        words = dead_letters.hand_over(group, row, online[0] if online else "CLIENT")
        return Offer("have one consumer consume it now", words, complete=len(online) == 1)

    def action_resend(self) -> None:
        """Send the marked ones, or the one at the cursor, to their first topic."""
        if self.may_change() and self.grid.chosen:
            offer = self._resend()
            if offer is None:
                self.say("the marked ones come from several topics: mark those of one", Health.WARNING)
            else:
                self.propose(offer)

    def action_hand_over(self) -> None:
        """Hand the one at the cursor to one consumer."""
        if self.may_change() and self.grid.row is not None:
            self.propose(self._hand_over(self.grid.row))

    def action_export(self) -> None:
        """Write the marked ones, or all that the address asks for, as lines of JSON into the current folder; where they
        are filtered, or are those of a key or of the past, all that are shown."""
        if self.app.is_web:
            self.say("in a browser nothing is exported: the file would lie where this is served", Health.WARNING)
            return
        if self._written is not None:
            self.say("it is still being written")
            return
        marks = self.grid.marks
        rows = [row for row in self.grid.rows if not marks or row.key in marks]
        if self.waiting or not (self.may_take_rows() and rows):
            return
        more = self.left_out is not None and not marks
        named = self.address.option("key") or self.address.option("id")
        whole = more and not (self._back or self.arrangement.filter or named)
        shown = None if whole else rows
        self._written = 0
        self.run_worker(self._export(shown, more=more and not whole), group="export")

    async def _export(self, rows: Sequence[Row] | None, *, more: bool) -> None:
        """Write these, None: all. `more`: there are others than those that are shown."""
        path = Path(f"dead-letters-{self.address.name}-{self.now_ms()}.jsonl")
        partial = path.with_name(f"{path.name}.part")
        asking, failures, count, left = self.asking(), list[Failure](), 0, 0
        steps = dead_letters.export_all(asking) if rows is None else self._steps_of(rows)
        try:
            await asyncio.to_thread(_begin, partial)
            async for step in steps:
                await asyncio.to_thread(_write, partial, step.lines)
                failures += step.failures
                count, left = count + len(step.lines), step.left
                self._written = count
                self.draw_keys()
            await asyncio.to_thread(partial.rename, path)
        except RocketMQError as error:
            self.say(f"{error.cause}: {error.next_step}" if error.next_step else error.cause, Health.CRITICAL)
        except asyncio.CancelledError:
            text = "the export was given up, as its screen was left: there is no file"
            self.say(text, Health.WARNING)
            if not self.app.is_running:  # nobody sees notices any more
                self.context.parting.append(text)
            raise
        except OSError as error:
            self.say(f"cannot write {path}: {system_words(error)}", Health.CRITICAL)
        else:
            said = f"{plural(count, 'message is', 'messages are')} in the file {path}"
            self.say(said, Health.WARNING if failures or left or more else Health.INFO)
            if left:
                text = f"up to {left:,} more messages were not looked at: narrow the time, and export those as well"
                self.say(text, Health.WARNING)
            if more:
                self.say("there are more than are shown: only what is shown is in the file", Health.WARNING)
            for failure in failures[:3]:
                self.say(f"{failure.target}: {failure.cause}", Health.WARNING)
        finally:
            self._written = None
            await asyncio.to_thread(partial.unlink, missing_ok=True)

    async def _steps_of(self, rows: Sequence[Row]) -> AsyncIterator[Exported]:
        yield Exported(*await dead_letters.export_lines(self.asking(), dlq_topic(self.address.name), rows))

    def status(self) -> Sequence[lines.Part]:
        """How far the file is, too."""
        if not self._written:
            return super().status()
        return [(self.context.tr(f"{self._written:,} messages are written so far") + "  ", "dim"), *super().status()]


def _begin(path: Path) -> None:
    # Bodies of business messages are for who looks at them alone.
    with open(path, "xb", opener=lambda name, flags: os.open(name, flags, 0o600)):
        pass


def _write(path: Path, lines: Sequence[bytes]) -> None:
    with open(path, "r+b") as file:  # it is there, or was taken away, as nobody waits for it any more
        file.seek(0, os.SEEK_END)
        file.writelines(line + b"\n" for line in lines)
