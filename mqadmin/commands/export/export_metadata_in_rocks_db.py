"""`mqadmin exportMetadataInRocksDB`: topics or groups of a broker that keeps them in RocksDB, from its files."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

from rocketmq_ops.mqadmin.declare import Opt, command
from rocketmq_ops.mqadmin.files.rocksdb_files import entry_lines, pretty, read_stored_config
from rocketmq_ops.mqadmin.options.brokers import JsonEnable
from rocketmq_ops.mqadmin.render.outcome import Outcome
from rocketmq_ops.mqadmin.run import Run
from rocketmq_ops.mqadmin.values import one_of, path


class StoredMetadata(msgspec.Struct, rename="camel"):
    """The table as the broker's JSON file would have it: topicConfigTable or subscriptionGroupTable by name."""

    path: str
    config_type: str
    count: int
    config: dict[str, Any]


@command(
    result=StoredMetadata,
    offline=True,
    example="mqadmin exportMetadataInRocksDB -p /data/store/config -t topics -j true",
)
async def export_metadata_in_rocks_db(
    run: Run,
    folder: Annotated[str, Opt("-p", "--path", help="the folder config of the store", parse=path, metavar="FOLDER")],
    config_type: Annotated[
        Any, Opt("-t", "--configType", help="which table", parse=one_of("topics", "subscriptionGroups"))
    ],
    json_enable: JsonEnable = None,
) -> Outcome:
    """Opened read-only, also while its broker runs. Needs the package rocksdict: `pip install 'rocketmq-ops[rocksdb]'`.

    Without it rocksDBConfigToJson -b has the running broker write its JSON file.
    """
    config = read_stored_config(folder, config_type)
    data = StoredMetadata(folder, config_type, len(config.entries), config.document())
    return Outcome(
        data=data,
        blocks=[pretty(data.config)] if json_enable else entry_lines(config),
        status="ok" if config.entries else "empty",
        notes=[] if config.entries else [f"there are no {config_type}"],
    )
