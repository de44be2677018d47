"""Either side of a pair is killed again and again under load: what was answered SEND_OK is on both.

A name server says where the master is: each time that the slave connects again it compares its log with the master's.
"""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

import pytest

from rocketmq_ops.remoting.bodies import KVTable
from rocketmq_ops.remoting.client import RemotingClient
from rocketmq_ops.remoting.codes import RequestCode, ResponseCode
from rocketmq_ops.remoting.command import RemotingCommand
from rocketmq_ops.remoting.errors import RemotingError
from tests.broker.ha.pairs import until
from tests.broker.ha.sides import Side, name_server
from tests.broker.support import send_fields

_QUICK = {"haSendHeartbeatInterval": 200, "flushDiskType": "SYNC_FLUSH", "slaveTimeout": 1000}
_SENDERS = 8


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
            answer = await client.invoke(master.address, request, 5000)
        except RemotingError:
            await asyncio.sleep(0.02)
            continue
        if answer.code == ResponseCode.SUCCESS:
            acked.append(body * 20)
        else:
            await asyncio.sleep(0.005)


async def connected(client: RemotingClient, master: Side) -> None:
    """Wait until there is a slave: it begins with the master's last file, so that there has to be but one."""
    request = RemotingCommand.request(RequestCode.SEND_MESSAGE_V2, ext_fields=send_fields("T"), body=b"first")
    async with asyncio.timeout(60):
        while (await client.invoke(master.address, request, 5000)).code != ResponseCode.SUCCESS:  # noqa: ASYNC110
            await asyncio.sleep(0.1)


async def ha_problem(client: RemotingClient, slave: Side) -> str:
    """Why the slave does not replicate, or does without knowing whose log it has."""
    request = RemotingCommand.request(RequestCode.GET_BROKER_RUNTIME_INFO)
    return KVTable.decode((await client.invoke(slave.address, request, 5000)).body_bytes).table["haProblem"]


def kill_and_look(folder: Path, killed: str, seed: int) -> int:
    """Kill a side three times, `master`, `slave` or `either` of them, when and which as `seed` says, and look each time;
    how many messages were acknowledged."""
    chance = random.Random(f"replication {killed} {seed}")
    acked: list[bytes] = []

    async def scenario(master: Side, slave: Side) -> None:
        stop, looked_at = asyncio.Event(), 0
        async with RemotingClient() as client:
            await connected(client, master)
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
            async with asyncio.timeout(60):
                while problem := await ha_problem(client, slave):  # until it has compared what came meanwhile
                    assert "is its master's is not known" in problem
                    await asyncio.sleep(0.1)

    sides: list[Side] = []
    names, address = name_server(folder / "names")
    try:
        sides.append(Side(folder / "master", brokerRole="SYNC_MASTER", namesrvAddr=address, **_QUICK))
        sides.append(Side(folder / "slave", brokerRole="SLAVE", brokerId=1, namesrvAddr=address, **_QUICK))
        for side in sides:
            side.process.wait_for("boot success")
        asyncio.run(scenario(*sides))
    finally:
        for side in sides:
            side.process.kill()
        names.kill()
    master, slave = (list(side.records()) for side in sides)
    shorter = min(len(master), len(slave))
    assert master[:shorter] == slave[:shorter]
    for records in (master, slave):
        assert set(acked) <= {body for _, body in records}
    return len(acked)


@pytest.mark.parametrize(("killed", "seed"), [("master", 1), ("master", 2), ("slave", 1), ("either", 1), ("either", 2)])
def test_every_acknowledged_message_is_on_both(tmp_path: Path, killed: str, seed: int) -> None:
    assert kill_and_look(tmp_path, killed, seed) > 50
