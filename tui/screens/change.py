"""Changing something: what can be changed, the command line, its plan, the confirmation, and what became of it."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from typing import ClassVar, Final, NamedTuple

from rich.cells import cell_len
from rich.text import Text
from textual import on
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.events import Click
from textual.screen import ModalScreen
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from rocketmq_ops.common.errors import RocketMQError
from rocketmq_ops.tui.changes import line_of
from rocketmq_ops.tui.context import Context
from rocketmq_ops.tui.model.details.batch import (
    AT_ONCE,
    MadeOf,
    PlannedOf,
    expand,
    made_of_lines,
    names_of,
    plan_all,
    planned_lines,
    some_names,
    to_type,
)
from rocketmq_ops.tui.model.details.plan import Said
from rocketmq_ops.tui.model.table import Health
from rocketmq_ops.tui.sending import Batch, in_short, spoken
from rocketmq_ops.tui.widgets.marked_input import MarkedInput

#: What stands above the line.
_LINE: Final = "The command line; Enter shows what it would do"
_LINES: Final = "The command line of each; @… is each one's own in turn. Enter shows what they would do"
#: On a terminal with fewer lines nothing stands apart: a plan is longer than the rest, and what is to be typed is seen.
_LOW: Final = 20
#: How long it is said how a change has ended whose screen was closed.
_DONE_SECONDS: Final = 20
_FAILED_SECONDS: Final = 120
#: What is typed where nothing is destroyed, in every language: it needs no input method.
YES = "yes"


class Offer(NamedTuple):
    """Something that can be changed: what it does, in English, and the command line without the program's name. One
    whose line is `complete` is planned at once; others are edited first.

    Of many things there is a line for each of `each`: `@name` stands for what that has under the name. Lines of which
    one may stand on another are made `in_order`, others beside each other.
    """

    title: str
    words: Sequence[str]
    complete: bool = False
    each: Sequence[Mapping[str, str]] = ()
    in_order: bool = False

    def of(self, each: Sequence[Mapping[str, str]]) -> Offer:
        """About these; of one thing the line is its own."""
        if len(each) > 1:
            return self._replace(each=each)
        return self._replace(words=[each[0].get(word[1:], word) if word[:1] == "@" else word for word in self.words])


class ChangeMenu(ModalScreen[Offer | None]):
    """What can be changed from here."""

    DEFAULT_CSS = """
    ChangeMenu { align: center middle; }
    ChangeMenu Vertical { width: 90%; min-width: 8; max-width: 110; height: auto; max-height: 80%; padding: 1 2; }
    ChangeMenu Vertical { background: $surface; }
    ChangeMenu #about { max-height: 4; }
    ChangeMenu OptionList { height: auto; border: none; background: $surface; }
    ChangeMenu OptionList:focus { border: none; background-tint: transparent; }
    ChangeMenu Vertical:ansi { border: solid $foreground; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q", "dismiss", "close")]

    def __init__(self, context: Context, offers: Sequence[Offer], about: Sequence[str] = ()) -> None:
        """`about`: the names of the things that are changed, where that is to be said."""
        super().__init__()
        self._given = context
        self._offers = offers
        self._about = about

    def compose(self) -> ComposeResult:
        """One line an offer: what it does, and its command line."""
        tr = self._given.tr
        with Vertical():
            yield Static(tr("What to change (Enter shows what it would do; nothing is sent yet)"), markup=False)
            if self._about:
                about = f"{len(self._about):,} {tr('marked')}: {some_names(self._about)}"
                yield Static(about, id="about", markup=False)
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
    ChangeScreen.-low > Vertical { max-height: 100%; padding: 0 2; }
    ChangeScreen.-low VerticalScroll { max-height: 25vh; }
    ChangeScreen.-low .-caption { padding: 0; max-height: 3; }
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
        self._plans: list[PlannedOf] = []
        #: The line that was planned.
        self._line = ""
        self._made: list[MadeOf] = []
        self._sent = False
        self._busy = False
        #: What was sent last.
        self._batch: Batch | None = None
        #: What stands before how it is closed.
        self._foot_says = ""

    def compose(self) -> ComposeResult:
        """The line, the plan, the confirmation."""
        tr = self._given.tr
        with Vertical():
            yield Static(self._title(), id="title", markup=False)
            yield Static(tr(_LINES if self._offer.each else _LINE), classes="-caption", markup=False)
            yield MarkedInput(line_of(self._offer.words), id="line", compact=True)
            with VerticalScroll(can_focus=False):
                yield Static(id="said", markup=False)
            yield Static(id="confirm-caption", classes="-caption", markup=False)
            yield Input(id="confirm", compact=True)
            yield Static(tr("Escape closes"), id="foot", classes="-caption", markup=False)

    def _title(self) -> str:
        count = len(self._offer.each)
        return self._given.tr(self._offer.title) + (f" ({count})" if count else "")

    def on_mount(self) -> None:
        """Plan a line that is complete; have any other edited."""
        line = self.query_one("#line", Input)
        line.focus()
        line.cursor_position = len(line.value)
        if self._offer.complete:
            self._begin(self._planned(line.value))

    def on_resize(self) -> None:
        """Stand closer together where there is little room."""
        self.set_class(self.app.size.height < _LOW, "-low")

    # Planning

    @on(Input.Submitted, "#line")
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        if not self._busy and not self._made:
            self._begin(self._planned(event.value))

    @on(Input.Changed, "#line")
    def _edited(self, event: Input.Changed) -> None:
        event.stop()
        now = self.query_one("#line", Input).value  # the event may be of a text before
        if self._plans and now != self._line and not self._made:
            self._plans = []
            self.remove_class("-planned")
            self._say([("the line is another one: Enter shows what it would do", Health.INFO)])

    def _begin(self, work: object, says: str = "asking …") -> None:
        self._busy = True
        self._say([(says, Health.INFO)])
        self.run_worker(work, exclusive=True)  # type: ignore[arg-type]

    async def _planned(self, line: str) -> None:
        changer = self._given.changer
        assert changer is not None
        try:
            words = words_of(line)
            lines = expand(words, self._offer.each)
            self._plans = await plan_all(
                changer, lines, progress=lambda ended: self._say_planned(ended, len(lines)), at_once=self._at_once
            )
            one = self._plans[0] if len(self._plans) == 1 else None
            if one is not None and one.error is not None:
                raise one.error
        except RocketMQError as error:
            self._plans = []
            self._refused(error)
            return
        self._busy = False
        self._line = one.plan.line if one is not None and one.plan is not None else line_of(words)
        field = self.query_one("#line", Input)
        with field.prevent(Input.Changed):
            field.value = self._line
        said = planned_lines(self._plans)
        count = sum(plan.effective for plan in self._plans)
        if not count:
            self._say([*said, ("nothing would change", Health.OK)])
            return
        self._say(said)
        name = to_type(self._plans, YES)
        about = f"Type {name} to do so to these {count}: {names_of(self._plans)}"
        self.query_one("#confirm-caption", Static).update(
            self._given.tr(f"Type {name} to do so:" if one is not None else about)
        )
        self.add_class("-planned")
        confirm = self.query_one("#confirm", Input)
        confirm.value = ""
        confirm.focus()
        self.call_after_refresh(confirm.scroll_visible, animate=False)

    def _say_planned(self, ended: int, count: int) -> None:
        if count > 1:
            self._say([(f"{ended} of {count} are planned", Health.INFO)])

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
        if not self._plans or self._busy:
            return
        name = to_type(self._plans, YES)
        if event.value != name:
            caption = self.query_one("#confirm-caption", Static)
            caption.update(self._given.tr(f"nothing was changed: '{name}' was not typed"))
            return
        self.remove_class("-planned")
        self._sent = True
        self._begin(self._do(self._plans), "sending …")

    async def _do(self, plans: Sequence[PlannedOf]) -> None:
        changer = self._given.changer
        assert changer is not None
        self._batch = self._given.sending.start(changer, plans, progress=self._say_made, at_once=self._at_once)
        made = await self._batch.made()
        if len(plans) == 1 and made[0].error is not None:
            self._foot("", said=False)
            self._refused(made[0].error)
            return
        self._busy = False
        self._made = made
        self._say(made_of_lines(made))
        self.query_one("#line", Input).disabled = True
        self._foot("u undoes it" if len(made) == 1 else "u undoes them", bool(self._change_ids()))
        self.set_focus(None)

    def _say_made(self, ended: int) -> None:
        if self._batch is not None and self.is_running:
            self._say([(f"{ended} of {self._batch.count} have come to their end", Health.INFO)])

    def _foot(self, text: str, said: bool = True) -> None:
        tr = self._given.tr
        self._foot_says = f"{tr(text)}   " if said else ""
        self.query_one("#foot", Static).update(self._foot_says + tr("Escape closes"))

    @on(Click, "#foot")
    def _foot_clicked(self, event: Click) -> None:
        """A click on a key of the last line is as good as the key."""
        foot = self.query_one("#foot", Static)
        at = event.get_content_offset(foot)
        if at is None or foot.text_selection is not None:
            return
        cell = at.y * foot.content_size.width + at.x
        if cell < cell_len(self._foot_says):
            self.action_undo()  # nothing where something else is said
        elif cell < cell_len(self._foot_says + self._given.tr("Escape closes")):
            self.action_close()

    def _change_ids(self) -> list[int]:
        ids = [each.made.change_id for each in self._made if each.made is not None]
        return [change_id for change_id in ids if change_id is not None]

    @property
    def _at_once(self) -> int:
        return 1 if self._offer.in_order else AT_ONCE

    def action_undo(self) -> None:
        """Plan to bring back what was there before."""
        ids = self._change_ids()
        if not ids or self._busy:
            return
        self._plans, self._made = [], []
        self._offer = undo_offer(*ids)
        self.query_one("#title", Static).update(self._title())
        line = self.query_one("#line", Input)
        line.disabled = False
        with line.prevent(Input.Changed):
            line.value = line_of(self._offer.words)
        self._foot("", said=False)
        self._begin(self._planned(line.value))

    def action_page(self, direction: int) -> None:
        """Along a plan that is longer than its place, while the confirmation has the keys."""
        said = self.query_one(VerticalScroll)
        said.scroll_relative(y=direction * max(said.size.height - 1, 1), animate=False)

    def action_close(self) -> None:
        """Leave; what was sent is first waited for, and of many no more are sent. Who leaves still is told the end."""
        batch = self._batch
        if batch is not None and batch.under_way:
            if not batch.stopping:
                batch.stopping = True
                many = "no more are sent; those that were are waited for"
                self._foot(many if batch.count > 1 else "what was sent is waited for")
                return
            self.app.run_worker(tell_later(self._given, self.app, self._title(), batch), group="changes")
        self.dismiss(self._sent)

    # Drawing

    def _say(self, lines: Sequence[Said]) -> None:
        text = Text()
        for number, said in enumerate(lines):
            if number:
                text.append("\n")
            style = "bold" if said[1] in (Health.WARNING, Health.CRITICAL) else ""
            text.append(spoken(said, self._given.tr), style)
        self.query_one("#said", Static).update(text)


async def tell_later(context: Context, app: App[None], title: str, batch: Batch) -> None:
    """Say in a notice what became of changes that nobody looks at any more."""
    said = in_short(await batch.made())
    failed = any(health in (Health.WARNING, Health.CRITICAL) for _, health in said)
    app.notify(
        "\n".join(spoken(line, context.tr) for line in said),
        title=title,
        severity="error" if failed else "information",
        timeout=_FAILED_SECONDS if failed else _DONE_SECONDS,
        markup=False,
    )
    context.model.refresh()


def words_of(line: str) -> list[str]:
    """The words of a command line without the program's name. Raises RocketMQError."""
    try:
        words = shlex.split(line)
    except ValueError as error:
        raise RocketMQError(f"cannot read the line: {str(error).lower()}", "close the quotes") from error
    words = words[1:] if words[:1] == ["mqadmin"] else words
    if not words:
        raise RocketMQError("no command was given", "give one, as in updateTopicPerm -t T -p 4")
    return words


def undo_offer(*change_ids: int) -> Offer:
    """Bring back what changes of the journal have replaced, the last of them first."""
    each = [{"change": str(change_id)} for change_id in sorted(change_ids, reverse=True)]
    return Offer("bring back what it was before", ["undo", "@change"], complete=True, in_order=True).of(each)
