"""`mqadmin doctor`: what is wrong with a cluster, with evidence and remedy."""

from __future__ import annotations

import asyncio
from typing import Annotated

import msgspec

from rocketmq_ops.common.clock import now_ms
from rocketmq_ops.common.errors import Failure
from rocketmq_ops.housekeeping.doctor.examine import GIVEN, SUBJECTS, examine, needed, rules_of
from rocketmq_ops.housekeeping.doctor.facts import Facts, Part
from rocketmq_ops.housekeeping.findings import Finding, Severity
from rocketmq_ops.mqadmin.declare import Opt, command
from rocketmq_ops.mqadmin.errors import usage
from rocketmq_ops.mqadmin.history_options import history_path
from rocketmq_ops.mqadmin.lang import tr_message
from rocketmq_ops.mqadmin.options.housekeeping import BundleFile, ConfigFile, HistoryFile, OnHost
from rocketmq_ops.mqadmin.render.findings import counts_of, exit_of, finding_blocks, worst_first
from rocketmq_ops.mqadmin.render.outcome import Outcome
from rocketmq_ops.mqadmin.run import Run
from rocketmq_ops.mqadmin.values import natural, one_of, path

ALL = "all"


class DoctorReport(msgspec.Struct, rename="camel", kw_only=True):
    """`rules` is how many were applied; `counts` the findings by severity, `findings` all of them, the worst first."""

    subject: str
    taken_at: int
    rules: int
    counts: dict[str, int]
    findings: list[Finding]


@command(
    result=DoctorReport,
    rows="findings",
    name="id",
    offline_with=("store", "from_file"),
    example="mqadmin doctor disk",
)
async def doctor(
    run: Run,
    subject: Annotated[
        str | None,
        Opt("SUBJECT", help=f"{', '.join(SUBJECTS)} or all (default all)", parse=one_of(*SUBJECTS, ALL)),
    ] = None,
    config: Annotated[ConfigFile | None, "compare running brokers with this property file"] = None,
    from_file: BundleFile | None = None,
    store: Annotated[
        str | None,
        Opt("--store", help="examine this store directory, and no cluster", parse=path, metavar="STORE_DIR"),
    ] = None,
    host: OnHost = False,
    apart: Annotated[
        int | None,
        Opt(
            "--apart",
            help="read what moves once more after so many seconds: what stands still, fails again and again, grows",
            parse=natural,
            metavar="SECONDS",
        ),
    ] = None,
    history: HistoryFile | None = None,
    to: Annotated[
        str | None,
        Opt("--to", help="what this version will refuse, ignore or change: 5.3 or 5.5", parse=one_of("5.3", "5.5")),
    ] = None,
) -> Outcome:
    """Facts are asked for once, each request within --timeout; nothing is changed, no business message is read.

    A rule that lacks facts has a finding `unknown`. The exit code is by the worst finding: 12 critical, 10 warning,
    5 unknown, 0 for less. docs/doctor.md has every rule, with the false alarms it can give.
    """
    chosen = None if subject in (None, ALL) else subject
    if store is not None:
        if chosen not in (None, "store") or host or apart or not (config is from_file is to is history is None):
            raise usage("--store examines a directory alone", "leave the other options out")
        from rocketmq_ops.housekeeping.doctor.local import store_facts

        facts = Facts(taken_at=now_ms(), store=store_facts(store), asked=[Part.STORE])
        return _outcome("store", facts, {Part.STORE})
    if chosen == "store":
        raise usage("a store is examined by its directory", "give it with --store")
    if from_file is not None and host:
        raise usage("--host looks at this machine, and a bundle is of another time", "give --host to mqadmin bundle")
    if from_file is not None and apart:
        raise usage("--apart asks a cluster twice", "a bundle has its second reading: give --apart to mqadmin bundle")
    if from_file is not None and history is not None:
        raise usage("--history goes with a cluster", "a bundle has what the history said when it was made")
    given = {part for part, value in ((Part.FILE, config), (Part.TARGET, to)) if value is not None}
    given |= {Part.LATER} if apart else set()
    file = None
    if config is not None:
        from rocketmq_ops.housekeeping.doctor.local import file_facts

        file = file_facts(config)
    facts = await _facts(run, chosen, given, from_file, apart)
    if from_file is None and (chosen in (None, "os", "net") or history is not None):
        from rocketmq_ops.housekeeping.doctor.lately import add_history

        add_history(facts, history_path(run, history), named=history is not None)
    if from_file is None and Part.CERTIFICATES in facts.asked:
        from rocketmq_ops.housekeeping.doctor.local import add_certificates

        add_certificates(facts, run.connection.tls)
    given |= {Part.LATER} if facts.later is not None else set()
    given |= {Part.HISTORY} if Part.HISTORY in facts.asked else set()
    if host:
        from rocketmq_ops.housekeeping.doctor.local import add_host

        add_host(facts)
    if facts.host is not None:
        given.add(Part.HOST)
    facts.file, facts.target = file, to
    facts.asked += sorted(given - set(facts.asked))
    return _outcome(chosen, facts, given)


async def _facts(run: Run, subject: str | None, given: set[Part], bundle: str | None, apart: int | None) -> Facts:
    if bundle is not None:
        from rocketmq_ops.housekeeping.bundle.bundle import read_bundle

        read = read_bundle(bundle)
        read.facts.later = read.later
        return read.facts
    from rocketmq_ops.housekeeping.doctor.gather import gather, gather_again

    async with run.admin() as admin:
        facts = await gather(admin, needed(rules_of(subject, given)) - GIVEN)
        if apart:
            await asyncio.sleep(apart)
            facts.later = await gather_again(admin, facts, apart)
        return facts


def _outcome(subject: str | None, facts: Facts, given: set[Part]) -> Outcome:
    rules = rules_of(subject, given)
    findings = worst_first(examine(facts, rules))
    report = DoctorReport(
        subject=subject or ALL,
        taken_at=facts.taken_at,
        rules=len(rules),
        counts=counts_of(findings),
        findings=findings,
    )
    unknown = any(finding.severity is Severity.UNKNOWN for finding in findings)
    parts = needed(rules)
    missing = [each for each in facts.missing if each.part in parts]
    errors = {(each.target, each.cause): Failure(each.target, each.cause) for each in missing}
    return Outcome(
        data=report,
        blocks=[tr_message(f"{len(rules)} rules"), *finding_blocks(findings)],
        status="partial" if unknown else "ok",
        errors=list(errors.values()),
        exit_code=exit_of(findings),
    )
