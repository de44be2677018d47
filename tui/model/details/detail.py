"""What a screen of one thing consists of: parts, each asked by itself, so that a dead server holds up only its own."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, Generic, NamedTuple, TypeVar

import msgspec

from rocketmq_ops.common.errors import Failure, RocketMQError
from rocketmq_ops.common.tasks import run_later
from rocketmq_ops.tui.model.address import Address
from rocketmq_ops.tui.model.model import Model
from rocketmq_ops.tui.model.moment import Moment
from rocketmq_ops.tui.model.table import Column, Health, Kind, Row, Table, Value, worst_first

if TYPE_CHECKING:
    from rocketmq_ops.client.admin import MQAdmin

T = TypeVar("T")

#: Seconds between two askings for all parts, while a screen is looked at.
EVERY: Final = 10

#: For how long, in seconds, a screen holds what name servers have told it, as clients do
#: (ClientConfig.pollNameServerInterval).
HELD: Final = 30

#: How a setting differs that is the same everywhere, and not as it is usually.
FROM_THE_DEFAULT: Final = "from the default"
#: How it differs where it is not the same everywhere.
BETWEEN_THEM: Final = "between them"
#: Stands in a cell for what a server does not have, where others do.
ABSENT: Final = "-"
#: What the key of a column begins with that is of one of several side by side.
OF: Final = "of "


class Fact(msgspec.Struct, frozen=True):
    """A name, which is translated, and a value."""

    name: str
    value: Value
    kind: Kind = Kind.TEXT
    health: Health = Health.OK
    #: It is of the moment that is shown, also where the rest was told before.
    now: bool = False


class Section(msgspec.Struct, frozen=True, kw_only=True):
    """What is shown of one part: facts, then a table or lines of text, which are users' own and not translated.

    `failures` are what could not be learned; `note` says why there is nothing.
    """

    facts: tuple[Fact, ...] = ()
    table: Table | None = None
    lines: Sequence[str] | None = None
    note: str = ""
    failures: tuple[Failure, ...] = ()
    #: The worst of what it shows, beside its title.
    health: Health = Health.OK
    #: Until when all of it is from (ms since 1970), where that was told before and could not be learned anew.
    stale_since: int | None = None
    #: Of which rows it says nothing, as who tells of them did not answer: the sign of that, under which what was told
    #: of them last stays. None for a row: it is of those that did.
    lacks: Callable[[Row], Health | None] | None = None
    #: The keys of the columns of who did not answer, where each column is of one: what was told of them last stays.
    untold: frozenset[str] = frozenset()
    #: The facts that are counted in rows: of those that are shown, where some stay as they were told last.
    counted: Callable[[Sequence[Row]], tuple[Fact, ...]] | None = None
    #: Where it goes on.
    more: Address | None = None


class Asks(NamedTuple):
    """The requests of one asking for all parts, at most: of a group with one client that is behind on one topic and on
    its retries, and has dead letters. `each_client` and `…_each_topic` are what one more of them adds.

    Those to a name server go to one of them, those to a broker to each that has what the screen is about.
    """

    name_server: int = 0
    broker: int = 0
    each_client: int = 0
    #: So many clients are asked at most, the others in later turns; None: there is one.
    most_clients: int | None = None
    name_server_each_topic: int = 0
    broker_each_topic: int = 0
    #: How often a name server is asked, seconds; brokers are every EVERY.
    name_server_every: int = HELD


class Part(NamedTuple):
    """A part of a screen: a stable key, a title in English, and what asks for it. It may raise RocketMQError."""

    key: str
    title: str
    ask: Callable[[], Awaitable[Section]]
    #: What a recorded moment has of its rows, by the same keys; None for nothing.
    then: Callable[[Moment], Section | None] | None = None
    #: Whether what is not among those was not there.
    whole: bool = False
    #: What a moment shows of it whether the screen was open or not: of a recorded one, which its answers add to, and of
    #: the newest where it is asked for in vain and nothing was told before.
    past: Callable[[Moment], Section | None] | None = None
    #: What a moment says of the thing itself, above a part that is asked for in vain.
    stands: Callable[[Moment], tuple[Fact, ...]] | None = None
    #: The name of the broker that a row is of, where each is of one.
    broker: Callable[[Row], str] | None = None
    #: What was answered, as the moment that is shown judges it: itself where that changes nothing.
    judged: Callable[[Section, Moment], Section] | None = None


class Asking(msgspec.Struct, frozen=True, kw_only=True):
    """What a screen of one thing is made from: the open admin client, what is known of the cluster, its address. No
    moment is held: errors of what was asked keep all of this until the collector finds them."""

    admin: MQAdmin
    model: Model
    address: Address
    #: The answers for several parts that are under way, by name (`Once`).
    going: dict[str, asyncio.Task[Any]] = {}

    @property
    def moment(self) -> Moment:
        """What is known of the cluster now, also while a recorded moment is shown: answers are of now."""
        return self.model.newest()

    @property
    def name(self) -> str:
        """What it is about."""
        return self.address.name


class Nobody:
    """In place of an admin client where there is no cluster: all that it is asked raises RocketMQError."""

    def __init__(self, cause: str) -> None:
        self._cause = cause

    def __getattr__(self, name: str) -> Any:
        raise RocketMQError(self._cause, "")


class Once(Generic[T]):
    """An answer that several parts need, asked once, when the first of them needs it; one of that name that is under
    way since an earlier asking is waited for, and not asked again."""

    def __init__(
        self, ask: Callable[[], Awaitable[T]], going: dict[str, asyncio.Task[Any]] | None = None, name: str = ""
    ) -> None:
        self._ask = ask
        self._going, self._name = {} if going is None else going, name
        self._task: asyncio.Task[T] | None = None

    async def __call__(self) -> T:
        """The answer. Raises what asking raised, for each that needs it."""
        if self._task is None:
            going = self._going.get(self._name)
            if going is None or going.done():
                going = run_later(self._asked(), "an answer for several parts")
                going.add_done_callback(_seen)
                self._going[self._name] = going
            self._task = going
        return await asyncio.shield(self._task)

    async def _asked(self) -> T:
        return await self._ask()


def _seen(task: asyncio.Task[Any]) -> None:
    """Its error is that of whoever waits, and of nobody once the screen is left."""
    if not task.cancelled():
        task.exception()


def steady(keys: Iterable[str]) -> list[str]:
    """Keys of rows that say what each is about and not where it stands; one that is there already has its number."""
    seen: dict[str, int] = {}
    made = []
    for key in keys:
        seen[key] = seen.get(key, 0) + 1
        made.append(key if seen[key] == 1 else f"{key} {seen[key]}")
    return made


def worst(healths: Iterable[Health]) -> Health:
    """The worst of them; OK for none."""
    order = list(Health)
    return max(healths, key=order.index, default=Health.OK)


def table_of(columns: Sequence[Column], rows: Iterable[Row], note: str = "") -> Section:
    """A section of a table, as bad as its worst row; the note is shown where it has none."""
    found = list(rows)
    return Section(
        table=Table(columns=tuple(columns), rows=found, note="" if found else note),
        health=worst(row.health for row in found),
    )


def also(section: Section, failures: Iterable[Failure], *facts: Fact) -> Section:
    """The section with what could not be learned, which its title says too, and with facts above it."""
    failed = (*section.failures, *failures)
    health = worst([section.health, Health.UNKNOWN]) if failed else section.health
    return msgspec.structs.replace(section, failures=failed, facts=(*section.facts, *facts), health=health)


def side_by_side(
    first: str,
    sources: Mapping[str, Mapping[str, Value] | None],
    *,
    expected: Mapping[str, str] | None = None,
    expected_title: str = "",
    note: str = "no settings are known",
) -> Section:
    """Settings of several servers or clients beside each other: a row a name, a column a source.

    A row whose values differ is marked, and comes first. `expected`: what each is usually; one that is something else
    everywhere is of INFO. A source that did not answer is None: its cells are unknown (`Section.untold`).
    """
    names = sorted({name for values in sources.values() if values is not None for name in values})
    columns = [Column(key="name", title=first, least=16), Column(key="differs", title="Differs", kind=Kind.STATE)]
    columns += [Column(key=f"{OF}{source}", title=source, least=min(max(len(source), 10), 24)) for source in sources]
    if expected is not None:
        columns.append(Column(key="expected", title=expected_title, drop=1))
    rows = []
    for name in names:
        cells: list[Value] = [None if values is None else values.get(name, ABSENT) for values in sources.values()]
        known = {cell for cell in cells if cell is not None}
        usual = expected.get(name) if expected is not None else None
        differs, health = "", Health.OK
        if len(known) > 1:
            differs, health = BETWEEN_THEM, Health.WARNING
        elif usual is not None and known and not _same(next(iter(known)), usual):
            differs, health = FROM_THE_DEFAULT, Health.INFO
        row = [name, differs, *cells, *([usual if usual is not None else ABSENT] if expected is not None else [])]
        rows.append(Row(key=name, cells=tuple(row), health=health))
    rows.sort(key=lambda row: worst_first(row.health))
    untold = frozenset(f"{OF}{source}" for source, values in sources.items() if values is None)
    return msgspec.structs.replace(table_of(columns, rows, note), untold=untold)


def _same(value: Value, usual: str) -> bool:
    """Whether two texts of a setting mean the same."""
    if str(value).casefold() == usual.casefold():
        return True
    try:
        return float(str(value)) == float(usual)
    except ValueError:
        return False
