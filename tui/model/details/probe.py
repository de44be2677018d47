"""What the prober has kept of this cluster: its last run, and how its figures went over the last runs."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Final

from rocketmq_ops.common.clock import now_ms
from rocketmq_ops.common.errors import Failure
from rocketmq_ops.common.spans import human_span
from rocketmq_ops.housekeeping.history import found
from rocketmq_ops.housekeeping.history.database import HistoryError
from rocketmq_ops.housekeeping.history.file import History
from rocketmq_ops.housekeeping.history.place import history_file
from rocketmq_ops.housekeeping.lag import WINDOW_RUNS, LagState, judge
from rocketmq_ops.housekeeping.probe.expectations import MEASURES, Unit
from rocketmq_ops.tui.model.address import Address
from rocketmq_ops.tui.model.details.detail import Asking, Fact, Part, Section, also, steady, table_of
from rocketmq_ops.tui.model.details.group_queues import HEALTH
from rocketmq_ops.tui.model.figures import count, figure
from rocketmq_ops.tui.model.moment import Moment
from rocketmq_ops.tui.model.table import Column, Health, Kind, Row, worst_first

_FIGURES: Final = (
    Column(key="figure", title="Figure", kind=Kind.SENTENCE, least=20),
    Column(key="target", title="About", least=16),
    Column(key="last", title="Last", right=True, least=8),
    Column(key="least", title="Least", right=True, least=8, drop=1),
    Column(key="most", title="Most", right=True, least=8, drop=1),
    Column(key="course", title="Last runs", least=24),
)
_FINDINGS: Final = (
    Column(key="severity", title="Severity", kind=Kind.STATE),
    Column(key="since", title="Since", kind=Kind.MOMENT),
    Column(key="rule", title="Rule", least=12),
    Column(key="target", title="About", least=10),
    Column(key="evidence", title="Evidence", kind=Kind.SENTENCE, least=24),
    Column(key="remedy", title="Remedy", kind=Kind.SENTENCE, least=24, drop=1),
)
_GROUPS: Final = (
    Column(key="group", title="Group", least=20),
    Column(key="state", title="State", kind=Kind.STATE),
    Column(key="lag", title="Lag", kind=Kind.COUNT, burden=True),
    Column(key="evidence", title="Evidence", kind=Kind.SENTENCE, least=30),
)
_FAILURES: Final = (
    Column(key="time", title="Run", kind=Kind.MOMENT),
    Column(key="target", title="About", least=16),
    Column(key="cause", title="Cause", kind=Kind.SENTENCE, least=30),
)
#: How far back it looks for since when something is found.
FOUND_SINCE_MS: Final = 24 * 3_600_000
#: How far back it looks, and values that one course shows.
LOOKED_AT_MS: Final = 3_600_000
COURSE: Final = 24
_PREFIX: Final = "probe."
_STEPS: Final = "▁▂▃▄▅▆▇█"


def parts(asking: Asking) -> Sequence[Part]:
    """The parts of `:probe`, out of the history that `mqadmin probe` writes on this machine."""

    def path() -> Path:
        return history_file(asking.admin.name_servers)

    async def findings() -> Section:
        return await asyncio.to_thread(_read, finding_section, path())

    def findings_then(moment: Moment) -> Section | None:
        with contextlib.suppress(HistoryError):  # the screen says so
            return _read(partial(finding_section, at_ms=moment.time_ms), path())
        return None

    async def figures() -> Section:
        return await asyncio.to_thread(_read, figure_section, path())

    async def groups() -> Section:
        return await asyncio.to_thread(_read, group_section, path())

    async def failures() -> Section:
        return await asyncio.to_thread(_read, failure_section, path())

    return (
        Part("findings", "Findings", findings, findings_then, whole=True),
        Part("figures", "Figures", figures),
        Part("groups", "Groups", groups),
        Part("failures", "Failures", failures),
    )


def _read(section: object, path: Path) -> Section:
    if not path.exists():
        return Section(
            note="the prober has not run on this machine: mqadmin probe --watch, or its timer, keeps a history"
        )
    with History.read(path) as history:
        return section(history)  # type: ignore[operator,no-any-return]


def finding_section(history: History, at_ms: int | None = None) -> Section:
    """What the last run found, or the last until a time, the worst first, and since when it has been found, of the last
    day."""
    span = history.span()
    last_ms = at_ms or (now_ms() if span is None else max(span.last_ms, now_ms()))
    changes = found.found(history, last_ms - FOUND_SINCE_MS, last_ms)
    if not changes:
        return Section(note="the runs until now have kept no findings: those of the next run are shown")
    lasting = found.since(changes)
    rows = [
        Row(
            key=key,
            cells=(finding.severity.value, begun, finding.id, finding.target, finding.evidence, finding.remedy),
            health=Health(finding.severity.value),
        )
        for key, (finding, begun) in zip(steady(f"{one.id} {one.target}" for one, _ in lasting), lasting, strict=True)
    ]
    rows.sort(key=lambda row: worst_first(row.health))
    return also(table_of(_FINDINGS, rows, "the last run found nothing"), (), *_facts(history))


def figure_section(history: History) -> Section:
    """Each figure of the last hour of runs."""
    span = history.span()
    if span is None:
        return Section(note="the history has no run yet")
    figures = history.figures(span.last_ms - LOOKED_AT_MS, span.last_ms, _PREFIX)
    rows = []
    for (name, target), points in sorted(figures.items()):
        values, measure = [value for _, value in points], name.removeprefix(_PREFIX)
        rows.append(
            Row(
                key=f"{name} {target}",
                cells=(
                    measure,
                    target,
                    *(_written(measure, value) for value in (values[-1], min(values), max(values))),
                    course(values[-COURSE:]),
                ),
            )
        )
    return also(table_of(_FIGURES, rows, "its runs have no figures"), (), *_facts(history))


def _written(measure: str, value: float) -> str:
    """A value with its unit."""
    known = MEASURES.get(measure)
    match known.unit if known is not None else Unit.COUNT:
        case Unit.TIME:
            return human_span(round(value))
        case Unit.BYTES:
            return figure(value, Kind.BYTES, 0)
        case Unit.SHARE:
            return figure(value / 100, Kind.SHARE, 0)
        case Unit.RATE:
            return f"{count(value)}/min"
        case _:
            return count(value)


def _facts(history: History) -> list[Fact]:
    span = history.span()
    if span is None:
        return []
    return [
        Fact("Last run", span.last_ms, Kind.MOMENT),
        Fact("Runs", span.runs, Kind.COUNT),
        Fact("First run", span.first_ms, Kind.MOMENT),
    ]


def course(values: Sequence[float]) -> str:
    """Values as a line of blocks, from the least to the most."""
    least, most = min(values), max(values)
    if most == least:
        return _STEPS[0] * len(values)
    return "".join(_STEPS[round((value - least) / (most - least) * (len(_STEPS) - 1))] for value in values)


def group_section(history: History) -> Section:
    """How the groups keep up, by the last runs."""
    rows = []
    for name, window in history.last_windows(WINDOW_RUNS).items():
        judged = judge(window)
        rows.append(
            Row(
                key=name,
                cells=(name, judged.state.value, judged.lag, judged.evidence),
                health=HEALTH[judged.state],
                opens=Address("group", name),
            )
        )
    order = list(LagState)
    rows.sort(key=lambda row: order.index(LagState(str(row.cells[1]))), reverse=True)
    return also(table_of(_GROUPS, rows, "the last runs saw no group"), (), *_facts(history))


def failure_section(history: History) -> Section:
    """What the runs of the last hour could not learn, the latest first."""
    span = history.span()
    if span is None:
        return Section(note="the history has no run yet")
    failed: list[tuple[int, Failure]] = [
        (time_ms, failure)
        for time_ms, failures in history.failures(span.last_ms - LOOKED_AT_MS, span.last_ms).items()
        for failure in failures
    ]
    rows = [
        Row(key=key, cells=(time_ms, failure.target, failure.cause), health=Health.WARNING)
        for key, (time_ms, failure) in zip(steady(f"{at} {what.target}" for at, what in failed), failed, strict=True)
    ][::-1]
    return also(
        table_of(_FAILURES, rows, "the runs of the last hour learned all that they asked for"), (), *_facts(history)
    )
