"""The log of a DLedger group: where it lies in a store. It holds the messages in entries of its own, which are not read
here (DLedgerConfig.getDataStorePath: `dledger-SELF_ID/data`)."""

from __future__ import annotations

from rocketmq_ops.common.errors import RocketMQError
from rocketmq_ops.store.inspect.reading.store_files import StoreDirectory, entries_of

USE_APACHE = "start Apache's broker with enableDLegerCommitLog=true on it, as it was written; no other"


def dledger_log(store: StoreDirectory) -> str | None:
    """The folder of the log below the store directory, None without one that has files."""
    for path in entries_of(store.root):
        if path.name.startswith("dledger-") and path.is_dir() and entries_of(path / "data"):
            return f"{path.name}/data"
    return None


def require_log(store: StoreDirectory) -> None:
    """Raise RocketMQError when there is no commitlog to build anything from."""
    if store.commitlog.files:
        return
    folder = dledger_log(store)
    if folder is not None:
        raise RocketMQError(
            f"the messages of {store.root} are in the log of a DLedger group, {folder}, which this version cannot read",
            USE_APACHE,
        )
    raise RocketMQError(
        f"no commitlog file in {store.commitlog_path}: nothing to build a store from",
        "restore it from a backup or a slave: consumequeue and index only point into it",
    )
