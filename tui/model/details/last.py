"""A part that is asked for in vain, or that some servers do not tell of: what was told last stays, and is no more."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Final, NamedTuple

import msgspec

from rocketmq_ops.client.errors import NoBrokerError, NotFoundError
from rocketmq_ops.common.errors import Failure, RocketMQError, failure_of
from rocketmq_ops.tui.model.asked import told
from rocketmq_ops.tui.model.broker_state import signs, telling
from rocketmq_ops.tui.model.details.detail import Part, Section, worst
from rocketmq_ops.tui.model.details.last_columns import with_columns
from rocketmq_ops.tui.model.moment import Moment
from rocketmq_ops.tui.model.table import Health, Row, Table, worst_first

#: Rows that an answer does not have at all and that stay as they were told, at most: those that were told last.
MOST_LEFT: Final = 1_000
#: Why a broker that answers does not tell.
NOT_ASKED: Final = "it was not asked: no name server leads to it"
#: The column that says how a row is.
_STATE = "state"


class Last(NamedTuple):
    """What a part was told last, and when (ms since 1970)."""

    section: Section
    told_ms: int


def failed_section(error: RocketMQError, *, there: bool = False) -> Section:
    """Why there is nothing: what is not there is an answer, unless it is `there` as far as is known."""
    if isinstance(error, NotFoundError) and not there:
        text = f"{error.cause}: {error.next_step}" if error.next_step else error.cause
        return Section(note=text, health=Health.UNKNOWN)
    return Section(failures=(failure_of("", error),), health=Health.CRITICAL)


def error_is_no_answer(error: RocketMQError, parts: Iterable[Part], moment: Moment) -> bool:
    """Whether nobody tells of it as who did is silent: the moment has it still."""
    if not isinstance(error, NotFoundError):
        return True
    asked = telling(moment.brokers.values()).values()  # a slave beside its master tells of nothing more
    if not any(broker.outdated or broker.unlisted_since is not None for broker in asked):
        return False
    known = (part.past(moment) for part in parts if part.past is not None)
    return any(section is not None and section.table is not None and section.table.rows for section in known)


def led_nowhere(error: RocketMQError, parts: Iterable[Part], moment: Moment) -> list[Failure]:
    """Why name servers lead nowhere: the brokers that have what is asked for, as far as the moment knows, and that they
    do not list any more; where that is not known, all such brokers."""
    if not isinstance(error, (NotFoundError, NoBrokerError)):
        return []
    names = {
        broker(row)
        for broker, past in ((part.broker, part.past) for part in parts)
        if broker is not None and past is not None
        if (section := past(moment)) is not None and section.table is not None
        for row in section.table.rows
    }
    return not_listed(moment, names or names_of(moment))


def in_vain(section: Section) -> bool:
    """Whether it has failures, and nothing else; that there are no rows may be an answer of those that gave one."""
    rows = section.table is not None and bool(section.table.rows)
    return bool(section.failures) and not rows and section.lines is None and section.lacks is None


def last_of(moment: Moment, kept_as: str) -> Last | None:
    """What a screen of the same was told that was closed since. `kept_as`: the name that its answers are kept under."""
    known = told(moment.asked, kept_as)
    return None if known is None or known.too_large else Last(known.section, known.asked_ms)


def with_last(section: Section, part: Part, moment: Moment, last: Last | None) -> Section:
    """An answer that lacks something, with what was told of that before, else with what the moment knows by itself."""
    if in_vain(section):
        return _in_vain(section, part, moment, last)
    if section.table is None or last is None or last.section.table is None:
        return section
    table = with_columns(section.table, section.untold, last.section.table, last.told_ms)
    table = _filled(section, table, last, last.section.table)
    if table is section.table:
        return section
    health = worst([section.health, *(row.health for row in table.rows)])
    counted = {fact.name: fact for fact in section.counted(table.rows)} if section.counted is not None else {}
    facts = tuple(counted.get(fact.name, fact) for fact in section.facts)
    return msgspec.structs.replace(section, facts=facts, table=table, health=health)


def _in_vain(section: Section, part: Part, moment: Moment, last: Last | None) -> Section:
    now = part.stands(moment) if part.stands is not None else ()
    facts = tuple(msgspec.structs.replace(fact, now=True) for fact in now)
    silent = signs(moment.brokers.values())

    def sign(row: Row) -> Health | None:
        return silent.get(part.broker(row)) if part.broker is not None else None

    if last is None:
        base = part.past(moment) if part.past is not None else None
        if base is None or base.table is None or not base.table.rows:  # that there is none is not known
            return msgspec.structs.replace(section, facts=facts or section.facts, table=None, health=Health.CRITICAL)
        return msgspec.structs.replace(
            base, facts=facts or base.facts, failures=section.failures, health=Health.CRITICAL
        )
    was, since = last.section, last.section.stale_since or last.told_ms
    table = was.table
    if table is not None:
        rows = [_stale(row, table, since, sign(row)) for row in table.rows]
        rows.sort(key=lambda row: worst_first(row.health))
        table = msgspec.structs.replace(table, rows=rows, note="")
    said = {fact.name for fact in facts}
    return msgspec.structs.replace(
        was,
        facts=(*facts, *(fact for fact in was.facts if not fact.now and fact.name not in said)),
        table=table,
        note="",
        failures=section.failures,
        health=Health.CRITICAL,
        stale_since=since,
        lacks=None,
    )


def _filled(section: Section, table: Table, last: Last, before: Table) -> Table:
    """The rows with those that it says nothing of, as they were told."""
    lacks = section.lacks
    if lacks is None or [each.key for each in table.columns] != [each.key for each in before.columns]:
        return table
    there = {row.key for row in table.rows if lacks(row) is None}
    signs = {row.key: lacks(row) for row in before.rows}
    was = {row.key: row for row in before.rows if signs[row.key] is not None and row.key not in there}
    rows = []
    for row in table.rows:
        old = was.pop(row.key, None)
        rows.append(row if old is None else _stale(old, table, last.told_ms, row.health))
    left = sorted(was.values(), key=lambda row: row.stale_since or last.told_ms, reverse=True)[:MOST_LEFT]
    rows += [_stale(row, table, last.told_ms, signs[row.key]) for row in left]
    rows.sort(key=lambda row: worst_first(row.health))
    return msgspec.structs.replace(table, rows=rows)


def _stale(row: Row, table: Table, since: int, health: Health | None = None) -> Row:
    """A row of before, under a sign. What was wrong may be so still; that all was well is not known now."""
    cells, state = row.cells, table.place(_STATE)
    if state is not None and row.health in (Health.OK, Health.INFO, Health.UNKNOWN):
        cells = (*cells[:state], None, *cells[state + 1 :])
    return msgspec.structs.replace(
        row, cells=cells, health=worst([row.health, health or Health.UNKNOWN]), stale_since=row.stale_since or since
    )


def not_led_to(moment: Moment, names: Iterable[str], heard: Collection[str]) -> list[Failure]:
    """Why brokers that have a part of something, by their names, do not tell of it, where no name server leads to them
    any more: these leave out who has lost its connection. `heard`: names that have told, and addresses that failed."""
    wanted = set(names).difference(heard)
    return [
        broker.failure or Failure(broker.address, NOT_ASKED, "see why it is not registered")
        for broker in telling(moment.brokers.values()).values()
        if (broker.failure is not None or broker.unlisted_since is not None)
        and broker.broker_name in wanted
        and broker.address not in heard
    ]


def not_listed(moment: Moment, names: Iterable[str], heard: Collection[str] = ()) -> list[Failure]:
    """The same of those alone that no name server lists."""
    silent = not_led_to(moment, names, heard)
    return [failure for failure in silent if moment.brokers[failure.target].unlisted_since is not None]


def watched_alone(moment: Moment) -> set[str]:
    """The names of the brokers that answer and that no name server lists: who asks name servers does not ask them."""
    brokers = telling(moment.brokers.values()).values()
    return {broker.broker_name for broker in brokers if broker.unlisted_since is not None and not broker.outdated}


def led_past(moment: Moment, untold: Iterable[str]) -> set[str]:
    """Of brokers that have never told, by their names, those that no name server leads to: what is asked for may be
    there as well, and who asks name servers does not learn of it."""
    brokers = telling(moment.brokers.values()).values()
    return {broker.broker_name for broker in brokers if broker.unlisted_since is not None}.intersection(untold)


def names_of(moment: Moment) -> set[str]:
    """All brokers, by their names."""
    return {broker.broker_name for broker in moment.brokers.values()}


def silent_brokers(failures: Sequence[Failure], moment: Moment) -> dict[str, Health]:
    """The brokers that did not answer, by their names, and how each is as far as is known."""
    found = ((failure.target, moment.brokers.get(failure.target)) for failure in failures)
    return {broker.broker_name: worst([broker.health, Health.UNKNOWN]) for _, broker in found if broker is not None}
