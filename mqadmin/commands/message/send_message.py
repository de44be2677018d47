"""`mqadmin sendMessage`: send one message, or one for each line of a file."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from typing import IO, TYPE_CHECKING, Annotated

import msgspec

from rocketmq_ops.client.admin.messages.message_send import MAX_BODY_BYTES, SendReport, SendRequest
from rocketmq_ops.common.delay_levels import DEFAULT_DELAY_LEVELS, parse_delay_levels
from rocketmq_ops.common.errors import Failure, RocketMQError
from rocketmq_ops.common.message import PROPERTY_DELAY_TIME_LEVEL, PROPERTY_SHARDING_KEY, PROPERTY_TIMER_DELIVER_MS
from rocketmq_ops.common.plurals import plural
from rocketmq_ops.common.spans import human_span
from rocketmq_ops.mqadmin import standard_input
from rocketmq_ops.mqadmin.declare import Opt, command
from rocketmq_ops.mqadmin.errors import next_step_of, usage
from rocketmq_ops.mqadmin.options.topics import TopicName
from rocketmq_ops.mqadmin.render.outcome import Outcome, Table
from rocketmq_ops.mqadmin.run import Run
from rocketmq_ops.mqadmin.values import natural, path, positive, properties, timestamp

if TYPE_CHECKING:
    from rocketmq_ops.client.admin import MQAdmin

#: Lines that are sent at once, where no order is asked for.
WINDOW = 16
#: Results that are kept; of more lines only the number is.
KEPT = 10_000


class SentReport(SendReport, rename="camel"):
    """Where the message is, of several the last one, and how many were sent. `messages` has each, at most the first
    10000.
    """

    sent: int = 1
    messages: list[SendReport] = msgspec.field(default_factory=list)


@command(
    result=SentReport,
    rows="messages",
    one_of=(("body", "body_file"),),
    sends=True,
    example="mqadmin sendMessage -t TopicTest -p 'hello' -k key-1 -c TagA",
)
async def send_message(
    run: Run,
    topic: TopicName,
    body: Annotated[str | None, Opt("-p", "--body", help="body, sent as UTF-8")] = None,
    key: Annotated[str | None, Opt("-k", "--key", help="keys, separated by blanks")] = None,
    tags: Annotated[str | None, Opt("-c", "--tags", help="tag")] = None,
    broker: Annotated[str | None, Opt("-b", "--broker", help="name of the broker to send to")] = None,
    qid: Annotated[int | None, Opt("-i", "--qid", help="queue to send to (with -b)", parse=natural)] = None,
    msg_trace_enable: Annotated[bool | None, Opt("-m", "--msgTraceEnable", help="send a message trace too")] = None,
    body_file: Annotated[
        str | None, Opt("--bodyFile", help="take the body from this file (- for stdin)", parse=path, metavar="FILE")
    ] = None,
    lines: Annotated[bool, Opt("--lines", help="send each line of --bodyFile as a message")] = False,
    user_properties: Annotated[
        dict[str, str] | None,
        Opt("--properties", help="properties: NAME=VALUE,... or a JSON object", parse=properties, metavar="PROPERTIES"),
    ] = None,
    sharding_key: Annotated[
        str | None, Opt("--shardingKey", help="ordering key: messages of one key go to one queue", metavar="KEY")
    ] = None,
    delay_level: Annotated[
        int | None, Opt("--delayLevel", help="deliver it after the delay of this level", parse=positive)
    ] = None,
    deliver_time: Annotated[
        int | None,
        Opt("--deliverTime", help="deliver it then: ms, or yyyy-MM-dd#HH:mm:ss:SSS", parse=timestamp, metavar="TIME"),
    ] = None,
) -> Outcome:
    """A topic that does not exist is created by the broker where autoCreateTopicEnable allows it.

    With --lines the first failure ends it, and is reported with its line; empty lines are left out. Lines go out
    several at once and so in no order, but for those with --shardingKey or -i. --deliverTime needs a broker of 5.0 or
    later with timerWheelEnable: an older one delivers at once.
    """
    if qid is not None and broker is None:
        raise usage("-i needs -b", "name the broker that holds the queue")
    if lines and body_file is None:
        raise usage("--lines needs --bodyFile", "give a file, or - for stdin")
    if delay_level is not None and deliver_time is not None:
        raise usage("give --delayLevel or --deliverTime, not both", "a message has one time of delivery")
    extra = dict(user_properties or {})
    for name, value in (
        (PROPERTY_SHARDING_KEY, sharding_key),
        (PROPERTY_DELAY_TIME_LEVEL, delay_level),
        (PROPERTY_TIMER_DELIVER_MS, deliver_time),
    ):
        if value is not None:
            extra[name] = str(value)
    wanted = SendRequest(topic=topic, body=b"", keys=key, tags=tags, properties=extra, broker_name=broker, queue_id=qid)
    if body_file is None:
        sending = _Sending(1, trace=bool(msg_trace_enable))
        async with run.admin() as admin:
            await sending.all(admin, wanted, iter([(1, (body or "").encode())]))
            await sending.look_at_delay(admin, delay_level)
    else:
        ordered = sharding_key is not None or qid is not None
        sending = _Sending(1 if ordered or not lines else WINDOW, trace=bool(msg_trace_enable))
        with _opened(body_file) as source:
            bodies = _lines(source) if lines else iter([(1, source.read(MAX_BODY_BYTES + 1))])
            async with run.admin() as admin:
                await sending.all(admin, wanted, bodies)
                await sending.look_at_delay(admin, delay_level)
    return sending.outcome(lines)


@contextmanager
def _opened(name: str) -> Iterator[IO[bytes]]:
    """The file, or stdin, which stays open."""
    if name == "-":
        yield standard_input.raw()
        return
    with open(name, "rb") as source:
        yield source


def _lines(source: IO[bytes]) -> Iterator[tuple[int, bytes]]:
    """Each line that is not empty, without its end, with its number. One that no broker takes is not read whole."""
    number = 0
    while line := source.readline(MAX_BODY_BYTES + 2):
        number += 1
        bare = line.rstrip(b"\r\n")
        if bare:
            yield number, bare
            if len(bare) > MAX_BODY_BYTES:
                return


class _Sending:
    """Sends bodies, a window at once, until one fails."""

    def __init__(self, window: int, *, trace: bool) -> None:
        self._problems: list[Failure] = []
        self._window = window
        self._trace = trace
        self._kept: list[SendReport] = []
        self._last: SendReport | None = None
        self._sent = 0
        self._brokers: dict[str, str] = {}
        self._notes: list[str] = []
        self._failed: tuple[int, RocketMQError] | None = None

    async def all(self, admin: MQAdmin, wanted: SendRequest, bodies: Iterator[tuple[int, bytes]]) -> None:
        """Send each body as `wanted` says."""
        routed = await admin.messages.send_route(wanted.topic)
        while self._failed is None and (some := list(islice(bodies, self._window))):
            requests = [msgspec.structs.replace(wanted, body=body) for _, body in some]
            answers = await asyncio.gather(
                *(admin.messages.send(request, routed) for request in requests), return_exceptions=True
            )
            for (number, _), request, answer in zip(some, requests, answers, strict=True):
                if isinstance(answer, RocketMQError):
                    self._failed = self._failed or (number, answer)
                elif isinstance(answer, BaseException):
                    raise answer
                else:
                    self._note(answer)
                    if self._trace:
                        await self._send_trace(admin, request, answer)

    def _note(self, answer: SendReport) -> None:
        self._last = answer
        self._sent += 1
        self._brokers[answer.broker_name] = answer.broker_addr
        if len(self._kept) < KEPT:
            self._kept.append(answer)
        if answer.send_status != "SEND_OK" and len(self._problems) < KEPT:
            what = (
                f"the message is stored, but with {answer.send_status}: less safely than the broker is configured for"
            )
            self._problems.append(Failure(answer.broker_addr, what, "check the broker's disk and its slaves"))

    async def look_at_delay(self, admin: MQAdmin, level: int | None) -> None:
        """Note where a level is above a broker's highest, which then counts (HookUtils.handleScheduleMessage)."""
        if level is None:
            return
        for name, address in sorted(self._brokers.items()):
            try:
                config = await admin.configs.broker_config(address)
                delays = parse_delay_levels(config.get("messageDelayLevel", DEFAULT_DELAY_LEVELS))
            except RocketMQError:
                delays, highest = parse_delay_levels(), "the highest of brokers by default"
            else:
                highest = f"the highest of {name}"
            if delays and level > len(delays):
                self._notes.append(
                    f"level {level} is above {len(delays)}, {highest}: it is delivered as one of level "
                    f"{len(delays)}, after {human_span(delays[-1])}"
                )

    async def _send_trace(self, admin: MQAdmin, request: SendRequest, answer: SendReport) -> None:
        try:
            await admin.messages.send_trace(request, answer)
        except RocketMQError as error:
            what = f"the message is stored, but its trace is not: {error.cause}"
            self._problems.append(Failure("trace", what, next_step_of(error)))

    def outcome(self, lines: bool) -> Outcome:
        """What was sent. Raises the failure where nothing was."""
        if self._last is None:
            if self._failed is not None:
                raise self._failed[1]
            raise usage("there is no line to send", "give a file with a message on each line")
        notes = list(self._notes)
        if self._failed is not None:
            number, error = self._failed
            step = f"{next_step_of(error)}; then send from line {number} on"
            self._problems.insert(0, Failure(f"line {number}", error.cause, step, getattr(error, "code", None)))
        if lines:
            notes.append(f"{plural(self._sent, 'message is', 'messages are')} sent")
        table = Table(["#Broker Name", "#QID", "#Send Result", "#MsgId"], [])
        table.rows = [[sent.broker_name, sent.queue_id, sent.send_status, sent.msg_id] for sent in self._kept]
        return Outcome(
            data=SentReport(**msgspec.structs.asdict(self._last), sent=self._sent, messages=self._kept),
            blocks=[table],
            errors=self._problems,
            notes=notes,
            status="partial" if self._problems else "ok",
        )
