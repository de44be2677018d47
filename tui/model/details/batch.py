"""One change of many things: a command line for each, planned together, confirmed once, made each by itself."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple, TypeVar

import msgspec

from rocketmq_ops.client.admin.changes import Change
from rocketmq_ops.common.errors import RocketMQError
from rocketmq_ops.tui.changes import Changer, MadeChange, PlannedChange
from rocketmq_ops.tui.model.details.plan import MOST, NOBODY, Said, made_lines, plan_lines
from rocketmq_ops.tui.model.table import Health

T = TypeVar("T")

#: Command lines that are planned or made beside each other, so that servers have little to do at once.
AT_ONCE: Final = 4
#: Of so many things the lines are listed; of more their number is said.
MOST_LISTED: Final = 200
#: What a command says of one that came to its end.
_DONE: Final = ("ok", "unchanged")


class LineOf(NamedTuple):
    """A command line without the program's name, and the name of what it is about."""

    name: str
    words: tuple[str, ...]


class PlannedOf(NamedTuple):
    """What one of the lines would do; `error` where that could not be found out."""

    name: str
    plan: PlannedChange | None
    error: RocketMQError | None = None

    @property
    def effective(self) -> bool:
        """Whether anything would change by it."""
        return self.plan is not None and self.plan.effective


class MadeOf(NamedTuple):
    """What became of one of the lines; neither of both: it was not sent any more."""

    name: str
    made: MadeChange | None
    error: RocketMQError | None = None


def expand(words: Sequence[str], each: Sequence[Mapping[str, str]]) -> list[LineOf]:
    """The command lines: `@name` among the words is what each has under that name, in turn. For nothing in `each` it
    is the words as they are. Raises RocketMQError where all would be the same.
    """
    if not each:
        return [LineOf("", tuple(words))]
    differing = [key for key in each[0] if len({one[key] for one in each}) > 1]
    lines: dict[tuple[str, ...], str] = {}
    for one in each:
        line = tuple(one.get(word[1:], word) if word.startswith("@") else word for word in words)
        lines.setdefault(line, " ".join(one[key] for key in differing))
    if len(lines) < 2:
        names = " ".join(f"@{key}" for key in differing)
        raise RocketMQError(f"the line is the same for all: it lacks {names}", "put it in the place of the name")
    return [LineOf(name, line) for line, name in lines.items()]


async def plan_all(
    changer: Changer, lines: Sequence[LineOf], *, progress: Callable[[int], None], at_once: int = AT_ONCE
) -> list[PlannedOf]:
    """What each would do, in their order. `progress` gets how many are planned."""
    ended = 0

    async def planned(line: LineOf) -> PlannedOf:
        nonlocal ended
        try:
            result = PlannedOf(line.name, await changer.plan(line.words))
        except RocketMQError as error:
            result = PlannedOf(line.name, None, error)
        ended += 1
        progress(ended)
        return result

    return await _beside(lines, planned, at_once)


async def make_all(
    changer: Changer,
    plans: Iterable[PlannedOf],
    *,
    stopped: Callable[[], bool],
    progress: Callable[[int], None],
    at_once: int = AT_ONCE,
) -> list[MadeOf]:
    """Make those that would change something, in their order; what fails holds up no other. Once it is `stopped` no
    more are sent. `progress` gets how many have ended."""
    ended = 0

    async def made(planned: PlannedOf) -> MadeOf:
        nonlocal ended
        assert planned.plan is not None
        if stopped():
            return MadeOf(planned.name, None)
        try:
            result = MadeOf(planned.name, await changer.make(planned.plan, planned.plan.to_type or ""))
        except RocketMQError as error:
            result = MadeOf(planned.name, None, error)
        ended += 1
        progress(ended)
        return result

    return await _beside([each for each in plans if each.effective], made, at_once)


async def _beside(given: Sequence[Any], call: Callable[[Any], Awaitable[T]], at_once: int) -> list[T]:
    gate = asyncio.Semaphore(at_once)

    async def one(item: Any) -> T:
        async with gate:
            return await call(item)

    return list(await asyncio.gather(*(one(item) for item in given)))


def to_type(plans: Sequence[PlannedOf], yes: str) -> str:
    """What has to be typed where one of them destroys something: of one its own name, of many their number."""
    wanted = [each.plan.to_type for each in plans if each.plan is not None and each.effective]
    if all(name is None for name in wanted):
        return yes
    return str(wanted[0] if len(plans) == 1 else len(wanted))


def names_of(plans: Sequence[PlannedOf]) -> str:
    """The names of those that would change, the first of them."""
    return some_names([each.name for each in plans if each.effective])


def some_names(names: Sequence[str]) -> str:
    """The first of many names."""
    return ", ".join(names[:MOST]) + (", …" if len(names) > MOST else "")


def planned_lines(plans: Sequence[PlannedOf]) -> list[Said]:
    """What would change, and whom it touches; of many first what cannot be done, at the end what is true of each."""
    if len(plans) == 1 and plans[0].plan is not None:
        return plan_lines(plans[0].plan)
    effective = sum(each.effective for each in plans)
    lines: list[Said] = [(f"{effective} of {len(plans)} would change", Health.INFO)]
    if len(plans) > MOST_LISTED:
        lines.append((f"the first {MOST_LISTED} are listed, what fails before all else", Health.WARNING))
        plans = sorted(plans, key=lambda each: (each.error is None, not each.effective))[:MOST_LISTED]
    for each in plans:
        if each.error is not None:
            lines += _error_lines(each.name, each.error)
    said = {
        at: _paragraphs(plan_lines(msgspec.structs.replace(each.plan, changes=_brief(each.plan.changes))))
        for at, each in enumerate(plans)
        if each.plan is not None and each.effective
    }
    common = _common(list(said.values())) if len(said) > 1 else []
    for at, each in enumerate(plans):
        if at in said:
            lines += [line for one in said[at] if one not in common for line in one if line[0] != NOBODY]
        elif each.plan is not None:
            lines.append((f"{each.name}: nothing would change", Health.OK))
    if common:
        lines.append(("the same for each of them:", Health.INFO))
    return lines + [line for one in common for line in one]


def _paragraphs(lines: Iterable[Said]) -> list[list[Said]]:
    """Each line with the indented ones below it."""
    found: list[list[Said]] = []
    for line in lines:
        if found and line[0].startswith("  "):
            found[-1].append(line)
        else:
            found.append([line])
    return found


def _common(said: Sequence[list[list[Said]]]) -> list[list[Said]]:
    """What all of them say."""
    return [one for one in said[0] if all(one in other for other in said)]


def made_of_lines(made: Sequence[MadeOf]) -> list[Said]:
    """What became of each: of many first what failed."""
    if len(made) == 1 and made[0].made is not None:
        return made_lines(made[0].made)
    done = [each for each in made if each.made is not None and each.made.status in _DONE]
    unsent = [each.name for each in made if each.made is None and each.error is None]
    health = Health.OK if len(done) == len(made) else Health.CRITICAL
    lines: list[Said] = [(f"{len(done)} of {len(made)} are done", health)]
    if unsent:
        lines.append((f"{len(unsent)} were not sent: {some_names(unsent)}", Health.WARNING))
    if len(made) > MOST_LISTED:
        lines.append((f"the first {MOST_LISTED} are listed, what fails before all else", Health.WARNING))
        made = sorted(made, key=lambda each: each.made is not None and each.made.status in _DONE)[:MOST_LISTED]
    for each in made:
        if each.error is not None:
            lines += _error_lines(each.name, each.error)
    ended = [each.made for each in made if each.made is not None]
    for result in sorted(ended, key=lambda result: result.status in _DONE):
        lines += made_lines(msgspec.structs.replace(result, changes=_brief(result.changes)))
    return lines


def _brief(changes: Sequence[Change]) -> list[Change]:
    """Of things that come or go as a whole no fields: among many they would hide the names."""
    return [
        msgspec.structs.replace(change, fields=[])
        if all(field.before is None for field in change.fields) or all(field.after is None for field in change.fields)
        else change
        for change in changes
    ]


def _error_lines(name: str, error: RocketMQError) -> list[Said]:
    lines: list[Said] = [(f"{name}: {error.cause}", Health.CRITICAL)]
    if error.next_step:
        lines.append((f"  {error.next_step}", Health.INFO))
    return lines
