"""`mqadmin bundle`: what the doctor would ask a cluster, in one file, without secrets."""

from __future__ import annotations

import asyncio
from typing import Annotated

import msgspec

from rocketmq_ops import __version__
from rocketmq_ops.common.errors import Failure
from rocketmq_ops.common.secrets import text_without
from rocketmq_ops.housekeeping.bundle.bundle import Bundle, LeftOut, write_bundle
from rocketmq_ops.housekeeping.bundle.logs import tails
from rocketmq_ops.housekeeping.bundle.redact import redacted
from rocketmq_ops.housekeeping.doctor.examine import GIVEN
from rocketmq_ops.housekeeping.doctor.facts import Facts, Missing, Part
from rocketmq_ops.housekeeping.doctor.gather import gather, gather_again
from rocketmq_ops.housekeeping.doctor.lately import add_history
from rocketmq_ops.housekeeping.history.database import HistoryError, NoHistoryError
from rocketmq_ops.housekeeping.history.file import History
from rocketmq_ops.housekeeping.history.slice import slice_of
from rocketmq_ops.mqadmin.declare import Opt, command
from rocketmq_ops.mqadmin.history_options import history_path
from rocketmq_ops.mqadmin.lang import tr_message
from rocketmq_ops.mqadmin.options.housekeeping import OnHost
from rocketmq_ops.mqadmin.render.outcome import Outcome
from rocketmq_ops.mqadmin.run import Run
from rocketmq_ops.mqadmin.values import natural, path

DEFAULT_SECONDS = 60


class BundleReport(msgspec.Struct, rename="camel", kw_only=True):
    """What was written where; `removed` lists what was taken out, `left_out` files of the log folder that are not in
    it, `missing` counts questions without an answer."""

    path: str
    length: int
    brokers: int
    topics: int
    groups: int
    seconds: int
    log_files: int
    missing: int
    removed: list[str]
    left_out: list[LeftOut]


@command(result=BundleReport, name="path", example="mqadmin bundle /tmp/cluster.bundle")
async def bundle(
    run: Run,
    target: Annotated[str, Opt("TARGET", help="a new file", parse=path)],
    seconds: Annotated[
        int,
        Opt(
            "--apart",
            help="seconds between two readings of what moves (default 60, 0: one reading)",
            parse=natural,
            metavar="SECONDS",
        ),
    ] = DEFAULT_SECONDS,
    logs: Annotated[
        str | None,
        Opt("--logs", help="add the last lines of the *.log files of this folder", parse=path, metavar="FOLDER"),
    ] = None,
    host: OnHost = False,
    with_secrets: Annotated[bool, Opt("--with-secrets", help="leave secrets in it")] = False,
) -> Outcome:
    """Holds configuration, routes, topics, groups, offsets, clients and figures; no messages. Nothing is changed.

    Values whose key names a secret, passwords in URLs, headers that authorize, cookies and PEM blocks are removed and
    listed, in logs too. `mqadmin doctor --from TARGET` examines it. The file can be read by its owner alone.
    """
    tail, left_out = tails(logs) if logs is not None else ([], [])
    async with run.admin() as admin:
        facts = await gather(admin, set(Part) - GIVEN)
        later = None
        if seconds:
            await asyncio.sleep(seconds)
            later = await gather_again(admin, facts, seconds)
    place = history_path(run, None)
    add_history(facts, place, named=False)
    runs = None
    try:
        with History.read(place) as history:
            runs = slice_of(history, str if with_secrets else text_without)
    except NoHistoryError:
        pass
    except HistoryError as error:
        facts.missing.append(Missing(Part.HISTORY, str(place), error.cause))
    if host:
        from rocketmq_ops.housekeeping.doctor.local import add_host

        add_host(facts)
    made = Bundle(
        made_by=f"rocketmq-ops {__version__}", facts=facts, later=later, history=runs, logs=tail, left_out=left_out
    )
    if not with_secrets:
        made = redacted(made)
    return _outcome(made, target, seconds, write_bundle(target, made))


def _outcome(made: Bundle, target: str, seconds: int, length: int) -> Outcome:
    facts: Facts = made.facts
    report = BundleReport(
        path=target,
        length=length,
        brokers=len(facts.brokers),
        topics=len({name for table in facts.topics.values() for name in table}),
        groups=len({name for table in facts.groups.values() for name in table}),
        seconds=seconds,
        log_files=len(made.logs),
        missing=len(facts.missing),
        removed=made.removed,
        left_out=made.left_out,
    )
    errors = {(each.target, each.cause): Failure(each.target, each.cause) for each in facts.missing}
    errors |= {(each.path, each.why): Failure(each.path, each.why) for each in made.left_out if each.failed}
    counts = (
        f"brokers: {report.brokers}, topics: {report.topics}, groups: {report.groups}, log files: {report.log_files}"
    )
    removed = [f"removed: {place}" for place in made.removed] or ["nothing was removed"]
    removed += [f"left out: {each.path}: {each.why}" for each in made.left_out if not each.failed]
    return Outcome(
        data=report,
        blocks=[tr_message(line) for line in (f"{target}: {length} bytes, {counts}", *removed)],
        status="partial" if errors else "ok",
        errors=list(errors.values()),
    )
