"""`mqadmin doctor`: what is wrong with a cluster, with evidence and remedy."""

from __future__ import annotations

from typing import Annotated

import msgspec

from rocketmq_ops.common.clock import now_ms
from rocketmq_ops.common.errors import Failure
from rocketmq_ops.housekeeping.doctor.examine import GIVEN, SUBJECTS, examine, needed, rules_of
from rocketmq_ops.housekeeping.doctor.facts import Facts, Part
from rocketmq_ops.housekeeping.findings import Finding, Severity
from rocketmq_ops.mqadmin.declare import Opt, command
from rocketmq_ops.mqadmin.errors import usage
from rocketmq_ops.mqadmin.options import ConfigFile
from rocketmq_ops.mqadmin.render.findings import counts_of, exit_of, finding_blocks, worst_first
from rocketmq_ops.mqadmin.render.outcome import Outcome
from rocketmq_ops.mqadmin.run import Run
from rocketmq_ops.mqadmin.values import one_of, path

ALL = "all"


class DoctorReport(msgspec.Struct, rename="camel", kw_only=True):
    """`rules` is how many were applied; `counts` the findings by severity, `findings` all of them, the worst first."""

    subject: str
    taken_at: int
    rules: int
    counts: dict[str, int]
    findings: list[Finding]


@command(result=DoctorReport, rows="findings", name="id", offline_with=("store",), example="mqadmin doctor disk")
async def doctor(
    run: Run,
    subject: Annotated[
        str | None,
        Opt("SUBJECT", help=f"{', '.join(SUBJECTS)} or all (default all)", parse=one_of(*SUBJECTS, ALL)),
    ] = None,
    config: Annotated[ConfigFile | None, "compare running brokers with this property file"] = None,
    store: Annotated[
        str | None,
        Opt("--store", help="examine this store directory, and no cluster", parse=path, metavar="STORE_DIR"),
    ] = None,
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
        if chosen not in (None, "store") or config is not None or to is not None:
            raise usage("--store examines a directory alone", "leave the other options out")
        return _outcome("store", _store_facts(store), {Part.STORE})
    if chosen == "store":
        raise usage("a store is examined by its directory", "give it with --store")
    given = {part for part, value in ((Part.FILE, config), (Part.TARGET, to)) if value is not None}
    facts = await _cluster_facts(run, chosen, given, config)
    facts.target = to
    return _outcome(chosen, facts, given)


def _store_facts(directory: str) -> Facts:
    from rocketmq_ops.housekeeping.doctor.local import store_facts

    return Facts(taken_at=now_ms(), store=store_facts(directory), asked=[Part.STORE])


async def _cluster_facts(run: Run, subject: str | None, given: set[Part], config: str | None) -> Facts:
    from rocketmq_ops.housekeeping.doctor.gather import gather

    file = None
    if config is not None:
        from rocketmq_ops.housekeeping.doctor.local import file_facts

        file = file_facts(config)
    parts = needed(rules_of(subject, given)) - GIVEN
    async with run.admin() as admin:
        facts = await gather(admin, parts)
    facts.file = file
    facts.asked += sorted(given)
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
    errors = {(each.target, each.cause): Failure(each.target, each.cause) for each in facts.missing}
    return Outcome(
        data=report,
        blocks=[f"{len(rules)} rules", *finding_blocks(findings)],
        status="partial" if unknown else "ok",
        errors=list(errors.values()),
        exit_code=exit_of(findings),
    )
