"""Errors of the store that an operator has to act upon; each names the file concerned and the next step."""

from __future__ import annotations

import errno

from rocketmq_ops.common.errors import RocketMQError


class StoreError(RocketMQError):
    """The store cannot be opened or written as it is."""


class MissingFileError(StoreError):
    """A file in the middle of a row of mapped files is not there; `path` names it."""

    def __init__(self, path: str, before: str, after: str) -> None:
        folder = path.rpartition("/")[0]
        step = (
            f"put it back from a backup; or remove the folder {folder} and the file checkpoint, create an empty "
            "file abort next to it, and start again: the queue is then rebuilt from the commitlog"
            if "/consumequeue/" in path
            else "put it back from a backup; `mqadmin store check` says what else is missing, and `mqadmin store "
            "salvage` copies what is left into a new store"
        )
        super().__init__(f"{path} is missing: it belongs between {before} and {after}", step)
        self.path = path


class FileLengthError(StoreError):
    """A mapped file has another length than the configuration says; `path` names it."""

    def __init__(self, path: str, length: int, expected: int, key: str) -> None:
        step = (
            "`mqadmin store rebuild` makes the queues anew from the commitlog"
            if "/consumequeue/" in path
            else "restore it from a backup, or let `mqadmin store salvage` copy what is left into a new store"
        )
        super().__init__(
            f"{path} has {length} bytes, {key} says {expected}",
            f"set {key} to the value the store was written with; if the file was cut off, as `mqadmin store check` "
            f"tells, {step}",
        )
        self.path = path


class ForeignFileError(StoreError):
    """A foreign file lies among the mapped files; `path` names it."""

    def __init__(self, path: str) -> None:
        folder, _, name = path.rpartition("/")
        super().__init__(
            f"{path} is a foreign file: a file of {folder} has the length that is configured, and the offset of its "
            f"first byte in 20 digits for a name",
            f"move {name} out of the folder and start again (Apache's broker would not start with it either); `mqadmin "
            "store check` tells of every such file",
        )
        self.path = path


class LostFileError(OSError):
    """A file of the running store was deleted, moved, replaced or cut short; `filename` names it."""

    def __init__(self, path: str, what: str) -> None:
        super().__init__(errno.ESTALE, f"the file {what} under the running broker", path)


class DLedgerLogError(StoreError):
    """The messages of the store are in a DLedger group's log; `path` names it."""

    def __init__(self, path: str) -> None:
        super().__init__(
            f"{path} is the log of a DLedger group, which this broker does not read: it would begin a second commitlog",
            "run Apache's broker with enableDLegerCommitLog=true on this store, or give this one another "
            "storePathRootDir",
        )
        self.path = path
