"""What a screen of parts shows of the time axis: of a recorded moment, and what it is compared with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Final
from weakref import ReferenceType, ref

import msgspec

from rocketmq_ops.common.clock import now_ms
from rocketmq_ops.common.spans import human_span
from rocketmq_ops.common.tasks import Pause, at_once
from rocketmq_ops.tui.context import Context
from rocketmq_ops.tui.model.address import Address
from rocketmq_ops.tui.model.compared import COMPARED_MS, any_known, compared_text
from rocketmq_ops.tui.model.details.compare import Past, compared, past_of
from rocketmq_ops.tui.model.details.detail import Part, Section
from rocketmq_ops.tui.model.details.past import Before, Recorded, recorded_of, silent_since, with_before
from rocketmq_ops.tui.model.figures import minute_of_day
from rocketmq_ops.tui.model.model import Mode
from rocketmq_ops.tui.model.moment import Moment
from rocketmq_ops.tui.model.table import Column, Row, Table, by_key
from rocketmq_ops.tui.screens.table import NO_CLUSTER, TableScreen

#: In place of the parts where it is not known which there are; why is what is shown of it, at each moment.
NO_PART: Final = "none"
NO_ROWS: Final = Table(columns=(), rows=[])
#: Options of an address that say what is asked.
_ABOUT: Final = ("group",)
_NOT_KEPT = "this is asked when it is looked at, and not kept: there is nothing to compare with"
_NOT_LOOKED_AT = "this is asked and kept while it is looked at, which it was not 10 minutes ago"
_NO_ROWS_TEXT = "there are no rows here to compare"
_TOO_LARGE = "what was told was too large to keep"
_NOT_RECORDED: Final = "not recorded: nobody had looked at this until then"
_NOT_KEPT_EVER: Final = "not recorded: it is asked when it is looked at, and not kept"
_FOR_THE_PRESENT: Final = "press l for the present"
_RECORDED: Final = "as it was recorded"
_MINUTE_MS: Final = 60_000


class PartsInTime(TableScreen):
    """Subclasses ask for the parts, and draw them."""

    #: Whether the answers to its parts are kept, so that later ones are compared with them; if not, why.
    KEEPS: ClassVar[bool] = False
    NO_PAST: ClassVar[str] = _NOT_KEPT
    #: Whether what it shows is asked of the cluster.
    ASKS_CLUSTER: ClassVar[bool] = True

    def __init__(self, context: Context, address: Address) -> None:
        super().__init__(context, address, _NoView())
        self._parts: Sequence[Part] = ()
        self._sections: dict[str, Section] = {}
        #: Those as the moment that is shown judges them: of which section, of which moment, and what that gave.
        self._judged: dict[str, tuple[Section, ReferenceType[Moment], Section]] = {}
        #: The place of the part that is shown.
        self._at = 0
        #: What is said of what it is compared with.
        self._compared = ""
        #: Of the recorded moment that is shown, what it has of parts.
        self._then_of: Moment | None = None
        self._thens: dict[str, Recorded] = {}
        #: What was filled with figures of before: of what, with which, and what was made of them.
        self._filled: dict[str, tuple[Section, Before, Section]] = {}
        #: What was marked last: the rows of now and of then, and what was made of them.
        self._marked: tuple[Section, Past, tuple[Table, dict[str, Row]]] | None = None

    def now_ms(self) -> int:
        """The moment that ages are counted from."""
        return self.context.model.moment().time_ms or now_ms()

    @property
    def section(self) -> Section | None:
        """What is shown; None while it is asked for the first time."""
        if not self._parts:
            return None
        return self.section_of(self._parts[self._at])

    def section_of(self, part: Part) -> Section | None:
        """What is shown of a part, whether it is chosen or not."""
        if self._back:
            return self._in_past(part).section
        section = self._sections.get(part.key)
        if section is None or part.judged is None:
            return section
        moment, known = self.context.model.moment(), self._judged.get(part.key)
        if known is not None and known[0] is section and known[1]() is moment:
            return known[2]
        made = part.judged(section, moment)
        if known is not None and known[2] == made:  # the same object as long as it says the same: rows are made of it
            made = known[2]
        self._judged[part.key] = section, ref(moment), made
        return made

    @property
    def _back(self) -> bool:
        """Whether what is shown is of a recorded moment."""
        return self.ASKS_CLUSTER and self.context.model.mode is Mode.BACK

    def _in_past(self, part: Part) -> Recorded:
        """What the moment that is shown has of a part; why it has nothing of it is its note."""
        if part.key == NO_PART:
            return Recorded(self._sections.get(part.key, Section()))
        model = self.context.model
        moment, kept_as = model.moment(), self._kept_as(part) if self.KEEPS else ""
        if self._then_of is not moment:
            self._then_of, self._thens = moment, {}
        known = self._thens.get(kept_as or part.key)
        if known is None:
            known = recorded_of(part, moment, kept_as)
            if known is None:
                none = _NOT_RECORDED if self.KEEPS else _NOT_KEPT_EVER
                known = Recorded(self._sections.get(part.key, Section(note=NO_CLUSTER)))
                if model.span() is not None:
                    known = Recorded(Section(note=none))
            self._thens[kept_as or part.key] = known
        return self._with_before(part, known, moment)

    def _with_before(self, part: Part, known: Recorded, moment: Moment) -> Recorded:
        """What the moment has, with figures that brokers told before that were silent then, once these are read."""
        silent, table = silent_since(moment), known.section.table
        if not silent or table is None or part.past is None:
            return known
        before = (self.context.model.of_then(min(silent.values()), self._own_rows) or {}).get(part.key)
        if before is None:
            return known
        filled = self._filled.get(part.key)
        if filled is None or filled[0] is not known.section or filled[1] is not before:
            section = msgspec.structs.replace(known.section, table=with_before(table, before, silent))
            filled = self._filled[part.key] = known.section, before, section
        return known._replace(section=filled[2])

    def _own_rows(self, then: Moment) -> dict[str, Before]:
        """What a moment has of each part by itself."""
        made = ((part.key, part.past(then)) for part in self._parts if part.past is not None)
        time_ms = then.groups_ms or then.time_ms
        return {key: Before(by_key(each.table), time_ms) for key, each in made if each is not None and each.table}

    def _against(self, section: Section | None, table: Table) -> tuple[Table, dict[str, Row] | None]:
        """The table as it is compared, and the rows of then; why there are none is noted."""
        self._compared = ""
        back = self._back
        part = self._parts[self._at] if self._parts else None
        if part is None or (part.then is None and part.past is None and not self.KEEPS):
            self._uncompared = self.NO_PAST
            return table, None
        then = (self.context.model.before(COMPARED_MS, self._recorded if back else self._pasts_of) or {}).get(part.key)
        if section is None or section.table is None or not (table.rows or (then is not None and then.whole)):
            self._uncompared = _NO_ROWS_TEXT
            return table, None
        if then is None or not (then.whole or any_known(table.rows, {row.key for row in then.table.rows})):
            looked_at = back or then is not None or part.then is not None
            model = self.context.model
            if then is not None and then.too_large:
                self._uncompared = _TOO_LARGE
            elif looked_at or model.busy or model.span() is None:
                self._uncompared = compared_text(model, known=False)
            else:
                self._uncompared = _NOT_LOOKED_AT
            return table, None
        self._compared = compared_text(self.context.model, known=True)
        if then.old_ms is not None:
            time = minute_of_day(then.old_ms)
            self._compared = f"against {time}, when it was asked last"
        if self._marked is None or self._marked[0] is not section or self._marked[1] is not then:
            self._marked = section, then, compared(table, then, whole=not section.failures)
        return self._marked[2]

    def _kept_as(self, part: Part) -> str:
        """The name that answers of a part are kept under: what it asks is asked of what stands in the address."""
        rest = tuple(option for option in self.address.options if option[0] in _ABOUT)
        return f"{Address(self.address.screen, self.address.name, rest)}/{part.key}"

    def _pasts_of(self, then: Moment) -> dict[str, Past]:
        """What a moment to compare with has of each part, and of what is shown of the past."""
        pasts: dict[str, Past] = {}
        for part in self._parts:
            known = past_of(part, then, self._kept_as(part) if self.KEEPS else "")
            if known is not None:
                pasts[part.key] = known
        return pasts

    def _recorded(self, then: Moment) -> dict[str, Past]:
        """What a moment to compare a recorded one with has of each part."""
        pasts: dict[str, Past] = {}
        for part in self._parts:
            known = recorded_of(part, then, self._kept_as(part) if self.KEEPS else "")
            if known is not None and (known.too_large or known.section.table is not None):
                pasts[part.key] = Past(known.section.table or NO_ROWS, too_large=known.too_large)
        return pasts

    def _recorded_notes(self) -> list[str]:
        """Of a recorded moment: what of the part is of then, and what was told when."""
        if not self._back or not self._parts or self.context.model.span() is None:
            return []
        tr, known = self.context.tr, self._in_past(self._parts[self._at])
        there = known.section.table is not None or known.section.lines is not None
        if known.told_ms is None:
            return [tr(_RECORDED if there else _FOR_THE_PRESENT)] if there or self.context.model.follows else []
        # It is known to the minute.
        time, age = minute_of_day(known.told_ms), (self.now_ms() // _MINUTE_MS * _MINUTE_MS) - known.told_ms
        when = tr(f"{time}, {human_span(age)} before") if age >= _MINUTE_MS else time
        if known.too_large:
            return [*([tr(_RECORDED)] if there else []), tr(f"what was told at {when} was too large to keep")]
        if known.partly:
            return [tr(f"what the recording lacks is as it was told at {when}")]
        return [tr(f"as it was told at {when}")]

    def against_text(self) -> str:
        """See `TableScreen`: the note says why what is shown is not compared."""
        return self._compared


class _NoView:
    """In place of a view: a screen of one thing has its rows from its parts."""

    name = ""
    aliases: tuple[str, ...] = ()
    title = ""
    columns: tuple[Column, ...] = ()
    options: tuple[str, ...] = ()
    sort = ""

    def source(self, moment: Moment) -> Sequence[object]:
        """None."""
        return ()

    def table(self, moment: Moment, address: Address, pause: Pause = at_once) -> Table:
        """None."""
        return NO_ROWS
