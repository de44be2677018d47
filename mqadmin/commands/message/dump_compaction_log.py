"""`mqadmin dumpCompactionLog`: the messages of a file of a compacted topic's log."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec

from rocketmq_ops.client.admin.messages.message_results import MessageView, view
from rocketmq_ops.common.errors import Failure, NoSuchPathError
from rocketmq_ops.common.message import MessageExt
from rocketmq_ops.mqadmin.declare import Opt, command
from rocketmq_ops.mqadmin.errors import usage
from rocketmq_ops.mqadmin.options.messages import DEFAULT_LIMIT, Limit
from rocketmq_ops.mqadmin.render.outcome import Outcome
from rocketmq_ops.mqadmin.render.report import message_line, status
from rocketmq_ops.mqadmin.run import Run
from rocketmq_ops.mqadmin.values import path

if TYPE_CHECKING:
    from rocketmq_ops.store.inspect.reading.store_files import StoreFile


class CompactionDump(msgspec.Struct, rename="camel"):
    """The messages of the file, in its order. `size` and `end_position` (where reading ended) in bytes."""

    file: str
    size: int
    end_position: int
    messages: list[MessageView]
    truncated: bool = False
    failures: list[Failure] = []


@command(
    result=CompactionDump,
    rows="messages",
    offline=True,
    example="mqadmin dumpCompactionLog -f store/compaction/compactionLog/T/0/00000000000000000000",
)
async def dump_compaction_log(
    run: Run,
    file: Annotated[str | None, Opt("-f", "--file", help="file to read", parse=path, metavar="FILE")] = None,
    limit: Annotated[Limit, f"stop after this many messages (default {DEFAULT_LIMIT})"] = DEFAULT_LIMIT,
) -> Outcome:
    """Opened read-only, also while its broker runs. A record that is damaged is named, and reading ends there: exit
    code 5.
    """
    from rocketmq_ops.store.inspect.reading.compaction_log import compacted_messages

    if file is None:
        raise usage("give -f", "name a file below compaction/compactionLog of the broker's store")
    source = _opened(file)
    dump = CompactionDump(file, source.size, 0, [])
    for position, item in compacted_messages(source):
        if not isinstance(item, MessageExt):
            next_step = "the messages before it are shown; what lies behind it cannot be found"
            dump.failures.append(Failure(file, f"no valid record at {position}: {item.detail}", next_step))
            break
        if len(dump.messages) == limit:
            dump.truncated = True
            break
        dump.messages.append(view(item))
        dump.end_position = position + item.store_size
    notes = [f"stopped after {limit} messages, there are more: raise --limit"] if dump.truncated else []
    if not dump.messages and not dump.failures:
        notes.append("no message")
    return Outcome(
        data=dump,
        blocks=[message_line(message) for message in dump.messages],
        status=status(dump.failures, empty=not dump.messages),
        errors=list(dump.failures),
        notes=notes,
    )


def _opened(name: str) -> StoreFile:
    from rocketmq_ops.store.inspect.reading.store_files import StoreFile

    path = Path(name)
    if not path.is_file():
        raise NoSuchPathError(f"there is no file {name}", "name a file below compaction/compactionLog of the store")
    return StoreFile(path)
