"""`mqadmin queryMsgByKey`: find messages of a topic by key."""

from __future__ import annotations

from typing import Annotated

import msgspec

from rocketmq_ops.client.admin.messages.message_results import FoundMessage, KeyKind
from rocketmq_ops.common.errors import Failure
from rocketmq_ops.common.javatypes import LONG_MAX
from rocketmq_ops.common.message import MessageExt
from rocketmq_ops.mqadmin.declare import Opt, command
from rocketmq_ops.mqadmin.errors import NOT_THERE, not_found, require_order
from rocketmq_ops.mqadmin.messages.bodies import viewer
from rocketmq_ops.mqadmin.options.brokers import LmqCluster
from rocketmq_ops.mqadmin.options.messages import BeginTimestamp, BodyForm, Decode, EndTimestamp
from rocketmq_ops.mqadmin.options.topics import TopicName
from rocketmq_ops.mqadmin.render.outcome import Outcome, Table
from rocketmq_ops.mqadmin.render.report import status
from rocketmq_ops.mqadmin.run import Run
from rocketmq_ops.mqadmin.values import one_of, positive

_HOUR_MS = 3_600_000


class KeyedMessage(FoundMessage, rename="camel"):
    """A message that was found; `index_key` is what -l takes to go on behind it."""

    index_key: str | None = None


class KeyQueryReport(msgspec.Struct, rename="camel"):
    """Messages that were found, and the brokers that could not be asked."""

    messages: list[KeyedMessage]
    failures: list[Failure] = []


@command(
    result=KeyQueryReport,
    rows="messages.message",
    java="message",
    example="mqadmin queryMsgByKey -t TopicTest -k order-1",
)
async def query_msg_by_key(
    run: Run,
    topic: TopicName,
    msg_key: Annotated[str, Opt("-k", "--msgKey", help="message key, with -p T a tag")],
    begin_timestamp: Annotated[BeginTimestamp, "stored at this time or later (default 0)"] = 0,
    end_timestamp: Annotated[EndTimestamp, "stored at this time or before (default: any)"] = LONG_MAX,
    max_num: Annotated[
        int, Opt("-m", "--maxNum", help="most messages to fetch from each broker (default 64)", parse=positive)
    ] = 64,
    cluster: LmqCluster | None = None,
    key_type: Annotated[
        KeyKind | None,
        Opt("-p", "--keyType", help="K: a key (default); T: a tag, on 5.4 and later", parse=one_of("K", "T")),
    ] = None,
    last_key: Annotated[
        str | None, Opt("-l", "--lastKey", help="go on behind this #IndexKey, where the index is in RocksDB")
    ] = None,
    body: BodyForm = "text",
    decode: Decode | None = None,
) -> Outcome:
    """Only messages whose key or tag is exactly this one; the broker's index knows hashes. No message: exit code 4.

    With -p or -l the table has #IndexKey, JSON has it always.
    """
    require_order(begin_timestamp, end_timestamp, "-b")
    look = viewer(form=body, decode=decode)
    kind: KeyKind = key_type or "K"
    async with run.admin() as admin:
        found, failures = await admin.messages.query(
            topic,
            msg_key,
            begin=begin_timestamp,
            end=end_timestamp,
            max_num=max_num,
            cluster=cluster,
            kind=kind,
            last_key=last_key,
        )
    if not found and not failures:
        what = "key" if kind == "K" else "tag"
        raise not_found(
            f"no message with {what} '{msg_key}' in topic '{topic}'", f"check {what}, topic and times; {NOT_THERE}"
        )
    keys = [_index_key(message, topic, kind, msg_key) for message in found]
    report = KeyQueryReport(
        [KeyedMessage(look(m), index_key=key) for m, key in zip(found, keys, strict=True)], failures
    )
    table = Table(["#Message ID", "#QID", "#Offset"], [[m.msg_id, m.queue_id, m.queue_offset] for m in found])
    if key_type is not None or last_key is not None:
        table.columns.append("#IndexKey")
        table.rows = [[*row, key] for row, key in zip(table.rows, keys, strict=True)]
    views = [item.message for item in report.messages]
    table.widen(views, "broker_name", "store_timestamp", "born_host", "tags", "keys", "reconsume_times", "body_length")
    return Outcome(data=report, blocks=[table], status=status(failures), errors=list(failures))


def _index_key(message: MessageExt, topic: str, kind: str, key: str) -> str:
    """The entry of the message in an index that is in RocksDB; hours, in ms, part it (IndexRocksDBRecord)."""
    hour = message.store_timestamp // _HOUR_MS * _HOUR_MS
    return f"{hour}@{topic}@{kind}@{key}@{message.msg_id}@{message.commit_log_offset}"
