"""How a run of the prober looks: for people, as a Nagios plugin, and in Prometheus' text format."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from rocketmq_ops.common.spans import human_span
from rocketmq_ops.housekeeping.findings import Severity
from rocketmq_ops.housekeeping.probe.expectations import LEAST
from rocketmq_ops.mqadmin.exit_codes import PluginCode
from rocketmq_ops.mqadmin.lang import tr_heading, tr_message
from rocketmq_ops.mqadmin.render.exporter_names import samples_of_brokers, samples_of_group
from rocketmq_ops.mqadmin.render.outcome import Cell, Outcome, Table
from rocketmq_ops.mqadmin.render.plot import share_bar

if TYPE_CHECKING:
    from rocketmq_ops.housekeeping.probe.report import BrokerTrip, Measure, ProbeReport
    from rocketmq_ops.housekeeping.probe.turns import Part

CODE_OF: dict[Severity, PluginCode] = {
    Severity.OK: PluginCode.OK,
    Severity.INFO: PluginCode.OK,
    Severity.UNKNOWN: PluginCode.UNKNOWN,
    Severity.WARNING: PluginCode.WARNING,
    Severity.CRITICAL: PluginCode.CRITICAL,
}
#: What performance data has as units (monitoring-plugins guidelines); others have none.
_PERFDATA_UNITS = {"ms": "ms", "bytes": "B", "%": "%"}
#: From here on nobody reads ms.
_MANY_MS = 10_000
_METRIC_UNITS = {"ms": "_ms", "bytes": "_bytes", "%": "_percent", "messages": "", "messages/min": "_per_minute"}


def probe_outcome(report: ProbeReport, form: str) -> Outcome:
    """The outcome of a run in the form that was asked for."""
    text = {"nagios": nagios_text, "prometheus": prometheus_text}.get(form)
    return Outcome(
        data=report,
        blocks=_blocks(report),
        status="partial" if report.failures else "ok",
        errors=[] if text else list(report.failures),
        exit_code=CODE_OF[report.severity],
        text=None if text is None else text(report),
    )


def headline(report: ProbeReport, say: Callable[[str], str] = str) -> str:
    """The run in one line: how it is, and the worst of what is wrong; `say` says a text in the reader's language."""
    wrong = problems(report, say)
    name = say(CODE_OF[report.severity].name)
    if not wrong:
        trips = report.brokers
        told = (
            f"{sum(trip.received for trip in trips)} of {sum(trip.sent for trip in trips)} messages received "
            f"through {len(trips)} brokers in {report.elapsed_millis} ms"
        )
        return f"{name}: {say(told)}"
    more = say(f" (and {len(wrong) - 1} more)") if len(wrong) > 1 else ""
    return f"{name}: {wrong[0]}{more}"


def problems(report: ProbeReport, say: Callable[[str], str] = str) -> list[str]:
    """A line for each finding, and for each measure beyond its limits of which no finding tells, the worst first."""
    order = list(Severity)
    found = [
        (finding.severity, _of(finding.target, say(finding.evidence)))
        for finding in report.findings
        if CODE_OF[finding.severity] is not PluginCode.OK
    ]
    found += [
        (measure.severity, _of(measure.target, say(_told(measure))))
        for measure in report.measures
        if CODE_OF[measure.severity] is not PluginCode.OK and not report.tells_of(measure)
    ]
    found += [(Severity.UNKNOWN, _of(failure.target, say(failure.cause))) for failure in report.failures]
    return [line for _, line in sorted(found, key=lambda item: -order.index(item[0]))]


def _of(target: str, text: str) -> str:
    """The text with what it is about before it, unless it names that itself."""
    named = not target or re.search(rf"(?<![\w.:-]){re.escape(target)}(?![\w-])", text)
    return text if named else f"{target}: {text}"


def _told(measure: Measure) -> str:
    if measure.value is None:
        return f"{measure.name} is unknown"
    limit = measure.critical if measure.severity is Severity.CRITICAL else measure.warning
    value, expected = _quantity(measure.value, measure.unit), _quantity(limit or 0.0, measure.unit)
    if measure.name in LEAST:
        return f"{measure.name} is {value}, expected {expected} at least"
    return f"{measure.name} is {value}, expected {expected} at most"


def _quantity(value: float, unit: str) -> str:
    """A value with its unit; of many ms in the units of a clock."""
    return human_span(value) if unit == "ms" and value >= _MANY_MS else f"{value:g} {unit}"


def _blocks(report: ProbeReport) -> list[Table | str]:
    blocks: list[Table | str] = [headline(report, tr_message)]
    if report.brokers:
        columns = ["#Broker", "#Sent", "#Received", "#Send ms", "#Delivery ms", "#Delay error ms", "#Clock ms"]
        table = Table(columns, [])
        asked = {(each.name, each.target) for each in report.measures}
        for trip in report.brokers:
            row: list[Cell] = [trip.broker, trip.sent, trip.received]
            row += [max(trip.send_ms, default=None), max(trip.delivery_ms, default=None)]
            measured = ("delayError", trip.broker) in asked  # else there was no delayed message
            table.rows.append([*row, trip.delay_error_ms if measured else "", trip.clock_difference_ms])
        blocks += ["", table]
    blocks += _stages(report.brokers)
    beyond = [measure for measure in report.measures if CODE_OF[measure.severity] is not PluginCode.OK]
    if beyond:
        rows: list[list[Cell]] = [[m.severity.upper(), m.target, m.name, *_cells(m)] for m in beyond]
        columns = ["#Severity", "#Target", "#Measure", "#Value", "#Unit", "#Warning", "#Critical"]
        blocks += ["", Table(columns, rows, ours=["#Severity", "#Warning", "#Critical"])]
        if any(m.warning is None or m.critical is None for m in beyond):
            for row in rows:
                row[-2:] = ["never" if limit is None else limit for limit in row[-2:]]
    for host in report.hosts:
        unknown = host.unknown()
        told = f"HOST {host.target}: {host.told()}" + (f"; unknown: {', '.join(unknown)}" if unknown else "")
        blocks += ["", tr_message(told)]
    blocks += ["", *map(tr_message, map(_part, report.parts))] if report.parts else []
    for finding in report.findings:
        severity = tr_heading(finding.severity.upper())
        blocks += ["", f"{severity} {finding.id} {_of(finding.target, tr_message(finding.evidence))}"]
        if finding.remedy:
            blocks.append(f"  {tr_heading('next')}: {tr_message(finding.remedy)}")
    return blocks


def _part(part: Part) -> str:
    """That a run did not ask for all, and when it will have."""
    runs = -(-part.all // max(part.asked, 1))
    if part.what == "routes":
        return (
            f"the routes of {part.asked} of {part.all} topics were compared, the others are in the next runs: all of "
            f"them in {runs}"
        )
    return (
        f"of {part.all} groups of which nothing is known to wait {part.asked} were asked who is connected, the others "
        f"are in the next runs: all of them in {runs}"
    )


def _cells(measure: Measure) -> list[Cell]:
    """Value, unit and limits; many ms in the units of a clock."""
    figures = [measure.value, measure.warning, measure.critical]
    if measure.unit != "ms" or max(abs(figure or 0) for figure in figures) < _MANY_MS:
        return [measure.value, measure.unit, measure.warning, measure.critical]
    value, *limits = [None if figure is None else human_span(figure) for figure in figures]
    return [value, "", *limits]


def _stages(trips: Sequence[BrokerTrip]) -> list[Table | str]:
    """A bar for each broker: where the time of its slowest message went."""
    blocks: list[Table | str] = []
    for trip in trips:
        bar = trip.stages
        if bar is None or not bar.total_ms:
            continue
        shares = ", ".join(f"{at} {tr_heading(stage.name)} {stage.ms:.2f} ms" for at, stage in enumerate(bar.stages, 1))
        blocks += [
            "",
            f"STAGES {trip.broker}: the slowest message took {bar.total_ms:.2f} ms to arrive"
            + ("" if bar.noted_by_broker else ", as seen from outside"),
            f"  {share_bar([stage.ms for stage in bar.stages])}",
            f"  {shares}",
        ]
    return blocks


def nagios_text(report: ProbeReport) -> str:
    """A line with the state and performance data, then a line for each problem (monitoring-plugins guidelines)."""
    data = " ".join(
        f"'{measure.target} {measure.name}'={_plain(measure.value)}{_PERFDATA_UNITS.get(measure.unit, '')};"
        f"{_limit(measure.warning)};{_limit(measure.critical)};0"
        for measure in report.measures
        if measure.value is not None
    )
    lines = [line.replace("|", "/") for line in (f"ROCKETMQ {headline(report)}", *problems(report))]
    if data:
        lines[0] += f" | {data}"
    return "\n".join(lines) + "\n"


def _limit(value: float | None) -> str:
    return "" if value is None else _plain(value)


def _plain(value: float) -> str:
    """Digits alone: performance data has no exponents."""
    return f"{value:.3f}".rstrip("0").rstrip(".")


def prometheus_text(report: ProbeReport) -> str:
    """Gauges of the run; `rocketmq_probe_severity` is the state as an exit code has it."""
    families: dict[str, tuple[str, list[str]]] = {}

    def add(name: str, help_text: str, labels: Iterable[tuple[str, str]], value: float) -> None:
        _, lines = families.setdefault(name, (help_text, []))
        inner = ",".join(f'{key}="{_escaped(text)}"' for key, text in labels)
        lines.append(f"{name}{'{' + inner + '}' if inner else ''} {value!r}")

    add("rocketmq_probe_severity", "0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN", [], int(CODE_OF[report.severity]))
    add("rocketmq_probe_timestamp_seconds", "When the run began", [], report.timestamp / 1000)
    add("rocketmq_probe_duration_seconds", "How long the run took", [], report.elapsed_millis / 1000)
    for measure in report.measures:
        if measure.value is not None:
            name = f"rocketmq_probe_{_snake(measure.name)}{_METRIC_UNITS[measure.unit]}"
            add(name, f"The measure {measure.name}", [("target", measure.target)], measure.value)
    for trip in report.brokers:
        labels = [("cluster", trip.cluster), ("broker", trip.broker)]
        for kind, value in (("sent", trip.sent), ("stored", trip.stored), ("received", trip.received)):
            add("rocketmq_probe_messages", "Messages of the last run", [*labels, ("state", kind)], value)
    for finding in report.findings:
        add(
            "rocketmq_probe_finding",
            "What the last run found wrong, by the code of its severity",
            [("id", finding.id), ("target", finding.target)],
            int(CODE_OF[finding.severity]),
        )
    for host in report.hosts:
        labels = [("target", host.target)]
        for name, figure in host.figures().items():
            add(f"rocketmq_probe_host_{name}", "Of the broker's host while its messages went", labels, figure)
    for sample in samples_of_brokers(report.runtimes):
        add(*sample)
    for group in report.groups:
        for sample in samples_of_group(group):
            add(*sample)
    return "".join(
        f"# HELP {name} {help_text}\n# TYPE {name} gauge\n" + "".join(line + "\n" for line in dict.fromkeys(lines))
        for name, (help_text, lines) in families.items()
    )


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()
