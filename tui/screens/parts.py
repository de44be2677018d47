"""What screens of one thing have: parts, each asked by itself and as often as is stated; what each was told last."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, cast

import msgspec
from textual.binding import Binding, BindingType

from rocketmq_ops.common.clock import now_ms
from rocketmq_ops.common.errors import RocketMQError
from rocketmq_ops.tui.context import Context
from rocketmq_ops.tui.model.address import Address, AddressError
from rocketmq_ops.tui.model.details.detail import HELD, Asking, Nobody, Part, Section
from rocketmq_ops.tui.model.details.last import (
    Last,
    error_is_no_answer,
    failed_section,
    in_vain,
    last_of,
    led_nowhere,
    with_last,
)
from rocketmq_ops.tui.model.details.pace import Pace
from rocketmq_ops.tui.model.model import Mode
from rocketmq_ops.tui.model.taken import PART, refuse_column
from rocketmq_ops.tui.screens.parts_in_time import NO_PART, PartsInTime
from rocketmq_ops.tui.screens.table import NO_CLUSTER

if TYPE_CHECKING:
    from rocketmq_ops.client.admin import MQAdmin

log = logging.getLogger(__name__)


class PartsScreen(PartsInTime):
    """`EVERY`: seconds between two askings while the present is shown; 0: when it is opened, and with `r`."""

    EVERY: ClassVar[int] = 0
    BINDINGS: ClassVar[list[BindingType]] = [Binding("r", "again", "ask again")]

    def __init__(self, context: Context, address: Address) -> None:
        super().__init__(context, address)
        #: When each part was told what it shows, at least of a part of it, ms.
        self._told: dict[str, int] = {}
        self._pace = Pace(time.monotonic)
        #: Whether what is wanted once more waits until it may be asked.
        self._resting = False
        #: The answers for several parts that are under way.
        self._going: dict[str, asyncio.Task[Any]] = {}
        #: Grows when it is about something else: answers that were asked for before are not taken.
        self._round = 0
        #: Whether not all parts were answered yet since it was opened.
        self._first = True
        #: The client by which it asks, which holds routes.
        self._admin: MQAdmin | None = None

    # What subclasses say

    def parts(self) -> Sequence[Part]:
        """The parts, to be asked now."""
        raise NotImplementedError

    def asking(self) -> Asking:
        """What parts are made from; without a cluster they say so when they are asked."""
        if self._admin is None:
            admin = self.context.admin
            self._admin = cast("MQAdmin", Nobody(NO_CLUSTER)) if admin is None else admin.holding(HELD)
        return Asking(admin=self._admin, model=self.context.model, address=self.address, going=self._going)

    # Asking

    def on_mount(self) -> None:
        """Ask; then the handler of all screens draws."""
        self.ask()
        if self.EVERY and self.context.options.follows:
            self.set_interval(self.EVERY, self._ask_in_turn)

    def on_unmount(self) -> None:
        """Let go of the answers; then the handler of all tables does."""
        self._round += 1
        self._pace.forget()
        self._parts, self._sections, self._judged, self._admin, self._going = (), {}, {}, None, {}

    @property
    def waiting(self) -> bool:
        """Whether any part of it is being asked."""
        return bool(self._pace.waiting)

    def ask(self) -> None:
        """Ask for all parts that are not being asked; what is known stays until its answer is there."""
        self._ask_parts(None)

    def _ask_parts(self, keys: Collection[str] | None) -> None:
        """Ask for these parts, None: all of them, but for those that are being asked."""
        there = {part.key for part in self._parts}
        first = there <= {NO_PART}
        keys = None if first else keys  # which there are is known only now
        if not first and (there if keys is None else there & set(keys)) <= self._pace.waiting:
            return
        try:
            self._parts = self.parts()
        except RocketMQError as error:
            self._parts = self._parts or (Part(NO_PART, "", _nothing),)
            self._sections = {part.key: failed_section(error) for part in self._parts}
            return
        self._sections.pop(NO_PART, None)
        wanted = self.address.option(PART)
        if first and wanted is not None:
            self._at = next((at for at, part in enumerate(self._parts) if part.key == wanted), 0)
        if self._back and self.context.admin is None:
            return  # all that it shows is in the recording
        begun = self._pace.begin(part.key for part in self._parts if keys is None or part.key in keys)
        for part in self._parts:
            if part.key in begun:
                self.run_worker(self._ask(part, self._round), group="parts")

    async def _ask(self, part: Part, number: int) -> None:
        try:
            section = await part.ask()
        except RocketMQError as error:
            section = self._failed(error)
        except Exception as error:  # a screen that fails must not end the dashboard
            log.exception("the part %s of %s", part.key, self.address)
            section = failed_section(
                RocketMQError(f"{type(error).__name__}: {error}", "this is a fault of the dashboard")
            )
        if number != self._round:
            return  # it is about something else since
        self._pace.done(part.key)
        self._take(part, section)
        if part.key in self._pace.wanted:
            self._ask_wanted()
        self.draw_if_seen()

    def _failed(self, error: RocketMQError) -> Section:
        """Apart from what caught the error: an error holds that function's variables until the collector comes, and a
        moment is large."""
        moment = self.context.model.newest()
        section = failed_section(error, there=error_is_no_answer(error, self._parts, moment))
        if section.failures:
            silent = led_nowhere(error, self._parts, moment)
            section = msgspec.structs.replace(section, failures=(*silent, *section.failures))
        return section

    def _take(self, part: Part, section: Section) -> None:
        """An answer to a part, with what is known of what it lacks. It is of now, whichever moment is shown."""
        whole, vain = not section.failures, in_vain(section)
        moment = self.context.model.newest()
        now = moment.time_ms or now_ms()
        if section.failures:
            before = self._sections.get(part.key)
            last = None
            if before is not None and (before.table or before.lines) is not None and part.key in self._told:
                last = Last(before, self._told[part.key])
            elif self.KEEPS:
                last = last_of(moment, self._kept_as(part))
            if not vain:
                self._told[part.key] = now
            section = with_last(section, part, moment, last)
        else:
            self._told[part.key] = now
        if self.KEEPS and (section.table is not None or section.lines is not None) and not vain:
            self.context.model.keep(self._kept_as(part), section, whole=whole)
        self._sections[part.key] = section
        if self._first and not self._pace.waiting:
            self._first = False
            self._say_of_column()

    def _say_of_column(self) -> None:
        """Where the address says to sort by a column that no part has, say so: which there are is known only now."""
        tables = [section.table for section in self._sections.values() if section.table is not None]
        columns = {column.key: None for table in tables for column in table.columns if column.sortable}
        if self.arrangement.sort and columns:
            try:
                refuse_column(self.arrangement.sort, columns)
            except AddressError as error:
                self.refused(error)

    def _ask_in_turn(self) -> None:
        if self.is_current and self.context.model.mode is Mode.LIVE:
            self.ask()

    def action_again(self) -> None:
        """Ask once more, all of it, as soon as that may be: a key that is held down does not become the load."""
        self._pace.want(part.key for part in self._parts)
        self._ask_wanted()
        self.draw()

    def _ask_wanted(self) -> None:
        if not self._resting and self._pace.rest() is not None:
            self._resting = True
            self.run_worker(self._ask_after_rest(), group="parts")

    async def _ask_after_rest(self) -> None:
        try:
            while (rest := self._pace.rest()) is not None:
                if rest > 0:
                    await asyncio.sleep(rest)
                else:
                    self._admin = None  # what it holds of name servers is asked for too
                    self._ask_parts(self._pace.take())
                    self.draw_if_seen()  # also where nothing of it is asked of a cluster
        finally:
            self._resting = False

    def ask_changed(self) -> None:
        """Ask at once, as something was changed; parts that are being asked once more behind that."""
        keys = [part.key for part in self._parts]
        self._pace.want(keys)
        self._admin = None
        self._ask_parts(keys)
        self.draw()

    def turn_address(self, address: Address) -> None:
        """Show another address of the same screen."""
        if address == self.address:
            self.action_again()
            return
        self.address = address
        self._round += 1
        self._pace.forget()
        self._told.clear()
        self._going = {}
        self._admin = None
        self.ask()
        self.draw()


async def _nothing() -> Section:
    return Section()
