"""The application: the stack of screens, themes, and looking for what is new."""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress
from typing import Any, ClassVar, Final

from rich.console import RenderableType
from textual import events
from textual.binding import Binding, BindingType
from textual.command import CommandPalette, Provider
from textual.driver import Driver
from textual.screen import Screen
from textual.worker import Worker

from rocketmq_ops.common.errors import RocketMQError
from rocketmq_ops.tui.appearance import AppearanceError
from rocketmq_ops.tui.context import Context
from rocketmq_ops.tui.model.address import Address
from rocketmq_ops.tui.palette import Everything
from rocketmq_ops.tui.pauses import Quiet
from rocketmq_ops.tui.screens.base import CHANGES, DashboardScreen
from rocketmq_ops.tui.screens.help import HelpScreen
from rocketmq_ops.tui.terminal import mended
from rocketmq_ops.tui.themes import DEFAULTS, THEMES, fitting
from rocketmq_ops.tui.typed import Typed
from rocketmq_ops.tui.widgets.styles import Styled

#: How often it looks for a new version of the model, in seconds.
LOOK_SECONDS = 0.25
#: So many times in a row that is put off while keys are answered.
_MOST_PUT_OFF: Final = 8


#: Bindings of Textual's own as we say them; empty: tables have no use for it.
_OF_TEXTUAL: Final = {
    "Focus Next": "the next part",
    "Focus Previous": "the part before",
    "Copy selected text": "copy what the mouse has selected",
    "palette": "find a screen, a view or a key",
    "Page Left": "",
    "Page Right": "",
}


class Dashboard(Styled):
    """The dashboard over a model."""

    COMMANDS: ClassVar[set[type[Provider]]] = {Everything}  # type: ignore[assignment]
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("T", "next_theme", "theme", show=False),
        Binding("ctrl+z", "suspend_process", show=False, system=True),  # `fg` of the shell comes back
    ]

    def __init__(self, context: Context) -> None:
        # Without colours (https://no-color.org) Textual takes them all away only where they are the terminal's own.
        super().__init__(ansi_color=True if "NO_COLOR" in os.environ else None)
        self.context = context
        self._version = -1
        self._typed = Typed(self, super().on_event)
        self._quiet = Quiet(context.keys, self.set_timer)
        self._put_off = 0
        self._last = context.options.address
        #: What ended it, where no screen has caught it.
        self.failure: Exception | None = None
        for theme in THEMES.values():
            self.register_theme(theme)
        fits = fitting(os.environ)
        kept = context.appearance.chosen().themes.get(fits) if self._coloured else None
        self.theme = context.options.theme or (kept if kept in THEMES else fits)
        #: What was chosen since the start, and what of it is kept: language, the theme that fits the terminal, and the
        #: one in its place; empty where none was chosen.
        self._chosen = self._kept = ("", fits, "")
        self._appearance_worker: Worker[None] | None = None
        self._told_of_appearance = False

    async def on_event(self, event: events.Event) -> None:
        """As Textual's; a key waits until the one before it has been handled."""
        if isinstance(event, (events.Key, events.Paste)) and not event.is_forwarded:
            self.context.keys.came()
            self._quiet.typed()
            await self._typed.take(event)
        else:
            await super().on_event(event)

    def get_driver_class(self) -> type[Driver]:
        """Textual's, mended."""
        return mended(super().get_driver_class())

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """Those that other themes than ours lack."""
        return DEFAULTS

    def on_mount(self) -> None:
        """Open the first screens."""
        address = self.context.options.address
        first = address.screen == "overview"
        self.push_screen(self._made(address if first else Address("overview")))
        if not first:
            self.go(address)
        self._typed.begin()
        if self.context.options.follows:
            self.set_interval(LOOK_SECONDS, self._look_in_turn)

    def on_unmount(self) -> None:
        """What it has set for itself is as it was; looks that were chosen just now are kept too."""
        self._quiet.close()
        if self._chosen != self._kept:
            with suppress(AppearanceError):
                self.context.appearance.keep(*self._chosen)

    def _look_in_turn(self) -> None:
        """Draw what is new, unless a key is being answered, and not too often after it."""
        self._quiet.passes()
        if self.context.keys.answering and self._put_off < _MOST_PUT_OFF:
            self._put_off += 1
            return
        self._put_off = 0
        self.look()

    def look(self) -> None:
        """Draw what is new."""
        if self.is_running and self.context.model.version != self._version:  # while it ends its screens go
            self._version = self.context.model.version
            screen = self.screen
            if isinstance(screen, DashboardScreen):
                screen.draw_if_seen()

    def _made(self, address: Address) -> DashboardScreen:
        place = self.context.catalogue.find(address.screen)
        assert place is not None, address
        return place.make(self.context, address)

    def go(self, address: Address) -> None:
        """Open a screen above this one; back to one that is open already, so that no walk piles up screens."""
        self._last = address
        plain = not address.options  # how its rows are sorted and filtered is not said: as they are
        for screen in reversed(self._ours()):
            there = screen.address
            if there == address or (plain and (there.screen, there.name) == (address.screen, address.name)):
                while self.screen is not screen:
                    self.pop_screen()
                return
        self.push_screen(self._made(address))

    def back(self) -> None:
        """To the screen below."""
        if len(self._ours()) > 1:
            self.pop_screen()

    def trail(self) -> list[Address]:
        """The addresses from the first screen to the one that is seen."""
        return [screen.address for screen in self._ours()]

    @property
    def left_at(self) -> Address:
        """The address of the screen that was seen last."""
        return self._last

    def _ours(self) -> list[DashboardScreen]:
        return [screen for screen in self.screen_stack if isinstance(screen, DashboardScreen)]

    def keys_of(self, screen: Screen[Any]) -> list[tuple[str, str, str]]:
        """The keys of a screen, what each does, and its action."""
        tr, write = self.context.tr, self.context.options.write
        listed: dict[str, tuple[list[str], str]] = {}
        for active in screen.active_bindings.values():
            binding = active.binding
            what = _OF_TEXTUAL.get(binding.description, binding.description)
            if what and not binding.system and active.enabled:
                needs = f" ({tr('needs --write')})" if binding.action in CHANGES and not write else ""
                listed.setdefault(binding.action, ([], tr(what) + needs))[0].append(self.get_key_display(binding))
        return [(" ".join(dict.fromkeys(keys)), what, action) for action, (keys, what) in listed.items()]

    def show_help(self) -> None:
        """The help of the screen that is seen."""
        self.push_screen(HelpScreen(self.context, [(key, what) for key, what, _ in self.keys_of(self.screen)]))

    def action_command_palette(self) -> None:
        """Textual's, in the language of the reader."""
        if not isinstance(self.screen, CommandPalette):
            self.push_screen(CommandPalette(placeholder=self.context.tr("what to do, or where to go")))

    def action_help_quit(self) -> None:
        """Ctrl-C, by which many would end it: how that is done."""
        self.notify(self.context.tr("q ends it"), markup=False)

    def _refresh_notifications(self) -> None:
        """As Textual's; a screen gets a place for notices with the first one."""
        seen = self._screen_stack[-1] if self._screen_stack else None
        if self._notifications and isinstance(seen, DashboardScreen) and not self._disable_notifications:
            seen.show_notices()
        super()._refresh_notifications()

    def _handle_exception(self, error: Exception) -> None:
        """It ends, and gives the terminal back; who has started it says what happened, as of every command."""
        self.failure = self.failure or error
        super()._handle_exception(error)
        self._exit_renderables.clear()

    def panic(self, *renderables: RenderableType) -> None:
        """As `_handle_exception`; Textual comes here where the thread that reads the terminal has failed."""
        self.failure = self.failure or RocketMQError(
            "the terminal cannot be read", "run it in another one, or in a browser with --serve HOST:PORT"
        )
        super().panic(*renderables)
        self._exit_renderables.clear()

    def action_next_theme(self) -> None:
        """The next of the themes."""
        names = list(THEMES)
        self.theme = names[(names.index(self.theme) + 1) % len(names)] if self.theme in names else names[0]
        if self._coloured:
            self.keep_appearance(theme=self.theme)

    @property
    def _coloured(self) -> bool:
        """Whether themes are seen: where there are no colours none is kept, nor is one that was."""
        return "NO_COLOR" not in os.environ

    def keep_appearance(self, *, language: str = "", theme: str = "") -> None:
        """Keep a language or a theme that was chosen for the next start, beside the loop; of several the last."""
        chosen, fits, before = self._chosen
        self._chosen = language or chosen, fits, theme or before
        if self._appearance_worker is None or self._appearance_worker.is_finished:
            self._appearance_worker = self.run_worker(self._keep_appearance(), group="appearance")

    async def _keep_appearance(self) -> None:
        """Where that cannot be, it is said once, and they are as they were chosen all the same."""
        while self._chosen != self._kept:
            chosen = self._chosen
            try:
                aside = await asyncio.to_thread(self.context.appearance.keep, *chosen)
                if aside is not None:
                    text = f"what was kept of theme and language cannot be read: it is in {aside} now"
                    self.notify(self.context.tr(text), severity="warning", markup=False)
            except AppearanceError as error:
                if not self._told_of_appearance:
                    self._told_of_appearance = True
                    text = f"theme and language are not kept for the next start: {error.cause}"
                    self.notify(self.context.tr(text), severity="warning", markup=False)
            self._kept = chosen
