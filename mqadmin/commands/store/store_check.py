"""`mqadmin store check`: what is damaged in a store directory, how bad it is, and what to do."""

from __future__ import annotations

from typing import Annotated

import msgspec

from rocketmq_ops.mqadmin.commands.store.store_predict import prediction_blocks
from rocketmq_ops.mqadmin.declare import Opt, command
from rocketmq_ops.mqadmin.exit_codes import ExitCode
from rocketmq_ops.mqadmin.lang import tr_heading, tr_message
from rocketmq_ops.mqadmin.options.store import (
    CommitLogDir,
    IndexSlots,
    LogFileSize,
    ReservedHours,
    StoreDir,
    WithoutCrc,
)
from rocketmq_ops.mqadmin.render.outcome import Cell, Outcome, Table
from rocketmq_ops.mqadmin.render.progress import progress_bar
from rocketmq_ops.mqadmin.run import Run
from rocketmq_ops.mqadmin.store_options import delay_levels as parse_levels
from rocketmq_ops.mqadmin.values import natural, positive, some_of, timestamp
from rocketmq_ops.store.inspect.check.catalogue import UNDETECTABLE
from rocketmq_ops.store.inspect.check.check_store import PARTS, CheckOptions, CheckResult, check_store, start_of
from rocketmq_ops.store.inspect.check.findings import Finding, Severity
from rocketmq_ops.store.inspect.predict.prediction import (
    BROKERS,
    DEFAULT_RESERVED_HOURS,
    Prediction,
    PredictOptions,
    predict,
)
from rocketmq_ops.store.inspect.reading.store_files import StoreDirectory

_EXIT = {
    None: ExitCode.OK,
    Severity.INFO: ExitCode.OK,
    Severity.WARNING: ExitCode.STORE_WARNING,
    Severity.ERROR: ExitCode.STORE_ERROR,
    Severity.CRITICAL: ExitCode.STORE_CRITICAL,
}


class StoreCheck(msgspec.Struct, rename="camel", kw_only=True):
    """`examined` counts what was looked at; `counts` all findings by id, of which `findings` lists the first of each
    kind.

    `resumeAt` is set when --max-duration ended the check early: give it to --resume. `worst` is null without findings.
    """

    store: str
    worst: str | None
    counts: dict[str, int]
    examined: dict[str, int]
    from_offset: int
    end_offset: int
    resume_at: int | None
    seconds: float
    findings: list[Finding]
    undetectable: list[str]
    predictions: list[Prediction] = []


@command(
    result=StoreCheck,
    rows="findings",
    offline=True,
    more_outputs=("sarif",),
    example="mqadmin store check /data/rocketmq/store",
)
async def store_check(
    run: Run,
    directory: StoreDir,
    only: Annotated[
        tuple[str, ...] | None,
        Opt("--only", help="parts, separated by commas: " + ", ".join(PARTS), parse=some_of(*PARTS), metavar="PARTS"),
    ] = None,
    since: Annotated[
        int | None, Opt("--since", help="begin with the file that holds this time", parse=timestamp)
    ] = None,
    max_duration: Annotated[
        int | None, Opt("--max-duration", help="stop after so many seconds", parse=positive)
    ] = None,
    resume: Annotated[
        int | None, Opt("--resume", help="go on from the resumeAt of a check before", parse=natural)
    ] = None,
    live: Annotated[
        bool, Opt("--live", help="a broker is running on the store: what it has not dispatched yet is not a fault")
    ] = False,
    with_predictions: Annotated[
        bool, Opt("--predict", help="add what a broker's recovery will do (as `store predict` says it)")
    ] = False,
    no_crc: WithoutCrc = False,
    commitlog: CommitLogDir | None = None,
    reserved_hours: ReservedHours = DEFAULT_RESERVED_HOURS,
    log_size: LogFileSize | None = None,
    delay_levels: Annotated[
        list[int] | None,
        Opt(
            "--messageDelayLevel",
            help="the broker's delay levels, where not Apache's",
            parse=parse_levels,
            metavar="LEVELS",
        ),
    ] = None,
    slots: IndexSlots | None = None,
) -> Outcome:
    """Nothing is written. The exit code is by the worst finding: 10 warning, 11 error, 12 critical, 0 for less.

    With --since, --resume or --max-duration only a part of the log is read; units and index entries that no record
    confirmed are then not judged.
    """
    store = StoreDirectory(directory, commitlog)
    start = resume if resume is not None else start_of(store, since) if since is not None else 0
    options = CheckOptions(
        parts=only or PARTS, crc=not no_crc, start=start, max_seconds=max_duration, live=live,
        reserved_hours=reserved_hours,
        file_size=log_size, delay_levels=delay_levels, max_hash_slot_num=slots,
    )  # fmt: skip
    with progress_bar("checking", start, store.commitlog.max_offset) as progress:
        result = check_store(store, options, progress)
    data = _data(directory, start, result)
    if with_predictions:
        recovery = PredictOptions(
            log_file_size=log_size,
            max_hash_slot_num=slots,
            check_crc=not no_crc,
            reserved_hours=reserved_hours,
            delay_levels=options.delay_levels,
        )
        data.predictions = [predict(store, broker, recovery) for broker in BROKERS]
    store.close()
    notes = []
    if result.resume_at is not None:
        notes.append(f"stopped after {max_duration} s; go on with --resume {result.resume_at}")
    elif start > store.commitlog.min_offset:
        notes.append(f"checked from offset {start} on; units and index entries without a record were not judged")
    exit_code = _EXIT[result.report.worst]
    outcome = Outcome(data=data, blocks=_blocks(data), notes=notes, exit_code=exit_code)
    if run.options.output == "sarif":
        from rocketmq_ops.mqadmin.render.sarif import sarif

        outcome.text = sarif(data.findings, directory)
    return outcome


def _data(directory: str, start: int, result: CheckResult) -> StoreCheck:
    worst = result.report.worst
    order = {severity.name.lower(): -severity for severity in Severity}
    return StoreCheck(
        store=directory, worst=None if worst is None else worst.name.lower(), counts=result.report.counts,
        examined=result.report.facts, from_offset=start, end_offset=result.end_offset, resume_at=result.resume_at,
        seconds=round(result.seconds, 3), findings=sorted(result.report.findings, key=lambda f: order[f.severity]),
        undetectable=list(UNDETECTABLE),
    )  # fmt: skip


def _blocks(data: StoreCheck) -> list[Table | str]:
    examined = ", ".join(f"{count:,} {tr_heading(name)}" for name, count in data.examined.items()) or "nothing"
    blocks: list[Table | str] = [f"examined {examined}; the log ends at {data.end_offset}; {data.seconds} s"]
    rows: list[list[Cell]] = []
    for finding in data.findings:
        place = finding.file + ("" if finding.position is None else f" +{finding.position}")
        rows.append([finding.severity.upper(), finding.id, place, finding.message])
    if rows:
        blocks.append(Table(["#SEVERITY", "#ID", "#PLACE", "#FINDING"], rows, ours=("#SEVERITY", "#FINDING")))
        for kind in data.counts:
            listed = sum(1 for f in data.findings if f.id == kind)
            if data.counts[kind] > listed:
                blocks.append(f"{kind}: {data.counts[kind] - listed} more")
        actions = dict.fromkeys(f"{f.id}: {tr_message(f.action)}" for f in data.findings)
        blocks += ["to do (`mqadmin store explain ID` says more):", *("  " + action for action in actions)]
    else:
        blocks.append("no findings")
    for prediction in data.predictions:
        blocks += prediction_blocks(prediction)
    return blocks
