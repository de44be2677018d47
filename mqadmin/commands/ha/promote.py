"""`mqadmin promote`: make a slave the master, step by step."""

from __future__ import annotations

import os
from typing import Annotated

from rocketmq_ops.client.admin.brokers.cluster import BrokerAddress as Address
from rocketmq_ops.client.admin.replicas.files_of_pair import tls_between
from rocketmq_ops.client.admin.replicas.promotion import SLAVE, Promotion, Replica, changed_keys, look
from rocketmq_ops.common.addresses import MASTER_ID
from rocketmq_ops.common.configuration import change_file
from rocketmq_ops.common.files import save_with_backup
from rocketmq_ops.common.permission import PERM_READ, PERM_WRITE
from rocketmq_ops.common.properties import read_property_file
from rocketmq_ops.mqadmin.confirm import require_consent
from rocketmq_ops.mqadmin.declare import Opt, command
from rocketmq_ops.mqadmin.errors import CommandError
from rocketmq_ops.mqadmin.exit_codes import ExitCode
from rocketmq_ops.mqadmin.lang import tr_message
from rocketmq_ops.mqadmin.options.brokers import BrokerAddress
from rocketmq_ops.mqadmin.render.outcome import Outcome, Status, Table
from rocketmq_ops.mqadmin.render.report import change_problems, labelled
from rocketmq_ops.mqadmin.run import Run
from rocketmq_ops.mqadmin.values import human_time, integer, one_of, path

MASTER_ROLES = ("ASYNC_MASTER", "SYNC_MASTER")


@command(
    result=Promotion,
    rows="files",
    name="file",
    changes=True,
    dangerous=("broker_addr",),
    example="mqadmin promote -b 127.0.0.1:11911 --configFile /etc/rocketmq/broker-a-s.properties",
)
async def promote(
    run: Run,
    broker_addr: Annotated[BrokerAddress, "the slave that becomes the master, HOST:PORT"],
    config_file: Annotated[
        str | None, Opt("--configFile", help="the slave's property file, to be changed here", parse=path)
    ] = None,
    role: Annotated[
        str | None,
        Opt(
            "--role",
            help="role as the master (default that of --oldConfigFile, else ASYNC_MASTER)",
            parse=one_of(*MASTER_ROLES),
            metavar="|".join(MASTER_ROLES),
        ),
    ] = None,
    old_master: Annotated[
        str | None, Opt("--oldMaster", help="the master until now, HOST:PORT, if no name server has it any more")
    ] = None,
    old_config_file: Annotated[
        str | None,
        Opt("--oldConfigFile", help="its property file, to be changed here: it starts as the slave", parse=path),
    ] = None,
    master_end: Annotated[
        int | None, Opt("--masterEnd", help="where the log of a master that is down ended, in bytes", parse=integer)
    ] = None,
    force: Annotated[
        bool, Opt("--force", help="go on though it is not known whether the slave has all that its master had")
    ] = False,
) -> Outcome:
    """Each run looks where the promotion stands, does the next step if it can, and says what is to be done by hand.

    The steps: the old master is fenced (brokerPermission=4, which it keeps over a restart) and the slave fetches the
    rest; you stop the old master; the property files are changed, both or none (the ones before stay as .bak); you
    start the slave; a last run verifies that every name server has it as the only master. `mqadmin undo` takes the
    fence back. Exit code 8 while a step waits for something.
    """
    async with run.admin() as admin:
        found = await look(admin, broker_addr, old_master, master_end)
        found.planned = run.plan
        if found.next_step == "fence" and found.old_master is not None:
            old = Address(found.old_master.address)
            report = await admin.configs.update_brokers([old], "brokerPermission", str(PERM_READ), plan=run.plan)
            found.changes = report.changes
            if not run.plan:
                again = await look(admin, broker_addr, old_master, master_end)
                again.changes = report.changes
                return _outcome(again, f"the old master is fenced; {_waiting_text(again)}", done=True)
            return _outcome(
                found,
                "would fence the old master: producers leave it within 30 s, with their next route; it is still read",
                done=True,
            )
    if found.next_step == "files":
        return _files(run, found, role, config_file, old_config_file, master_end, force=force)
    return _outcome(found, _waiting_text(found), done=found.next_step is None)


def _files(
    run: Run,
    found: Promotion,
    role: str | None,
    config_file: str | None,
    old_config_file: str | None,
    master_end: int | None,
    *,
    force: bool,
) -> Outcome:
    """The step in which the property files are changed; to start the slave is what is left after it."""
    mine = {"brokerRole": role or _role_in(config_file, old_config_file), "brokerId": str(MASTER_ID)}
    others = {
        "brokerRole": SLAVE,
        "brokerId": str(found.slave.broker_id),
        "brokerPermission": str(PERM_READ | PERM_WRITE),
    }
    if config_file is not None:
        found.files = changed_keys(config_file, mine)
    if old_config_file is not None:
        found.files += changed_keys(old_config_file, others)
    by_hand = _lines_by_hand(found, mine if config_file is None else {}, others if old_config_file is None else {})
    if config_file is not None and old_config_file is not None:
        tls = tls_between(config_file, old_config_file)
        by_hand += ["", tls] if tls is not None else []
    if config_file is not None and not found.files:
        found.next_step = "start"
        return _outcome(found, _start_text(found), by_hand, done=False)
    _require_nothing_lost(found, master_end, force=force)
    if master_end is not None and not force:
        by_hand += ["", _doubt_text(found)]
    if config_file is None:
        return _outcome(found, "change the property files as follows, then start the slave and run this again", by_hand,
                        done=False)  # fmt: skip
    if run.plan:
        return _outcome(found, "would change the property files", by_hand, done=True)
    lines = [f"{key.file}: {key.key}={key.after}" for key in found.files]
    lines += [] if force else [_doubt_text(found)]
    require_consent(run.declaration, {"broker_addr": found.slave.address}, lines, yes=run.options.yes)
    _change_files(config_file, mine, old_config_file, others)
    found.next_step = "start"
    return _outcome(found, _start_text(found), by_hand, done=True)


def _role_in(*config_files: str | None) -> str:
    """The role of a master that one of the files gives: the slave's when it was changed already, else the old one's."""
    for config_file in filter(None, config_files):
        for entry in read_property_file(config_file).properties:
            if entry.key == "brokerRole" and entry.value.strip() in MASTER_ROLES:
                return entry.value.strip()
    return MASTER_ROLES[0]


def _change_files(mine: str, my_keys: dict[str, str], others: str | None, their_keys: dict[str, str]) -> None:
    """Change both files or none."""
    with open(mine, "rb") as file:
        before = file.read()
    change_file(my_keys, mine)
    if others is None:
        return
    try:
        change_file(their_keys, others)
    except BaseException:
        save_with_backup(mine, before)
        raise


def _require_nothing_lost(found: Promotion, master_end: int | None, *, force: bool) -> None:
    """Raise CommandError unless the slave has all that its master had and the master is gone, as far as is known."""
    old = found.old_master
    at = sorted(at for at, master in found.masters.items() if old is not None and master == old.address)
    if at:
        raise CommandError(
            f"{old.address if old else ''} does not answer, but is still the master at name server {', '.join(at)}",
            "wait until the name server has noticed, 2 minutes at most; then run it again",
            ExitCode.REFUSED,
        )
    if force:
        return
    heard_end = found.heard.log_end if found.heard is not None else None
    if heard_end is not None and heard_end > max(found.slave.max_offset or 0, master_end or 0):
        lacking = heard_end - (found.slave.max_offset or 0)
        raise CommandError(
            f"the slave's log ends at {found.slave.max_offset}, and its master said when the slave asked it last "
            f"({_last_heard(found)}) that its own ended at {heard_end}: the slave lacks the last "
            f"{lacking} bytes of it at least",
            "start the old master until the slave has fetched them; with --force they are lost",
            ExitCode.REFUSED,
        )
    if found.gap_bytes is None:
        raise CommandError(
            "the old master does not answer: whether it had more than the slave, whose log ends at "
            f"{found.slave.max_offset}, is not known",
            "give --masterEnd, from the run that fenced it or from `mqadmin store ls` on its host; with --force what "
            "the slave does not have is lost",
            ExitCode.REFUSED,
        )
    if master_end is not None and (found.slave.max_offset or 0) > master_end:
        raise CommandError(
            f"the slave's log ends at {found.slave.max_offset}, beyond --masterEnd {master_end}: the master has gone "
            "on after it had that end, by delayed messages, timers or ends of transactions, and whether the slave has "
            "all of it is not known",
            "give as --masterEnd what `mqadmin store ls` shows on the host of the old master, now that it is stopped; "
            "with --force what the slave does not have is lost",
            ExitCode.REFUSED,
        )
    if found.gap_bytes == 0:
        return
    raise CommandError(
        f"the slave lacks the last {found.gap_bytes} bytes of its master's log",
        "start the old master until the slave has fetched them; with --force they are lost",
        ExitCode.REFUSED,
    )


# -- texts ----------------------------------------------------------------------------------------------------------


def _outcome(found: Promotion, text: str, by_hand: list[str] | None = None, *, done: bool) -> Outcome:
    blocks: list[Table | str] = [
        labelled("#Slave", _replica_text(found.slave)),
        *([] if _nothing_to_do(found) else _gap_lines(found)),
        labelled("#MasterAtNameServers", ", ".join(f"{at}: {m or '-'}" for at, m in sorted(found.masters.items()))),
        *(f"{key.file}: {key.key}={key.after}" for key in found.files),
        *(by_hand or []),
        "",
        text,
    ]
    errors = [*found.failures, *change_problems(found.changes)]
    status: Status = "ok" if done else "no_effect"
    if errors:
        status = "partial"
    elif found.planned and done:
        status = "planned"
    elif found.next_step is None:
        status = "unchanged"
    return Outcome(data=found, blocks=blocks, status=status, errors=errors)


def _nothing_to_do(found: Promotion) -> bool:
    """Whether it is a master and no other one is known: there is nobody whose log it could lack."""
    return found.next_step is None and found.old_master is None


def _gap_lines(found: Promotion) -> list[str]:
    return [
        labelled("#OldMaster", _replica_text(found.old_master) if found.old_master is not None else None),
        labelled("#BytesMissing", found.gap_bytes),
        labelled("#GroupsBehind", None if found.groups_behind is None else ", ".join(found.groups_behind) or "0"),
        *([] if found.heard is None else [labelled("#MasterLastHeard", _last_heard(found))]),
        *([labelled("#Problem", tr_message(found.heard.problem))] if found.heard and found.heard.problem else []),
    ]


def _last_heard(found: Promotion) -> str | None:
    timestamp = found.heard.timestamp if found.heard is not None else None
    return None if timestamp is None else human_time(timestamp)


def _doubt_text(found: Promotion) -> str:
    """What nobody can tell from here, where it goes on with an end that the user gives."""
    last = _last_heard(found)
    if last is None:
        return (
            "when the slave heard its master last is not known: --masterEnd has to be from after the stop of the "
            "master, else what its log got in between is lost"
        )
    return (
        f"the slave heard its master last at {last}: if the master was stopped later than that, --masterEnd has to be "
        "from after its stop, else what its log got in between is lost"
    )


def _replica_text(replica: Replica) -> str:
    if not replica.answers:
        return f"{replica.address}, does not answer"
    state = ", fenced" if replica.fenced else ""
    return f"{replica.address}, {replica.role}, id {replica.broker_id}, log ends at {replica.max_offset}{state}"


def _waiting_text(found: Promotion) -> str:
    old = found.old_master
    if _nothing_to_do(found):
        return "nothing is to be done: it is a master, and every name server has it as the only one"
    if found.next_step is None:
        return "the promotion is complete: every name server has it as the only master"
    if found.next_step == "fence":
        return "the old master still takes messages: its fence did not hold"
    if found.next_step == "catchUp" and found.producers_leave_in_seconds:
        return (
            f"producers may send to the old master for another {found.producers_leave_in_seconds} s, until their next "
            "route; run this again then"
        )
    if found.next_step == "catchUp" and found.gap_bytes == 0:
        return (
            "the slave is not connected to its master's replication: what the master gets now does not reach it. Run "
            "this again when it is"
        )
    if found.next_step == "catchUp":
        return f"the slave has yet to fetch {found.gap_bytes} bytes; run this again"
    if found.next_step == "stop" and old is not None:
        return _stop_text(found, old)
    if old is not None and old.answers and old.role != SLAVE:
        return f"there are two masters: stop {old.address}, give it brokerRole=SLAVE, and start it again"
    if found.slave.fenced:
        return "it takes no messages: set its brokerPermission to 6"
    return "not every name server has it as the master yet: run this again in half a minute"


def _stop_text(found: Promotion, old: Replica) -> str:
    text = _stop_and_run_again_text(found, old)
    if not found.groups_behind:
        return text
    return (
        f"{text}. Of {len(found.groups_behind)} groups the master knows offsets that the slave does not have (yet): "
        "run this again, or stop their consumers first, else they get again what lies between"
    )


def _stop_and_run_again_text(found: Promotion, old: Replica) -> str:
    if found.producers_leave_in_seconds is None:
        return (
            "the slave has everything so far. It is not known since when the old master is fenced, and producers may "
            f"send to it for 30 s after that. Then stop it, {old.address}, and run this again with --oldMaster "
            f"{old.address} --role {old.role} --masterEnd and the end of its log, as `mqadmin store ls` shows it on "
            "its host"
        )
    return (
        f"the slave has everything: stop the old master, {old.address}, then run this again with "
        f"--oldMaster {old.address} --masterEnd {found.slave.max_offset} --role {old.role}. Delayed messages, timers "
        "and ends of transactions get into its log until then: if this says that it has gone on, or to be sure, take "
        "--masterEnd from `mqadmin store ls` on its host"
    )


def _start_text(found: Promotion) -> str:
    return f"restart the broker at {found.slave.address} with the changed file, then run this again: it verifies"


def _lines_by_hand(found: Promotion, mine: dict[str, str], others: dict[str, str]) -> list[str]:
    lines = []
    if mine:
        where = found.slave.config_file or "the slave's property file"
        if found.slave.config_file and not os.path.isabs(where):
            where = f"{where} of the folder where the broker was started"
        lines += ["", f"in {where}, on the host of {found.slave.address}:", *(f"{k}={v}" for k, v in mine.items())]
    if others:
        host = found.old_master.address if found.old_master is not None else "the old master"
        lines += [
            "",
            f"before {host} is started again, in its property file:",
            *(f"{k}={v}" for k, v in others.items()),
        ]
    return lines
