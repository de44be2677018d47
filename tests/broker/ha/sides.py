"""Name server, master and slave as processes, for tests that kill or stop them."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rocketmq_ops.common.message_codec import read_record
from rocketmq_ops.store.config import MessageStoreConfig
from rocketmq_ops.store.message_store import MessageStore
from tests.broker.support import SMALL_FILES
from tests.interop.processes import BROKER_PORTS, Child, free_port


def name_server(folder: Path) -> tuple[Child, str]:
    """A name server that runs, and its address."""
    folder.mkdir()
    port = free_port(BROKER_PORTS)
    conf = folder / "namesrv.conf"
    conf.write_text(
        f"listenPort={port}\nbindAddress=127.0.0.1\nkvConfigPath={folder}/kvConfig.json\n"
        f"configStorePath={folder}/namesrv.properties\n"
    )
    child = Child("namesrv", [str(Path(sys.executable).parent / "mqnamesrv"), "-c", str(conf)], cwd=folder)
    child.wait_for("boot success")
    return child, f"127.0.0.1:{port}"


class Side:
    """One broker of the pair: a process that is killed and started again on its folder and its port."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        self.store = folder / "store"
        self.port = free_port(BROKER_PORTS)
        self.ha = f"127.0.0.1:{self.port + 1}"
        values = SMALL_FILES | settings
        values |= {
            "listenPort": self.port, "haListenPort": self.port + 1, "bindAddress": "127.0.0.1",
            "brokerIP1": "127.0.0.1", "brokerIP2": "127.0.0.1", "brokerName": "broker-a",
            "storePathRootDir": self.store,
        }  # fmt: skip
        folder.mkdir()
        self.conf = folder / "broker.conf"
        self.conf.write_text("".join(f"{key}={value}\n" for key, value in values.items()))
        self.start()

    def start(self) -> None:
        command = [str(Path(sys.executable).parent / "mqbroker"), "-c", str(self.conf)]
        self.process = Child("broker", command, cwd=self.conf.parent)

    def log_bytes(self) -> bytes:
        """The files of the commitlog as they are, one after the other."""
        return b"".join(path.read_bytes() for path in sorted((self.store / "commitlog").iterdir()))

    @property
    def address(self) -> str:
        """Where it takes requests."""
        return f"127.0.0.1:{self.port}"

    async def start_again(self) -> None:
        self.start()
        await asyncio.to_thread(self.process.wait_for, "boot success")

    def records(self) -> Iterator[tuple[int, bytes]]:
        """Every record of the store, which is recovered: where it lies, and its body."""
        config = MessageStoreConfig(storePathRootDir=str(self.store), haListenPort=0, **SMALL_FILES)
        store = MessageStore(config, store_host=("127.0.0.1", 1))
        store.load()
        for file in store.commit_log.file_queue.files:
            at = 0
            while at < file.wrote and (record := read_record(file.view, at)) is not None:
                yield file.base + at, bytes(file.view[record.body_at : record.body_at + record.body_length])
                at += record.size
        store.close()
