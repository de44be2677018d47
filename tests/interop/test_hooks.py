"""Hooks of a package that the broker loads by their entry point: what Apache's client does is shown to them."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from tests.interop.apache import Driver, DriverError, wait_until
from tests.interop.ours import OurPair
from tests.interop.test_java_clients import Consumer, bodies, make_topic, send

from rocketmq_ops.remoting.codes import RequestCode, ResponseCode

Name = Callable[[str], str]

#: A line for each call: which it is, and what it is shown.
PACKAGE = """
import json, os
from rocketmq_ops.broker.hooks.api import AbortProcessError, ConsumeMessageHook, RPCHook, SendMessageHook

class Journal(SendMessageHook, ConsumeMessageHook, RPCHook):
    def __init__(self):
        self.file = open(os.environ["JOURNAL"], "a", buffering=1, encoding="utf-8")

    def note(self, call, **shown):
        self.file.write(json.dumps({"call": call, **shown}) + "\\n")

    def send_message_before(self, context):
        if context.body_length == 13:
            raise AbortProcessError("thirteen bytes are not taken", 13)

    def send_message_after(self, context):
        self.note("sent", topic=context.topic, group=context.producer_group, key=context.msg_unique_key,
                  state=context.send_stat, id=context.msg_id)

    def consume_message_before(self, context):
        self.note("pulled", topic=context.topic, group=context.consumer_group, count=context.rcv_msg_num)

    def consume_message_after(self, context):
        self.note("back", topic=context.topic, group=context.consumer_group)

    def do_before_request(self, remote_addr, request):
        self.note("request", code=int(request.code))

    def do_after_response(self, remote_addr, request, response):
        self.note("response", code=int(request.code), answer=None if response is None else int(response.code))
"""


def installed(folder: Path) -> str:
    """The package as pip installs one, in a folder of its own."""
    described = folder / "journal_of_hooks-1.0.dist-info"
    described.mkdir(parents=True)
    (folder / "journal_of_hooks.py").write_text(PACKAGE)
    (described / "METADATA").write_text("Metadata-Version: 2.1\nName: journal-of-hooks\nVersion: 1.0\n")
    (described / "entry_points.txt").write_text("[rocketmq_ops.broker_hooks]\njournal = journal_of_hooks:Journal\n")
    return str(folder)


class Hooked(NamedTuple):
    """Our pair with the hooks of the package, and where they write."""

    pair: OurPair
    journal: Path

    def noted(self, call: str, **shown: Any) -> list[dict[str, Any]]:
        lines = [json.loads(line) for line in self.journal.read_text(encoding="utf-8").splitlines()]
        return [line for line in lines if line["call"] == call and shown.items() <= line.items()]


@pytest.fixture(scope="module")
def hooked(scratch: Path) -> Iterator[Hooked]:
    journal = scratch / "hooks" / "journal"
    path = os.pathsep.join(filter(None, (installed(scratch / "hooks" / "package"), os.environ.get("PYTHONPATH"))))
    pair = OurPair(
        scratch / "hooks" / "pair",
        settings={"brokerHooks": "journal"},
        environment={"PYTHONPATH": path, "JOURNAL": str(journal)},
    )
    yield Hooked(pair, journal)
    pair.kill()


def test_hooks_see_what_javas_client_sends_consumes_and_asks(hooked: Hooked, driver: Driver, name: Name) -> None:
    pair, noted = hooked.pair, hooked.noted
    topic, group, producer = name("Hooked"), name("hooked_group"), name("hooked_producer")
    hooked.journal.write_text("")  # of the version before
    make_topic(driver, pair, topic, 1)
    results = send(driver, pair, [{"topic": topic, "body": f"m{number}"} for number in range(5)], group=producer)
    wait_until(lambda: len(noted("sent", topic=topic)) == 5, "all sends were shown")
    sent = noted("sent", topic=topic, group=producer)
    assert [line["key"] for line in sent] == [each["msgId"] for each in results]
    assert {line["state"] for line in sent} == {"SEND_SUCCESS"} and all(line["id"] for line in sent)

    with pytest.raises(DriverError, match=r"CODE: 13 .*thirteen bytes are not taken"):
        send(driver, pair, [{"topic": topic, "body": "x" * 13}], group=producer)

    with Consumer(driver, pair, name("hooked"), group, topic, rejectFirst=1) as consumer:
        got = Counter(bodies(consumer.received(6)))  # one of them is sent back, and comes a second time
        assert (len(got), sum(got.values())) == (5, 6)
        wait_until(lambda: consumer.committed(pair, 1), "the broker has the offsets")

    def pulled(topic: str) -> int:
        return sum(line["count"] for line in noted("pulled", topic=topic, group=group))

    wait_until(lambda: (pulled(topic), pulled(f"%RETRY%{group}")) == (5, 1), "all pulls were shown")
    assert len(noted("back", group=group)) == 1
    for code in (
        RequestCode.SEND_MESSAGE_V2, RequestCode.PULL_MESSAGE, RequestCode.CONSUMER_SEND_MSG_BACK,
        RequestCode.HEART_BEAT, RequestCode.UPDATE_CONSUMER_OFFSET, RequestCode.UPDATE_AND_CREATE_TOPIC,
        RequestCode.UNREGISTER_CLIENT,
    ):  # fmt: skip
        assert noted("request", code=int(code)), code
        assert noted("response", code=int(code)), code
    assert len(noted("response", code=int(RequestCode.SEND_MESSAGE_V2), answer=int(ResponseCode.SUCCESS))) >= 5
    driver.ask("producer.close", namesrv=pair.namesrv_address, group=producer)
