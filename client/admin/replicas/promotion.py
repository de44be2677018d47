"""Making a slave the master: where the two brokers stand, and which step comes next.

Nothing here is remembered: each look finds out from name servers and brokers how far the promotion has come, so that
it can be left and taken up again at any step. The steps are those of `STEPS`; a broker changes its role at a start
only, so two of them are for whoever starts and stops brokers.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Literal

import msgspec

from rocketmq_ops.client.admin.brokers.cluster import ran_seconds
from rocketmq_ops.client.admin.changes import Change, ChangingResult
from rocketmq_ops.client.api import ha, servers
from rocketmq_ops.client.api import offsets as offsets_api
from rocketmq_ops.client.api.servers import cluster_info_of
from rocketmq_ops.client.errors import NotFoundError
from rocketmq_ops.common.addresses import MASTER_ID
from rocketmq_ops.common.errors import Failure, RocketMQError
from rocketmq_ops.common.permission import PERM_WRITE
from rocketmq_ops.common.properties import Property, read_property_file
from rocketmq_ops.remoting.errors import RemotingError

if TYPE_CHECKING:
    from rocketmq_ops.client.admin.core import MQAdmin
    from rocketmq_ops.common.data_version import DataVersion

SLAVE = "SLAVE"
StepName = Literal["fence", "catchUp", "stop", "files", "start", "verify"]
#: Producers look for new routes so often (pollNameServerInterval of their clients), and then leave a fenced broker.
PRODUCERS_LEAVE_SECONDS = 30
#: Apache's slave that has not written to its master for so long has no connection (haHousekeepingInterval).
_SILENT_MS = 20_000
STEPS: tuple[StepName, ...] = ("fence", "catchUp", "stop", "files", "start", "verify")


class Replica(msgspec.Struct, rename="camel", kw_only=True):
    """One of the two brokers. All but the address is None when it does not answer.

    `max_offset` is the end of its commitlog in bytes. `fenced`: its brokerPermission takes no messages.
    `unchanged_seconds`: how long its configuration is as it is, by its own clock; None when that is not known.
    """

    address: str
    broker_name: str | None = None
    broker_id: int | None = None
    role: str | None = None
    max_offset: int | None = None
    fenced: bool | None = None
    config_file: str | None = None
    unchanged_seconds: int | None = None

    @property
    def answers(self) -> bool:
        """Whether it could be asked."""
        return self.role is not None


class Heard(msgspec.Struct, rename="camel", kw_only=True):
    """What a slave has heard of its master, by which a promotion is judged when the master is gone.

    `timestamp`: when it heard of it last, ms since 1970 by the slave's clock. `log_end`: where the master's commitlog
    ended, in bytes, when it was asked last; slaves of this toolkit say it. `connected`: whether replication is
    connected. `problem`: why it is not. All are None where it is not known.
    """

    timestamp: int | None = None
    log_end: int | None = None
    connected: bool | None = None
    problem: str | None = None


class FileKey(msgspec.Struct, rename="camel"):
    """One key of a property file, None where the file does not have it."""

    file: str
    key: str
    before: str | None
    after: str


class Promotion(ChangingResult, rename="camel", kw_only=True):
    """Where a promotion stands. `next_step` is the first of `STEPS` that is not done; None when all are.

    `gap_bytes`: how much of the old master's commitlog the slave does not have, None when it is not known.
    `groups_behind`: topic@group whose offsets the slave does not have as its master has them; None when not known.
    `heard`: what the slave has heard of its master; None of a broker that is no slave.
    `masters`: what each name server has as the master. `files`: what was or would be changed in property files.
    `producers_leave_in_seconds`: how long producers may still send to the fenced master; None when it is not fenced,
    or it is not known since when.
    """

    slave: Replica
    old_master: Replica | None
    gap_bytes: int | None = None
    groups_behind: list[str] | None = None
    heard: Heard | None = None
    producers_leave_in_seconds: int | None = None
    masters: dict[str, str | None] = {}
    next_step: StepName | None = None
    planned: bool = False
    changes: list[Change] = []
    files: list[FileKey] = []
    failures: list[Failure] = []

    def as_changes(self) -> list[Change]:
        """What was changed on brokers."""
        return self.changes


async def look(admin: MQAdmin, address: str, old_master: str | None, master_end: int | None) -> Promotion:
    """Where the promotion of the broker at `address` stands.

    `old_master`: its master, for when no name server has it any more. `master_end`: where the log of a master that no
    longer answers ended. `next_step` does not look at files. Raises RemotingError when the broker does not answer,
    NotFoundError when its master is not known.
    """
    slave = await _replica(admin, address)
    name = slave.broker_name or ""
    registered = await admin.each_namesrv(lambda at: _master_of(admin, at, name))
    registered.require_some("looking for the master")
    masters = dict(registered.answers)
    others = sorted({found for found in masters.values() if found is not None and found != address})
    if old_master is None and slave.role == SLAVE and not others:
        raise NotFoundError(
            f"no name server has a master of '{name}'",
            "give the address of the old master: it has to be seen that it is really down",
        )
    found = Promotion(slave=slave, old_master=None, masters=masters, failures=registered.failures)
    old_address = old_master or (others[0] if others else None)
    if old_address is not None and old_address != address:
        found.old_master = await _replica_or_silent(admin, old_address)
    old = found.old_master
    end = old.max_offset if old is not None and old.answers else master_end
    if end is not None and slave.max_offset is not None:
        found.gap_bytes = max(0, end - slave.max_offset)
    if slave.role == SLAVE:
        found.heard = await _heard(admin, address)
    if old is not None and old.answers and old.role != SLAVE and slave.role == SLAVE:
        found.groups_behind = await _groups_behind(admin, address, old.address)
    if old is not None and old.fenced and old.unchanged_seconds is not None:
        found.producers_leave_in_seconds = max(0, PRODUCERS_LEAVE_SECONDS - old.unchanged_seconds)
    found.next_step = _next_step(found)
    return found


def _next_step(found: Promotion) -> StepName | None:
    old, slave = found.old_master, found.slave
    old_serves = old is not None and old.answers and old.role != SLAVE
    if slave.role != SLAVE:
        alone = all(master == slave.address for master in found.masters.values())
        return None if alone and not old_serves and not slave.fenced else "verify"
    if old is not None and old_serves:
        if not old.fenced:
            return "fence"
        cut_off = found.heard is not None and found.heard.connected is False
        return "catchUp" if cut_off or found.gap_bytes != 0 or found.producers_leave_in_seconds else "stop"
    return "files"


async def _replica(admin: MQAdmin, address: str) -> Replica:
    config = await admin.configs.broker_config(address)
    figures = await admin.cluster.runtime(address)
    version = await servers.broker_config_version(admin.session, address)
    end = figures.get("commitLogMaxOffset", "")
    return Replica(
        address=address,
        broker_name=config.get("brokerName"),
        broker_id=int(config.get("brokerId") or MASTER_ID),
        role=config.get("brokerRole", "ASYNC_MASTER"),
        max_offset=int(end) if end.isdigit() else None,
        fenced=not int(config.get("brokerPermission") or PERM_WRITE) & PERM_WRITE,
        config_file=config.get("brokerConfigPath") or None,
        unchanged_seconds=_seconds_since(version, figures),
    )


async def _heard(admin: MQAdmin, address: str) -> Heard:
    """From its figures and GET_BROKER_HA_STATUS, which brokers of 4.9 do not have. Apache's slave forgets when it heard
    of its master as soon as the connection ends: what it gives for it then is when it tried to connect last
    (DefaultHAClient.connectMaster). It does not forget when it wrote to its master, which it does every 5 s."""
    figures = await admin.cluster.runtime(address)
    end, asked, connected = (
        figures.get(key, "") for key in ("haMasterLogEnd", "haMasterLogEndTimestamp", "haConnected")
    )
    times = [int(asked)] if asked.isdigit() else []
    heard = Heard(
        log_end=int(end) if end.isdigit() else None,
        connected=connected == "true" if connected else None,
        problem=figures.get("haProblem") or None,
    )
    with contextlib.suppress(RocketMQError):
        status = await ha.ha_status(admin.session, address)
        client = status.ha_client_runtime_info
        read, wrote = client.last_read_timestamp, client.last_write_timestamp
        if heard.connected is None:
            heard.connected = bool(read) and read - wrote < _SILENT_MS
            read = min(read, wrote) if heard.connected else 0
        times += [read] if read else []
    heard.timestamp = max(times, default=None)
    return heard


def _seconds_since(version: DataVersion | None, figures: dict[str, str]) -> int | None:
    """How long ago a version came into being, by the clock that it is stamped by: the figures have the broker's start
    and how long it has run since."""
    boot = figures.get("bootTimestamp", "")
    run = ran_seconds(figures)
    if version is None or not version.timestamp or not boot.isdigit() or run is None:
        return None
    return max(0, int(boot) // 1000 + run - version.timestamp // 1000)


async def _replica_or_silent(admin: MQAdmin, address: str) -> Replica:
    try:
        return await _replica(admin, address)
    except RemotingError:
        return Replica(address=address)


async def _master_of(admin: MQAdmin, name_server: str, broker_name: str) -> str | None:
    data = (await cluster_info_of(admin.session, name_server)).broker_addr_table.get(broker_name)
    return None if data is None else data.broker_addrs.get(MASTER_ID)


async def _groups_behind(admin: MQAdmin, slave: str, master: str) -> list[str] | None:
    try:
        ours = await offsets_api.all_consumer_offsets(admin.session, slave)
        theirs = await offsets_api.all_consumer_offsets(admin.session, master)
    except RocketMQError:
        return None
    return sorted(
        key
        for key, queues in theirs.items()
        if any(ours.get(key, {}).get(queue_id, -1) < offset for queue_id, offset in queues.items())
    )


def changed_keys(path: str, wanted: dict[str, str]) -> list[FileKey]:
    """What has to change in a property file for `wanted`. Raises PropertiesError naming it."""
    now: dict[str, Property] = {entry.key: entry for entry in read_property_file(path).properties}
    return [
        FileKey(path, key, now[key].value if key in now else None, value)
        for key, value in wanted.items()
        if key not in now or now[key].value.strip() != value
    ]
