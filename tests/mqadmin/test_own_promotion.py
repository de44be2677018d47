"""`mqadmin promote` on a pair of ours, from the fence to the old master as the slave of the new one; clients go along."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from rocketmq_ops.client import ClientOptions, ConsumeContext, Producer, PushConsumer, SendStatus
from rocketmq_ops.common.message import Message, MessageExt
from rocketmq_ops.remoting.client import RemotingClient
from rocketmq_ops.remoting.codes import RequestCode
from rocketmq_ops.remoting.command import RemotingCommand
from tests.broker.ha.sides import Side, name_server
from tests.broker.support import send_fields

SETTINGS: dict[str, Any] = {
    "flushDiskType": "SYNC_FLUSH", "haSendHeartbeatInterval": 200, "messageDelayLevel": "1s 2s 1h",
    "slaveReadEnable": True, "defaultTopicQueueNums": 1,
}  # fmt: skip
#: `mqadmin` with less patience than for real producers: there are none left when the fence is up.
COMMAND = (
    "from rocketmq_ops.client.admin.replicas import promotion; promotion.PRODUCERS_LEAVE_SECONDS = 1; "
    "from rocketmq_ops.mqadmin.main import main; main()"
)


class Promoted:
    """A pair with its name server, and what `mqadmin` says of it."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        child, self.names = name_server(folder / "names")
        stack.callback(child.kill)
        settings = SETTINGS | {"namesrvAddr": self.names}
        self.master = Side(folder / "master", brokerRole="SYNC_MASTER", **settings)
        stack.callback(lambda: self.master.process.kill())
        self.slave = Side(folder / "slave", brokerRole="SLAVE", brokerId=1, **settings)
        stack.callback(lambda: self.slave.process.kill())
        for side in (self.master, self.slave):
            side.process.wait_for("boot success")
        self._home = folder

    async def mqadmin(self, *words: str) -> tuple[Any, str]:
        """The data of a command as JSON, and all that it says."""
        line = [sys.executable, "-c", COMMAND, *words, "--output", "json"]
        environment = {**os.environ, "NAMESRV_ADDR": self.names, "XDG_STATE_HOME": str(self._home)}
        ran = await asyncio.to_thread(
            subprocess.run, line, capture_output=True, text=True, env=environment, timeout=120, check=False
        )
        return json.loads(ran.stdout or "{}").get("data"), " ".join(f"{ran.stdout} {ran.stderr}".split())

    def words(self, *more: str) -> tuple[str, ...]:
        """The command that promotes the slave."""
        files = ("--configFile", str(self.slave.conf), "--oldConfigFile", str(self.master.conf))
        return ("promote", "-b", self.slave.address, *files, "--oldMaster", self.master.address, "--yes", *more)

    async def promote(self, *more: str) -> tuple[Any, str]:
        return await self.mqadmin(*self.words(*more))

    async def until_step(self, step: str | None, *more: str) -> Any:
        """Run it again and again, until this step is the next one."""
        async with asyncio.timeout(120):
            while True:
                found, _ = await self.promote(*more)
                if found is not None and found["nextStep"] == step:
                    return found
                await asyncio.sleep(0.2)

    async def until_said(self, text: str, *words: str) -> None:
        """Run a command again and again, until it says this."""
        async with asyncio.timeout(120):
            while text not in (await self.mqadmin(*words))[1]:  # noqa: ASYNC110
                await asyncio.sleep(0.2)


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Promoted]:
    with ExitStack() as stack:
        yield Promoted(tmp_path, stack)


async def send(names: str, *messages: Message) -> None:
    """Send until each is on master and slave; also one that was answered otherwise is stored."""
    async with Producer("promoting", ClientOptions(name_servers=names)) as producer, asyncio.timeout(60):
        for message in messages:
            while (await producer.send(message)).status is not SendStatus.SEND_OK:  # noqa: ASYNC110
                await asyncio.sleep(0.1)  # the slave has yet to connect


async def send_to(master: Side, bodies: list[bytes], level: int) -> None:
    """Send delayed messages to a master, as a producer does that has not noticed yet that it is fenced."""
    async with RemotingClient() as client:
        for body in bodies:
            fields = send_fields("Promoted", 0, {"DELAY": str(level), "UNIQ_KEY": body.decode()})
            request = RemotingCommand.request(RequestCode.SEND_MESSAGE_V2, ext_fields=fields, body=body)
            answer = await client.invoke(master.address, request, 5000)
            assert answer.code == 0, answer.remark


def test_a_slave_becomes_the_master_and_nothing_is_lost_or_doubled(pair: Promoted) -> None:
    got: Counter[bytes] = Counter()
    texts = [b"plain %d" % at for at in range(20)]
    soon, later = [b"soon %d" % at for at in range(5)], [b"later %d" % at for at in range(5)]

    async def listener(messages: list[MessageExt], context: ConsumeContext) -> None:
        got.update(bytes(message.body) for message in messages)

    async def all_came(wanted: list[bytes]) -> None:
        async with asyncio.timeout(120):
            while not set(wanted) <= got.keys():  # noqa: ASYNC110
                await asyncio.sleep(0.05)

    async def scenario() -> None:
        options = ClientOptions(
            name_servers=pair.names, poll_name_server_interval_ms=500, rebalance_interval_ms=500,
            persist_offset_interval_ms=500,
        )  # fmt: skip
        await pair.until_said(pair.master.address, "topicRoute", "-t", "TBW102")
        await send(pair.names, Message("Promoted", b"first"))
        async with PushConsumer("GPromoted", listener, options) as consumer:
            consumer.subscribe("Promoted")
            await send(pair.names, *(Message("Promoted", text) for text in texts))
            found, _ = await pair.promote()
            assert found["oldMaster"]["fenced"] and found["nextStep"] in ("catchUp", "stop")
            # A producer that has an old route: what it sends comes from the delay levels when the fence is long up.
            await send_to(pair.master, soon, 1)
            told = (await pair.until_step("stop"))["slave"]["maxOffset"]
            await all_came(soon)
            await send_to(pair.master, later, 2)
            await asyncio.to_thread(pair.master.process.stop)
            stale = pair.words("--masterEnd", str(told))
            await pair.until_said("the master has gone on after it had that end", *stale)
            listing, _ = await pair.mqadmin("store", "ls", str(pair.master.store))
            end = str(listing["maxOffset"])
            found = await pair.until_step("start", "--masterEnd", end)
            assert found["gapBytes"] == 0
            await asyncio.to_thread(pair.slave.process.stop)
            await pair.slave.start_again()
            await pair.until_step(None, "--masterEnd", end)
            await pair.master.start_again()
            await send(pair.names, Message("Promoted", b"last"))  # SEND_OK: the old master follows
            await all_came([b"first", *texts, *soon, *later, b"last"])
        found = await pair.until_step(None)
        assert (found["oldMaster"]["role"], found["oldMaster"]["brokerId"]) == ("SLAVE", 1)

    asyncio.run(scenario())
    for side in (pair.master, pair.slave):
        side.process.stop()
    old, new = (Counter(body for _, body in side.records()) for side in (pair.master, pair.slave))
    assert old == new
    assert new.keys() == {b"first", *texts, *soon, *later, b"last"}
    # Each once where it waited, and once where it was delivered: by the old master, or by the new one.
    assert {body: new[body] for body in (*soon, *later)} == dict.fromkeys((*soon, *later), 2)
