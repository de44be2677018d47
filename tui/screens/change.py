"""Changing something: what can be changed, the command line, its plan, the confirmation, and what became of it."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import ClassVar, NamedTuple

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from rocketmq_ops.common.errors import RocketMQError
from rocketmq_ops.tui.changes import MadeChange, PlannedChange, line_of
from rocketmq_ops.tui.context import Context
from rocketmq_ops.tui.model.details.plan import Said, made_lines, plan_lines
from rocketmq_ops.tui.model.figures import SIGNS
from rocketmq_ops.tui.model.table import Health

#: What is typed where nothing is destroyed, in every language: it needs no input method.
YES = "yes"


class Offer(NamedTuple):
    """Something that can be changed: what it does, in English, and the command line without the program's name. One
    whose line is `complete` is planned at once; others are edited first."""

    title: str
    words: Sequence[str]
    complete: bool = False


class ChangeMenu(ModalScreen[Offer | None]):
    """What can be changed from here."""

    DEFAULT_CSS = """
    ChangeMenu { align: center middle; }
    ChangeMenu Vertical { width: 90%; min-width: 8; max-width: 110; height: auto; max-height: 80%; padding: 1 2; }
    ChangeMenu Vertical { background: $surface; }
    ChangeMenu OptionList { height: auto; border: none; background: $surface; }
    ChangeMenu OptionList:focus { border: none; background-tint: transparent; }
    ChangeMenu Vertical:ansi { border: solid $foreground; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q", "dismiss", "close")]

    def __init__(self, context: Context, offers: Sequence[Offer]) -> None:
        super().__init__()
        self._given = context
        self._offers = offers

    def compose(self) -> ComposeResult:
        """One line an offer: what it does, and its command line."""
        tr = self._given.tr
        with Vertical():
            yield Static(tr("What to change (Enter shows what it would do; nothing is sent yet)"), markup=False)
            yield OptionList(*(Option(self._line(offer)) for offer in self._offers))

    def _line(self, offer: Offer) -> Text:
        text = Text(f"{self._given.tr(offer.title)}\n")
        text.append(f"  {line_of(offer.words)}")  # where the cursor stands, dim could hardly be read
        return text

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """This one."""
        self.dismiss(self._offers[event.option_index])


class ChangeScreen(ModalScreen[bool]):
    """From a command line to what became of it. Ends with whether something was sent."""

    DEFAULT_CSS = """
    ChangeScreen { align: center middle; }
    ChangeScreen > Vertical { width: 95%; max-width: 130; height: auto; max-height: 90%; padding: 1 2; }
    ChangeScreen > Vertical { background: $surface; overflow-y: auto; }
    ChangeScreen > Vertical:ansi { border: solid $foreground; }
    ChangeScreen VerticalScroll { height: auto; max-height: 40vh; background: $surface; }
    ChangeScreen Input { border: none; height: 1; padding: 0; background: $panel; color: $foreground; }
    ChangeScreen Input:focus { border: none; }
    ChangeScreen .-caption { color: $text-muted; padding: 1 0 0 0; height: auto; }
    ChangeScreen #said { height: auto; }
    ChangeScreen #confirm-caption, ChangeScreen #confirm { display: none; }
    ChangeScreen.-planned #confirm-caption, ChangeScreen.-planned #confirm { display: block; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "close", "close"),
        Binding("u", "undo", "undo"),
        Binding("pageup", "page(-1)", "a page up", show=False),
        Binding("pagedown", "page(1)", "a page down", show=False),
    ]

    def __init__(self, context: Context, offer: Offer) -> None:
        super().__init__()
        self._given = context
        self._offer = offer
        self._plan: PlannedChange | None = None
        self._made: MadeChange | None = None
        self._sent = False
        self._busy = False

    def compose(self) -> ComposeResult:
        """The line, the plan, the confirmation."""
        tr = self._given.tr
        with Vertical():
            yield Static(tr(self._offer.title), id="title", markup=False)
            yield Static(tr("The command line; Enter shows what it would do"), classes="-caption", markup=False)
            yield Input(line_of(self._offer.words), id="line", compact=True)
            with VerticalScroll(can_focus=False):
                yield Static(id="said", markup=False)
            yield Static(id="confirm-caption", classes="-caption", markup=False)
            yield Input(id="confirm", compact=True)
            yield Static(tr("Escape closes"), id="foot", classes="-caption", markup=False)

    def on_mount(self) -> None:
        """Plan a line that is complete; have any other edited."""
        line = self.query_one("#line", Input)
        line.focus()
        line.cursor_position = len(line.value)
        if self._offer.complete:
            self._begin(self._planned(line.value))

    # Planning

    @on(Input.Submitted, "#line")
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        if not self._busy and self._made is None:
            self._begin(self._planned(event.value))

    @on(Input.Changed, "#line")
    def _edited(self, event: Input.Changed) -> None:
        event.stop()
        now = self.query_one("#line", Input).value  # the event may be of a text before
        if self._plan is not None and now != self._plan.line and self._made is None:
            self._plan = None
            self.remove_class("-planned")
            self._say([("the line is another one: Enter shows what it would do", Health.INFO)])

    def _begin(self, work: object) -> None:
        self._busy = True
        self._say([("asking …", Health.INFO)])
        self.run_worker(work, exclusive=True)  # type: ignore[arg-type]

    async def _planned(self, line: str) -> None:
        changer = self._given.changer
        assert changer is not None
        try:
            words = shlex.split(line)
            words = words[1:] if words[:1] == ["mqadmin"] else words
            if not words:
                raise RocketMQError("there is no command", "give one, as in updateTopicPerm -t T -p 4")
            plan = await changer.plan(words)
        except ValueError as error:
            self._refused(RocketMQError(f"cannot read the line: {str(error).lower()}", "close the quotes"))
            return
        except RocketMQError as error:
            self._refused(error)
            return
        self._busy = False
        self._plan = plan
        field = self.query_one("#line", Input)
        with field.prevent(Input.Changed):
            field.value = plan.line
        said = plan_lines(plan)
        if not plan.effective:
            self._say([*said, ("nothing would change", Health.OK)])
            return
        self._say(said)
        name = plan.to_type or YES
        self.query_one("#confirm-caption", Static).update(self._given.tr(f"Type {name} to do so:"))
        self.add_class("-planned")
        confirm = self.query_one("#confirm", Input)
        confirm.value = ""
        confirm.focus()

    def _refused(self, error: RocketMQError) -> None:
        self._busy = False
        said: list[Said] = [(error.cause, Health.CRITICAL)]
        if error.next_step:
            said.append((error.next_step, Health.INFO))
        self._say(said)
        self.query_one("#line", Input).focus()

    # Doing

    @on(Input.Submitted, "#confirm")
    def _confirmed(self, event: Input.Submitted) -> None:
        event.stop()
        plan = self._plan
        if plan is None or self._busy:
            return
        name = plan.to_type or YES
        if event.value != name:
            caption = self.query_one("#confirm-caption", Static)
            caption.update(self._given.tr(f"nothing was changed: '{name}' was not typed"))
            return
        self.remove_class("-planned")
        self._sent = True
        self._begin(self._do(plan, event.value if plan.to_type is not None else ""))

    async def _do(self, plan: PlannedChange, typed: str) -> None:
        changer = self._given.changer
        assert changer is not None
        try:
            made = await changer.make(plan, typed)
        except RocketMQError as error:
            self._refused(error)
            return
        self._busy = False
        self._made = made
        field = self.query_one("#line", Input)
        field.disabled = True
        self._say(made_lines(made))
        tr = self._given.tr
        foot = tr("Escape closes")
        if made.change_id is not None:
            foot = f"{tr('u undoes it')}   {foot}"
        self.query_one("#foot", Static).update(foot)
        self.set_focus(None)

    def action_undo(self) -> None:
        """Plan to bring back what was there before."""
        if self._made is None or self._made.change_id is None:
            return
        self._offer = undo_offer(self._made.change_id)
        self._plan = self._made = None
        self.query_one("#title", Static).update(self._given.tr(self._offer.title))
        line = self.query_one("#line", Input)
        line.disabled = False
        with line.prevent(Input.Changed):
            line.value = line_of(self._offer.words)
        self.query_one("#foot", Static).update(self._given.tr("Escape closes"))
        self._begin(self._planned(line.value))

    def action_page(self, direction: int) -> None:
        """Along a plan that is longer than its place, while the confirmation has the keys."""
        said = self.query_one(VerticalScroll)
        said.scroll_relative(y=direction * max(said.size.height - 1, 1), animate=False)

    def action_close(self) -> None:
        """Leave; what was sent goes on."""
        self.dismiss(self._sent)

    # Drawing

    def _say(self, said: Sequence[Said]) -> None:
        text = Text()
        for number, (line, health) in enumerate(said):
            if number:
                text.append("\n")
            sign = "  " if line.startswith("  ") else f"{SIGNS[health]} "
            style = "bold" if health in (Health.WARNING, Health.CRITICAL) else ""
            text.append(sign + self._given.tr(line.strip()), style)
        self.query_one("#said", Static).update(text)


def undo_offer(change_id: int) -> Offer:
    """Bring back what a change of the journal has replaced."""
    return Offer("bring back what it was before", ["undo", str(change_id)], complete=True)
