"""What all screens have: path, verdict, axis of time, keys; moving about, pausing, help."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, ClassVar, cast

from rich.cells import cell_len
from textual import events
from textual.actions import SkipAction
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.geometry import Offset, Size
from textual.reactive import Reactive
from textual.strip import Strip
from textual.widget import Widget
from textual.widgets import Input
from textual.widgets._toast import ToastRack

from rocketmq_ops.common.errors import RocketMQError
from rocketmq_ops.tui.catalogue import MOST_SUGGESTIONS, NeedsNameError
from rocketmq_ops.tui.context import Context
from rocketmq_ops.tui.memory import let_go_of_drawn
from rocketmq_ops.tui.model.address import Address, AddressError
from rocketmq_ops.tui.model.figures import STALE, figure
from rocketmq_ops.tui.model.table import Health, Kind
from rocketmq_ops.tui.saved import SIGN, SavedError
from rocketmq_ops.tui.screens.timed import TimedScreen
from rocketmq_ops.tui.screens.top_lines import path_line, recording_parts, verdict_line
from rocketmq_ops.tui.widgets.command_bar import CommandBar
from rocketmq_ops.tui.widgets.grid import Grid
from rocketmq_ops.tui.widgets.lines import Key, KeyLine, LeadingLine, Part, TimeBar
from rocketmq_ops.tui.widgets.selecting import Selectable
from rocketmq_ops.tui.widgets.steady import steady

if TYPE_CHECKING:
    from rocketmq_ops.tui.app import Dashboard

#: Actions that open the line to type in.
TYPES = ("command", "filter", "save", "find")
#: Actions that change something, and say so where nothing may be changed.
CHANGES = ("change", "resend", "hand_over", "undo")


class DashboardScreen(TimedScreen):
    """A screen at an address. Subclasses compose their body in `body`, and draw in `show`, which is called whenever
    the model has something new, another moment is looked at, or the language has changed."""

    virtual_size = steady()
    #: Who has the keys is seen at him and at the one that had them: the rest is not drawn anew.
    focused: Reactive[Widget | None] = Reactive(None, repaint=False)
    DEFAULT_CSS = """
    DashboardScreen { layout: vertical; layers: default above; background: $background; color: $foreground; }
    DashboardScreen #body { height: 1fr; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "back", "back", show=False),
        Binding("colon", "command", "go to", priority=True),
        Binding("question_mark", "help", "help"),
        Binding("v", "save", "save this view", show=False, priority=True),
        Binding("r", "refresh", "ask the cluster now", show=False),
        Binding("p", "pause", "pause"),
        Binding("left_square_bracket", "step(-1)", "10 seconds back", show=False),
        Binding("right_square_bracket", "step(1)", "10 seconds on", show=False),
        Binding("left_curly_bracket", "stride(-1)", "5 minutes back", show=False),
        Binding("right_curly_bracket", "stride(1)", "5 minutes on", show=False),
        Binding("l", "live", "live", show=False),
        Binding("Y", "copy_address", "copy the address", show=False),
        Binding("L", "language", "language", show=False),
        Binding("q", "quit", "quit"),
    ]

    def __init__(self, context: Context, address: Address) -> None:
        super().__init__(context)
        self.address = address
        #: Of what theme its styles are, and for what size it was drawn.
        self._looks: object = None
        self._size_drawn: Size | None = None
        #: The keys that are shown, and for what they were found.
        self._keys: tuple[object, list[Key]] | None = None

    @property
    def dashboard(self) -> Dashboard:
        """The application."""
        return cast("Dashboard", self.app)

    def compose(self) -> ComposeResult:
        """The lines around the body. What lies over others comes first: Textual draws all anew of which the number is
        another since it was opened."""
        yield CommandBar()
        yield LeadingLine(id="path")
        yield LeadingLine(id="verdict")
        yield from self.body()
        yield TimeBar(id="time")
        yield KeyLine(id="keys")

    def _extend_compose(self, widgets: list[Widget]) -> None:
        """Without Textual's own: there are no tips, and a place for notices comes with the first notice."""

    def show_notices(self) -> None:
        """Have a place for notices."""
        if self.is_attached and not self.query_children(ToastRack):
            self.mount(ToastRack(id="textual-toastrack"), before=0)

    def body(self) -> Sequence[Widget]:
        """The widgets between the lines; one of them has the id `body`."""
        raise NotImplementedError

    def show(self) -> None:
        """Draw what the model says now."""
        raise NotImplementedError

    def on_mount(self) -> None:
        """Give the keys to the body; it is drawn when the screen is shown."""
        self._looks = self.dashboard.looks
        self.focus_body()

    def on_screen_resume(self, event: events.ScreenResume) -> None:
        """Draw it, or what is new since another screen was looked at. Textual would work out all styles anew, which are
        those that they were, unless the theme is another."""
        event.refresh_styles = self._looks is not self.dashboard.looks
        self._looks = self.dashboard.looks
        self.draw()

    def on_unmount(self) -> None:
        """Nothing holds what it has drawn."""
        let_go_of_drawn()

    def lines_at(self, places: Sequence[int]) -> Iterable[Strip]:
        """What is behind all else, which is empty."""
        return [self.render_line(0)] * len(places)

    def on_idle(self, event: events.Idle) -> None:
        """What a key has changed is drawn at once: behind another picture Textual would wait for up to 17 ms."""
        keys = self.context.keys
        if keys.unseen and self.is_current and (self._dirty_widgets or self._layout_required or self._repaint_required):
            keys.unseen = False
            event.prevent_default()
            self.call_next(self._on_timer_update)

    def draw(self) -> None:
        """Draw all of it."""
        self._size_drawn = self.app.size
        self._draw_lines()
        self.show()

    def draw_if_seen(self) -> None:
        """Draw, where something has been learned by itself: not below another screen, nor while the dashboard ends,
        when the widgets go before their screen."""
        if self.app.is_running and self.is_running and self.is_mounted and self.is_current:
            self.draw()

    # Lines

    def _draw_lines(self) -> None:
        context, tr = self.context, self.context.tr
        may = tr("may change things") if context.options.write else context.word("read-only")
        mode = [*recording_parts(context), (f" {may}  {context.language.name} ", "dim")]
        width = self.app.size.width
        path = path_line(context, self.dashboard.trail(), width - sum(cell_len(text) for text, _ in mode) - 1)
        self.query_one("#path", LeadingLine).show_leading(path, mode)
        self.query_one("#verdict", LeadingLine).show_leading(verdict_line(context, width))
        self.draw_time()
        self.draw_keys()

    def on_resize(self) -> None:
        """Another width has room for another part of the path, and for other columns."""
        if self.is_mounted and self._size_drawn is not None and self._size_drawn != self.app.size:
            self.draw()

    def draw_keys(self) -> None:
        """The keys that are shown, and what is said beside them."""
        state = self.focused, self.context.language.name, self.pauses()
        if self._keys is None or self._keys[0] != state:
            self._keys = state, self.keys_shown()
        self.query_one("#keys", KeyLine).show_keys(self._keys[1], self.status())

    def keys_shown(self) -> list[Key]:
        """The keys out of the bindings, which are others where something else has the keys."""
        keys: list[Key] = []
        seen: set[str] = set()
        for active in self.active_bindings.values():
            binding = active.binding
            if not binding.show or binding.action in seen or not binding.description:
                continue
            seen.add(binding.action)
            if binding.action in CHANGES and not self.context.options.write:
                continue
            does = self.pauses() if binding.action == "pause" else binding.description
            if does:
                keys.append(Key(binding.key, self.app.get_key_display(binding), self.context.tr(does)))
        return keys

    def status(self) -> Sequence[Part]:
        """What is said at the right of the keys."""
        return ()

    def age_since(self, stale_since: int | None) -> Sequence[Part]:
        """How old figures are that are not of the moment that is shown; nothing for those that are."""
        if stale_since is None:
            return ()
        age = figure(stale_since, Kind.MOMENT, self.context.model.moment().time_ms)
        tr = self.context.tr
        return ((f"{STALE} {tr('figures are from')} {age} {tr('before')}  ", "warning"),)

    # Moving about

    def action_back(self) -> None:
        """To the screen before."""
        self.dashboard.back()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """What opens the line to type in has priority, so that a key right behind it is typed and does nothing else; in
        the line it is a character."""
        if action in TYPES and isinstance(self.focused, Input):
            return None
        return super().check_action(action, parameters)

    async def action_command(self) -> None:
        """Type where to go."""
        await self.command("")

    async def command(self, text: str) -> None:
        """Type where to go, beginning with this."""
        model = self.context.model
        await self.query_one(CommandBar).open(
            ":",
            text,
            lambda text: self._saved(text) or self.context.catalogue.suggestions(text, model.moment()),
            forget=lambda text: text.startswith(SIGN) and self.delete_views([text.removeprefix(SIGN)]),
        )

    def _saved(self, text: str) -> list[str]:
        """The saved views that begin so."""
        if not text.startswith(SIGN):
            return []
        return [SIGN + name for name in self.context.saved.names() if name.startswith(text[1:])][:MOST_SUGGESTIONS]

    async def action_save(self) -> None:
        """Type the name that this address is kept under."""
        names = self.context.saved.names
        await self.query_one(CommandBar).open(
            SIGN,
            suggest=lambda text: [name for name in names() if text in name],
            forget=lambda name: self.delete_views([name]),
        )

    def delete_views(self, names: Sequence[str]) -> bool:
        """Delete saved views, and say so; whether they are."""
        try:
            self.context.saved.delete(names)
        except SavedError as error:
            self.refused(error)
            return False
        self.say(f"deleted: {', '.join(names)}; the key u on :views brings it back")
        return True

    def action_refresh(self) -> None:
        """Ask for what is due soon."""
        self.context.model.refresh()

    async def on_command_bar_given(self, event: CommandBar.Given) -> None:
        """Go there; or filter."""
        self.focus_body()
        self.draw_keys()
        if event.prefix == ":":
            await self.go(event.text)
        elif event.prefix == SIGN:
            try:
                self.context.saved.save(event.text, self.address)
            except SavedError as error:
                self.refused(error)
            else:
                name = event.text.strip()
                self.say(f"saved this view as {name}")

    def on_command_bar_left(self, event: CommandBar.Left) -> None:
        """Nothing was given."""
        self.focus_body()
        self.draw_keys()

    def focus_body(self) -> None:
        """Give the keys back to the body."""
        body = self.query_one("#body")
        self.set_focus(body if body.focusable else None)  # at once: what is typed next is meant for it

    async def go(self, text: str) -> None:
        """To an address as it is typed."""
        if not text.strip():
            return
        if text.strip() in ("q", "quit", "q!"):
            self.app.exit()
            return
        if text.strip() in ("?", "h", "help"):
            self.action_help()
            return
        try:
            _, address = self.context.catalogue.address(self.context.saved.opened(text))
        except NeedsNameError as error:
            self.refused(error)
            await self.command(f"{error.place.name}/")
            return
        except (AddressError, SavedError) as error:
            self.refused(error)
            if "?" in text:  # a condition is long to type anew
                await self.command(text.strip().removeprefix(":"))
            return
        self.dashboard.go(address)

    def refused(self, error: RocketMQError) -> None:
        """Say what is wrong with what was typed, and what to do."""
        self.say(f"{error.cause}: {error.next_step}" if error.next_step else error.cause, Health.WARNING)

    def say(self, text: str, health: Health = Health.INFO) -> None:
        """A short notice, in English."""
        severity = "error" if health is Health.CRITICAL else "warning" if health is Health.WARNING else "information"
        self.app.notify(self.context.tr(text), severity=severity, markup=False)  # type: ignore[arg-type]

    def action_help(self) -> None:
        """All keys."""
        self.dashboard.show_help()

    def get_widget_and_offset_at(self, x: int, y: int) -> tuple[Widget | None, Offset | None]:
        """As Textual's, where the mouse selects; of lines and tables it has no text of its own."""
        widget, offset = super().get_widget_and_offset_at(x, y)
        return widget, widget.place_at(x, y) if isinstance(widget, Selectable) else offset

    def action_copy_text(self) -> None:
        """Put on the clipboard what the mouse has selected."""
        text = self.get_selected_text()
        if not text:
            raise SkipAction
        self.copied(text)

    def action_copy_address(self) -> None:
        """Put the address on the clipboard."""
        self.copied(str(self.address))

    def copied(self, text: str) -> None:
        """Put a text on the clipboard."""
        self.app.copy_to_clipboard(text)
        self.say(f"copied: {text}")

    def action_language(self) -> None:
        """The other language."""
        self.context.language.switch()
        self.draw()
        self.dashboard.keep_appearance(language=self.context.language.name)

    def action_quit(self) -> None:
        """End."""
        self.app.exit()

    def on_leading_line_opened(self, event: LeadingLine.Opened) -> None:
        """Go back along the path, or to what a part of the verdict is about."""
        self.dashboard.go(event.address)

    def on_grid_opened(self, event: Grid.Opened) -> None:
        """Go to what the row is about."""
        opens = event.row.opens
        if opens is None:
            return
        if self.context.catalogue.find(opens.screen) is None:
            self.say(f"there is no screen '{opens.screen}'")
        else:
            self.dashboard.go(opens)
