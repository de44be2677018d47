"""Looking through long queues for a tag or a condition: how many pulls a look takes, and how the next goes on."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from textual.worker import WorkerCancelled

from rocketmq_ops.client.admin import MQAdmin
from rocketmq_ops.client.errors import NotFoundError
from rocketmq_ops.common.errors import Failure
from rocketmq_ops.common.message import MessageExt, MessageQueue
from rocketmq_ops.common.message_codec import encode_record
from rocketmq_ops.remoting.codes import RequestCode as Code
from rocketmq_ops.remoting.codes import ResponseCode
from rocketmq_ops.remoting.command import RemotingCommand
from rocketmq_ops.tui.model.address import parse
from rocketmq_ops.tui.model.details import dead_letters, looking, messages
from rocketmq_ops.tui.model.details.detail import Asking
from rocketmq_ops.tui.model.details.last import Last, with_last
from rocketmq_ops.tui.model.details.looking import Found, Looking
from rocketmq_ops.tui.model.table import Health
from rocketmq_ops.tui.screens import dead_letters as dead_letters_screen
from tests.mqadmin.fake_cluster import FakeCluster
from tests.tui.fakes import NOW_MS, FakeModel, dashboard, moment
from tests.tui.flows.driving import at_rest, detail, last_notice, press, rows, said, settled

#: So many units of a queue a broker goes through in one pull (DefaultMessageStore, maxFilterMessageCount).
UNITS = 800
BASE_MS = NOW_MS - 10_000_000


class Long:
    """A topic with queues of `length` messages, one each ms; those at the offsets `rare` have that tag."""

    def __init__(self, queues: int, length: int, rare: set[int] | None = None, topic: str = "T") -> None:
        self.cluster, self.length, self.rare = FakeCluster(), length, rare or set()
        self.topic = topic
        broker = self.cluster["broker-a"]
        broker.add_topic(topic, queues)
        broker.ends = {(topic, queue): length for queue in range(queues)}
        #: Of each pull: queue, and the offsets that the broker went through.
        self.pulled: list[tuple[int, range]] = []
        #: From this offset on no pull is answered.
        self.broken: int | None = None
        self.cluster.transport.on(broker.address, Code.PULL_MESSAGE, self._pull)
        self.cluster.transport.on(broker.address, Code.SEARCH_OFFSET_BY_TIMESTAMP, self._search)

    def _search(self, c: RemotingCommand) -> RemotingCommand:
        at = int(c.ext_fields["timestamp"]) - BASE_MS
        return c.reply(ext_fields={"offset": str(min(max(at, 0), self.length))})

    def _pull(self, c: RemotingCommand) -> RemotingCommand:
        fields = c.ext_fields
        queue, at, most, tag = (fields[name] for name in ("queueId", "queueOffset", "maxMsgNums", "subscription"))
        begin, found = int(at), []
        if self.broken is not None and begin >= self.broken:
            return c.reply(ResponseCode.SYSTEM_ERROR, "the store is broken here")
        following = begin
        until = self.length if self.broken is None else min(self.broken, self.length)
        while following < min(begin + UNITS, until) and len(found) < int(most):
            if tag == "*" or (following in self.rare) == (tag == "rare"):
                found.append(self._message(int(queue), following))
            following += 1
        assert len(self.pulled) < 2_000, "it is not bounded"
        if int(most) > 1:  # else a time is searched
            self.pulled.append((int(queue), range(begin, following)))
        told = {"nextBeginOffset": str(following), "minOffset": "0", "maxOffset": str(self.length)}
        code = ResponseCode.SUCCESS if found else ResponseCode.PULL_RETRY_IMMEDIATELY
        return c.reply(code, ext_fields={"suggestWhichBrokerId": "0", **told}, body=b"".join(map(encode_record, found)))

    def _message(self, queue: int, offset: int) -> MessageExt:
        return MessageExt(
            topic=self.topic, queue_id=queue, queue_offset=offset, commit_log_offset=(offset * 8 + queue) * 1000, store_size=0,
            body=b"x", body_crc=0, flag=0, sys_flag=0, born_timestamp=1, born_host=("10.9.0.1", 5),
            store_timestamp=BASE_MS + offset, store_host=("10.1.0.1", 10911), reconsume_times=0,
            prepared_transaction_offset=0, properties={"TAGS": "rare" if offset in self.rare else "often"},
            offset_msg_id="",
        )  # fmt: skip

    def run(self, test: Callable[[MQAdmin], Awaitable[None]]) -> None:
        async def session() -> None:
            async with MQAdmin(self.cluster.name_servers, transport=self.cluster.transport) as admin:
                await test(admin)

        asyncio.run(session())


def exported(folder: Path) -> tuple[str, list[dict[str, Any]]]:
    """The one file there, and what it has; it is taken away."""
    (path,) = folder.iterdir()
    found = [json.loads(line) for line in path.read_text().splitlines()]
    path.unlink()
    return path.name, found


async def look(admin: MQAdmin, options: str, known: Looking) -> Found:
    asking = Asking(admin=admin, model=FakeModel(moment()), address=parse(f":messages/T{options}"))
    return await messages.find(asking, known)


@pytest.mark.parametrize(
    ("options", "most"),
    [
        pytest.param("?tag=none", looking.PULLS, id="tag"),
        pytest.param(f"?tag=none&begin={BASE_MS + 1000}", looking.PULLS, id="tag, begin"),
        pytest.param("?tag=none&from=7", looking.PULLS, id="tag, from"),
        pytest.param("?where=tags = 'none'", looking.PULLS, id="where"),
        pytest.param(f"?where=tags = 'none'&begin={BASE_MS + 1000}", looking.PULLS, id="where, begin"),
        pytest.param("?tag=often&where=tags = 'none'", looking.PULLS, id="tag, where"),
        pytest.param("?tag=often&follow=1", looking.PULLS_FOLLOWING, id="tag, follow"),
        pytest.param("?where=tags = 'none'&follow=1", looking.PULLS_FOLLOWING, id="where, follow"),
        pytest.param(f"?tag=none&begin={BASE_MS}&follow=1", looking.PULLS_FOLLOWING, id="tag, begin, follow"),
    ],
)
def test_a_look_is_bounded_by_its_pulls_however_long_queues_are(options: str, most: int) -> None:
    queues = 16
    there = Long(queues, 400_000)

    async def test(admin: MQAdmin) -> None:
        found = await look(admin, options, Looking())
        assert found.messages == [] or "often" in options
        assert queues <= len(there.pulled) <= most
        assert max(sum(queue == each for each, _ in there.pulled) for queue in range(queues)) <= most // queues
        asked = len(there.cluster.transport.sent)
        assert asked <= most + queues * 20, "what is asked besides is a few requests a queue"

    there.run(test)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ("queue=9", "topic 'T' has no readable queue 9"),
        ("broker=other", "broker 'other' has no readable queue of topic 'T'"),
        ("broker=other&queue=0&tag=A", "broker 'other' has no readable queue 0 of topic 'T'"),
    ],
)
def test_a_queue_that_the_topic_does_not_have_is_not_said_to_hold_no_message(options: str, said: str) -> None:
    async def test(admin: MQAdmin) -> None:
        with pytest.raises(NotFoundError) as refused:
            await look(admin, f"?{options}", Looking())
        assert refused.value.cause == said

    Long(2, 10).run(test)


def test_of_more_queues_than_pulls_each_is_pulled_from_once() -> None:
    there = Long(looking.PULLS + 50, 10_000)

    async def test(admin: MQAdmin) -> None:
        await look(admin, "?tag=none", Looking())
        assert len(there.pulled) == looking.PULLS + 50

    there.run(test)


@pytest.mark.parametrize(
    ("options", "first"),
    [
        pytest.param("?tag=rare", 0, id="tag"),
        pytest.param("?where=tags = 'rare'", 0, id="where"),
        pytest.param("?tag=rare&where=queueOffset > 20", 0, id="tag, where"),
        pytest.param(f"?tag=rare&begin={BASE_MS + 900}", 900, id="tag, begin"),
        pytest.param("?where=tags = 'rare'&from=900", 900, id="where, from"),
    ],
)
def test_looks_go_on_until_all_was_looked_at(options: str, first: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(looking, "PULLS", 4)
    rare = {*range(30, 70), 1_000, 2_003, 2_999, 3_000}
    there = Long(2, 3_001, rare)

    async def test(admin: MQAdmin) -> None:
        known = Looking()
        looks = 0
        found = await look(admin, options, known)
        newest = [(message.queue_id, message.queue_offset) for message in found.messages]
        if not first:
            assert {(0, 3_000), (1, 3_000), (0, 2_999), (1, 2_999)} <= set(newest)
        while found.goes_on:
            assert looks < 100, "it comes to an end"
            looks, before = looks + 1, len(there.pulled)
            found = await look(admin, options, known)
            assert len(there.pulled) - before <= 4
        assert looks
        shown = {(message.queue_id, message.queue_offset) for message in found.messages}
        assert shown == {(queue, offset) for queue in range(2) for offset in rare if offset >= first}
        assert [m.store_timestamp for m in found.messages] == sorted(m.store_timestamp for m in found.messages)[::-1]
        assert found.looked == 2 * (3_001 - first)
        assert {(queue, at) for queue, went in there.pulled for at in went} == {
            (queue, at) for queue in range(2) for at in range(first, 3_001)
        }

    there.run(test)


def test_a_screen_says_how_much_it_looked_at_and_a_key_looks_further(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(looking, "PULLS", 4)
    there = Long(1, 20_000, {19_990, 1_000})

    async def test(admin: MQAdmin) -> None:
        app = dashboard(FakeModel(moment()), ":messages/T?tag=rare", admin=admin)
        async with app.run_test(size=(160, 40)) as pilot:
            await settled(pilot)
            assert len(there.pulled) == 4
            assert [row[5] for row in rows(pilot)] == ["19,990"]
            first = said(pilot, "#facts")
            assert "messages, the newest: press n to look further back" in first
            await press(pilot, "n")
            assert len(there.pulled) == 8
            assert said(pilot, "#facts") != first
            for _ in range(10):
                await press(pilot, "n")
            assert [row[5] for row in rows(pilot)] == ["19,990", "1,000"]
            assert "press n" not in said(pilot, "#facts")
            whole = len(there.pulled)
            await press(pilot, "n")
            assert len(there.pulled) == whole, "there is no more"
            await press(pilot, "r")
            assert len(there.pulled) == whole + 4
            assert str(detail(pilot).address) == ":messages/T?tag=rare"

    there.run(test)


@pytest.mark.parametrize(
    ("queues", "length", "low", "more"),
    [
        pytest.param(1, 200, 0, False, id="as many as are shown"),
        pytest.param(1, 201, 0, True, id="one more"),
        pytest.param(1, 5_000, 4_900, False, id="the others have expired"),
        pytest.param(4, 51, 0, True, id="one more in each queue"),
        pytest.param(4, 50, 0, False, id="all of each queue"),
    ],
)
@pytest.mark.parametrize("options", ["", "?follow=1"])
def test_of_the_newest_it_is_said_whether_there_are_more(
    queues: int, length: int, low: int, more: bool, options: str
) -> None:
    there = Long(queues, length)
    broker = there.cluster["broker-a"]
    there.cluster.transport.on(broker.address, Code.GET_MIN_OFFSET, lambda c: c.reply(ext_fields={"offset": str(low)}))

    async def test(admin: MQAdmin) -> None:
        app = dashboard(FakeModel(moment()), f":messages/T{options}", admin=admin)
        async with app.run_test(size=(160, 40)) as pilot:
            await settled(pilot)
            shown = min(200, queues * (length - low))
            assert len(rows(pilot)) == shown
            text = f"there are more than the {shown} that are shown: narrow the time, or name a queue"
            if not options:
                text = f"{shown} messages, the newest: press n to look further back"
            assert (text in said(pilot, "#facts")) is more
            await press(pilot, "n")
            if more and not options:
                assert f"before the newest {shown}: press r for the newest" in said(pilot, "#facts")
                assert len(rows(pilot)) == queues * (length - low) - shown
            else:
                assert last_notice(pilot) == (text if more else "there is no more")

    there.run(test)


@pytest.mark.parametrize(
    ("options", "lengths", "pages"),
    [
        pytest.param("", (500,), [range(300, 500), range(100, 300), range(100)], id="all"),
        pytest.param("?queue=0", (500,), [range(300, 500), range(100, 300), range(100)], id="queue"),
        pytest.param("?from=50", (500,), [range(50, 250), range(250, 450), range(450, 500)], id="from"),
        pytest.param(f"?begin={BASE_MS + 50}", (300,), [range(50, 250), range(250, 300)], id="begin"),
    ],
)
def test_a_key_shows_the_next_messages_until_there_are_no_others(
    options: str, lengths: tuple[int, ...], pages: list[range]
) -> None:
    there = Long(1, lengths[0])

    async def test(admin: MQAdmin) -> None:
        app = dashboard(FakeModel(moment()), f":messages/T{options}", admin=admin)
        async with app.run_test(size=(160, 40)) as pilot:
            await settled(pilot)
            for at, page in enumerate(pages):
                if at:
                    await press(pilot, "end", "n")
                    assert detail(pilot).grid.cursor == 0
                assert [int(row[5]) for row in rows(pilot)] == list(reversed(page))
                assert ("press n" in said(pilot, "#facts")) is (page != pages[-1])
            pulled = len(there.pulled)
            assert pulled <= 7 * len(pages)
            await press(pilot, "n")
            assert last_notice(pilot) == "there is no more"
            assert len(there.pulled) == pulled
            await press(pilot, "r")
            assert [int(row[5]) for row in rows(pilot)] == list(reversed(pages[0]))

    there.run(test)


def test_queues_of_other_lengths_are_gone_through_to_the_end_of_each() -> None:
    there = Long(3, 300)
    broker, ends = there.cluster["broker-a"], {"0": 300, "1": 20, "2": 0}
    for code in (Code.GET_MAX_OFFSET, Code.SEARCH_OFFSET_BY_TIMESTAMP):
        there.cluster.transport.on(
            broker.address, code, lambda c: c.reply(ext_fields={"offset": str(ends[c.ext_fields["queueId"]])})
        )

    async def test(admin: MQAdmin) -> None:
        known, shown = Looking(), []
        found = await look(admin, "", known)
        shown += found.messages
        looks = 1
        while found.goes_on:
            looks += 1
            found = await look(admin, "", known)
            shown += found.messages
            assert found.before == len(shown) - len(found.messages)
        places = [(message.queue_id, message.queue_offset) for message in shown]
        assert len(set(places)) == len(places) == 320
        assert looks == 3, "what one queue lacks goes to the others"

    there.run(test)


@pytest.mark.parametrize("options", ["", f"?begin={BASE_MS}", "?tag=often", "?where=tags = 'often'"])
def test_what_could_not_be_read_is_left_for_the_next_look(options: str) -> None:
    topic, known, seen = Long(1, 300), Looking(), set()
    topic.broken = 150

    async def test(admin: MQAdmin) -> None:
        nonlocal known
        for turn in range(12):
            address = parse(f":messages/T{options}")
            known = known.by(address, goes_on=turn > 0)
            found = await look(admin, options, known)
            seen.update(message.queue_offset for message in found.messages)
            assert bool(found.failures) == (turn < 2)
            assert found.goes_on or not found.failures
            if turn == 1:
                assert max(seen) < 150
                topic.broken = None
            if not found.goes_on:
                break

    topic.run(test)
    assert topic.broken is None
    missing = set(range(300)) - seen
    assert not missing or (known.truncated and max(missing) < 100)


@pytest.mark.parametrize(
    ("options", "first", "then"),
    [
        ("", "150 messages: press n to ask again", "10 messages that were not answered before, beside 150: press r"),
        (f"?begin={BASE_MS}", "150 messages: press n to ask again", "beside 150: press r to begin anew"),
        ("?tag=often", "150 messages: press n to ask again", ""),
    ],
)
def test_it_is_said_that_a_key_asks_again_for_what_was_not_answered(options: str, first: str, then: str) -> None:
    topic = Long(1, 160)
    topic.broken = 150

    async def test(admin: MQAdmin) -> None:
        app = dashboard(FakeModel(moment()), f":messages/T{options}", admin=admin)
        async with app.run_test(size=(200, 40)) as pilot:
            await settled(pilot)
            assert len(rows(pilot)) == 150
            assert first in said(pilot, "#facts")
            await press(pilot, "n")
            assert len(rows(pilot)) == 150, "nothing is answered: what was shown stays"
            assert "ask again" in said(pilot, "#facts")
            topic.broken = None
            await press(pilot, "n")
            assert len(rows(pilot)) == (10 if then else 160), "each message once"
            assert then in said(pilot, "#facts")
            assert "press n" not in said(pilot, "#facts")

    topic.run(test)


def test_of_more_queues_than_are_shown_one_of_each_is_and_none_is_passed_over() -> None:
    there = Long(looking.MOST + 50, 3)

    async def test(admin: MQAdmin) -> None:
        known = Looking()
        places = set()
        for before in range(3):
            found = await look(admin, "", known)
            places |= {(message.queue_id, message.queue_offset) for message in found.messages}
            assert (len(found.messages), found.before) == (looking.MOST + 50, before * (looking.MOST + 50))
        assert len(places) == 3 * (looking.MOST + 50)
        assert not found.goes_on

    there.run(test)


def test_all_dead_letters_are_exported_from_the_last_page_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    there = Long(1, 300, topic="%DLQ%billing")

    async def test(admin: MQAdmin) -> None:
        app = dashboard(FakeModel(moment()), ":dead-letters/billing", admin=admin)
        async with app.run_test(size=(160, 40)) as pilot:
            await settled(pilot)
            await press(pilot, "n")
            assert len(rows(pilot)) == 100
            await press(pilot, "e")
            _, found = exported(tmp_path)
            assert len(found) == 300

    there.run(test)


@pytest.mark.parametrize(
    ("options", "count"),
    [
        pytest.param("", 6_000, id="all"),
        pytest.param("?tag=often", 5_998, id="tag"),
        pytest.param("?where=queueOffset < 2990", 5_980, id="where"),
        pytest.param("?queue=1", 3_000, id="queue"),
        pytest.param(f"?begin={BASE_MS + 1_000}", 4_000, id="begin"),
    ],
)
def test_all_dead_letters_are_exported_not_only_those_that_are_shown(
    options: str, count: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(looking, "PULLS", 4)
    there = Long(2, 3_000, {7}, topic="%DLQ%billing")

    async def test(admin: MQAdmin) -> None:
        app = dashboard(FakeModel(moment()), f":dead-letters/billing{options}", admin=admin)
        async with app.run_test(size=(160, 40)) as pilot:
            await settled(pilot)
            assert len(rows(pilot)) < count
            await press(pilot, "e")
            name, found = exported(tmp_path)
            assert len({(each["queueId"], each["queueOffset"]) for each in found}) == len(found) == count
            assert last_notice(pilot) == f"{count} messages are in the file {name}"
            await press(pilot, "space", "e")
            name, found = exported(tmp_path)
            assert len(found) == 1
            assert last_notice(pilot) == f"1 message is in the file {name}"

    there.run(test)


def test_an_export_is_bounded_and_says_how_much_it_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(dead_letters, "EXPORT_PULLS", 10)
    there = Long(2, 1_000, topic="%DLQ%billing")

    async def test(admin: MQAdmin) -> None:
        app = dashboard(FakeModel(moment()), ":dead-letters/billing", admin=admin)
        async with app.run_test(size=(160, 40)) as pilot:
            await settled(pilot)
            before = len(there.pulled)
            await press(pilot, "e")
            assert len(there.pulled) == before + 10
            name, found = exported(tmp_path)
            assert len(found) == 320
            assert [notice.message for notice in pilot.app._notifications][-2:] == [
                f"320 messages are in the file {name}",
                "up to 1,680 more messages were not looked at: narrow the time, and export those as well",
            ]

    there.run(test)


def test_dead_letters_that_are_filtered_are_exported_as_they_are_shown_and_that_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    there = Long(1, 300, {299}, topic="%DLQ%billing")

    async def test(admin: MQAdmin) -> None:
        app = dashboard(FakeModel(moment()), ":dead-letters/billing?filter=rare", admin=admin)
        async with app.run_test(size=(160, 40)) as pilot:
            await settled(pilot)
            await press(pilot, "e")
            name, found = exported(tmp_path)
            assert [each["queueOffset"] for each in found] == [299]
            assert [notice.message for notice in pilot.app._notifications][-2:] == [
                f"1 message is in the file {name}",
                "there are more than are shown: only what is shown is in the file",
            ]

    there.run(test)


def test_where_all_marked_dead_letters_are_hidden_nothing_is_exported_and_that_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    there = Long(1, 300, {299}, topic="%DLQ%billing")

    async def test(admin: MQAdmin) -> None:
        app = dashboard(FakeModel(moment()), ":dead-letters/billing", admin=admin)
        async with app.run_test(size=(160, 40)) as pilot:
            await settled(pilot)
            await press(pilot, "down", "space", "slash", *"rare", "enter", "e")
            notices = [notice.message for notice in pilot.app._notifications]
            assert notices == ["the marked rows are not shown: Escape takes the marks away"]

    there.run(test)
    assert not [*tmp_path.iterdir()]


def test_an_export_that_fails_leaves_no_file_that_looks_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    there = Long(1, 1_000, topic="%DLQ%billing")

    def no_space(_path: Path, _lines: list[bytes]) -> None:
        raise OSError(28, "No space left on device")

    async def test(admin: MQAdmin) -> None:
        app = dashboard(FakeModel(moment()), ":dead-letters/billing", admin=admin)
        async with app.run_test(size=(160, 40)) as pilot:
            await settled(pilot)
            monkeypatch.setattr(dead_letters_screen, "_write", no_space)
            await press(pilot, "e")
            assert "cannot write dead-letters-billing-" in last_notice(pilot)

    there.run(test)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("key", ["escape", "q"])
def test_an_export_that_is_left_says_that_it_was_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    monkeypatch.chdir(tmp_path)
    there = Long(1, 1_000, topic="%DLQ%billing")
    go_on, write = threading.Event(), dead_letters_screen._write

    def slow(path: Path, lines: list[bytes]) -> None:
        write(path, lines)
        go_on.wait(30)

    async def test(admin: MQAdmin) -> None:
        app = dashboard(FakeModel(moment()), ":dead-letters/billing", admin=admin)
        said = "the export was given up, as its screen was left: there is no file"
        async with app.run_test(size=(160, 40)) as pilot:
            await settled(pilot)
            monkeypatch.setattr(dead_letters_screen, "_write", slow)
            await pilot.press("e")
            await at_rest(pilot)
            exporting = [worker for worker in app.workers if worker.group == "export"]
            assert exporting
            await pilot.press(key)
            go_on.set()
            if key == "escape":
                with pytest.raises(WorkerCancelled):
                    await exporting[0].wait()
                assert last_notice(pilot) == said
        assert app.context.parting == ([said] if key == "q" else [])

    there.run(test)
    assert list(tmp_path.iterdir()) == []


def test_followed_messages_of_a_broker_that_is_silent_stay_as_they_were_told() -> None:
    long = Long(1, 1)

    def of(broker: str, offset: int) -> MessageExt:
        message = long._message(0, offset)
        message.broker_name = broker
        return message

    now = moment()
    (heard, silent), address = sorted(now.brokers.values(), key=lambda each: each.broker_name)[:2], "messages/T"
    whole = Found([of(silent.broker_name, 2), of(heard.broker_name, 1)], [])
    queue = MessageQueue("T", silent.broker_name, 0)
    by_route = Found([of(heard.broker_name, 3)], [Failure("it", "no answer", "")], unread=frozenset([queue]))
    unlisted = Found([of(heard.broker_name, 3)], [Failure(silent.address, "no answer", "")])
    for option, stays in (("?follow=1", True), ("", False)):
        asking = Asking(admin=MQAdmin([]), model=FakeModel(now), address=parse(address + option))
        before = Last(messages.message_section(asking, whole), NOW_MS - 5_000)
        (part,) = messages.parts(asking)
        for found in (by_route, unlisted):
            table = with_last(messages.message_section(asking, found), part, now, before).table
            assert table is not None
            told = [(row.cells[3], row.cells[5], row.stale_since, row.health) for row in table.rows]
            left = (silent.broker_name, 2, NOW_MS - 5_000, Health.OK)
            assert told == [(heard.broker_name, 3, None, Health.OK), *([left] if stays else [])]
