"""What the commands on a history share: the file, and the stretch of time that they look at."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from rocketmq_ops.common.clock import now_ms
from rocketmq_ops.housekeeping.history.file import History
from rocketmq_ops.housekeeping.history.place import history_file
from rocketmq_ops.mqadmin.declare import Opt
from rocketmq_ops.mqadmin.errors import usage
from rocketmq_ops.mqadmin.values import moment, span

if TYPE_CHECKING:
    from rocketmq_ops.mqadmin.run import Run

Last = Annotated[int, Opt("--last", help="so long until now: 30m, 6h, 2d", parse=span, metavar="LENGTH")]
From = Annotated[
    int, Opt("--from", help="from this time: HH:mm, ms, or yyyy-MM-dd#HH:mm:ss:SSS", parse=moment, metavar="TIME")
]
Until = Annotated[
    int, Opt("--to", help="up to this time: HH:mm, ms, or yyyy-MM-dd#HH:mm:ss:SSS", parse=moment, metavar="TIME")
]


def history_path(run: Run, named: str | None) -> Path:
    """The file that was named, else that of the name servers that the command connects to."""
    return Path(named) if named is not None else history_file(run.connection.name_servers)


def read_history(run: Run, named: str | None) -> History:
    """The history, to look at. Raises HistoryError when there is none."""
    return History.read(history_path(run, named))


def stretch(last: int | None, begin: int | None, end: int | None, usual_ms: int) -> tuple[int, int]:
    """From and to in ms, both counted; the last `usual_ms` when nothing is given."""
    if last is not None and (begin is not None or end is not None):
        raise usage("--last does not go with --from and --to", "give one or the other")
    until = now_ms() if end is None else end
    since = until - (last or usual_ms) if begin is None else begin
    if since > until:
        raise usage("--from is after --to", "give the earlier time first")
    return since, until
