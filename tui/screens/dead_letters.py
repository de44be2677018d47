"""`:dead-letters/GROUP`."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from textual.binding import Binding, BindingType

from rocketmq_ops.common.errors import RocketMQError, system_words
from rocketmq_ops.common.plurals import plural
from rocketmq_ops.common.topics import dlq_topic
from rocketmq_ops.tui.model.details import dead_letters
from rocketmq_ops.tui.model.details.detail import Part
from rocketmq_ops.tui.model.table import Health, Row
from rocketmq_ops.tui.screens.change import Offer
from rocketmq_ops.tui.screens.looking import LookingScreen


class DeadLettersScreen(LookingScreen):
    """What a group gave up on."""

    NO_PAST: ClassVar[str] = "a message does not change: there is nothing to compare"
    KEEPS_MARKS: ClassVar[bool] = True
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("s", "resend", "send again"),
        Binding("d", "hand_over", "to one consumer"),
        Binding("e", "export", "export"),
    ]

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
        """Write the marked ones, or all that are shown, as lines of JSON into the current folder."""
        if self.app.is_web:
            self.say("in a browser nothing is exported: the file would lie where this is served", Health.WARNING)
            return
        rows = [row for row in self.grid.rows if not self.grid.marks or row.key in self.grid.marks]
        if rows and not self.waiting:
            self.run_worker(self._export(rows), group="export", exclusive=True)

    async def _export(self, rows: Sequence[Row]) -> None:
        topic = dlq_topic(self.address.name)
        path = Path(f"dead-letters-{self.address.name}-{self.now_ms()}.jsonl")
        try:
            lines, failures = await dead_letters.export_lines(self.asking(), topic, rows)
            await asyncio.to_thread(_write, path, lines)
        except RocketMQError as error:
            self.say(f"{error.cause}: {error.next_step}" if error.next_step else error.cause, Health.CRITICAL)
        except OSError as error:
            self.say(f"cannot write {path}: {system_words(error)}", Health.CRITICAL)
        else:
            count = len(lines)
            said = f"{plural(count, 'message is', 'messages are')} in the file {path}"
            self.say(said, Health.WARNING if failures else Health.INFO)
            for failure in failures[:3]:
                self.say(f"{failure.target}: {failure.cause}", Health.WARNING)


def _write(path: Path, lines: Sequence[bytes]) -> None:
    # Bodies of business messages are for who looks at them alone.
    with open(path, "xb", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
        file.writelines(line + b"\n" for line in lines)
