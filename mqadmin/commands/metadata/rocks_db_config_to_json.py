"""`mqadmin rocksDBConfigToJson`: configuration in RocksDB as JSON, written by running brokers or read from files."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

from rocketmq_ops.client.admin.brokers.rocksdb import BrokerExport
from rocketmq_ops.common.errors import Failure
from rocketmq_ops.mqadmin.declare import Opt, command
from rocketmq_ops.mqadmin.errors import usage
from rocketmq_ops.mqadmin.files.rocksdb_files import entry_lines, pretty, read_stored_config
from rocketmq_ops.mqadmin.options.brokers import BrokerAddress, Cluster, JsonEnable
from rocketmq_ops.mqadmin.render.export import export_outcome
from rocketmq_ops.mqadmin.render.outcome import Outcome
from rocketmq_ops.mqadmin.run import Run
from rocketmq_ops.mqadmin.values import one_of, path

KINDS = ("topics", "subscriptionGroups", "consumerOffsets")


class RocksDBConfig(msgspec.Struct, rename="camel"):
    """What brokers exported (`brokers`), or with -p what stands in the files: `config` as the broker's JSON file would
    have it, and where it was written to.
    """

    config_types: list[str]
    planned: bool
    brokers: list[BrokerExport] = []
    path: str | None = None
    export_file: str | None = None
    count: int | None = None
    config: dict[str, Any] | None = None
    failures: list[Failure] = []


def _kinds(text: str) -> list[str]:
    single = one_of(*KINDS)
    return [single(part) for part in text.split(";") if part.strip()]


@command(
    result=RocksDBConfig,
    rows="brokers",
    changes=True,
    offline_with=("config_path",),
    namesrv_names=("--nameserverAddr",),
    example="mqadmin rocksDBConfigToJson -b 10.0.0.1:10911 -t topics",
)
async def rocks_db_config_to_json(
    run: Run,
    config_type: Annotated[
        list[str] | None,
        Opt("-t", "--configType", help=f"{', '.join(KINDS)}, parted by ';' (default all)", parse=_kinds),
    ] = None,
    config_path: Annotated[
        str | None,
        Opt("-p", "--configPath", help="read the folder config of a store here", parse=path, metavar="FOLDER"),
    ] = None,
    export_file: Annotated[
        str | None,
        Opt("-e", "--exportFile", help="write to this file (with -p); a .bak is kept", parse=path, metavar="FILE"),
    ] = None,
    json_enable: JsonEnable = None,
    cluster: Cluster | None = None,
    broker_addr: BrokerAddress | None = None,
) -> Outcome:
    """With -b or -c the running brokers write the JSON files into the folder config of their stores, where they are
    configured to keep this in RocksDB. With -p the files are read here, one -t at a time: needs the package rocksdict.

    With -b or -c the options -p, -e and -j have no effect; with both -b and -c the broker alone is asked.
    """
    if broker_addr is not None or cluster is not None:
        kinds = config_type or list(KINDS)
        async with run.admin() as admin:
            report = await admin.rocksdb.export_configs(
                kinds, broker_addr=broker_addr, cluster=None if broker_addr is not None else cluster, plan=run.plan
            )
        outcome = export_outcome(report, "no broker keeps its configuration in RocksDB: nothing was exported")
        outcome.data = RocksDBConfig(kinds, run.plan, report.brokers, failures=report.failures)
        return outcome
    if config_path is None:
        raise usage("give -b or -c, or -p", "name running brokers, or the folder config of a store")
    if config_type is None or len(config_type) != 1:
        raise usage("-p needs one -t", f"give one of {', '.join(KINDS)}")
    return _local(run, config_path, config_type[0], export_file, as_json=json_enable is not False)


def _local(run: Run, folder: str, kind: Any, export_file: str | None, *, as_json: bool) -> Outcome:
    config = read_stored_config(folder, kind)
    document = config.document()
    data = RocksDBConfig([kind], run.plan, path=folder, export_file=export_file, count=len(config.entries))
    if export_file is None:
        data.config = document
        return Outcome(data=data, blocks=[pretty(document)] if as_json else entry_lines(config))
    if not run.plan:
        from rocketmq_ops.common.files import save_with_backup

        save_with_backup(export_file, pretty(document).encode() + b"\n")
    word = "would write" if run.plan else "wrote"
    return Outcome(
        data=data,
        blocks=[f"{word} {len(config.entries)} {kind} to {export_file}"],
        status="planned" if run.plan else "ok",
    )
