"""Options about queues and messages."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from rocketmq_ops.mqadmin.declare import Opt
from rocketmq_ops.mqadmin.values import (
    charset,
    condition,
    decoder,
    natural,
    one_of,
    positive,
    tag_expression,
    timestamp,
)

Queue = Annotated[int, Opt("-q", "--queue", help="queue id", parse=natural)]
QueueId = Annotated[int, Opt("-i", "--queueId", help="queue id", parse=natural)]
QueueOffset = Annotated[int, Opt("-o", "--offset", help="queue offset", parse=natural)]
MessageId = Annotated[str, Opt("-i", "--msgId", help="message ids, separated by ','")]
ClientId = Annotated[str, Opt("-d", "--clientId", help="id of the consumer to push the message to (with -g)")]
BodyFormat = Annotated[str, Opt("-f", "--bodyFormat", help="character set of the body (default UTF-8)", parse=charset)]
BeginTimestamp = Annotated[
    int,
    Opt("-b", "--beginTimestamp", help="ms, or yyyy-MM-dd#HH:mm:ss:SSS", parse=timestamp, metavar="TIME"),
]
ScanFrom = Annotated[
    int,
    Opt("-s", "--beginTimestamp", help="ms, or yyyy-MM-dd#HH:mm:ss:SSS", parse=timestamp, metavar="TIME"),
]
EndTimestamp = Annotated[
    int, Opt("-e", "--endTimestamp", help="ms, or yyyy-MM-dd#HH:mm:ss:SSS", parse=timestamp, metavar="TIME")
]
Count = Annotated[int, Opt("-c", "--count", help="how many", parse=positive)]
Amount = Annotated[int, Opt("-a", "--amount", help="number of messages (default 100)", parse=positive)]
BodySize = Annotated[int, Opt("-s", "--size", help="bytes of each body (default 128)", parse=positive)]
CharsetName = Annotated[
    str, Opt("-c", "--charsetName", help="character set of the bodies (default UTF-8)", parse=charset)
]
SubExpression = Annotated[
    str, Opt("-s", "--subExpression", help="tags, for example 'TagA || TagB' (default *)", parse=tag_expression)
]
PrintBody = Annotated[bool | None, Opt("-d", "--printBody", help="whether to print bodies")]
BodyForm = Annotated[
    str,
    Opt(
        "--body",
        help="show bodies as text, json (on one line), hex or base64 (default text)",
        parse=one_of("text", "json", "hex", "base64"),
        metavar="FORM",
    ),
]
Decode = Annotated[
    Callable[[bytes], Any],
    Opt(
        "--decode",
        help="show what this function makes of each body: MODULE:FUNCTION, or an entry point",
        parse=decoder,
        metavar="NAME",
    ),
]
Where = Annotated[
    Callable[[Any], bool],
    Opt(
        "--where",
        help="only messages that meet this condition; behind sql92: an SQL92 expression",
        parse=condition,
        metavar="CONDITION",
    ),
]
#: Messages that a command reads at most where no other limit is given.
DEFAULT_LIMIT = 10_000
Top = Annotated[int, Opt("--top", help="how many", parse=positive)]
Limit = Annotated[int, Opt("--limit", help="stop after this many", parse=positive)]
