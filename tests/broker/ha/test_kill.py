"""Either side of a pair is killed again and again under load: what was answered SEND_OK is on both."""

from __future__ import annotations

import asyncio
import random
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rocketmq_ops.common.message_codec import read_record
from rocketmq_ops.remoting.client import RemotingClient
from rocketmq_ops.remoting.codes import RequestCode, ResponseCode
from rocketmq_ops.remoting.command import RemotingCommand
from rocketmq_ops.remoting.errors import RemotingError
from rocketmq_ops.store.config import MessageStoreConfig
from rocketmq_ops.store.message_store import MessageStore
from tests.broker.ha.pairs import until
from tests.broker.support import SMALL_FILES, send_fields
from tests.interop.processes import BROKER_PORTS, Child, free_port

_QUICK = {"haSendHeartbeatInterval": 200, "flushDiskType": "SYNC_FLUSH", "slaveTimeout": 1000}
_SENDERS = 8


class Side:
    """One broker of the pair: a process that is killed and started again on its folder and its port."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        self.store = folder / "store"
        self.port = free_port(BROKER_PORTS)
        self.ha = f"127.0.0.1:{self.port + 1}"
        values = SMALL_FILES | _QUICK | settings
        values |= {
            "listenPort": self.port, "haListenPort": self.port + 1, "bindAddress": "127.0.0.1",
            "brokerIP1": "127.0.0.1", "brokerIP2": "127.0.0.1", "brokerName": "broker-a",
            "storePathRootDir": self.store,
        }  # fmt: skip
        folder.mkdir()
        self._conf = folder / "broker.conf"
        self._conf.write_text("".join(f"{key}={value}\n" for key, value in values.items()))
        self.start()

    def start(self) -> None:
        command = [str(Path(sys.executable).parent / "mqbroker"), "-c", str(self._conf)]
        self.process = Child("broker", command, cwd=self._conf.parent)

    def log_bytes(self) -> bytes:
        """The files of the commitlog as they are, one after the other."""
        return b"".join(path.read_bytes() for path in sorted((self.store / "commitlog").iterdir()))

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


async def send_on(client: RemotingClient, master: Side, sender: int, acked: list[bytes], stop: asyncio.Event) -> None:
    """Send one message after the other; those that were answered SEND_OK are in `acked`."""
    at = 0
    while not stop.is_set():
        at += 1
        body = b"sender %d message %d." % (sender, at)
        request = RemotingCommand.request(
            RequestCode.SEND_MESSAGE_V2, ext_fields=send_fields("T", sender % 4), body=body * 20
        )
        try:
            answer = await client.invoke(f"127.0.0.1:{master.port}", request, 5000)
        except RemotingError:
            await asyncio.sleep(0.02)
            continue
        if answer.code == ResponseCode.SUCCESS:
            acked.append(body * 20)
        else:
            await asyncio.sleep(0.005)


def kill_and_look(folder: Path, killed: str, seed: int) -> int:
    """Kill a side three times, `master`, `slave` or `either` of them, when and which as `seed` says, and look each time;
    how many messages were acknowledged."""
    chance = random.Random(f"replication {killed} {seed}")
    acked: list[bytes] = []

    async def scenario(master: Side, slave: Side) -> None:
        stop, looked_at = asyncio.Event(), 0
        async with RemotingClient() as client, asyncio.TaskGroup() as senders:
            for sender in range(_SENDERS):
                senders.create_task(send_on(client, master, sender, acked, stop))
            for _ in range(3):
                goal = len(acked) + chance.randrange(20, 200)
                await until(lambda goal=goal: len(acked) >= goal)  # type: ignore[misc]
                await asyncio.sleep(chance.random() * 0.02)  # not only right behind an answer
                victim = {"master": master, "slave": slave}.get(killed) or chance.choice((master, slave))
                victim.process.kill()
                # Now, before the one that was killed can catch up.
                logs = (master.log_bytes(), slave.log_bytes())
                assert [body for body in acked[looked_at:] if not all(body in log for log in logs)] == []
                looked_at = len(acked)
                await victim.start_again()
            goal = len(acked) + 50
            await until(lambda: len(acked) >= goal)
            stop.set()

    sides: list[Side] = []
    try:
        sides.append(Side(folder / "master", brokerRole="SYNC_MASTER"))
        sides.append(Side(folder / "slave", brokerRole="SLAVE", brokerId=1, haMasterAddress=sides[0].ha))
        for side in sides:
            side.process.wait_for("boot success")
        asyncio.run(scenario(*sides))
    finally:
        for side in sides:
            side.process.kill()
    master, slave = (list(side.records()) for side in sides)
    shorter = min(len(master), len(slave))
    assert master[:shorter] == slave[:shorter]
    for records in (master, slave):
        assert set(acked) <= {body for _, body in records}
    return len(acked)


@pytest.mark.parametrize(("killed", "seed"), [("master", 1), ("master", 2), ("slave", 1), ("either", 1), ("either", 2)])
def test_every_acknowledged_message_is_on_both(tmp_path: Path, killed: str, seed: int) -> None:
    assert kill_and_look(tmp_path, killed, seed) > 50
