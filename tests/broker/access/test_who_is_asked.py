"""Who calls himself a producer of another's group, or a client by another's id: he is told nothing of that one's messages."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import cast

from rocketmq_ops.broker.client.client_channel import ClientChannelInfo
from rocketmq_ops.broker.client.producer_manager import ProducerManager
from rocketmq_ops.common.message import PROPERTY_MESSAGE_REPLY_TO_CLIENT as REPLY_TO
from rocketmq_ops.common.message_codec import decode_message
from rocketmq_ops.remoting.bodies import HeartbeatData, ProducerData
from rocketmq_ops.remoting.channel import Channel
from rocketmq_ops.remoting.client import RemotingClient
from rocketmq_ops.remoting.codes import RequestCode as C
from rocketmq_ops.remoting.codes import ResponseCode as R
from rocketmq_ops.remoting.command import RemotingCommand
from rocketmq_ops.remoting.signature import AclSigner
from tests.broker.access.test_rights_on_messages import TO_COMMIT, Both, Kind, accounts, both
from tests.broker.auth.test_auth import ROOT
from tests.broker.signing_client import SECRET
from tests.broker.support import Session, run, send_fields
from tests.broker.test_transactions import later

REPLY_TOPIC = "DefaultCluster_REPLY_TOPIC"


class Got:
    """What a producer was asked about, and was given: bodies."""

    def __init__(self) -> None:
        self.asked: list[bytes] = []
        self.replies: list[bytes] = []

    def check(self, channel: Channel, request: RemotingCommand, header: None) -> None:
        self.asked.append(decode_message(request.body_bytes).body)

    def reply(self, channel: Channel, request: RemotingCommand, header: None) -> RemotingCommand:
        self.replies.append(request.body_bytes)
        return request.reply()


@asynccontextmanager
async def connected(session: Session, account: str | None, group: str, client_id: str = "c") -> AsyncIterator[Got]:
    """A producer on a connection of its own, which has sent a heartbeat."""
    got = Got()
    async with RemotingClient() as client:
        client.register(C.CHECK_TRANSACTION_STATE, None, got.check)
        client.register(C.PUSH_REPLY_MESSAGE_TO_CLIENT, None, got.reply)
        heartbeat = HeartbeatData(client_id=client_id, producer_data_set=[ProducerData(group_name=group)])
        request = RemotingCommand.request(C.HEART_BEAT, None, heartbeat.encode())
        if account is not None:
            AclSigner(account, SECRET).sign(request)
        assert (await client.invoke(session.address, request, 5000)).code == R.SUCCESS
        yield got


def operator(with_access: Kind) -> str:
    return "operator" if with_access is accounts else ROOT


@both
def test_a_transaction_is_asked_about_of_who_may_send_to_its_topic(tmp_path: Path, with_access: Kind) -> None:
    """Others would read the message, and keep the broker's questions from its producer until it gives up."""

    async def test(both: Both) -> None:
        session = both.session

        async def prepare(topic: str, body: bytes) -> None:
            fields = send_fields(topic, properties={"UNIQ_KEY": body.decode()} | TO_COMMIT, f="4")
            fields["g"] = str(session.broker.clock())
            assert (await both.operator(C.SEND_MESSAGE_V2, fields, body)).code == R.SUCCESS

        async def ask_until(got: list[bytes], count: int) -> None:
            async with asyncio.timeout(10):
                while len(got) < count:
                    later(session, 10_000)
                    session.broker.transactions.check()
                    await asyncio.sleep(0.01)

        async with connected(session, "application", "p") as hostile, connected(session, "application", "p"):
            await prepare("closed", b"secret")
            async with connected(session, operator(with_access), "p") as honest:
                await ask_until(honest.asked, 4)
            await prepare("open", b"for all")
            await ask_until(hostile.asked, 1)
            assert set(hostile.asked) == {b"for all"} and set(honest.asked) == {b"secret"}

    with_access(tmp_path, test)


@both
def test_a_reply_goes_to_the_account_that_had_the_client_s_id_first(tmp_path: Path, with_access: Kind) -> None:
    """Who answers requests knows the ids of those who ask, and so does every account of 4.x."""

    async def test(both: Both) -> None:
        async with (
            connected(both.session, "application", "a") as hostile_before,
            connected(both.session, operator(with_access), "b", "asker") as asker,
            connected(both.session, "application", "a", "asker") as hostile,
            connected(both.session, "application", "b", "asker") as hostile_too,
        ):
            fields = send_fields(REPLY_TOPIC, properties={REPLY_TO: "asker"})
            answer = await both.operator(C.SEND_REPLY_MESSAGE_V2, fields, b"the reply")
            assert answer.code == R.SUCCESS, answer.remark
            assert asker.replies == [b"the reply"]
            assert not hostile_before.replies + hostile.replies + hostile_too.replies

    with_access(tmp_path, test)


def test_a_reply_goes_where_its_client_has_connected_last(tmp_path: Path) -> None:
    """The connection before may be cut off, which is known only when it is silent for long."""

    async def test(session: Session) -> None:
        producers = session.broker.producers
        async with connected(session, None, "a", "asker") as cut, connected(session, None, "a", "asker") as again:
            fields = send_fields(REPLY_TOPIC, properties={REPLY_TO: "asker"})
            assert (await session.ask(C.SEND_REPLY_MESSAGE_V2, fields, b"1")).code == R.SUCCESS
            assert (cut.replies, again.replies) == ([], [b"1"])
            newest = producers.find_channel("asker")
            assert newest is not None
            # Of two groups, it stays known until it has left both.
            info = ClientChannelInfo(newest, "asker", 0, 0, now_ms=0, seen_ms=producers.table["a"][newest].seen_ms)
            producers.register("b", info)
            producers.unregister("a", newest)
            assert producers.find_channel("asker") is newest
            producers.unregister("b", newest)
            assert producers.find_channel("asker") not in (newest, None)
        async with asyncio.timeout(10):
            while producers.table:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        assert producers.find_channel("asker") is None

    run(tmp_path, test)


class Connection:
    """What the table of producers needs of one; `looks` counts how often it was looked up."""

    closed = False
    is_drained = True
    looks = 0

    def __init__(self) -> None:
        self.attrs: dict[str, object] = {}

    def __hash__(self) -> int:
        self.looks += 1
        return id(self)


def connections(count: int) -> list[Channel]:
    return [cast(Channel, Connection()) for _ in range(count)]


def test_leaving_many_groups_is_a_look_at_each() -> None:
    """Whoever names thousands in a heartbeat must not hold up the loop with the end of his connection."""
    producers, groups = ProducerManager(lambda: 0), 300
    other, channel = connections(2)
    for each, name in ((other, "other"), (channel, "c")):
        info = ClientChannelInfo(each, name, 0, 0, now_ms=0, seen_ms=0)
        for number in range(groups):
            producers.register(f"{name} {number}", info)
    assert producers.find_channel("c") is channel
    producers.close_channel(channel)
    assert producers.find_channel("c") is None and len(producers.table) == groups
    assert cast(Connection, channel).looks < 20 * groups


def test_rights_are_looked_at_once_for_the_messages_of_a_round() -> None:
    asked: list[str] = []
    now = [0]

    def may_send(channel: Channel, topic: str) -> bool:
        asked.append(topic)
        return topic == "open"

    producers = ProducerManager(lambda: now[0])
    producers.may_send = may_send
    channels = connections(3)
    for number, channel in enumerate(channels):
        producers.register("p", ClientChannelInfo(channel, f"c{number}", 0, 0, now_ms=0, seen_ms=0))
    got = [producers.available_channel("p", "open") for _ in range(9)]
    assert {id(each) for each in got} == {id(each) for each in channels} and len(asked) == 3
    assert [producers.available_channel("p", "closed") for _ in range(9)] == [None] * 9 and len(asked) == 6
    producers.unregister("p", channels[0])
    assert producers.available_channel("p", "open") in channels[1:] and len(asked) == 8
    now[0] = 1000
    assert producers.available_channel("p", "closed") is None and len(asked) == 10


def test_whoever_reads_nothing_is_asked_only_where_nobody_else_is() -> None:
    producers = ProducerManager(lambda: 0)
    channels = connections(3)
    for number, channel in enumerate(channels):
        producers.register("p", ClientChannelInfo(channel, f"c{number}", 0, 0, now_ms=0, seen_ms=0))
    cast(Connection, channels[0]).is_drained = False
    cast(Connection, channels[1]).closed = True
    assert [producers.available_channel("p", "open") for _ in range(5)] == [channels[2]] * 5
    cast(Connection, channels[2]).closed = True
    assert [producers.available_channel("p", "open") for _ in range(5)] == [channels[0]] * 5
