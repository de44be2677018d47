"""Who has consumed a message: what offsets say, what was traced, and dead letters."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec

from rocketmq_ops.client.admin.fanout import FanOut
from rocketmq_ops.client.admin.messages.message_results import MessageTrack
from rocketmq_ops.client.admin.messages.trace import ConsumeTrace, MessageTraces
from rocketmq_ops.client.errors import NotFoundError
from rocketmq_ops.common.errors import Failure, RocketMQError, failure_of
from rocketmq_ops.common.message import MessageExt
from rocketmq_ops.common.topics import dlq_topic
from rocketmq_ops.tui.model.address import Address
from rocketmq_ops.tui.model.details.consumed import consumed_by, track_section
from rocketmq_ops.tui.model.details.detail import Asking, Once, Section
from rocketmq_ops.tui.model.table import Health
from tests.tui.fakes import FakeModel, moment
from tests.tui.model.details import made_up
from tests.tui.model.details.test_sections import cells

STORED = made_up.message(1).store_timestamp


def taken(group: str, after_ms: int, *, success: bool | None) -> ConsumeTrace:
    at = STORED + after_ms
    return ConsumeTrace(group=group, client_host="c", begin_timestamp=at, end_timestamp=at + 1, success=success)


class Admin:
    """Answers for one message; a group's letters are an error where they cannot be asked for."""

    def __init__(
        self, tracks: list[MessageTrack], traced: list[ConsumeTrace], letters: dict[str, list[int] | RocketMQError]
    ) -> None:
        self.messages = self.topics = self
        self._tracks, self._traced = tracks, traced
        self._letters = {dlq_topic(group): found for group, found in letters.items()}
        self.failure_of = failure_of
        self.asked: list[str] = []

    async def readers(self, topic: str) -> list[str]:
        return [track.consumer_group for track in self._tracks]

    async def track(self, *_: object) -> list[MessageTrack]:
        return self._tracks

    async def query(self, topic: str, key: str, *, begin: int, kind: str) -> tuple[list[MessageExt], list[Failure]]:
        assert (key, kind) == (made_up.message(1).properties["UNIQ_KEY"], "U")
        self.asked.append(topic)
        found = self._letters.get(topic, NotFoundError("no route", ""))
        if isinstance(found, RocketMQError):
            raise found
        made = [msgspec.structs.replace(made_up.message(1), store_timestamp=STORED + at) for at in found]
        return [letter for letter in made if letter.store_timestamp >= begin], []

    async def fan_out(self, targets: Any, ask: Any) -> FanOut[Any, Any]:
        answers, errors = {}, {}
        for target in targets:
            try:
                answers[target] = await ask(target)
            except RocketMQError as error:
                errors[target] = error
        return FanOut(answers, errors)

    async def traces(self) -> MessageTraces:
        if not self._traced:
            raise NotFoundError("no trace", "")
        return MessageTraces("id", "topic", [], self._traced)


def judged(admin: Admin) -> Section:
    async def asked() -> Section:
        asking = Asking(admin=admin, model=FakeModel(moment()), address=Address("message", "orders"))  # type: ignore[arg-type]
        return await consumed_by(asking, made_up.message(1), Once(admin.traces))

    return asyncio.run(asyncio.wait_for(asked(), 60))


def test_who_did_not_consume_a_message_comes_first() -> None:
    section = track_section(made_up.tracks())
    assert cells(section, "group", "state") == [
        ("shipping", "not consumed yet"),
        ("audit", "unknown"),
        ("billing", "consumed"),
        ("mail", "consumed"),
    ]


def test_a_message_that_a_group_has_given_up_on_was_not_consumed_by_it() -> None:
    tracks = [MessageTrack(group, "CONSUMED") for group in ("gave-up", "traced", "untraced", "fails", "sent-again")]
    tracks += [MessageTrack("offline", "NOT_ONLINE", "no client"), MessageTrack("waits", "NOT_CONSUME_YET")]
    traced = [
        taken("gave-up", 10, success=False),
        taken("traced", 10, success=False),
        taken("traced", 9_000, success=True),
        taken("fails", 10, success=False),
        taken("fails", 9_000, success=None),
        taken("sent-again", 90_000, success=True),
        taken("untraced", -3_600_000, success=False),
    ]
    admin = Admin(tracks, traced, {"gave-up": [60_000], "sent-again": [60_000], "offline": [5], "untraced": [-1]})
    section = judged(admin)
    assert cells(section, "group", "state") == [
        ("gave-up", "given up"),
        ("offline", "given up"),
        ("fails", "failed"),
        ("waits", "not consumed yet"),
        ("traced", "consumed"),
        ("untraced", "consumed"),
        ("sent-again", "consumed"),
    ]
    assert section.health is Health.CRITICAL
    evidence = dict(cells(section, "group", "detail"))
    assert evidence["untraced"] == "the group's offset is past it", "a letter and an attempt of before are of another"
    assert str(evidence["fails"]).startswith("traced attempts: 1,")
    assert dlq_topic("waits") not in admin.asked


def test_where_dead_letters_cannot_be_asked_for_that_is_said() -> None:
    admin = Admin([MessageTrack("g", "CONSUMED")], [], {"g": RocketMQError("no answer", "")})
    section = judged(admin)
    assert cells(section, "state") == [("consumed",)]
    assert [failure.target for failure in section.failures] == [dlq_topic("g")]
    assert section.health is Health.UNKNOWN
